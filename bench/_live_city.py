"""The city of `bench/live.py`: the demo city's outline, 4,000 cameras, a forecast, live weights, a signed-in person."""

from dataclasses import dataclass

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
from django.contrib.gis.geos import Point
from scipy.sparse import csr_array

from bench._page_city import demo_outline, hotspots, published_run, session_of
from cctv.factors import RISK_CODES
from webapp.accounts.models import User
from webapp.cameras.models import Camera
from webapp.crimes.models import Category
from webapp.crimes.selectors import current_grid
from webapp.crimes.services import DEFAULT_TAXONOMY, set_up_jurisdiction
from webapp.forecasts.services.live_weights import give_live_weights
from webapp.live.services.material import ALL, Cameras, coverage_of, read_cameras, read_slot

CAMERAS = 4000
PROBES = 260
WEIGHT = 0.35
VISIBLE = 20  # byte: well above the least that a page colours, so that a rise shows


@dataclass(frozen=True, eq=False)
class LiveCity:
    """probes: source_ids of cameras that are quiet but for the events whose way to the page is timed; cells: for each, the cell
    that it sees most of; plain: the map's bytes before any event, UInt8[cells]."""

    jurisdiction_id: int
    session: str
    source_ids: tuple[str, ...]
    probes: tuple[str, ...]
    cells: tuple[int, ...]
    plain: npt.NDArray[np.uint8]


def make_city() -> LiveCity:
    """Fill the database of the bench; seeded, hence the same each time."""
    rng = np.random.default_rng(20261105)
    jurisdiction = set_up_jurisdiction(
        code="live", name="벤치", name_en="Bench", boundary=demo_outline(), taxonomy=DEFAULT_TAXONOMY, is_simulated=True
    )
    cells = current_grid(jurisdiction=jurisdiction).array()
    places = np.array([h3.cell_to_latlng(cell) for cell in cells])[:, ::-1]
    risk = hotspots(places, rng)
    run = published_run(jurisdiction, risk, rng)
    chosen = places[rng.choice(len(places), CAMERAS, p=0.5 * risk / risk.sum() + 0.5 / len(risk))]
    Camera.objects.bulk_create(
        Camera(
            jurisdiction=jurisdiction,
            source_id=f"B-{number:04d}",
            name=f"CCTV {number}",
            point=Point(float(place[0]), float(place[1]), srid=4326),
            range_m=60.0,
        )
        for number, place in enumerate(chosen + rng.normal(0, 3e-4, chosen.shape))
    )
    codes = Category.objects.of(jurisdiction).values_list("code", flat=True)
    each = dict.fromkeys(RISK_CODES, WEIGHT)
    give_live_weights(jurisdiction=jurisdiction, weights=dict.fromkeys(codes, each), sd=0.1)
    user = User.objects.create_user(username="bench-live", role=User.Role.OPERATOR, jurisdiction=jurisdiction)
    cameras = read_cameras(jurisdiction)
    coverage = coverage_of(cameras, cells)
    plain = read_slot(run, run.slot_starts[0]).plain[ALL]
    probes, top = _probes(cameras, coverage, plain, rng)
    return LiveCity(jurisdiction.pk, session_of(user), cameras.source_ids, probes, top, plain)


def _probes(
    cameras: Cameras, coverage: csr_array, plain: npt.NDArray[np.uint8], rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Cameras that see most of a cell which the map colours, no two of one cell."""
    best: dict[int, tuple[float, str]] = {}
    for number in rng.permutation(len(cameras)).tolist():
        row = coverage[[number]].tocoo()
        if row.nnz == 0:
            continue
        cell, share = int(row.coords[1][row.data.argmax()]), float(row.data.max())
        if plain[cell] >= VISIBLE and plain[cell] < 200 and share > best.get(cell, (0.25, ""))[0]:
            best[cell] = (share, cameras.source_ids[number])
    chosen = list(best.items())[:PROBES]
    return tuple(source_id for _cell, (_share, source_id) in chosen), tuple(cell for cell, _best in chosen)
