"""The map page in a real browser: what an operator or analyst does with it, by mouse and by keyboard."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests import factories
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.demo.services import load_demo
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.services.forecasting import make_forecast
from webapp.watch import services as watch
from webapp.watch.models import WatchPlan

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[2]
OpenMap = Callable[..., None]


@pytest.fixture
def run(jurisdiction: Jurisdiction) -> ForecastRun:
    return factories.make_published_run(jurisdiction)


@pytest.fixture
def open_map(browser_page: Page, jurisdiction: Jurisdiction) -> OpenMap:
    """Sign in with this role through the page, then wait until the hexagons are drawn."""

    def open_as(role: str = "analyst", address: str = "/") -> None:
        user = factories.make_user(jurisdiction, role)
        browser_page.goto(f"/accounts/login/?next={address.replace('&', '%26')}")
        browser_page.get_by_label("아이디").fill(user.username)
        browser_page.get_by_label("비밀번호").fill(factories.PASSWORD)
        browser_page.get_by_role("button", name="로그인").click()
        browser_page.wait_for_selector("html[data-ready=true]")

    return open_as


def shown_bytes(page: Page) -> list[int]:
    """The values that are on the graphics card now."""
    script = "() => { const h = document.documentElement.haechi.riskMap.hexagons; return [...h.values.slice(0, h.cells.count)]; }"
    return [int(value) for value in page.evaluate(script)]


def coloured_share(page: Page) -> float:
    """Share of the map's pixels that carry a warm colour of the ramp."""
    script = """() => new Promise((resolve) => {
      const { map } = document.documentElement.haechi.riskMap;
      map.once("render", () => {
        const gl = map.painter.context.gl;
        const [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
        const pixels = new Uint8Array(w * h * 4);
        gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
        let warm = 0;
        for (let at = 0; at < pixels.length; at += 4) warm += pixels[at] > pixels[at + 2] + 40 ? 1 : 0;
        resolve(warm / (w * h));
      });
      map.triggerRepaint();
    })"""
    return float(page.evaluate(script))


def click_cell(page: Page, position: int) -> str:
    """Click the middle of a cell on the map; returns its H3 index."""
    script = """(position) => {
      const { riskMap } = document.documentElement.haechi;
      const point = riskMap.map.project(riskMap.cells.centre(position));
      const box = riskMap.element.getBoundingClientRect();
      return { x: point.x + box.x, y: point.y + box.y, id: riskMap.cells.id(position) };
    }"""
    place = page.evaluate(script, position)
    page.mouse.click(place["x"], place["y"])
    return str(place["id"])


# --- Drawing and stepping -------------------------------------------------------------------------
def test_the_map_draws_hexagons_and_says_what_they_mean(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    assert coloured_share(browser_page) > 0.02
    expect(browser_page.locator("#legend")).to_contain_text("격자당 예상 사건")
    expect(browser_page.locator(".as-of")).to_contain_text(f"실행 {run.pk}")
    expect(browser_page.locator(".data-note")).to_contain_text("모의 자료")


def test_another_slot_shows_other_values_and_its_own_total(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    before, total = shown_bytes(browser_page), browser_page.locator("[data-total]").inner_text()
    browser_page.get_by_role("button", name="다음 시간대").click()
    browser_page.wait_for_selector("html[data-slot='1']")
    browser_page.locator("[data-slider]").press("End")
    browser_page.wait_for_selector("html[data-slot='20']")
    assert sum(shown_bytes(browser_page)) > sum(before)
    assert browser_page.locator("[data-total]").inner_text() != total
    assert "slot=" in browser_page.url


def test_the_slider_moves_by_arrow_keys_and_says_date_and_hours(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    slider = browser_page.locator("[data-slider]")
    slider.focus()
    first = slider.get_attribute("aria-valuetext")
    slider.press("ArrowRight")
    browser_page.wait_for_selector("html[data-slot='1']")
    second = slider.get_attribute("aria-valuetext")
    assert first != second
    assert re.search(r"\d+월 \d+일 \(.\) \d\d–\d\d시", second or "")
    expect(browser_page.locator("[data-say]")).to_contain_text("예상 사건")


def test_a_category_filters_the_map_and_the_total(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    everything = float(browser_page.locator("[data-total]").inner_text())
    browser_page.get_by_role("button", name="살인", exact=True).click()
    browser_page.wait_for_selector("html[data-category='homicide']")
    assert float(browser_page.locator("[data-total]").inner_text()) < everything / 5
    expect(browser_page.get_by_role("button", name="살인", exact=True)).to_have_attribute("aria-pressed", "true")
    assert "category=homicide" in browser_page.url


# --- The cell -------------------------------------------------------------------------------------
def test_clicking_a_cell_opens_its_panel_and_back_closes_it(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    cell = click_cell(browser_page, run.grid.cell_count // 2)
    panel = browser_page.locator("#cell-panel")
    expect(panel).to_contain_text(cell)
    expect(panel).to_contain_text("범죄 유형별")
    expect(panel.locator(".week-chart .bar")).to_have_count(21)
    assert f"cell={cell}" in browser_page.url
    browser_page.go_back()
    expect(browser_page.locator("#tab-top")).to_have_attribute("aria-selected", "true")


def test_reading_a_cells_incidents_leaves_a_line_in_the_audit_trail(
    open_map: OpenMap, browser_page: Page, run: ForecastRun
) -> None:
    open_map("analyst")
    click_cell(browser_page, 60)
    expect(browser_page.locator("#cell-panel")).to_contain_text("기록된 사건")
    assert AuditEntry.objects.filter(action=AuditEntry.Action.READ_INCIDENTS).exists()


def test_an_operator_is_told_why_incidents_are_not_shown(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map("operator")
    click_cell(browser_page, 60)
    expect(browser_page.locator("#cell-panel .notice")).to_be_visible()


def test_a_cell_can_be_chosen_by_keyboard_alone(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    first = browser_page.locator(".top-cells .link").first
    first.focus()
    browser_page.keyboard.press("Enter")
    highest = f"{int(run.grid.array()[-1]):x}"  # the factory's rates rise with the cell's position
    expect(browser_page.locator("#cell-panel")).to_contain_text(highest)


def test_an_address_brings_the_same_view_back(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    cell = f"{int(run.grid.array()[10]):x}"
    slot = run.slot_starts[5].strftime("%Y-%m-%dT%H:%MZ")
    open_map(address=f"/?run={run.pk}&slot={slot}&category=theft&cell={cell}&tab=cell")
    assert browser_page.evaluate("document.documentElement.dataset.slot") == "5"
    assert browser_page.evaluate("document.documentElement.dataset.category") == "theft"
    expect(browser_page.locator("#cell-panel")).to_contain_text(cell)


# --- The watch list -------------------------------------------------------------------------------
def test_the_watch_list_and_the_map_are_linked_both_ways(
    open_map: OpenMap, browser_page: Page, run: ForecastRun, jurisdiction: Jurisdiction
) -> None:
    factories.make_cameras(jurisdiction, 20)
    plan = watch.make_plan(jurisdiction=jurisdiction, run=run, slot_start=run.slot_starts[0], operators=2, cameras_per_operator=3)
    slot = run.slot_starts[0].strftime("%Y-%m-%dT%H:%MZ")
    open_map("operator", f"/?run={run.pk}&slot={slot}&tab=watch")
    items = browser_page.locator(".watch-item")
    expect(items).to_have_count(6)
    expect(browser_page.locator(".plan-head h2")).to_contain_text("카메라 6대로 예상 사건의")
    first = plan.items.get(rank=1).camera
    browser_page.locator(f"[data-camera='{first.pk}'] button").click()
    assert f"camera={first.pk}" in browser_page.url
    browser_page.wait_for_timeout(900)  # the flight to the camera
    second = plan.items.get(rank=2).camera
    script = "([lon, lat]) => document.documentElement.haechi.riskMap.map.jumpTo({center: [lon, lat], zoom: 17})"
    browser_page.evaluate(script, [second.point.x, second.point.y])
    browser_page.wait_for_timeout(700)
    box = browser_page.locator("#map").bounding_box()
    assert box is not None
    browser_page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(browser_page.locator(f"[data-camera='{second.pk}'] button")).to_have_attribute("aria-pressed", "true")


def test_an_operator_makes_and_publishes_a_plan(
    open_map: OpenMap, browser_page: Page, run: ForecastRun, jurisdiction: Jurisdiction
) -> None:
    factories.make_cameras(jurisdiction, 20)
    open_map("operator", "/?tab=watch")
    expect(browser_page.locator("#watch-list .empty")).to_contain_text("관제 계획이 아직 없습니다")
    browser_page.get_by_label("관제요원").fill("1")
    browser_page.get_by_label("1인당 카메라").fill("4")
    browser_page.locator(".plan-form button").click()
    expect(browser_page.locator(".watch-item")).to_have_count(4)
    browser_page.get_by_role("button", name="확정").click()
    dialog = browser_page.locator("dialog")
    expect(dialog).to_contain_text("확정하시겠습니까")
    dialog.get_by_role("button", name="확정").click()
    expect(browser_page.locator(".plan-head .badge-good")).to_have_text("시행 중")
    assert WatchPlan.objects.get().state == WatchPlan.State.PUBLISHED


def test_without_cameras_the_watch_list_says_what_to_do(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map("operator", "/?tab=watch")
    expect(browser_page.locator("#watch-list .empty")).to_contain_text("등록된 카메라가 없습니다")


# --- The frame ------------------------------------------------------------------------------------
def test_the_language_switch_keeps_the_view(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    browser_page.get_by_role("button", name="절도", exact=True).click()
    browser_page.wait_for_selector("html[data-category='theft']")
    browser_page.get_by_role("button", name="English").click()
    browser_page.wait_for_selector("html[lang=en][data-ready=true]")
    expect(browser_page.get_by_role("button", name="Theft", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(browser_page.locator(".bar-place")).to_have_text("Test-gu")


def test_the_theme_switch_is_remembered(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    browser_page.locator("[data-theme-switch]").click()
    browser_page.locator("[data-theme-switch]").click()
    assert browser_page.evaluate("document.documentElement.dataset.theme") == "dark"
    browser_page.reload()
    browser_page.wait_for_selector("html[data-ready=true]")
    assert browser_page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_without_a_forecast_the_page_says_what_to_do(browser_page: Page, jurisdiction: Jurisdiction) -> None:
    user = factories.make_user(jurisdiction, "administrator")
    browser_page.goto("/accounts/login/")
    browser_page.get_by_label("아이디").fill(user.username)
    browser_page.get_by_label("비밀번호").fill(factories.PASSWORD)
    browser_page.get_by_role("button", name="로그인").click()
    expect(browser_page.locator(".map-empty")).to_contain_text("아직 예측이 없습니다")
    expect(browser_page.get_by_role("link", name="예측 시작")).to_be_visible()


def test_nothing_overflows_the_window(open_map: OpenMap, browser_page: Page, run: ForecastRun) -> None:
    open_map()
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= 1280
    box = browser_page.locator("#side").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 801
    assert box["height"] > 150


def test_on_a_tablet_the_page_scrolls_and_a_chosen_cell_brings_the_map_back(
    open_map: OpenMap, browser_page: Page, run: ForecastRun
) -> None:
    browser_page.set_viewport_size({"width": 768, "height": 1024})
    open_map()
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= 768
    last = browser_page.locator("#panel-top button, #panel-top a").last
    last.scroll_into_view_if_needed()
    assert browser_page.evaluate("scrollY") > 0
    last.click()
    expect(browser_page.locator("#map canvas").first).to_be_in_viewport(ratio=0.9)


@pytest.mark.skipif(not os.environ.get("HAECHI_SCREENSHOTS"), reason="set HAECHI_SCREENSHOTS=1 to renew the pictures of the docs")
@pytest.mark.timeout(900)
def test_the_readmes_pictures(browser_page: Page, transactional_db: None) -> None:
    """The demo city with a model trained on it, as `./run demo` shows it."""
    loaded = load_demo(password=factories.PASSWORD)
    make_forecast(jurisdiction=loaded.jurisdiction)
    watch.ensure_plan(jurisdiction=loaded.jurisdiction, now=timezone.now())
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    browser_page.goto("/accounts/login/")
    browser_page.get_by_label("아이디").fill("analyst")
    browser_page.get_by_label("비밀번호").fill(factories.PASSWORD)
    browser_page.get_by_role("button", name="로그인").click()
    browser_page.wait_for_selector("html[data-ready=true]")
    browser_page.locator("#tab-watch").click()
    expect(browser_page.locator(".watch-item").first).to_be_visible()
    browser_page.wait_for_timeout(2500)
    browser_page.screenshot(path=folder / "map.png")
    browser_page.locator("#tab-top").click()
    browser_page.locator(".top-cells .link").first.click()
    expect(browser_page.locator("#cell-panel .week-chart")).to_be_visible()
    browser_page.wait_for_timeout(2500)
    browser_page.screenshot(path=folder / "cell.png")
