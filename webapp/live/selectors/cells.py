"""One cell now against what is usual there: which factors move it, and which cameras say so."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from django.db import connection
from django.utils.translation import gettext as _

from prediction.fusion.fuse import Fused, fuse
from webapp.cameras.models import Camera
from webapp.common.errors import NotFound
from webapp.forecasts.selectors.live_weights import live_weights_in_service
from webapp.live import keys
from webapp.live.selectors.picture import NoLive, _state, arrays_of, jurisdiction_of, kept

if TYPE_CHECKING:
    from webapp.accounts.models import User

NOTICED = 0.05  # of an event: less than this has faded away
# One cell of each category's vector: reads 4 bytes of each row, 1 ms.
_RATES_SQL = """
SELECT c.code, encode(substring(r.vector FROM %(first)s FOR 4), 'hex')
FROM forecasts_rates r JOIN crimes_category c ON c.id = r.category_id
WHERE r.run_id = %(run)s AND r.slot = %(slot)s ORDER BY c.position
"""


@dataclass(frozen=True)
class CameraSays:
    """A camera that sees the cell. state: ok, stale, blind or silent; last_at: when it last spoke, None: never."""

    id: int
    name: str
    state: str
    last_at: datetime | None


@dataclass(frozen=True)
class FactorNow:
    """One factor in the cell. now, usual: fading sums of its events at the cameras there; excess: −3..3; contribution: log of
    what it multiplies the rate by (`times`), before the bound; cameras: those that say so."""

    factor: str
    now: float
    usual: float
    excess: float
    contribution: float
    times: float
    cameras: list[CameraSays]


@dataclass(frozen=True)
class CellNow:
    """usual, now: expected incidents of the slot by the plain forecast and with what the cameras see; factor: now over usual."""

    index: int
    cell: str
    at: datetime
    category: str
    usual: float
    now: float
    factor: float
    factors: list[FactorNow]
    cameras: list[CameraSays]


def now_of_cell(*, user: "User", index: int, category: str = "") -> CellNow:
    """A cell of the grid now. Raises `NoLive`, `LiveAway`, and `NotFound` for a cell or category that there is not."""
    number = jurisdiction_of(user)
    state, frame, levels = kept(keys.state(number), keys.frame(number), keys.levels(number))
    if frame is None or levels is None:
        raise NoLive(_("There is no live picture yet."))
    fixed, now = arrays_of(frame), arrays_of(levels)
    found = _state(state)
    if not 0 <= index < now["excess"].shape[1] or now["level"].shape[0] != len(fixed["cameras"]):
        raise NotFound(_("There is no such cell."), fields={"cell": index})
    codes, rates = _rates(int(fixed["run"]), int(fixed["slot"]), index)
    if category and category not in codes:
        raise NotFound(_("The forecast has no such category."), fields={"category": category})
    factors = tuple(str(code) for code in fixed["factors"])
    assert user.jurisdiction is not None  # noqa: S101 (jurisdiction_of has looked)
    in_service = live_weights_in_service(jurisdiction=user.jurisdiction) if found.moves else None
    weights = in_service.weights().reordered(codes, factors) if in_service else None
    fused = fuse(rates, weights, now["excess"][:, [index]].astype(np.float32), now["seen"][[index]].astype(np.float32))
    rows = slice(int(fixed["first"][index]), int(fixed["first"][index + 1]))
    cameras = fixed["camera"][rows]
    says = _cameras(user, fixed["cameras"][cameras], cameras, now)
    usual, moved = _of(category, codes, rates), _of(category, codes, fused.rates)
    return CellNow(
        index=index,
        cell=f"{int(fixed['cells'][index]):x}",
        at=datetime.fromtimestamp(float(now["at"]), UTC),
        category=category,
        usual=usual,
        now=moved,
        factor=moved / usual if usual > 0 else 1.0,
        factors=_factors(factors, says, _said(now, cameras, index), _contributions(fused, rates, codes, category)),
        cameras=says,
    )


def _rates(run: int, slot: int, index: int) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
    """Codes, and Float32[categories, 1]: the plain rates of one cell."""
    with connection.cursor() as cursor:
        cursor.execute(_RATES_SQL, {"run": run, "slot": slot, "first": 4 * index + 1})
        rows = cursor.fetchall()
    rates = np.frombuffer(bytes.fromhex("".join(text for _code, text in rows)), "<f4")
    if not len(rates):
        raise NoLive(_("There is no live picture yet."))
    return tuple(code for code, _text in rows), rates[:, np.newaxis]


def _of(category: str, codes: tuple[str, ...], rates: npt.NDArray[np.float32]) -> float:
    return float(rates[codes.index(category), 0] if category else rates.sum(dtype=np.float64))


def _contributions(
    fused: Fused, rates: npt.NDArray[np.float32], codes: tuple[str, ...], category: str
) -> npt.NDArray[np.floating]:
    """Float[factors]: of the category; of all together the mean by rate, which is what they add to first order."""
    each = fused.contributions([0])[:, :, 0]
    if category:
        return each[codes.index(category)]
    total = float(rates.sum())
    return (rates * each).sum(axis=0) / total if total > 0 else each.mean(axis=0)


def _cameras(
    user: "User", ids: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], now: dict[str, npt.NDArray[Any]]
) -> list[CameraSays]:
    names = dict(Camera.objects.visible_to(user).filter(pk__in=ids.tolist()).values_list("pk", "name"))
    return [
        CameraSays(number, names.get(number, ""), camera_state(now, row), last_at_of(now, row))
        for number, row in zip(ids.tolist(), rows.tolist(), strict=True)
    ]


def camera_state(now: dict[str, npt.NDArray[Any]], row: int) -> str:
    """silent: never heard; blind: says that it cannot see; stale: not heard for longer than is its way; ok."""
    if not np.isfinite(now["last"][row]):
        return "silent"
    return "blind" if now["blind"][row] else "stale" if now["stale"][row] else "ok"


def last_at_of(now: dict[str, npt.NDArray[Any]], row: int) -> datetime | None:
    last = float(now["last"][row])
    return datetime.fromtimestamp(last, UTC) if np.isfinite(last) else None


@dataclass(frozen=True, eq=False)
class _Said:
    """now, usual, level: Float64[seeing cameras, factors]; excess: Float64[factors], of the cell."""

    now: npt.NDArray[np.float64]
    usual: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]
    excess: npt.NDArray[np.float64]


def _said(now: dict[str, npt.NDArray[Any]], cameras: npt.NDArray[np.int64], index: int) -> _Said:
    seen, usual, level = (now[name][cameras].astype(np.float64) for name in ("now", "usual", "level"))
    return _Said(seen, usual, level, now["excess"][:, index].astype(np.float64))


def _factors(
    factors: tuple[str, ...], says: list[CameraSays], said: _Said, contributions: npt.NDArray[np.floating]
) -> list[FactorNow]:
    """Those of which something is seen or missing, strongest first."""
    found = []
    for column, code in enumerate(factors):
        excess = float(said.excess[column])
        seen, usual = float(said.now[:, column].sum()), float(said.usual[:, column].sum())
        if seen < NOTICED and excess == 0:
            continue
        saying = [camera for camera, lifts in zip(says, said.level[:, column].tolist(), strict=True) if lifts * excess > 0]
        contribution = float(contributions[column])
        found.append(
            FactorNow(
                factor=code,
                now=round(seen, 3),
                usual=round(usual, 3),
                excess=round(excess, 3),
                contribution=round(contribution, 4),
                times=round(float(np.exp(contribution)), 4),
                cameras=saying,
            )
        )
    return sorted(found, key=lambda one: (-abs(one.contribution), -abs(one.excess)))
