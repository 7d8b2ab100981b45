"""The live pages in a real browser, with a real live channel and a real Redis behind them."""

import json
import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from cctv.events import CameraEvent
from cctv.vision.masking import masked_thumbnail
from tests import factories
from tests.live_channel import running_channel, wait_for
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Camera, Stream
from webapp.cameras.services.event_writing import store
from webapp.cameras.stream_selectors import still_key
from webapp.common.channel import channel_name, redis_client
from webapp.forecasts.models import ForecastRun
from webapp.live import keys
from webapp.watch.models import Alert
from webapp.watch.selectors import alert_message
from webapp.watch.services import SceneAlert, raise_alerts

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
expect.set_options(timeout=20_000)  # the machine may be busy; nothing here waits without reason
OpenMap = Callable[..., Page]
VALUES = "() => { const h = document.documentElement.haechi.riskMap.hexagons; return [...h.values.slice(0, h.cells.count)]; }"


@pytest.fixture
def run(jurisdiction: Jurisdiction) -> ForecastRun:
    """A published forecast whose second slot is on."""
    first = factories.next_slot_start(jurisdiction, timezone.now()) - timedelta(hours=16)
    return factories.make_published_run(jurisdiction, first_slot=first)


@pytest.fixture
def camera(jurisdiction: Jurisdiction) -> Camera:
    return factories.make_cameras(jurisdiction, 12)[5]


@pytest.fixture
def picture(run: ForecastRun) -> np.ndarray:
    """A live picture as the fusion leaves it in Redis: all cells at a low byte."""
    values = np.full(run.grid.cell_count, 40, np.uint8)
    state = {
        "at": timezone.now().isoformat(),
        "run": run.pk,
        "slot": 1,
        "is_past": False,
        "is_on": True,
        "moves": True,
        "counts": {},
    }
    number = run.jurisdiction_id
    redis_client().set(keys.state(number), json.dumps(state))
    for code in ("", *run.category_codes):
        redis_client().set(keys.values(number, code), values.tobytes())
    redis_client().delete(keys.events(number))
    return values


@pytest.fixture
def channel(live_site: str, settings: Any, tmp_path: Path) -> Iterator[str]:
    """The live channel beside the site; pages are told where it is."""
    with running_channel(redis_url=settings.REDIS_URL, origins=live_site, log=tmp_path / "channel.log") as address:
        settings.LIVE_URL = ":" + address.rsplit(":", 1)[1]
        yield address


@pytest.fixture
def open_live(channel: str, browser_page: Page, jurisdiction: Jurisdiction) -> OpenMap:
    """Sign in with this role and open the page."""

    def open_as(role: str = "operator", address: str = "/", page: Page = browser_page) -> Page:
        sign_in(page, factories.make_user(jurisdiction, role), address)
        if address == "/":
            page.wait_for_selector("html[data-ready=true]")
        return page

    return open_as


def sign_in(page: Page, user: Any, address: str) -> None:
    page.goto(f"/accounts/login/?next={address}")
    page.get_by_label("아이디").fill(user.username)
    page.get_by_label("비밀번호").fill(factories.PASSWORD)
    page.get_by_role("button", name="로그인").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def tell(jurisdiction: Jurisdiction, **message: object) -> None:
    """Publish as the fusion does, once a page listens."""
    text = json.dumps({"at": timezone.now().isoformat(), **message})
    wait_for(lambda: int(str(redis_client().publish(channel_name(jurisdiction.pk), text))) > 0)


def tell_health(jurisdiction: Jurisdiction) -> None:
    counts = {"ok": 9, "stale": 2, "blind": 1, "silent": 0}
    tell(jurisdiction, type="health", cameras=counts, lag_s=0.2, shed=0, events_per_s=11.5)


def shown_bytes(page: Page) -> list[int]:
    return [int(value) for value in page.evaluate(VALUES)]


def street_picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    picture = cv2.resize(rng.integers(60, 160, (12, 16, 3), dtype=np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
    cv2.rectangle(picture, (300, 180), (350, 330), (40, 60, 200), -1)
    return np.asarray(picture, np.uint8)


# --- The map ----------------------------------------------------------------------------------------
def test_the_map_opens_on_the_present_and_a_message_moves_its_cells(
    open_live: OpenMap, run: ForecastRun, picture: np.ndarray, jurisdiction: Jurisdiction
) -> None:
    page = open_live()
    page.wait_for_function("() => document.documentElement.haechi.riskMap.hexagons.values[0] === 40")
    tell_health(jurisdiction)
    page.wait_for_selector("html[data-live=on][data-slot='1']")
    tell(jurisdiction, type="cells", run=run.pk, slot=1, cells=[3, 7], values={"": [200, 120], "theft": [90, 91]})
    page.wait_for_function("() => document.documentElement.haechi.riskMap.hexagons.values[3] === 200")
    bytes_now = shown_bytes(page)
    assert (bytes_now[7], bytes_now[4]) == (120, 40)
    expect(page.locator("#live-age")).to_have_attribute("data-state", "on")
    expect(page.locator("#live-health .is-stale")).to_contain_text("2")
    assert "live=1" in page.url


def test_another_slot_shows_the_forecast_and_the_switch_brings_the_present_back(
    open_live: OpenMap, run: ForecastRun, picture: np.ndarray
) -> None:
    page = open_live()
    page.wait_for_function("() => document.documentElement.haechi.riskMap.hexagons.values[0] === 40")
    page.locator("[data-next]").click()
    page.wait_for_selector("html[data-slot='2'][data-live=off]")
    assert len(set(shown_bytes(page))) > 10  # the forecast's own values
    expect(page.locator("[data-mode=forecast]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-mode=live]").click()
    page.wait_for_function("() => document.documentElement.haechi.riskMap.hexagons.values[0] === 40")
    page.wait_for_selector("html[data-slot='1']")  # said with the frame that is drawn next


def test_cells_do_not_glow_for_whoever_asked_for_less_motion(
    *, channel: str, browser: Browser, live_site: str, run: ForecastRun, picture: np.ndarray, jurisdiction: Jurisdiction
) -> None:
    user = factories.make_user(jurisdiction, "operator")
    asked: tuple[tuple[Literal["reduce", "no-preference"], int], ...] = (("reduce", 0), ("no-preference", 1))
    for motion, glows in asked:
        context = browser.new_context(base_url=live_site, reduced_motion=motion, locale="ko-KR")
        page = context.new_page()
        sign_in(page, user, "/")
        page.wait_for_function("() => document.documentElement.haechi?.riskMap.hexagons?.values[0] === 40")
        page.evaluate("document.documentElement.haechi.riskMap.hexagons.glow([1])")
        assert page.evaluate("document.documentElement.haechi.riskMap.hexagons.glowing.size") == glows
        context.close()


def test_a_lost_channel_is_said_the_picture_fades_and_comes_back_by_itself(
    *,
    browser: Browser,
    live_site: str,
    settings: Any,
    run: ForecastRun,
    picture: np.ndarray,
    jurisdiction: Jurisdiction,
    tmp_path: Path,
) -> None:
    context = browser.new_context(base_url=live_site, locale="ko-KR")
    page = context.new_page()
    log = tmp_path / "channel.log"
    with running_channel(redis_url=settings.REDIS_URL, origins=live_site, log=log) as address:
        port = int(address.rsplit(":", 1)[1])
        settings.LIVE_URL = f":{port}"
        sign_in(page, factories.make_user(jurisdiction, "operator"), "/")
        page.wait_for_selector("html[data-ready=true]")
        tell_health(jurisdiction)
        page.wait_for_selector("html[data-live=on]")
    page.wait_for_selector("html[data-live=lost]")
    expect(page.locator("[data-live=lost].live-notice")).to_be_visible()
    assert page.evaluate("document.documentElement.haechi.riskMap.hexagons.opacity") < 0.5
    redis_client().set(keys.values(run.jurisdiction_id, ""), (picture + 7).tobytes())  # it goes on while nobody listens
    with running_channel(redis_url=settings.REDIS_URL, origins=live_site, log=log, port=port):
        page.wait_for_function("() => document.documentElement.haechi.riskMap.hexagons.values[0] === 47")
        tell_health(jurisdiction)
        page.wait_for_selector("html[data-live=on]")
        expect(page.locator(".live-notice")).to_have_count(0)
        context.close()


# --- Events and alerts ------------------------------------------------------------------------------
def test_an_event_comes_into_the_feed_as_text(
    open_live: OpenMap, run: ForecastRun, picture: np.ndarray, camera: Camera, jurisdiction: Jurisdiction
) -> None:
    page = open_live()
    event = {
        "id": "e1",
        "camera_id": camera.pk,
        "camera_name": "<b>교차로</b>",
        "at": timezone.now().isoformat(),
        "factor": "fight",
    }
    tell(jurisdiction, type="event", event=event | {"confidence": 0.9, "value": 3.0, "has_thumbnail": False})
    row = page.locator("[data-event=e1]")
    expect(row).to_contain_text("<b>교차로</b>")
    expect(row.locator("a")).to_have_attribute("href", f"/cameras/{camera.pk}/")


def keep(jurisdiction: Jurisdiction, *events: CameraEvent) -> None:
    """Store these events as the writer does."""
    entry = f"{int(timezone.now().timestamp() * 1000)}-0".encode()
    store([(jurisdiction.pk, entry, event) for event in events])


def scene_with_picture(jurisdiction: Jurisdiction, camera: Camera, key: str, score: float) -> SceneAlert:
    """A stored event with a masked picture, and its scene."""
    jpeg = masked_thumbnail(street_picture(), [(300, 180, 350, 330)])
    now = timezone.now()
    event = CameraEvent(key=key, camera=camera.source_id, at=now, factor="loitering", confidence=0.8, value=95.0, thumbnail=jpeg)
    keep(jurisdiction, event)
    return SceneAlert(
        scene=key, opened_at=now, last_at=now, camera_id=camera.pk, place=(camera.point.x, camera.point.y),
        cell=0x8A30E1D8D2AFFFF, factor="loitering", category="theft", score=score, confidence=0.8, event_count=3,
        event_key=key, has_thumbnail=True, reason={"seen": 4.0, "usual": 0.5, "place": 5.25, "beyond": 0.875},
    )  # fmt: skip


def test_alerts_come_ranked_with_their_masked_picture_and_are_closed_on_the_page(
    open_live: OpenMap, run: ForecastRun, picture: np.ndarray, camera: Camera, jurisdiction: Jurisdiction
) -> None:
    page = open_live()
    tell_health(jurisdiction)
    page.wait_for_selector("html[data-live=on]")
    scenes = [scene_with_picture(jurisdiction, camera, f"scene-{n}", score) for n, score in enumerate((1.0, 5.0))]
    for alert in raise_alerts(jurisdiction_id=jurisdiction.pk, scenes=scenes):
        tell(jurisdiction, type="alert", alert=alert_message(alert))
    items = page.locator(".alert")
    expect(items).to_have_count(2)
    highest = Alert.objects.get(scene="scene-1")
    expect(items.first).to_have_attribute("data-alert", str(highest.pk))
    still = items.first.locator("img")
    expect(still).to_be_visible()
    page.wait_for_function("() => document.querySelector('.alert img').naturalWidth > 100")
    assert AuditEntry.objects.filter(action=AuditEntry.Action.READ_THUMBNAIL).exists()
    expect(page.locator("#alert-count")).to_have_text("2")
    items.first.locator(".alert-acts .button").last.click()  # a false alarm
    expect(items).to_have_count(1)
    highest.refresh_from_db()
    assert (highest.state, highest.is_false) == ("closed", True)


# --- One camera -------------------------------------------------------------------------------------
def test_the_cameras_page_draws_its_last_hour_and_shows_the_masked_still(
    open_live: OpenMap, camera: Camera, jurisdiction: Jurisdiction
) -> None:
    now = timezone.now()
    events = [
        CameraEvent(
            key=f"k{n}", camera=camera.source_id, at=now - timedelta(minutes=n), factor="loitering", confidence=0.7, value=60.0
        )
        for n in range(5)
    ]
    keep(jurisdiction, *events)
    cache.set(still_key(camera.pk), masked_thumbnail(street_picture(), None), 60)
    page = open_live("operator", f"/cameras/{camera.pk}/")
    expect(page.locator("[data-factor=loitering] .bar")).to_have_count(5)
    expect(page.locator("#camera-events tbody tr")).to_have_count(5)
    page.locator("#camera-still button").click()
    page.wait_for_function("() => document.querySelector('#camera-still img').naturalWidth > 100")
    assert AuditEntry.objects.filter(action=AuditEntry.Action.READ_THUMBNAIL, target=f"camera:{camera.pk}").count() == 1


def test_a_camera_is_fitted_to_the_ground_by_clicks_and_a_zone_is_drawn(
    open_live: OpenMap, camera: Camera, jurisdiction: Jurisdiction
) -> None:
    cache.set(still_key(camera.pk), masked_thumbnail(street_picture(), None), 300)
    stream = Stream.objects.create(jurisdiction=jurisdiction, camera=camera, kind="rtsp", address="rtsp://10.0.0.7/live")
    page = open_live("administrator", f"/cameras/{camera.pk}/calibration/")
    page.wait_for_function("() => document.querySelector('#still img').naturalWidth > 100")
    for east_m, north_m in [(-4, 10), (4, 10), (-6, 25), (6, 25), (0, 16), (3, 20)]:  # a camera 6 m up that looks north
        click_still(page, 0.5 + 0.8 * east_m / north_m, 0.38 + 5.4 / north_m)
        click_ground(page, camera, east_m, north_m)
    error = page.locator("#fit-summary [data-error]")
    assert float(error.get_attribute("data-error") or "nan") < 0.5
    expect(page.locator("#pairs li")).to_have_count(6)
    assert page.locator("#fit-overlay polyline").count() > 10  # the ground's grid, drawn back
    page.locator("#fit-save").click()
    expect(page.locator("#fit-summary .notice-good")).to_be_visible()
    stream.refresh_from_db()
    assert len(stream.calibration["points"]) == 6
    assert stream.calibration["error_m"] < 0.5
    page.locator("[data-mode=zone]").click()
    for x, y in [(0.2, 0.6), (0.6, 0.6), (0.6, 0.9), (0.2, 0.9), (0.2, 0.6)]:
        click_still(page, x, y)
    page.locator("#draw-save").click()
    expect(page.locator("#draw-panel .notice-good")).to_be_visible()
    stream.refresh_from_db()
    assert np.allclose(stream.rules["zones"][0]["polygon"], [[0.2, 0.6], [0.6, 0.6], [0.6, 0.9], [0.2, 0.9]], atol=0.005)


def click_still(page: Page, x: float, y: float) -> None:
    box = page.locator("#still").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def click_ground(page: Page, camera: Camera, east_m: float, north_m: float) -> None:
    degree_m = math.radians(1) * 6_371_008.8
    lat = camera.point.y + north_m / degree_m
    lon = camera.point.x + east_m / (degree_m * math.cos(math.radians(camera.point.y)))
    script = """([lon, lat]) => {
      const { map } = document.documentElement.haechi;
      const point = map.project([lon, lat]);
      const box = map.getContainer().getBoundingClientRect();
      return [point.x + box.x, point.y + box.y];
    }"""
    page.mouse.click(*page.evaluate(script, [lon, lat]))


def test_all_streams_are_filtered_by_their_state(open_live: OpenMap, camera: Camera, jurisdiction: Jurisdiction) -> None:
    Stream.objects.create(
        jurisdiction=jurisdiction, camera=camera, kind="rtsp", address="rtsp://10.0.0.7/live", state="silent",
        reported_at=timezone.now(), error_code="timeout", error_fields={"host": "10.0.0.7"},
    )  # fmt: skip
    page = open_live("operator", "/cameras/streams/")
    expect(page.locator("#strip-list tbody tr")).to_have_count(12)
    page.locator("[data-state=silent]").click()
    row = page.locator("#strip-list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("10.0.0.7")
    assert "state=silent" in page.url
