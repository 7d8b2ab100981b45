"""The map page in a real Chromium for `bench/live.py`: when it had drawn what the live channel told it."""

import contextlib
import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench._browser import FLAGS, find_chromium
from bench.ingest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORKERS = 2
# Two frames after the map was given its bytes they are on the screen. Times are epoch milliseconds.
NOTE_DRAWN = """
window.haechiDrawn = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntriesByName("haechi:live-drawn")) {
    requestAnimationFrame(() => requestAnimationFrame(() => window.haechiDrawn.push(performance.timeOrigin + performance.now())));
  }
}).observe({ entryTypes: ["mark"] });
"""


@contextlib.contextmanager
def running_pages(environment: dict[str, str], port: int) -> Iterator[None]:
    """The site by gunicorn on this port."""
    command = [sys.executable, "-m", "gunicorn", "webapp.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    options = ["--workers", str(WORKERS), "--threads", "4", "--log-level", "warning"]
    server = subprocess.Popen([*command, *options], cwd=ROOT, env=environment)
    try:
        for _attempt in range(300):
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/health/")
                if connection.getresponse().status == 200:
                    break
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(timeout=20)


@contextlib.contextmanager
def open_map(port: int, session: str) -> "Iterator[Page]":
    """The live map of a signed-in person, drawn, in headless Chromium with software WebGL."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "sessionid", "value": session, "url": f"http://127.0.0.1:{port}"}])
        page = context.new_page()
        page.add_init_script(NOTE_DRAWN)
        page.goto(f"http://127.0.0.1:{port}/?live=1")
        page.wait_for_selector("html[data-ready=true]", timeout=60_000)
        yield page
        browser.close()


def drawn_at(page: "Page") -> list[float]:
    """Epoch seconds at which each change was on the screen."""
    return [moment / 1000 for moment in page.evaluate("window.haechiDrawn")]


def has_browser() -> bool:
    return find_chromium() is not None
