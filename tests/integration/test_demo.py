"""`load_demo` and `load_city`: a city to look at, made by one command, and a second call that changes nothing."""

import json
import stat
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.core.management.base import CommandError, OutputWrapper
from django.db.models import Max
from django.utils import timezone

from webapp.accounts.models import Jurisdiction, User
from webapp.cameras.models import Camera
from webapp.crimes.models import Area, CellGrid, Incident, Place
from webapp.demo import services
from webapp.demo.management.console import Bar
from webapp.imports.models import Upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_data_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def everything() -> dict[str, Any]:
    """Counts and newest keys of all tables that the commands write, and the users' password hashes."""
    tables = (Jurisdiction, Area, Place, Camera, CellGrid, Upload, Incident)
    counts = {table.__name__: (table.objects.count(), table.objects.aggregate(newest=Max("pk"))["newest"]) for table in tables}
    return counts | {"users": list(User.objects.order_by("pk").values_list("username", "role", "password"))}


class TestDemoCity:
    def test_one_command_makes_the_whole_city(self, tmp_path: Path) -> None:
        said = run("load_demo", "--seed", "5", "--summary", str(tmp_path / "summary.json"))
        seocho = Jurisdiction.objects.get(code="seocho")
        assert seocho.name == "서초구"
        assert seocho.is_simulated
        assert "모의 자료" in seocho.data_note
        assert "Simulated" in seocho.data_note_en
        assert Area.objects.of(seocho).filter(kind="dong").count() == 18
        assert 3_800 <= Camera.objects.of(seocho).count() <= 4_200
        assert Camera.objects.of(seocho).filter(is_simulated=False).count() == 0
        assert Incident.objects.of(seocho).count() == 21_026  # the published totals of 2020–2024
        upload = Upload.objects.of(seocho).get()
        assert (upload.preset, upload.rows_rejected) == ("haechi", 0)
        kinds = set(Place.objects.of(seocho).values_list("kind", flat=True))
        assert {"river", "forest", "park", "road", "lane", "station", "bar_street", "school", "hospital"} <= kinds
        assert "21,026 incidents (0 rows not taken in)" in said
        assert (tmp_path / "summary.json").exists()

    def test_incidents_reach_to_yesterday(self) -> None:
        run("load_demo")
        newest = Incident.objects.order_by("-occurred_from").first()
        assert newest is not None
        now = timezone.now()
        assert now - timedelta(days=2, hours=12) < newest.occurred_from < now

    def test_a_second_call_changes_nothing_and_is_quick(self) -> None:
        run("load_demo")
        before = everything()
        said = run("load_demo", "--seed", "99")
        assert everything() == before
        assert "Seocho-gu was there already; nothing was changed." in said
        assert "simulate the city" not in said

    def test_a_call_on_a_later_day_adds_only_the_days_since(self) -> None:
        run("load_demo", "--seed", "5", "--until", "2026-03-20")
        before = set(Incident.objects.values_list("source_id", "occurred_from"))
        cameras = Camera.objects.count()
        run("load_demo", "--until", "2026-03-31")
        after = set(Incident.objects.values_list("source_id", "occurred_from"))
        assert before < after
        zone = Jurisdiction.objects.get().zone
        added = {moment.astimezone(zone).date() for _id, moment in after - before}
        assert (min(added), max(added)) == (date(2026, 3, 21), date(2026, 3, 31))
        assert 50 < len(after - before) < 200  # eleven days at some ten incidents a day
        assert Camera.objects.count() == cameras
        assert Upload.objects.filter(rows_rejected__gt=0).count() == 0
        counts = everything()
        run("load_demo", "--until", "2026-03-31")
        run("load_demo", "--until", "2026-02-01")
        assert everything() == counts

    @pytest.mark.parametrize("stop_at", ["cameras", "write", "logins"])
    def test_an_interrupted_call_is_finished_by_the_next(self, stop_at: str) -> None:
        def interrupt(fraction: float, step: str) -> None:
            if step == stop_at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            services.load_demo(seed=5, progress=interrupt)
        assert Incident.objects.count() in {0, 21_026}
        run("load_demo", "--seed", "5")
        assert Incident.objects.count() == 21_026
        assert Area.objects.count() == 18
        assert User.objects.count() == 4

    def test_each_role_has_a_log_in_with_the_kept_password(self, tmp_path: Path) -> None:
        summary = tmp_path / "summary.json"
        run("load_demo", "--summary", str(summary))
        told = json.loads(summary.read_text())
        assert told["jurisdiction"] == "seocho"
        assert told["name"] == "서초구 (모의)"
        roles = {login["role"]: login["username"] for login in told["logins"]}
        assert roles == {"analyst": "analyst", "operator": "operator", "administrator": "admin", "auditor": "auditor"}
        for role, username in roles.items():
            user = authenticate(username=username, password=told["password"])
            assert isinstance(user, User)
            assert (user.role, user.jurisdiction.code) == (role, "seocho")
        kept = tmp_path / "data" / "demo_password"
        assert kept.read_text().strip() == told["password"]
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_a_password_that_is_given_stays(self) -> None:
        run("load_demo", "--password", "given by hand 1")
        run("load_demo")
        assert authenticate(username="admin", password="given by hand 1") is not None

    def test_a_day_that_has_not_passed_is_refused(self) -> None:
        with pytest.raises(CommandError, match="has not passed yet"):
            run("load_demo", "--until", "2999-01-01")
        assert not Jurisdiction.objects.exists()

    def test_a_summary_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(CommandError, match="cannot be written"):
            run("load_demo", "--summary", str(tmp_path / "file" / "below"))


class TestProgress:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    def test_on_a_terminal_one_line_is_drawn_again_with_an_estimate(self) -> None:
        screen = self.Terminal()
        bar = Bar(OutputWrapper(screen))
        bar(0.0, "look")
        bar.began -= 30
        bar(0.5, "write")
        bar.end()
        assert "\n" not in screen.getvalue()
        assert screen.getvalue().count("\r") == 3
        assert "[###############...............]  50% take the incidents in, about 30 s left" in screen.getvalue()

    def test_elsewhere_each_step_is_one_line(self) -> None:
        out = StringIO()
        bar = Bar(OutputWrapper(out))
        for fraction in (0.1, 0.2, 0.3):
            bar(fraction, "write")
        bar(1.0, "done")
        bar.end()
        assert out.getvalue().splitlines() == [" 10% take the incidents in", "100% done"]


def chicago_file(folder: Path, *, rows: int = 4_000, columns: str = "Date,Primary Type,Latitude,Longitude") -> Path:
    """A file like Chicago's, its incidents in a disc of 2 km, with two rows at the publisher's well-known false point."""
    rng = np.random.default_rng(1)
    around = rng.normal(scale=0.008, size=(rows, 2)).clip(-0.018, 0.018)
    lines = [columns]
    for latitude, longitude in np.add(around, (41.88, -87.65)):
        month, day, hour = rng.integers(1, 13), rng.integers(1, 29), rng.integers(1, 13)
        lines.append(f"{month:02d}/{day:02d}/2016 {hour:02d}:30:00 PM,THEFT,{latitude:.6f},{longitude:.6f}")
    lines += ["01/01/2016 01:00:00 PM,THEFT,36.619446,-91.686566"] * 2
    file = folder / "chicago.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


class TestRealCity:
    def test_outline_and_incidents_come_from_the_file_and_cameras_are_simulated(self, tmp_path: Path) -> None:
        summary = tmp_path / "summary.json"
        run("load_city", str(chicago_file(tmp_path)), "--preset", "chicago", "--summary", str(summary))
        chicago = Jurisdiction.objects.get(code="chicago")
        assert (chicago.name, chicago.name_en, chicago.time_zone) == ("시카고", "Chicago", "America/Chicago")
        assert not chicago.is_simulated
        assert "카메라는 모의 자료" in chicago.data_note
        assert "the cameras are simulated" in chicago.data_note_en
        outline = shapely.from_wkb(bytes(chicago.boundary.wkb))
        assert outline.contains(shapely.Point(-87.65, 41.88))
        assert not outline.intersects(shapely.Point(-91.686566, 36.619446).buffer(1))
        assert Incident.objects.of(chicago).count() == 4_000
        assert Upload.objects.of(chicago).get().report["reasons"] == {"false_point": 2}
        cameras = Camera.objects.of(chicago)
        assert cameras.count() > 1_000
        assert not cameras.filter(is_simulated=False).exists()
        assert json.loads(summary.read_text())["logins"][0]["username"] == "analyst-chicago"

    def test_a_second_call_changes_nothing(self, tmp_path: Path) -> None:
        file = chicago_file(tmp_path)
        run("load_city", str(file), "--preset", "chicago")
        before = everything()
        said = run("load_city", str(file), "--preset", "chicago")
        assert everything() == before
        assert "Chicago was there already; nothing was changed." in said

    def test_two_cities_have_their_own_users(self, tmp_path: Path) -> None:
        run("load_demo")
        run("load_city", str(chicago_file(tmp_path)), "--preset", "chicago")
        assert User.objects.get(username="analyst").jurisdiction.code == "seocho"
        assert User.objects.get(username="analyst-chicago").jurisdiction.code == "chicago"

    def test_a_preset_without_a_city_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="Choose one of: chicago, nyc"):
            run("load_city", str(chicago_file(tmp_path)), "--preset", "haechi")

    def test_a_missing_file_is_said_with_its_name(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=r"nothing-here\.csv cannot be read: No such file"):
            run("load_city", str(tmp_path / "nothing-here.csv"), "--preset", "chicago")

    def test_a_file_of_another_city_is_refused_and_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="holds no incident in New York"):
            run("load_city", str(chicago_file(tmp_path, columns="Occurrence Date,Offense,Latitude,Longitude")), "--preset", "nyc")
        assert not Jurisdiction.objects.exists()

    def test_a_file_without_the_columns_is_refused_and_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="the column “Offense” is missing"):
            run("load_city", str(chicago_file(tmp_path)), "--preset", "nyc")
        assert not Jurisdiction.objects.exists()
