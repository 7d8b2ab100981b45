"""Small builders of real rows for tests: a small city, its people, incidents, cameras and a published forecast."""

from datetime import UTC, datetime, timedelta

import h3
import numpy as np
import numpy.typing as npt
import shapely
from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import Jurisdiction, User
from webapp.cameras.models import Camera
from webapp.crimes.models import Category, CellGrid, Incident
from webapp.crimes.services import AreaRecord, register_areas, set_up_jurisdiction
from webapp.forecasts.models import ForecastRun, Rates, Reasons
from webapp.imports.models import Upload

PASSWORD = "correct horse battery"
CENTRE = (127.01, 37.49)  # longitude, latitude
SMALL_CITY = shapely.box(127.000, 37.484, 127.018, 37.497)  # about 1.6 × 1.4 km: about 150 cells
OTHER_CITY = shapely.box(126.900, 37.500, 126.912, 37.509)
REASON_GROUPS = ["base", "here_recent", "around_recent", "season"]


def make_jurisdiction(code: str = "testgu", boundary: shapely.Polygon = SMALL_CITY, **changes: object) -> Jurisdiction:
    """A small city with Korea's five categories, two dong and its cells."""
    values: dict = {
        "name": "시험구",
        "name_en": "Test-gu",
        "is_simulated": True,
        "data_note": "모의 자료",
        "data_note_en": "Simulated",
    }
    jurisdiction = set_up_jurisdiction(code=code, boundary=boundary, **(values | changes))
    west, south, east, north = boundary.bounds
    middle = (west + east) / 2
    halves = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    names = [("서1동", "Seo 1-dong"), ("동1동", "Dong 1-dong")]
    register_areas(
        jurisdiction=jurisdiction,
        kind="dong",
        areas=[AreaRecord(str(i), ko, en, half) for i, ((ko, en), half) in enumerate(zip(names, halves, strict=True))],
    )
    return jurisdiction


def make_user(jurisdiction: Jurisdiction | None, role: str, username: str = "") -> User:
    name = username or f"{role}-{jurisdiction.code if jurisdiction else 'nowhere'}"
    return User.objects.create_user(username=name, password=PASSWORD, role=role, jurisdiction=jurisdiction)


def cells_of(jurisdiction: Jurisdiction) -> npt.NDArray[np.uint64]:
    return CellGrid.objects.of(jurisdiction).get(is_current=True).array()


def cell_point(cell: int) -> Point:
    latitude, longitude = h3.cell_to_latlng(h3.int_to_str(int(cell)))
    return Point(longitude, latitude, srid=4326)


def make_upload(jurisdiction: Jurisdiction, kind: str = Upload.Kind.INCIDENTS, *, rows: int = 0, seed: int = 1) -> Upload:
    """An upload whose `rows` rows were all taken in."""
    upload: Upload = Upload.objects.create(
        jurisdiction=jurisdiction,
        kind=kind,
        file_name=f"factory-{seed}.csv",
        sha256=f"{seed:064x}",
        size_bytes=1,
        preset="haechi",
        state=Upload.State.COMMITTED,
        rows_read=rows,
        rows_accepted=rows,
        committed_at=timezone.now(),
    )
    return upload


@transaction.atomic
def make_incidents(
    jurisdiction: Jurisdiction, n: int = 200, *, seed: int = 1, until: datetime | None = None, days: float = 365
) -> list[Incident]:
    """Real incidents: half of them in the first tenth of the cells, spread evenly over the `days` before `until`."""
    rng = np.random.default_rng(seed)
    until = until or timezone.now().replace(minute=0, second=0, microsecond=0)
    cells = cells_of(jurisdiction)
    hot = cells[: max(1, len(cells) // 10)]
    categories = list(Category.objects.of(jurisdiction))
    upload = make_upload(jurisdiction, rows=n, seed=seed)
    rows = []
    for line in range(n):
        cell = int(rng.choice(hot if rng.random() < 0.5 else cells))
        moment = until - timedelta(seconds=int(rng.integers(1, int(days * 86_400))))
        local = moment.astimezone(jurisdiction.zone)
        rows.append(
            Incident(
                jurisdiction=jurisdiction,
                upload=upload,
                category=categories[int(rng.integers(len(categories)))],
                occurred_from=moment,
                occurred_to=moment,
                local_hour_of_week=local.weekday() * 24 + local.hour,
                point=cell_point(cell),
                cell=cell,
                cell_parent=h3.str_to_int(h3.cell_to_parent(h3.int_to_str(cell), 9)),
                source_line=line + 2,
            )
        )
    return Incident.objects.bulk_create(rows)


@transaction.atomic
def make_cameras(jurisdiction: Jurisdiction, n: int = 20, *, seed: int = 1) -> list[Camera]:
    """Cameras at the centres of evenly chosen cells, with bearings all round the compass."""
    rng = np.random.default_rng(seed)
    cells = cells_of(jurisdiction)
    chosen = cells[np.linspace(0, len(cells) - 1, n).astype(int)]
    return Camera.objects.bulk_create(
        Camera(
            jurisdiction=jurisdiction,
            source_id=f"T-{number:04d}",
            name=f"시험 카메라 {number}",
            point=cell_point(int(cell)),
            bearing_deg=float(rng.integers(360)),
            angle_deg=90.0,
            range_m=60.0,
            is_simulated=True,
        )
        for number, cell in enumerate(chosen)
    )


@transaction.atomic
def make_published_run(jurisdiction: Jurisdiction, *, first_slot: datetime | None = None, slots: int = 21) -> ForecastRun:
    """A published run with known rates: rate = 0.001 × (category position + 1) × (cell rank + 1) / cells × (1 + slot / 100)."""
    grid = CellGrid.objects.of(jurisdiction).get(is_current=True)
    start = first_slot or next_slot_start(jurisdiction, timezone.now())
    starts = [start + timedelta(hours=8 * index) for index in range(slots)]
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
        incident_count=200,
        seed=7,
        code_version="0.1.0",
        data_sha256="ab" * 32,
        model_sha256="cd" * 32,
        published_at=timezone.now(),
    )
    ramp = np.arange(1, grid.cell_count + 1, dtype=np.float32) / grid.cell_count
    Rates.objects.bulk_create(
        Rates(run=run, slot=slot, category=category, vector=vector.tobytes(), total=float(vector.sum()))
        for slot in range(slots)
        for category in categories
        for vector in [(0.001 * (category.position + 1) * ramp * (1 + slot / 100)).astype("<f4")]
    )
    contributions = np.tile(np.array([-6.0, 0.5, 0.25, -0.1], dtype="<f2"), (grid.cell_count, 1))
    Reasons.objects.bulk_create(
        Reasons(run=run, category=category, groups=REASON_GROUPS, contributions=contributions.tobytes())
        for category in categories
    )
    return run


def next_slot_start(jurisdiction: Jurisdiction, moment: datetime) -> datetime:
    """The first start of a slot at or after this instant, in UTC (for zones without summer time)."""
    local = moment.astimezone(jurisdiction.zone)
    for day in range(2):
        for hour in jurisdiction.slot_start_hours:
            start = local.replace(hour=hour, minute=0, second=0, microsecond=0) + timedelta(days=day)
            if start >= local:
                return start.astimezone(UTC)
    raise AssertionError("every day has a slot start")
