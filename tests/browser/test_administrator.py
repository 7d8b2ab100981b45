"""A new administrator: a camera register, a city's incidents, a table of figures and ten rulings, from disk to map.

By clicks only; then every upload is undone and the tables are as they were, to the last bit.
"""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely
from django.conf import settings as django_settings
from django.db import connection
from playwright.sync_api import Page, expect

from tests.factories import make_jurisdiction, make_user
from webapp.accounts.models import Jurisdiction, User
from webapp.imports.models import Upload

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.worker, pytest.mark.django_db(transaction=True)]

TABLES = (
    "crimes_incident",
    "crimes_area",
    "crimes_place",
    "crimes_statisticset",
    "crimes_statistic",
    "crimes_ruling",
    "crimes_rulingfact",
    "cameras_camera",
)


def fingerprint() -> dict[str, str]:
    """One hash over all rows of each table."""
    with connection.cursor() as cursor:
        found = {}
        for table in TABLES:
            cursor.execute(f"SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY id), '')) FROM {table} t")  # noqa: S608
            found[table] = cursor.fetchone()[0]
    return found


@pytest.fixture
def seocho(shared_data: Path) -> User:
    """An administrator of Seocho-gu, with its published outline."""
    districts = json.loads((shared_data / "korea-boundaries" / "seoul_gu_juso_2015_simple.geojson").read_text())["features"]
    outline = next(one["geometry"] for one in districts if one["properties"]["SIG_KOR_NM"] == "서초구")
    return make_user(make_jurisdiction("seocho", shapely.geometry.shape(outline)), "administrator", "seocho-admin")


@pytest.fixture
def chicago(shared_data: Path) -> User:
    """An administrator of Chicago."""
    areas = json.loads((shared_data / "chicago-boundaries" / "community_areas.geojson").read_text())["features"]
    outline = shapely.union_all([shapely.make_valid(shapely.geometry.shape(area["geometry"])) for area in areas])
    place = make_jurisdiction("chicago", outline, time_zone="America/Chicago")
    return make_user(place, "administrator", "chicago-admin")


@pytest.fixture
def files(shared_data: Path, tmp_path: Path) -> dict[str, Path]:
    """The files as they come, but for fewer incidents and rulings, so that the test stays short."""
    given = {
        "cameras": shared_data / "seoul-cctv" / "raw" / "seocho_20190529.csv.gz",
        "figures": shared_data / "korea-crime-stats" / "seoul_gu_5crimes_2015_2024.csv",
    }
    kept = {name: Path(shutil.copy(path, tmp_path)) for name, path in given.items()}
    kept["incidents"] = tmp_path / "chicago.csv"
    with gzip.open(shared_data / "chicago-2016-2017" / "chicago_2016_2017.csv.gz", "rt") as lines:
        kept["incidents"].write_text("".join(line for _number, line in zip(range(20_001), lines, strict=False)))
    rulings = (shared_data / "kr-court-rulings" / "facts_full_date.jsonl").read_text(encoding="utf-8").splitlines()
    kept["rulings"] = tmp_path / "rulings.jsonl"
    kept["rulings"].write_text("\n".join(rulings[:10]) + "\n", encoding="utf-8")
    return kept


@pytest.fixture
def sign_in(browser_page: Page, client, live_site: str) -> Callable[[User], Page]:
    """Sign somebody in by session, and nobody else."""

    def as_user(user: User) -> Page:
        client.force_login(user)
        name = django_settings.SESSION_COOKIE_NAME
        browser_page.context.clear_cookies()
        browser_page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_site}])
        return browser_page

    return as_user


def take_in(page: Page, path: Path, jurisdiction: Jurisdiction) -> Upload:
    """Choose the file, look, check, take in: nothing is typed and nothing is mapped by hand."""
    page.goto("/uploads/")
    page.set_input_files("#file", str(path))
    page.wait_for_url("**/uploads/*/")
    page.wait_for_selector("#check")
    if page.locator("#categories button").count() and page.locator("#questions li").count():
        page.locator("#categories button").first.click()  # what Korea's five do not have is left out
    expect(page.locator("#questions li")).to_have_count(0)
    page.locator("#check").click()
    page.wait_for_selector("#figures", timeout=90_000)
    page.locator("#commit").click()
    page.wait_for_selector("#undo", timeout=90_000)
    upload: Upload = Upload.objects.filter(jurisdiction=jurisdiction).latest("pk")
    assert upload.state == "committed"
    return upload


def undo(page: Page, upload: Upload) -> None:
    page.goto(f"/uploads/{upload.pk}/")
    page.locator("#undo button").click()
    page.locator("#ask-input").fill("시험 자료")
    page.locator("dialog button[value=yes]").click()
    expect(page.get_by_text("시험 자료")).to_be_visible(timeout=90_000)


@pytest.mark.timeout(600)
def test_four_files_go_from_disk_to_map_without_reading_documentation_and_back(
    sign_in, worker, seocho: User, chicago: User, files: dict[str, Path]
):
    before = fingerprint()
    page = sign_in(seocho)
    district = seocho.jurisdiction
    taken = [take_in(page, files[name], district) for name in ("cameras", "figures", "rulings")]
    assert [upload.kind for upload in taken] == ["cameras", "statistics", "rulings"]
    assert (taken[0].rows_accepted, taken[1].rows_accepted, taken[2].rows_accepted) == (2372, 260, 10)

    cameras = page.request.get("/api/v1/cameras/").json()["features"]
    assert sum(camera["properties"]["count"] for camera in cameras) == 2372
    assert len(cameras) == 861
    page.goto(f"/figures/{taken[1].statistics.pk}/")
    expect(page.locator("main")).to_contain_text("서초구")
    page.goto("/rulings/")
    expect(page.locator("main a[href*='/rulings/']").first).to_be_visible()

    sign_in(chicago)
    incidents = take_in(page, files["incidents"], chicago.jurisdiction)
    assert incidents.kind == "incidents"
    assert incidents.rows_accepted + incidents.rows_rejected == 20_000
    assert incidents.rows_accepted > 15_000
    undo(page, incidents)

    sign_in(seocho)
    for upload in reversed(taken):
        undo(page, upload)
    assert fingerprint() == before
