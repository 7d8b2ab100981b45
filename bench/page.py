"""How soon the map is there, and how fast it steps: a real Chromium on the real server, and 8 readers of the API at once.

    ./run bench page [--quick]

Starts the site by gunicorn on loopback with a database of its own that is made and dropped here (the server of
DATABASE_URL; REDIS_URL's cache is used under its own run's keys). `first_map_s`: from navigation to the first drawn
frame of hexagons, empty browser cache, median; `first_map_kb`: bytes over the wire until then; `step_ms`: from the
slider's input to the drawn frame, median. The baseline of the API is the same slot as GeoJSON built for each request.
"""

# ruff: noqa: PLC0415  (Django is set up inside, on a database that is made first)

import argparse
import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bench._browser import FLAGS, find_chromium
from bench._report import finish, print_table
from bench.ingest import ROOT, own_database

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from bench._page_city import City

READERS = 8
REQUESTS = 100  # by each reader
BASELINE_REQUESTS = 4
TURNS = 5
WORKERS = 2
# Time of the first drawn hexagons, and the bytes of everything that had come by then, headers included.
UNTIL_DRAWN = """() => {
  const [drawn] = performance.getEntriesByName("haechi:hexagons-drawn");
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const before = loaded.filter((entry) => entry.responseEnd <= drawn.startTime);
  return [drawn.startTime, before.reduce((sum, entry) => sum + entry.transferSize, 0)];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the demo city only, two visits, 20 requests a reader")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        os.environ["HAECHI_STATIC_ROOT"] = f"{folder}/static"
        with own_database():
            finish(measure(quick))


def measure(quick: bool) -> dict[str, Any]:
    """Both cities (the demo one only, if quick) on one server; returns the figures of the last line."""
    from bench._page_city import make_city

    collect_static()
    cities = {"demo": make_city(large=False)} | ({} if quick else {"large": make_city(large=True)})
    turns, requests = (2, 20) if quick else (TURNS, REQUESTS)
    figures = {}
    with running_site() as port:
        for name, city in cities.items():
            figures[name] = visits(port, city, turns) | api_figures(port, city, requests)
    print_figures(cities, figures)
    return (
        figures["demo"]
        | {"cells": cities["demo"].cells, "quick": quick}
        | ({} if quick else {"large": figures["large"] | {"cells": cities["large"].cells}})
    )


# --- the site -------------------------------------------------------------------------------------
def collect_static() -> None:
    from django.core.management import call_command

    if not (ROOT / "static" / "dist" / "map.js").exists():
        sys.exit("The front-end bundle is missing. Build it first: cd frontend && npm ci && npm run build")
    call_command("collectstatic", interactive=False, verbosity=0)


@contextlib.contextmanager
def running_site() -> Iterator[int]:
    """The site on a free port of loopback, as the launcher starts it; yields the port."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    login = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    host = str(database["HOST"] or "localhost").replace("/", "%2F")
    url = f"postgis://{login}@{host}:{database['PORT'] or 5432}/{database['NAME']}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "bench._page_site:application", "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [*command, "--workers", str(WORKERS), "--threads", "4", "--log-level", "warning"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "HAECHI_DEBUG": "0"},
    )
    try:
        await_answer(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def await_answer(port: int, server: "subprocess.Popen[bytes]") -> None:
    for _attempt in range(300):
        with contextlib.suppress(OSError):
            if get(port, "/health/", "")[0] == 200:
                return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("The site did not start.")


# --- the browser ----------------------------------------------------------------------------------
def visits(port: int, city: "City", turns: int) -> dict[str, float]:
    """Medians over visits with an empty cache; one visit before them warms the server as any first visitor does."""
    from playwright.sync_api import sync_playwright

    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        coldest = visit(browser, port, city)
        seen = [visit(browser, port, city) for _turn in range(turns)]
        browser.close()
    return {
        "first_map_s": statistics.median(one["first_map_s"] for one in seen),
        "first_map_kb": statistics.median(one["first_map_kb"] for one in seen),
        "step_ms": statistics.median(step for one in seen for step in one["steps"]),
        "step_p95_ms": percentile([step for one in seen for step in one["steps"]], 0.95),
        "first_map_cold_server_s": coldest["first_map_s"],
    }


def visit(browser: "Browser", port: int, city: "City") -> dict[str, Any]:
    """One visit with an empty cache: until the hexagons are drawn, then a step through the week."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": "sessionid", "value": city.session, "url": f"http://127.0.0.1:{port}"}])
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.wait_for_selector("html[data-ready=true]")
    first_ms, first_bytes = page.evaluate(UNTIL_DRAWN)
    page.wait_for_load_state("networkidle")
    page.evaluate("performance.clearMeasures('haechi:step')")
    for slot in range(1, 21):
        page.locator("[data-slider]").press("ArrowRight")
        page.wait_for_selector(f"html[data-slot='{slot}']")
    steps = page.evaluate("performance.getEntriesByName('haechi:step').map((entry) => entry.duration)")
    context.close()
    return {"first_map_s": first_ms / 1000, "first_map_kb": first_bytes / 1000, "steps": steps}


# --- the API --------------------------------------------------------------------------------------
def api_figures(port: int, city: "City", requests: int) -> dict[str, float]:
    """Milliseconds under 8 readers at once: values, cell detail, and the same slot as GeoJSON."""
    values = readers(port, city, requests, lambda n: f"/api/v1/runs/{city.run_id}/values/?slot={n % 21}")
    cell = readers(port, city, requests, lambda n: f"/api/v1/runs/{city.run_id}/cells/{city.hottest}/?slot={n % 21}")
    geojson = readers(port, city, BASELINE_REQUESTS, lambda n: f"/bench/geojson/{city.run_id}/{n % 21}/")
    return {
        "api_p50_ms": percentile(values[0], 0.5),
        "api_p95_ms": percentile(values[0], 0.95),
        "api_kb": values[1],
        "cell_p50_ms": percentile(cell[0], 0.5),
        "cell_p95_ms": percentile(cell[0], 0.95),
        "geojson_p50_ms": percentile(geojson[0], 0.5),
        "geojson_p95_ms": percentile(geojson[0], 0.95),
        "geojson_kb": geojson[1],
    }


def readers(port: int, city: "City", requests: int, address: Callable[[int], str]) -> tuple[list[float], float]:
    """Times of all requests in ms, and the mean size of an answer in kB."""

    def read(reader: int) -> list[tuple[float, int]]:
        measured = []
        for number in range(requests):
            begun = time.perf_counter()
            status, size = get(port, address(reader * 3 + number), city.session)
            if status != 200:
                raise RuntimeError(f"{address(number)} answered {status}")
            measured.append(((time.perf_counter() - begun) * 1000, size))
        return measured

    with ThreadPoolExecutor(READERS) as pool:
        all_measured = [one for some in pool.map(read, range(READERS)) for one in some]
    return [taken for taken, _size in all_measured], statistics.mean(size for _taken, size in all_measured) / 1000


def get(port: int, address: str, session: str) -> tuple[int, int]:
    """Status and size of one answer, each over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", address, headers={"Cookie": f"sessionid={session}", "Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, len(body)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def print_figures(cities: "dict[str, City]", figures: dict[str, dict[str, float]]) -> None:
    for name, found in figures.items():
        print_table(
            f"Map of {cities[name].cells:,} cells ({name}), headless Chromium, software WebGL",
            ["", "ours", "target"],
            [
                ["navigation to drawn hexagons, empty browser cache, s", found["first_map_s"], 2.0],
                ["the same, first visit to a server just started, s", found["first_map_cold_server_s"], None],
                ["over the wire until then, kB", found["first_map_kb"], 900],
                ["step of the slider to the drawn frame, median, ms", found["step_ms"], None],
                ["the same, 95th percentile, ms", found["step_p95_ms"], None],
            ],
        )
        print_table(
            f"API under {READERS} concurrent readers, {WORKERS} server processes",
            ["", "p50 ms", "p95 ms", "kB"],
            [
                ["values of a slot, one byte a cell", found["api_p50_ms"], found["api_p95_ms"], found["api_kb"]],
                [
                    "the same slot as GeoJSON, built per request",
                    found["geojson_p50_ms"],
                    found["geojson_p95_ms"],
                    found["geojson_kb"],
                ],
                ["one cell in detail", found["cell_p50_ms"], found["cell_p95_ms"], None],
            ],
        )


if __name__ == "__main__":
    main()
