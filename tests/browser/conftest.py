"""A real headless Chromium on a real server. Every test proves on leaving that no request left the site."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench._browser import FLAGS, find_chromium

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def _async_unsafe() -> None:
    """Playwright keeps an event loop running in this thread, which Django would otherwise take for asynchronous code."""
    import os

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.fail("No Chromium is installed. `./run test` installs it; or: apt-get install chromium")
    if not (ROOT / "static" / "dist" / "map.js").exists():
        pytest.fail("The front-end bundle is missing. `./run test` builds it; or: cd frontend && npm ci && npm run build")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def live_site(live_server: Any, settings: Any) -> str:
    """Address of a real server on the test database."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return str(live_server.url)


@pytest.fixture
def browser_page(browser: Browser, live_site: str) -> Iterator[Page]:
    """A fresh page at desktop width, in Korean. Fails on errors in the console and on requests that leave the machine."""
    context = browser.new_context(base_url=live_site, viewport={"width": 1280, "height": 800}, locale="ko-KR")
    page = context.new_page()
    page.set_default_timeout(30_000)
    strays: list[str] = []
    errors: list[str] = []
    host = urlsplit(live_site).hostname  # on another port the live channel may be asked, and nothing else listens
    page.on("request", lambda r: strays.append(r.url) if urlsplit(r.url).hostname not in (host, None) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert strays == [], "requests left the site"
    assert errors == [], "errors in the console"
