"""The pages of the forecasts and the explanation in the map's panel, in a real browser."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.test_map import click_cell
from tests.integration.test_explanations import publish_with_model
from tests.integration.test_forecasts_page import make_drift, make_version
from tests.scores import make_backtest_of_all
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.forecasts.services.explaining import explain_run
from webapp.version import version as code_version

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Open = Callable[..., None]


@pytest.fixture
def open_page(browser_page: Page, jurisdiction: Jurisdiction) -> Open:
    """Sign in with this role and go to an address."""

    def open_as(address: str, role: str = "analyst") -> None:
        user = factories.make_user(jurisdiction, role)
        browser_page.goto(f"/accounts/login/?next={address.replace('&', '%26')}")
        browser_page.get_by_label("아이디").fill(user.username)
        browser_page.get_by_label("비밀번호").fill(factories.PASSWORD)
        browser_page.get_by_role("button", name="로그인").click()
        browser_page.wait_for_url(lambda url: "/login/" not in url)

    return open_as


def test_the_comparison_is_drawn_with_a_dot_a_method_whiskers_and_the_ceilings(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction
) -> None:
    make_backtest_of_all(jurisdiction)
    open_page("/runs/comparison/")
    picture = browser_page.locator("[data-chart=comparison] svg")
    expect(picture.locator(".chart-whisker circle")).to_have_count(6)
    expect(picture.locator(".chart-whisker.chart-ours")).to_have_count(1)
    expect(picture.locator(".chart-ceiling")).to_have_count(2)
    dots = picture.locator(".chart-whisker circle").evaluate_all("all => all.map((dot) => Number(dot.getAttribute('cx')))")
    assert dots == sorted(dots, reverse=True)
    expect(picture.locator(".chart-whisker.chart-ours title")).to_contain_text("40.0 % (35.0 %–45.0 %)")


def test_reliability_lies_on_the_diagonal_where_the_forecast_kept_its_word(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction
) -> None:
    make_backtest_of_all(jurisdiction)
    open_page("/runs/comparison/")
    points = browser_page.locator("[data-chart=reliability] .chart-whisker")
    expect(points).to_have_count(4)
    expect(browser_page.locator("[data-chart=reliability] .chart-off.chart-whisker")).to_have_count(1)


def test_the_address_holds_category_horizon_and_area_and_back_brings_them_back(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction
) -> None:
    make_backtest_of_all(jurisdiction, horizons=("shift", "week"))
    open_page("/runs/comparison/")
    browser_page.get_by_role("link", name="절도").click()
    browser_page.get_by_role("link", name="20 %").click()
    expect(browser_page).to_have_url(re.compile(r"category=theft&horizon=week&area=20"))
    expect(browser_page.locator(".runs-big")).to_contain_text("80.0")
    browser_page.go_back()
    expect(browser_page.locator(".runs-big")).to_contain_text("40.0")


def test_a_version_is_put_into_service_only_with_a_reason_after_a_preview(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction
) -> None:
    run = factories.make_published_run(jurisdiction)
    slots = {"time_zone": jurisdiction.time_zone, "start_hours": list(jurisdiction.slot_start_hours)}
    values = {"code_version": code_version(), "parameters": {"slots": slots}, "model_file": "candidate.model"}
    version = make_version(jurisdiction, run, state="candidate", number=3, **values)
    Path(settings.MODEL_DIR).mkdir(parents=True, exist_ok=True)
    (Path(settings.MODEL_DIR) / version.model_file).write_bytes(b"not read by the web")
    open_page("/runs/")
    browser_page.locator("[data-act]").click()
    dialog = browser_page.locator("dialog[open]")
    expect(dialog.locator("h2")).to_be_visible()
    expect(dialog.locator("textarea")).to_be_focused()
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_be_visible()  # no reason yet
    version.refresh_from_db()
    assert version.state == "candidate"
    browser_page.keyboard.press("Escape")
    expect(browser_page.locator("dialog")).to_have_count(0)
    browser_page.locator("[data-act]").click()
    dialog.locator("textarea").fill("새 자료로 학습함")
    dialog.locator("button[type=submit]").click()
    expect(browser_page.locator(".runs-versions .badge-good")).to_be_visible()
    version.refresh_from_db()
    assert (version.state, version.promotion_reason) == ("in_service", "새 자료로 학습함")
    assert AuditEntry.objects.filter(action=AuditEntry.Action.PROMOTE_VERSION).count() == 1


def test_drift_marks_the_week_that_strayed(open_page: Open, browser_page: Page, jurisdiction: Jurisdiction) -> None:
    make_drift(jurisdiction, weeks=6, alert=True)
    open_page("/runs/drift/")
    expect(browser_page.locator("[data-chart=calibration] .chart-whisker")).to_have_count(6)
    expect(browser_page.locator("[data-chart=calibration] .chart-off.chart-whisker")).to_have_count(1)
    expect(browser_page.locator("[data-chart=capture] .chart-off.chart-whisker")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 768])
@pytest.mark.parametrize("address", ["/runs/", "/runs/comparison/", "/runs/drift/", "/runs/data-health/"])
def test_nothing_overflows_the_window(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction, address: str, width: int
) -> None:
    run = factories.make_published_run(jurisdiction)
    make_version(jurisdiction, run, state="candidate", number=3)
    factories.make_incidents(jurisdiction, 60)
    make_backtest_of_all(jurisdiction, horizons=("shift", "week"))
    make_drift(jurisdiction, weeks=20)
    browser_page.set_viewport_size({"width": width, "height": 900})
    open_page(address)
    browser_page.wait_for_load_state("networkidle")
    assert browser_page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_the_panel_tells_how_a_rate_comes_about_and_after_one_press_what_would_change_it(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction
) -> None:
    run = publish_with_model(jurisdiction)
    open_page("/?tab=cell")
    browser_page.wait_for_selector("html[data-ready=true]")
    first = click_cell(browser_page, 5)
    steps = browser_page.locator(".why-steps tbody tr")
    expect(steps).to_have_count(5)  # start, three reasons, the rate
    browser_page.locator("[data-make] button").click()
    expect(browser_page.locator("[data-make] [role=status]")).to_be_visible()
    explain_run(run_id=run.pk)  # what the worker does
    expect(browser_page.locator(".what-if li")).to_have_count(4)
    similar = browser_page.locator(".similar-cells button")
    expect(similar).to_have_count(5)
    similar.first.click()
    expect(browser_page).not_to_have_url(re.compile(f"cell={first}"))
    expect(browser_page).to_have_url(re.compile("cell=[0-9a-f]{15}"))
    expect(browser_page.locator(".what-if li")).to_have_count(4)  # made once for all cells
    browser_page.go_back()
    expect(browser_page).to_have_url(re.compile(f"cell={first}"))


def test_the_explanation_speaks_of_the_moment_of_the_forecast(
    open_page: Open, browser_page: Page, jurisdiction: Jurisdiction
) -> None:
    start = datetime(2026, 3, 2, 13, tzinfo=UTC) + timedelta(hours=8)
    factories.make_published_run(jurisdiction, first_slot=start)
    open_page("/?tab=cell")
    browser_page.wait_for_selector("html[data-ready=true]")
    click_cell(browser_page, 5)
    expect(browser_page.locator(".explanation")).to_contain_text("2026. 03. 03. 06:00")  # in Seoul
