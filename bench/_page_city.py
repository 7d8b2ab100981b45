"""The city that `bench/page.py` shows: the demo city's outline (or a larger one), a published run with hotspots, cameras."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import numpy.typing as npt
import shapely
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.gis.geos import Point
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from webapp.accounts.models import Jurisdiction, User
from webapp.cameras.models import Camera
from webapp.crimes.models import Category
from webapp.crimes.selectors import current_grid
from webapp.crimes.services import DEFAULT_TAXONOMY, set_up_jurisdiction
from webapp.forecasts.models import ForecastRun, Rates, Reasons

ROOT = Path(__file__).resolve().parents[1]
SLOTS = 21
CAMERAS = 3_900
HOTSPOTS = 12
LARGE = shapely.box(-87.80, 41.70, -87.57, 41.99)  # about the ground and number of cells of Chicago
REASON_GROUPS = ["base", "here_recent", "here_long", "around_recent", "around_long", "other_types", "season", "place"]


@dataclass(frozen=True)
class City:
    """What the measurement needs: a signed-in session, the run, and a cell."""

    session: str
    run_id: int
    cells: int
    hottest: str


def make_city(*, large: bool) -> City:
    """Fill the database of the bench with one city; seeded, hence the same each time."""
    rng = np.random.default_rng(20261101)
    outline = LARGE if large else demo_outline()
    code = "large" if large else "demo"
    jurisdiction = set_up_jurisdiction(
        code=code, name="벤치", name_en="Bench", boundary=outline, taxonomy=DEFAULT_TAXONOMY, is_simulated=True
    )
    cells = current_grid(jurisdiction=jurisdiction).array()
    places = np.array([h3.cell_to_latlng(cell) for cell in cells])[:, ::-1]
    risk = hotspots(places, rng)
    run = published_run(jurisdiction, risk, rng)
    chosen = places[rng.choice(len(places), CAMERAS, p=0.5 * risk / risk.sum() + 0.5 / len(risk))]
    Camera.objects.bulk_create(
        Camera(
            jurisdiction=jurisdiction,
            source_id=str(number),
            name=f"CCTV {number}",
            point=Point(float(place[0]), float(place[1]), srid=4326),
        )
        for number, place in enumerate(chosen + rng.normal(0, 3e-4, chosen.shape))
    )
    user = User.objects.create_user(username=f"bench-{code}", role=User.Role.OPERATOR, jurisdiction=jurisdiction)
    return City(session_of(user), run.pk, len(cells), f"{int(cells[int(risk.argmax())]):x}")


def demo_outline() -> shapely.Geometry:
    collection = json.loads((ROOT / "fixtures" / "seocho" / "outline.geojson").read_text())
    return shapely.union_all([shapely.geometry.shape(feature["geometry"]) for feature in collection["features"]])


def hotspots(places: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Float64[cells], sum 1: a low floor, some hills, noise."""
    low, high = places.min(axis=0), places.max(axis=0)
    risk = np.full(len(places), 0.01)
    for _hill in range(HOTSPOTS):
        away = np.linalg.norm((places - rng.uniform(low, high)) * [88_000, 111_000], axis=1)
        risk += rng.uniform(0.2, 1.0) * np.exp(-away / rng.uniform(150, 500))
    risk *= rng.gamma(6, 1 / 6, len(places))
    return risk / risk.sum()


def published_run(jurisdiction: Jurisdiction, risk: npt.NDArray[np.float64], rng: np.random.Generator) -> ForecastRun:
    grid = current_grid(jurisdiction=jurisdiction)
    start = timezone.now().replace(minute=0, second=0, microsecond=0)
    starts = [start + timedelta(hours=8 * slot) for slot in range(SLOTS)]
    categories = list(Category.objects.of(jurisdiction))
    run = ForecastRun.objects.create(
        jurisdiction=jurisdiction,
        state=ForecastRun.State.PUBLISHED,
        grid=grid,
        learner="lightgbm",
        data_cutoff=start,
        slot_starts=starts,
        horizon_end=starts[-1] + timedelta(hours=8),
        category_codes=[category.code for category in categories],
        incident_count=100_000,
        seed=1,
        code_version="bench",
        data_sha256="0" * 64,
        model_sha256="0" * 64,
        published_at=timezone.now(),
    )
    rows = []
    for slot in range(SLOTS):
        for category, total in zip(categories, [0.01, 0.02, 1.0, 7.0, 9.0], strict=True):
            vector = (risk * total * rng.uniform(0.7, 1.3)).astype("<f4")
            rows.append(Rates(run=run, slot=slot, category=category, vector=vector.tobytes(), total=float(vector.sum())))
    Rates.objects.bulk_create(rows)
    contributions = rng.normal(0, 0.5, (grid.cell_count, len(REASON_GROUPS))).astype("<f2")
    Reasons.objects.bulk_create(
        Reasons(run=run, category=category, groups=REASON_GROUPS, contributions=contributions.tobytes())
        for category in categories
    )
    return run


def session_of(user: User) -> str:
    """The key of a session in which this person is signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)
