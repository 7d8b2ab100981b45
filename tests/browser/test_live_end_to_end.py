"""From a clip to the operator's page, every part a real program: an RTSP server plays it, the camera worker looks at it, the
writer stores and the fusion joins its events, the live channel tells the page, and Chromium shows what came of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from tests import factories
from tests.browser.test_live import VALUES, sign_in
from tests.clips import stroll, write_clip
from tests.live_channel import ROOT, running_channel, url_of_test_database
from tests.rtsp import rtsp_server
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Camera
from webapp.cameras.services.streams import register_stream, set_rules
from webapp.common.channel import redis_client
from webapp.forecasts.services.live_weights import give_live_weights
from webapp.watch.models import Alert

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(420)]
EVERYWHERE = {"zones": [{"name": "yard", "polygon": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]}]}
NETWORKS = "127.0.0.1/32"
PATIENCE_MS = 150_000


@pytest.fixture(params=["drawn", "real"])
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A figure that strolls, drawn here; and a person filmed, where the real data are."""
    if request.param == "drawn":
        return write_clip(tmp_path / "stroll.mp4", seconds=40, fps=5, size=(480, 360), draw=stroll)
    shared = request.getfixturevalue("shared_data") / "cctv-clips" / "one_person_walkthrough_768x432.mp4"
    if not shared.exists():
        pytest.skip(f"the real clip is not at {shared}")
    return Path(shared)


@contextmanager
def program(name: str, *, redis_url: str, log: Path) -> Iterator[None]:
    """A management command that runs for as long as the block lasts."""
    env = os.environ | {"DATABASE_URL": url_of_test_database(), "REDIS_URL": redis_url, "HAECHI_STREAM_NETWORKS": NETWORKS}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), name], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield
            assert process.poll() is None, f"{name} ended:\n{log.read_text(errors='replace')[-2000:]}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@pytest.fixture
def camera(jurisdiction: Jurisdiction) -> Camera:
    """A camera in the middle of the city, in a forecast whose second slot is on, with weights that let intrusion count."""
    first = factories.next_slot_start(jurisdiction, timezone.now()) - timedelta(hours=16)
    factories.make_published_run(jurisdiction, first_slot=first)
    give_live_weights(jurisdiction=jurisdiction, weights={"theft": {"intrusion": 0.6}, "violence": {"intrusion": 0.6}})
    return factories.make_cameras(jurisdiction, 12)[6]


def test_a_clip_raises_its_factor_moves_its_cell_ranks_an_alert_and_shows_its_masked_picture(
    *, browser: Browser, live_site: str, settings: Any, camera: Camera, clip: Path, tmp_path: Path
) -> None:
    for key in redis_client().scan_iter("*:owner"):
        redis_client().delete(key)
    settings.STREAM_NETWORKS = [NETWORKS]
    with ExitStack() as stack:
        server = stack.enter_context(rtsp_server({"/gate": clip}))
        stream = register_stream(jurisdiction=camera.jurisdiction, camera=camera.source_id, address=server.url("/gate"), fps=4)
        set_rules(stream=stream, rules=EVERYWHERE)
        log = tmp_path / "channel.log"
        address = stack.enter_context(running_channel(redis_url=settings.REDIS_URL, origins=live_site, log=log))
        settings.LIVE_URL = ":" + address.rsplit(":", 1)[1]
        for name in ("write_events", "fuse_events", "run_cameras"):
            stack.enter_context(program(name, redis_url=settings.REDIS_URL, log=tmp_path / f"{name}.log"))
        context = browser.new_context(base_url=live_site, viewport={"width": 1280, "height": 800}, locale="ko-KR")
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        sign_in(page, factories.make_user(camera.jurisdiction, "administrator"), "/?tab=live")
        page.wait_for_selector("html[data-ready=true]")
        plain = page.evaluate(VALUES)

        # its factor is raised, and an alert is ranked with the masked picture
        alert = page.locator(".alert").first
        expect(alert).to_be_visible(timeout=PATIENCE_MS)
        page.wait_for_function("() => document.querySelector('.alert img')?.naturalWidth === 320")
        expect(alert.locator("a").first).to_have_attribute("href", f"/cameras/{camera.pk}/")
        found = Alert.objects.get(pk=int(alert.get_attribute("data-alert") or 0))
        assert (found.camera_id, found.factor) == (camera.pk, "intrusion")
        assert AuditEntry.objects.filter(action=AuditEntry.Action.READ_THUMBNAIL, target=f"alert:{found.pk}").exists()

        # its cell moves on the map that is open
        cell = f"{found.cell:x}"
        position = page.evaluate("(cell) => document.documentElement.haechi.riskMap.cells.indexOf(cell)", cell)
        script = "([at, was]) => document.documentElement.haechi.riskMap.hexagons.values[at] > was"
        page.wait_for_function(script, arg=[position, plain[position]])
        assert page.evaluate("document.documentElement.dataset.live") == "on"
        expect(page.locator(f".feed-row a[href='/cameras/{camera.pk}/']").first).to_be_visible()

        # the cell's panel says which factor did it
        page.evaluate("(cell) => document.documentElement.haechi.view.set({ cell, tab: 'cell' })", cell)
        factor = page.locator(".factor-row[data-factor=intrusion]")
        expect(factor).to_be_visible()
        expect(factor.locator(".is-up").first).to_be_visible()

        # and the camera's own page shows its hour, its stream and its still
        page.goto(f"/cameras/{camera.pk}/")
        expect(page.locator("[data-factor=intrusion] .bar").first).to_be_visible()
        expect(page.locator(".stream-list .dot.is-ok")).to_be_visible()
        page.locator("#camera-still button").click()
        page.wait_for_function("() => document.querySelector('#camera-still img').naturalWidth >= 320")
        if shots := os.environ.get("HAECHI_SCREENSHOTS_TO"):
            page.screenshot(path=f"{shots}/{clip.stem}_camera.png", full_page=True)
            page.goto("/")
            page.wait_for_selector("html[data-live=on]")
            page.wait_for_timeout(1500)
            page.screenshot(path=f"{shots}/{clip.stem}_map.png")
