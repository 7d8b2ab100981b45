"""The upload pages as a person uses them: choose a file, see how it is understood, check it, take it in, undo it."""

import os
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from tests.factories import make_jurisdiction, make_user
from webapp.crimes.models import Incident, PlaceKind
from webapp.imports.models import MappingPreset, Upload

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "broken"
HEADER = "category,occurred_from,latitude,longitude\n"


@pytest.fixture
def signed_in(browser_page: Page, client, live_site: str) -> Page:
    """The page of somebody who may upload, signed in by session."""
    client.force_login(make_user(make_jurisdiction(), "administrator"))
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    browser_page.context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": live_site}])
    return browser_page


@pytest.fixture
def incidents(tmp_path: Path) -> Path:
    """Thirty good rows, two at an hour that there is not, three of a category that nobody knows here."""
    path = tmp_path / "station.csv"
    rows = [f"절도,2025-03-{1 + n % 28:02d} {n % 24:02d}:15,37.49{n % 10:02d},127.00{5 + n % 5}\n" for n in range(30)]
    rows += ["절도,2025-03-01 25:61,37.4900,127.0100\n"] * 2 + ["방화범,2025-03-02 10:10,37.4900,127.0100\n"] * 3
    path.write_text(HEADER + "".join(rows))
    return path


def keep(page: Page, name: str) -> None:
    """Keep a screenshot where HAECHI_SCREENSHOTS names a folder."""
    if folder := os.environ.get("HAECHI_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def choose(page: Page, *paths: Path) -> None:
    page.goto("/uploads/")
    page.set_input_files("#file", [str(path) for path in paths])


def no_overflow(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.worker
def test_a_file_goes_the_whole_way_and_back(signed_in: Page, worker, incidents: Path):
    choose(signed_in, incidents)
    signed_in.wait_for_url("**/uploads/*/")
    expect(signed_in.locator(".steps [aria-current=step]")).to_have_attribute("data-step", "understanding")
    expect(signed_in.locator("#questions li")).to_have_count(1)
    expect(signed_in.locator("#questions")).to_contain_text("방화범")
    expect(signed_in.locator("#check")).to_be_disabled()
    expect(signed_in.locator("#preview")).to_contain_text("2025-03-01 00:15")
    keep(signed_in, "upload-understanding")
    signed_in.locator("#categories button").click()
    expect(signed_in.locator("#questions")).to_have_count(0)
    signed_in.locator("#check").click()
    signed_in.wait_for_selector("#figures")
    expect(signed_in.locator("#figures .figure").first).to_have_text("30")
    expect(signed_in.locator("#problems li")).to_have_count(2)
    expect(signed_in.locator("#problems")).to_contain_text("2025-03-01 25:61")
    expect(signed_in.locator(".small-map .dot").first).to_be_visible()
    expect(signed_in.locator(".bars")).to_have_count(2)
    expect(signed_in.locator("#quality .score")).to_be_visible()
    assert Incident.objects.count() == 0
    assert no_overflow(signed_in)
    keep(signed_in, "upload-check")
    signed_in.locator("#commit").click()
    signed_in.wait_for_selector("#undo")
    assert Incident.objects.count() == 30
    keep(signed_in, "upload-result")
    with signed_in.expect_download() as download:
        signed_in.locator("a[download]").click()
    assert Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()[0].startswith(HEADER.strip() + ",haechi_line")
    signed_in.locator("#undo button").click()
    signed_in.locator("#ask-input").fill("다른 달 자료")
    signed_in.locator("dialog button[value=yes]").click()
    expect(signed_in.get_by_text("다른 달 자료")).to_be_visible()
    assert Incident.objects.count() == 0
    assert Upload.objects.get().state == "undone"


@pytest.mark.worker
def test_several_files_are_checked_and_taken_in_together(signed_in: Page, worker, tmp_path: Path):
    paths = [tmp_path / f"part-{number}.csv" for number in range(2)]
    for number, path in enumerate(paths):
        path.write_text(HEADER + f"절도,2025-0{number + 1}-01 22:30,37.4900,127.0100\n" * 5)
    letter = tmp_path / "letter.md"
    letter.write_text("# 안내\n\n" + "이 글에는 표가 없습니다. 그저 이어지는 글입니다.\n" * 30)
    choose(signed_in, *paths, letter)
    expect(signed_in.locator(".queue-row.is-bad")).to_contain_text("letter.md")
    signed_in.locator(".queue-actions button").click()
    expect(signed_in.locator(".queue-row .badge-accent")).to_have_count(2, timeout=30_000)
    signed_in.locator(".queue-actions .button-primary:not([disabled])").click()
    expect(signed_in.locator(".queue-row .badge-good")).to_have_count(2, timeout=30_000)
    keep(signed_in, "uploads-queue")
    assert Incident.objects.count() == 10


def test_the_same_file_again_is_recognised_and_an_empty_list_says_what_to_do(signed_in: Page, incidents: Path, tmp_path: Path):
    signed_in.goto("/uploads/")
    expect(signed_in.locator(".empty h3")).to_be_visible()
    keep(signed_in, "uploads-empty")
    choose(signed_in, incidents)
    signed_in.wait_for_url("**/uploads/*/")
    copy = tmp_path / "copy.csv"
    copy.write_bytes(incidents.read_bytes())
    choose(signed_in, copy)
    expect(signed_in.locator(".queue-row .queue-text")).to_contain_text("station.csv")
    assert Upload.objects.count() == 1


def test_a_column_is_changed_and_the_mapping_kept_as_preset_by_keyboard(signed_in: Page, incidents: Path, tmp_path: Path):
    choose(signed_in, incidents)
    signed_in.wait_for_url("**/uploads/*/")
    signed_in.locator("#field-latitude").focus()
    signed_in.locator("#field-latitude").select_option("longitude")
    expect(signed_in.locator("#field-latitude")).to_have_value("longitude")
    expect(signed_in.locator("#field-latitude")).to_be_focused()
    signed_in.locator("#field-latitude").select_option("latitude")
    expect(signed_in.locator(".preview th.is-mapped")).to_have_count(4)
    signed_in.locator(".wizard-bar .button:not(.button-danger):not(.button-primary)").press("Enter")
    signed_in.locator("#ask-input").fill("서초경찰서")
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator(".notice-good")).to_contain_text("서초경찰서")
    assert MappingPreset.objects.get().name == "서초경찰서"
    second = tmp_path / "april.csv"
    second.write_text(HEADER + "절도,2025-04-01 22:30,37.4900,127.0100\n" * 5)
    choose(signed_in, second)
    signed_in.wait_for_url("**/uploads/*/")
    expect(signed_in.locator("#summary .notice-good")).to_contain_text("서초경찰서")


def test_a_kind_of_place_that_nobody_had_named_is_added_in_the_wizard(signed_in: Page, tmp_path: Path):
    path = tmp_path / "list.csv"
    rows = "".join(f"가게 {n},서울특별시 시험구 시험로 {n},2015-03-{n + 1:02d},37.49{n:02d},127.01{n:02d}\n" for n in range(20))
    path.write_text("업소명,소재지도로명주소,인허가일자,위도,경도\n" + rows)
    choose(signed_in, path)
    signed_in.wait_for_url("**/uploads/*/")
    kind = signed_in.locator("#place_kind")
    kind.select_option(label="다른 유형 …")
    signed_in.locator("#ask-input").fill("전당포")
    signed_in.keyboard.press("Enter")
    expect(kind.locator("option:checked")).to_have_text("전당포")
    assert PlaceKind.objects.get(name="전당포").code == Upload.objects.get().mapping["place_kind"]


def test_a_file_can_be_discarded_after_a_question(signed_in: Page, incidents: Path):
    choose(signed_in, incidents)
    signed_in.wait_for_url("**/uploads/*/")
    signed_in.locator(".wizard-bar .button-danger").click()
    signed_in.keyboard.press("Escape")
    expect(signed_in.locator("dialog")).to_have_count(0)
    assert Upload.objects.get().state == "received"
    signed_in.locator(".wizard-bar .button-danger").click()
    signed_in.locator("dialog button[value=yes]").click()
    signed_in.wait_for_url("**/uploads/")
    assert Upload.objects.get().state == "discarded"


@pytest.mark.parametrize("width", [1280, 768])
def test_the_wizard_fits_its_window_in_both_themes(signed_in: Page, incidents: Path, width: int):
    signed_in.set_viewport_size({"width": width, "height": 900})
    choose(signed_in, incidents)
    signed_in.wait_for_url("**/uploads/*/")
    signed_in.wait_for_selector("#columns")
    assert no_overflow(signed_in)
    signed_in.evaluate("document.documentElement.dataset.theme = 'dark'")
    keep(signed_in, f"upload-understanding-dark-{width}")
    assert no_overflow(signed_in)


def test_a_file_that_is_no_data_says_why(signed_in: Page):
    choose(signed_in, BROKEN / "empty.csv")
    expect(signed_in.locator(".notice-bad, .queue-row.is-bad").first).to_contain_text("empty.csv")


def test_a_file_beyond_the_size_rule_is_refused_before_it_is_sent(signed_in: Page, settings, tmp_path):
    settings.UPLOAD_MAX_BYTES = 100
    large = tmp_path / "large.csv"
    large.write_text("x" * 200)
    choose(signed_in, large)
    expect(signed_in.locator(".queue-row.is-bad")).to_contain_text("large.csv")
    assert Upload.objects.count() == 0
