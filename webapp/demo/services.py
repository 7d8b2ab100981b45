"""Sets up a city to look at: the simulated Seocho-gu, or the city that a real file of incidents covers.

Every step looks first whether its rows are there, and writes them in one transaction: it may be interrupted anywhere and
called again, and a second call changes nothing and is quick.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ingestion.presets import PRESETS, Preset
from prediction.grid import boundary_of_points
from simulation.cameras import CameraSpot, lay_out
from simulation.city import City, incidents_csv, make_city
from simulation.figures import read_camera_figures
from simulation.incidents import SimulatedIncidents
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera
from webapp.cameras.services import CameraRecord, register_cameras
from webapp.common.errors import HaechiError
from webapp.common.services import Progress, no_progress, part
from webapp.crimes.models import Area, Place
from webapp.crimes.services import AreaRecord, PlaceRecord, register_areas, register_places, set_up_jurisdiction
from webapp.demo.identity import DEFAULT_SEED, DEMO_CODE, DEMO_ZONE
from webapp.demo.logins import Logins, set_up_logins
from webapp.demo.selectors import read_points
from webapp.demo.wording import CITY_NOTE, CITY_NOTE_EN, DEMO_NOTE, DEMO_NOTE_EN
from webapp.imports.models import Upload
from webapp.imports.services import import_file

SIMULATED_FILE = re.compile(rf"{DEMO_CODE}-simulated-(?P<seed>\d+)-(?P<until>\d{{8}})\.csv")
CITY_CAMERAS = 4_000
CITY_SEED = 1  # of the cameras simulated for a real city


@dataclass(frozen=True)
class Loaded:
    """A city that is ready. `changed`: whether this call wrote anything but log-ins; `rejected`: rows that were not taken in."""

    jurisdiction: Jurisdiction
    logins: Logins
    changed: bool
    incidents: int
    rejected: int
    cameras: int


def load_demo(
    *, seed: int = DEFAULT_SEED, until: date | None = None, password: str | None = None, progress: Progress = no_progress
) -> Loaded:
    """Make the simulated Seocho-gu with incidents up to the end of the local day `until` (default: yesterday).

    Where it is there already its seed stays, and only the incidents of the days since its last one are added. Raises
    `HaechiError` if `until` has not passed yet.
    """
    today = timezone.now().astimezone(ZoneInfo(DEMO_ZONE)).date()
    until = until or today - timedelta(days=1)
    if until >= today:
        raise HaechiError(
            _("%(day)s has not passed yet. Give a day before %(today)s.") % {"day": until, "today": today}, code="future_day"
        )
    progress(0.0, "look")
    jurisdiction = Jurisdiction.objects.filter(code=DEMO_CODE).first()
    if jurisdiction is None or not _is_complete(jurisdiction):
        progress(0.05, "simulate")
        city = make_city(demo_fixtures(), until=until, rng=np.random.default_rng(seed))
        jurisdiction = _store_demo(city, seed=seed, until=until, progress=progress)
        changed = True
    else:
        changed = _add_days(jurisdiction, until=until, progress=progress)
    return _loaded(jurisdiction, password=password, suffix="", changed=changed, progress=progress)


def demo_fixtures() -> Path:
    """Where the figures and the geography of the demo city lie."""
    return Path(settings.BASE_DIR) / "fixtures" / DEMO_CODE


def _is_complete(jurisdiction: Jurisdiction) -> bool:
    tables = (Area, Place, Camera)
    return all(table.objects.of(jurisdiction).exists() for table in tables) and _has_incidents(jurisdiction)


def _has_incidents(jurisdiction: Jurisdiction) -> bool:
    return bool(Upload.objects.of(jurisdiction).filter(state=Upload.State.COMMITTED).exists())


def _store_demo(city: City, *, seed: int, until: date, progress: Progress) -> Jurisdiction:
    progress(0.15, "ground")
    jurisdiction = set_up_jurisdiction(
        code=DEMO_CODE,
        name="서초구",
        name_en="Seocho-gu",
        boundary=city.geography.outline,
        time_zone=DEMO_ZONE,
        is_simulated=True,
        data_note=DEMO_NOTE,
        data_note_en=DEMO_NOTE_EN,
    )
    if not Area.objects.of(jurisdiction).exists():
        dongs = [AreaRecord(dong.code, dong.name, dong.name_en, dong.boundary) for dong in city.geography.dongs]
        register_areas(jurisdiction=jurisdiction, kind=Area.Kind.DONG, areas=dongs)
    if not Place.objects.of(jurisdiction).exists():
        register_places(jurisdiction=jurisdiction, places=_places(city))
    progress(0.25, "cameras")
    if not Camera.objects.of(jurisdiction).exists():
        register_cameras(jurisdiction=jurisdiction, cameras=_camera_records(city.cameras))
    if not _has_incidents(jurisdiction):
        file = _write_incidents(city.incidents, seed=seed, until=until)
        import_file(jurisdiction=jurisdiction, path=file, preset="haechi", progress=part(progress, 0.35, 0.95))
    return jurisdiction


def _add_days(jurisdiction: Jurisdiction, *, until: date, progress: Progress) -> bool:
    """Add the incidents of the days since the last simulated one, around the same sites; returns whether there were any.

    The city is drawn anew from its own seed up to `until`, so its true risk is the same; only the missing days are kept.
    """
    names = Upload.objects.of(jurisdiction).filter(state=Upload.State.COMMITTED).values_list("file_name", flat=True)
    found = [match for name in names if (match := SIMULATED_FILE.fullmatch(name))]
    if not found:
        return False
    last = max(date.fromisoformat(match["until"]) for match in found)
    if last >= until:
        return False
    progress(0.05, "simulate")
    seed = int(found[0]["seed"])
    city = make_city(demo_fixtures(), until=until, rng=np.random.default_rng(seed))
    since = city.incidents.starting_from(last + timedelta(days=1))
    if not len(since):
        return False
    file = _write_incidents(since, seed=seed, until=until)
    import_file(jurisdiction=jurisdiction, path=file, preset="haechi", progress=part(progress, 0.35, 0.95))
    return True


def _places(city: City) -> list[PlaceRecord]:
    features = [PlaceRecord(place.kind, place.name, place.name_en, place.geometry) for place in city.geography.features]
    dongs = city.geography.dongs
    lanes = [PlaceRecord("lane", dong.name, dong.name_en, line) for dong, line in zip(dongs, city.streets.lanes, strict=True)]
    return features + [lane for lane in lanes if not lane.geometry.is_empty]


def _camera_records(cameras: tuple[CameraSpot, ...]) -> list[CameraRecord]:
    return [
        CameraRecord(
            source_id=camera.source_id,
            name=camera.name,
            longitude=camera.longitude,
            latitude=camera.latitude,
            bearing_deg=camera.bearing_deg,
            angle_deg=camera.angle_deg,
            range_m=camera.range_m,
            purpose=camera.purpose,
            is_working=camera.is_working,
            is_simulated=True,
        )
        for camera in cameras
    ]


def _write_incidents(incidents: SimulatedIncidents, *, seed: int, until: date) -> Path:
    """The simulated incidents as a file, as a police system would hand them over; whole or not at all."""
    folder = Path(settings.DATA_DIR) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f"{DEMO_CODE}-simulated-{seed}-{until:%Y%m%d}.csv"
    part = whole.with_suffix(".part")
    part.write_bytes(incidents_csv(incidents, prefix="SC"))
    part.replace(whole)
    return whole


def load_city(*, path: Path, preset: str, password: str | None = None, progress: Progress = no_progress) -> Loaded:
    """Make the city that a real file covers: outline from its own points, the preset's taxonomy, incidents, simulated cameras.

    Points beyond the preset's extent are left out of the outline. Raises `HaechiError` where the preset names no city or the
    file holds no usable point.
    """
    city = _preset_of_a_city(preset)
    progress(0.0, "look")
    jurisdiction = Jurisdiction.objects.filter(code=city.name).first()
    changed = False
    if jurisdiction is None or not Camera.objects.of(jurisdiction).exists():
        changed = True
        jurisdiction = _ground_of_city(path, city, part(progress, 0.0, 0.4))
    upload = import_file(jurisdiction=jurisdiction, path=path, preset=city.name, progress=part(progress, 0.4, 0.95))
    changed = changed or not getattr(upload, "already_there", False)
    return _loaded(jurisdiction, password=password, suffix=f"-{city.name}", changed=changed, progress=progress)


def _preset_of_a_city(name: str) -> Preset:
    cities = {preset.name: preset for preset in PRESETS.values() if preset.extent is not None}
    if name not in cities:
        known = ", ".join(sorted(cities))
        raise HaechiError(
            _("The preset “%(name)s” does not say which city it covers. Choose one of: %(known)s.")
            % {"name": name, "known": known},
            code="no_city",
        )
    return cities[name]


def _ground_of_city(path: Path, preset: Preset, progress: Progress) -> Jurisdiction:
    longitude, latitude = read_points(path, preset, max_content_bytes=settings.UPLOAD_MAX_BYTES, progress=progress)
    progress(0.6, "ground")
    boundary = boundary_of_points(longitude, latitude)
    jurisdiction = set_up_jurisdiction(
        code=preset.name,
        name=preset.city_name_ko,
        name_en=preset.city_name_en,
        boundary=boundary,
        taxonomy=[(entry.code, entry.name_ko, entry.name_en) for entry in preset.taxonomy],
        time_zone=preset.time_zone or DEMO_ZONE,
        data_note=CITY_NOTE % {"source": preset.label},
        data_note_en=CITY_NOTE_EN % {"source": preset.label},
    )
    progress(0.8, "cameras")
    cameras = lay_out(
        boundary,
        longitude,
        latitude,
        read_camera_figures(demo_fixtures()),
        count=CITY_CAMERAS,
        prefix=preset.name[:2].upper(),
        city_name=preset.city_name_ko,
        rng=np.random.default_rng(CITY_SEED),
    )
    register_cameras(jurisdiction=jurisdiction, cameras=_camera_records(cameras))
    return jurisdiction


def _loaded(jurisdiction: Jurisdiction, *, password: str | None, suffix: str, changed: bool, progress: Progress) -> Loaded:
    progress(0.96, "logins")
    logins = set_up_logins(jurisdiction=jurisdiction, password=password, suffix=suffix)
    uploads = Upload.objects.of(jurisdiction).filter(state=Upload.State.COMMITTED)
    counts = [(upload.rows_accepted, upload.rows_rejected) for upload in uploads]
    progress(1.0, "done")
    return Loaded(
        jurisdiction=jurisdiction,
        logins=logins,
        changed=changed,
        incidents=sum(accepted for accepted, _rejected in counts),
        rejected=sum(rejected for _accepted, rejected in counts),
        cameras=Camera.objects.of(jurisdiction).count(),
    )
