"""The rates of one slot as one byte a cell, on a log scale that is the same for all slots of a run and category.

Byte 0: below the least rate shown (left transparent). Byte b in 1..254: a rate of about
`minimum * (maximum / minimum) ** ((b - 1) / 254)`, so that one step of the byte is the same ratio everywhere and a
colour means the same number in every slot of the week. Byte 255: `maximum` or more.
"""

import gzip
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from django.core.cache import cache
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors.runs import rates_by_category, rates_vector

if TYPE_CHECKING:
    from webapp.accounts.models import User

VALUES_VERSION = 2
TOP_SHARE = 0.001  # the highest thousandth of all cells and slots shares the last colour, or a few cells would pale all others
SHOWN_SHARE = 0.5  # the lower half of all cells and slots stays transparent: the base map remains readable there
WIDEST_RATIO = 3000.0  # below a 3000th of the highest rate nothing is told apart by eye
KEEP_S = 7 * 24 * 3600
BREAKS = 5


@dataclass(frozen=True)
class Scale:
    """Least rate shown and rate of the last colour (expected incidents per cell and slot), and even steps between in log."""

    minimum: float
    maximum: float
    breaks: list[float]


def run_of_values(*, user: "User", run_id: int) -> ForecastRun:
    """A published run of the person's jurisdiction with no more than names its values: asked for at every step.

    Raises `NotFound`. (`forecasts.run_for` also reads the grid, 8 bytes a cell.)
    """
    runs = ForecastRun.objects.visible_to(user).filter(state=ForecastRun.State.PUBLISHED)
    run = runs.only("pk", "jurisdiction_id", "published_at", "model_sha256", "slot_starts").filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no such published forecast."))
    return run


def values_tag(*, run: ForecastRun) -> str:
    """Names the run's values for caches: changes with the run, its publication and the scale's rule."""
    text = f"{VALUES_VERSION}:{run.pk}:{run.published_at and run.published_at.isoformat()}:{run.model_sha256}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_scales(*, run: ForecastRun) -> dict[str, Scale]:
    """The scale of each category and, under the blank code, of all categories together."""
    key = f"maps:scale:{values_tag(run=run)}"
    known = cache.get(key)
    if known is None:
        known = {code: asdict(scale) for code, scale in _computed_scales(run).items()}
        cache.set(key, known, KEEP_S)
    return {code: Scale(**scale) for code, scale in known.items()}


def _computed_scales(run: ForecastRun) -> dict[str, Scale]:
    """One pass over all rates of the run: 105 vectors for 21 slots and 5 categories, 0.3 s for 41,000 cells."""
    stacks: dict[str, list[npt.NDArray[np.float32]]] = {"": []}
    for slot in range(len(run.slot_starts)):
        rates = rates_by_category(run=run, slot=slot)
        for code, vector in rates.items():
            stacks.setdefault(code, []).append(vector)
        stacks[""].append(np.sum(list(rates.values()), axis=0, dtype=np.float32))
    return {code: scale_of(np.stack(vectors)) for code, vectors in stacks.items()}


def scale_of(rates: npt.NDArray[np.float32]) -> Scale:
    """The scale for these rates: Float32[slots, cells]."""
    if not rates.size or float(rates.max()) <= 0:
        return Scale(0.0, 0.0, [])
    middle, top = (float(value) for value in np.quantile(rates, [SHOWN_SHARE, 1 - TOP_SHARE]))
    maximum = top if top > 0 else float(rates.max())
    minimum = min(max(middle, maximum / WIDEST_RATIO), maximum / 2)
    return Scale(minimum, maximum, [float(value) for value in np.geomspace(minimum, maximum, BREAKS)])


def to_bytes(rates: npt.NDArray[np.float32], scale: Scale) -> npt.NDArray[np.uint8]:
    """UInt8[cells] from Float32[cells]; 0.3 ms for 41,000 cells."""
    if scale.maximum <= 0:
        return np.zeros(len(rates), dtype=np.uint8)
    shown = rates >= scale.minimum
    ratio = np.maximum(rates, scale.minimum) / scale.minimum
    steps = np.log(ratio) * (254 / np.log(scale.maximum / scale.minimum))
    return np.where(shown, 1 + np.rint(np.minimum(steps, 254)), 0).astype(np.uint8)


def value_bytes(*, run: ForecastRun, slot: int, category_code: str = "") -> bytes:
    """One byte a cell in the grid's order, compressed by gzip. Raises `NotFound` for an unknown slot or category."""
    key = f"maps:values:{values_tag(run=run)}:{slot}:{category_code}"
    packed: bytes | None = cache.get(key)
    if packed is None:
        scales = run_scales(run=run)
        if category_code not in scales:
            raise NotFound(_("The forecast has no such slot or category."), fields={"slot": slot, "category": category_code})
        rates = rates_vector(run=run, slot=slot, category_code=category_code)
        packed = gzip.compress(to_bytes(rates, scales[category_code]).tobytes(), compresslevel=6, mtime=0)
        cache.set(key, packed, KEEP_S)
    return packed
