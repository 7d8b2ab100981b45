"""The upload pages as a person uses them: choose a file, watch it go in, read what became of it."""

import os
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from tests.factories import make_jurisdiction, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "broken"


@pytest.fixture
def signed_in(browser_page: Page, client, live_site: str) -> Page:
    """The page of somebody who may upload, signed in by session."""
    client.force_login(make_user(make_jurisdiction(), "administrator"))
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    browser_page.context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": live_site}])
    return browser_page


def keep(page: Page, name: str) -> None:
    """Keep a screenshot where HAECHI_SCREENSHOTS names a folder."""
    if folder := os.environ.get("HAECHI_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.worker
def test_a_chosen_file_goes_in_and_its_result_is_shown(signed_in: Page, worker):
    signed_in.goto("/uploads/")
    expect(signed_in.get_by_role("heading", name="아직 업로드한 자료가 없습니다")).to_be_visible()
    keep(signed_in, "uploads-empty")
    signed_in.set_input_files("#file", str(BROKEN / "every_reason.csv"))
    expect(signed_in.locator("#drop-title")).to_have_text("every_reason.csv")
    signed_in.click("#send")
    signed_in.wait_for_url("**/uploads/*/")
    expect(signed_in.locator(".upload-figures")).to_contain_text("23")
    expect(signed_in.get_by_text("시험구 밖입니다")).to_be_visible()
    keep(signed_in, "upload-result")
    with signed_in.expect_download() as download:
        signed_in.get_by_role("link", name="전체를 CSV로 내려받기").click()
    assert Path(download.value.path()).read_text(encoding="utf-8-sig").count("\n") == 21


@pytest.mark.worker
def test_a_refused_file_says_why_and_the_same_file_again_is_recognised(signed_in: Page, worker, tmp_path):
    signed_in.goto("/uploads/")
    signed_in.set_input_files("#file", str(BROKEN / "cp949.csv"))
    signed_in.click("#send")
    signed_in.wait_for_url("**/uploads/*/")
    expect(signed_in.get_by_role("alert")).to_contain_text("CP949")
    keep(signed_in, "upload-refused")

    good = tmp_path / "good.csv"
    good.write_text("category,occurred_from,latitude,longitude\ntheft,2025-03-01 22:30,37.4900,127.0100\n")
    for _ in range(2):
        signed_in.goto("/uploads/")
        signed_in.set_input_files("#file", str(good))
        signed_in.click("#send")
        if _ == 0:
            signed_in.wait_for_url("**/uploads/*/")
    expect(signed_in.locator("#upload-progress")).to_contain_text("good.csv")
    expect(signed_in.locator("#upload-progress a")).to_be_visible()
    keep(signed_in, "uploads-list")


def test_a_file_beyond_the_size_rule_is_refused_before_it_is_sent(signed_in: Page, settings, tmp_path):
    settings.UPLOAD_MAX_BYTES = 100
    large = tmp_path / "large.csv"
    large.write_text("x" * 200)
    signed_in.goto("/uploads/")
    signed_in.set_input_files("#file", str(large))
    signed_in.click("#send")
    expect(signed_in.get_by_role("alert")).to_contain_text("large.csv")
