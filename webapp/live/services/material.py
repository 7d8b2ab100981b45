"""What the fusion needs from the database: cameras and what they see, the rates of the slot that is on, weights, the switch.

`read_signature` is asked every second and is cheap; `read_material` reads again only what the signature says has changed.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.db import connection
from scipy.sparse import csr_array

from cctv.factors import RISK_CODES
from cctv.views import coverage_matrix
from prediction.fusion.weights import LiveWeights
from webapp.accounts.models import Jurisdiction
from webapp.common.errors import NotFound
from webapp.crimes.selectors import current_grid
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors import current_run, rates_by_category
from webapp.forecasts.selectors.live_weights import live_weights_in_service
from webapp.forecasts.selectors.values import Scale, run_scales, to_bytes, value_bytes
from webapp.live.models import LiveSwitch, UsualRecord

Float32 = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
FACTORS = RISK_CODES
FACTOR_INDEX = {code: index for index, code in enumerate(FACTORS)}
ALL = ""  # the code of all categories together

# One row, under 1 ms but for the cameras, whose digest takes 8 ms for 4,000: asked every second.
_SIGNATURE_SQL = """
SELECT
  (SELECT id FROM forecasts_forecastrun WHERE jurisdiction_id = %(jurisdiction)s AND state = 'published'
   ORDER BY published_at DESC, id DESC LIMIT 1),
  (SELECT coalesce(bool_and(is_on), true) FROM live_liveswitch WHERE jurisdiction_id = %(jurisdiction)s),
  (SELECT count(*) FROM live_usualrecord WHERE jurisdiction_id = %(jurisdiction)s AND is_seed)
"""
_CAMERAS_SIGNATURE_SQL = """
SELECT md5(coalesce(string_agg(concat_ws('|', id, source_id, ST_X(point), ST_Y(point), bearing_deg, angle_deg, range_m), ','
                               ORDER BY id), ''))
FROM cameras_camera WHERE jurisdiction_id = %(jurisdiction)s
"""
_CAMERAS_SQL = """
SELECT id, source_id, name, ST_X(point), ST_Y(point), coalesce(bearing_deg, 'NaN'::float8), angle_deg, range_m
FROM cameras_camera WHERE jurisdiction_id = %(jurisdiction)s ORDER BY source_id COLLATE "C"
"""


@dataclass(frozen=True)
class Signature:
    """What changes when something has to be read again. `weights`: number of the live weights in service, None: none."""

    run: int | None
    is_on: bool
    seeds: int
    weights: int | None
    cameras: str


@dataclass(frozen=True, eq=False)
class Cameras:
    """The register in its order. ids Int64[cameras]; places Float64[cameras, 2] (lon, lat); coverage: sparse [cameras, cells]."""

    ids: npt.NDArray[np.int64]
    source_ids: tuple[str, ...]
    names: tuple[str, ...]
    places: npt.NDArray[np.float64]
    views: npt.NDArray[np.float64]
    index: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Slot:
    """The rates of the slot that is on. rates Float32[categories, cells]; plain: the map's bytes of them by code.

    index: into the run's slots. until: when the next one begins. is_past: the run's week is over, and this is the slot of the
    same hour of the week.
    """

    forecast: ForecastRun
    index: int
    until: datetime
    is_past: bool
    categories: tuple[str, ...]
    rates: Float32
    scales: Mapping[str, Scale]
    plain: Mapping[str, Bytes]

    @property
    def run(self) -> int:
        """The run's number."""
        return int(self.forecast.pk)


@dataclass(frozen=True, eq=False)
class Material:
    """Everything read from the database. `slot` None: there is no published forecast."""

    jurisdiction: Jurisdiction
    signature: Signature
    cells: npt.NDArray[np.uint64]
    grid_digest: str
    cameras: Cameras
    coverage: csr_array
    slot: Slot | None
    weights: LiveWeights | None

    @property
    def moves(self) -> bool:
        """Whether the cameras move the map: switched on, with a forecast and weights."""
        return self.signature.is_on and self.slot is not None and self.weights is not None


def read_signature(jurisdiction: Jurisdiction, *, cameras: str | None = None) -> Signature:
    """What stands in the database now; `cameras`: the digest known, where the register need not be looked at again."""
    names = {"jurisdiction": jurisdiction.pk}
    with connection.cursor() as cursor:
        cursor.execute(_SIGNATURE_SQL, names)
        run, is_on, seeds = cursor.fetchone()
        if cameras is None:
            cursor.execute(_CAMERAS_SIGNATURE_SQL, names)
            (cameras,) = cursor.fetchone()
    return Signature(run, is_on, seeds, _weights_number(jurisdiction), str(cameras))


def read_material(
    jurisdiction: Jurisdiction, *, now: datetime, signature: Signature, known: Material | None = None
) -> Material | None:
    """The material as it stands now, taking over from `known` what has not changed. None: the jurisdiction has no cells."""
    run = current_run(jurisdiction=jurisdiction)
    try:
        grid = run.grid if run is not None else current_grid(jurisdiction=jurisdiction)
    except NotFound:
        return None
    same_cells = known is not None and known.grid_digest == grid.digest
    if known is not None and same_cells and known.signature.cameras == signature.cameras:
        cells, cameras, coverage = known.cells, known.cameras, known.coverage
    else:
        cells = grid.array()
        cameras = read_cameras(jurisdiction)
        coverage = coverage_of(cameras, cells)
    slot = read_slot(run, now) if run is not None else None
    weights = _weights(jurisdiction, slot.categories) if slot is not None else None
    return Material(jurisdiction, signature, cells, grid.digest, cameras, coverage, slot, weights)


def read_cameras(jurisdiction: Jurisdiction) -> Cameras:
    """All cameras of the register, working or not: one that sends events works. 12 ms for 4,000."""
    with connection.cursor() as cursor:
        cursor.execute(_CAMERAS_SQL, {"jurisdiction": jurisdiction.pk})
        rows = cursor.fetchall()
    numbers = np.array([row[3:] for row in rows], np.float64).reshape(-1, 5)
    return Cameras(
        ids=np.array([row[0] for row in rows], np.int64),
        source_ids=tuple(row[1] for row in rows),
        names=tuple(row[2] for row in rows),
        places=numbers[:, :2],
        views=numbers[:, 2:],
        index={row[1]: position for position, row in enumerate(rows)},
    )


def coverage_of(cameras: Cameras, cells: npt.NDArray[np.uint64]) -> csr_array:
    """Share of each cell that each camera sees: sparse Float32[cameras, cells]; about 0.5 s for 4,000 cameras."""
    lon, lat = cameras.places.T
    bearing_deg, angle_deg, range_m = cameras.views.T
    return coverage_matrix(lon, lat, bearing_deg, angle_deg, range_m, cell_ids=cells)


def read_slot(run: ForecastRun, now: datetime) -> Slot:
    """The slot of a run that is on at this instant, with its rates and their bytes.

    A run whose week is over (a city whose data end in the past) shows the slot of the same hour of the week.
    """
    moment, is_past = _within(run, now)
    starts = list(run.slot_starts)
    index = max((position for position, start in enumerate(starts) if start <= moment), default=0)
    end = starts[index + 1] if index + 1 < len(starts) else run.horizon_end
    by_code = rates_by_category(run=run, slot=index)
    codes = tuple(code for code in run.category_codes if code in by_code)
    rates = np.stack([by_code[code] for code in codes]) if codes else np.zeros((0, run.grid.cell_count), np.float32)
    # The very bytes that the plain map sends, so that where the cameras say nothing both are the same bit for bit.
    plain = {code: _plain_bytes(run, index, code) for code in (ALL, *codes)} if codes else {}
    return Slot(run, index, now + (end - moment), is_past, codes, rates, run_scales(run=run), plain)


def _plain_bytes(run: ForecastRun, slot: int, code: str) -> Bytes:
    return np.frombuffer(gzip.decompress(value_bytes(run=run, slot=slot, category_code=code)), np.uint8)


def _within(run: ForecastRun, now: datetime) -> tuple[datetime, bool]:
    """The instant itself while the run forecasts it, else the same hour of the run's own week, where it has one."""
    first = run.slot_starts[0]
    if first <= now < run.horizon_end:
        return now, False
    moment = first + (now - first) % timedelta(days=7)
    return (moment if moment < run.horizon_end else first), True


def bytes_of(slot: Slot, rates: Float32, moved: npt.NDArray[np.bool_]) -> dict[str, Bytes]:
    """The map's bytes by category, and of all together, on the scale of the run: of these rates where they moved, else the plain.

    rates: Float32[categories, cells]; moved: Bool[cells].
    """
    picked = rates[:, moved]
    found = {}
    for code, row in zip((ALL, *slot.categories), (picked.sum(axis=0), *picked), strict=True):
        found[code] = slot.plain[code].copy()
        found[code][moved] = to_bytes(row, slot.scales[code])
    return found


def take_seed(jurisdiction: Jurisdiction) -> UsualRecord | None:
    """Usual levels that were given from outside and not yet taken up; they are marked as taken."""
    seed = UsualRecord.objects.of(jurisdiction).filter(is_seed=True).first()
    if seed is not None:
        UsualRecord.objects.of(jurisdiction).filter(pk=seed.pk).update(is_seed=False)
    return seed


def kept_usual(jurisdiction: Jurisdiction) -> UsualRecord | None:
    """The usual levels as stored last."""
    return UsualRecord.objects.of(jurisdiction).first()


def live_switch(jurisdiction: Jurisdiction) -> bool:
    """Whether the live picture of a jurisdiction is on."""
    switch = LiveSwitch.objects.of(jurisdiction).first()
    return switch is None or switch.is_on


def _weights_number(jurisdiction: Jurisdiction) -> int | None:
    row = live_weights_in_service(jurisdiction=jurisdiction)
    return None if row is None else int(row.pk)


def _weights(jurisdiction: Jurisdiction, categories: Sequence[str]) -> LiveWeights | None:
    """The weights in service for these categories and all risk factors; None where there are none yet."""
    row = live_weights_in_service(jurisdiction=jurisdiction)
    return None if row is None else row.weights().reordered(categories, FACTORS)


def rows_of(now: Sequence[str], before: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each camera of the list now, its place in the list before, or −1."""
    places = {source_id: position for position, source_id in enumerate(before)}
    return np.array([places.get(source_id, -1) for source_id in now], np.int64)
