"""How soon an event is on an open page, and whether any is lost: 4,000 cameras at one event a second, with a burst and kills.

    ./run bench live [--quick]

A database and a Redis of its own; the writer, the fusion and the live channel as the processes that `./run` starts; one page that
listens to the channel over HTTP with a session. `p50_s`, `p99_s`: from just before an event is published until the page has the
message in which the event's cell has risen. `lost`: accepted events that are not in the table, or that the fusion did not count,
over all phases. `doubled`: those there twice. `peak_rss_mb`: most memory that the fusion held.
"""

# ruff: noqa: PLC0415  (Django is set up inside, on a database that is made first)

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench._live_page import OpenPage
from bench._live_site import Programs, await_key, own_redis, running_programs
from bench._report import finish, print_table
from bench.ingest import ROOT, own_database

if TYPE_CHECKING:
    from bench._live_city import LiveCity

STEADY_S, SCREEN_S, BURST_S, KILL_S = 300.0, 40.0, 10.0, 20.0
QUICK_STEADY_S, QUICK_SCREEN_S, QUICK_BURST_S, QUICK_KILL_S = 30.0, 15.0, 3.0, 8.0
SCREEN_PROBES = 60
BURST = 10.0
BURST_PARTS = 2
DRAIN_S = 180.0
SETTLE_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 s instead of 5 minutes, shorter burst and kill")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="haechi-bench-live-") as folder:
        os.environ["HAECHI_STATIC_ROOT"] = f"{folder}/static"
        with own_redis(), own_database():
            finish(measure(Path(folder), quick))


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """All phases in turn on one city; returns the figures of the last line."""
    from bench._live_city import make_city
    from webapp.live import keys

    whole, short = (STEADY_S, SCREEN_S, BURST_S, KILL_S), (QUICK_STEADY_S, QUICK_SCREEN_S, QUICK_BURST_S, QUICK_KILL_S)
    steady_s, screen_s, burst_s, kill_s = short if quick else whole
    city = make_city()
    probes = {"screen": city.probes[:SCREEN_PROBES], "steady": city.probes[SCREEN_PROBES:]}
    plan = {"jurisdiction_id": city.jurisdiction_id, "source_ids": city.source_ids, "probes": probes}
    (folder / "plan.json").write_text(json.dumps(plan))
    with running_programs() as programs:
        await_key(keys.levels(city.jurisdiction_id))
        page = OpenPage(programs.port, city.session, city.plain.astype(np.int16))
        page.open()
        time.sleep(SETTLE_S)
        steady, memory = steady_phase(folder, programs, steady_s)
        await_counted(city)
        cpu = programs.cpu_s()  # later phases start two of them anew
        waits = waits_of(page, steady[0], city.cells[SCREEN_PROBES:])
        screen, drawn = screen_phase(folder, programs, screen_s, city, page)
        burst = phase(folder, "burst", burst_s, rate=BURST, parts=BURST_PARTS)
        drained_s = await_counted(city)
        killed = kill_phase(folder, programs, kill_s)
        await_counted(city)
        peak = programs.peak_mb()
        begun = steady[0]["begun"]
        any_waits = page.any_waits(0.01, begun + 1, begun + steady_s - 2)
    told = [*steady, *screen, *burst, *killed]
    kept = what_is_kept(city)
    accepted = sum(part["accepted"] for part in told)
    found = [wait for wait in waits if wait is not None]
    figures = {
        "events_per_s": steady[0]["accepted"] / steady[0]["seconds"],
        "p50_s": percentile(found, 0.5),
        "p99_s": percentile(found, 0.99),
        "lost": max(accepted - kept["rows"], 0) + max(accepted - sum(part["late"] for part in told) - kept["fused"], 0),
        "doubled": kept["rows"] - kept["keys"] + max(kept["fused"] - accepted, 0),
        "peak_rss_mb": max(peak.get("fuse_events", 0.0), *(row.get("fuse_events", 0.0) for row in memory)),
        "probes": len(waits),
        "probes_missed": len(waits) - len(found),
        "any_p50_s": percentile(any_waits, 0.5),
        "any_p99_s": percentile(any_waits, 0.99),
        "screen_p50_s": percentile(drawn, 0.5),
        "screen_p99_s": percentile(drawn, 0.99),
        "rss_growth_mb": growth(memory, "fuse_events"),
        "page_kb_per_s": page.size / 1000 / (time.time() - begun),
        "accepted": accepted,
        "rows": kept["rows"],
        "fused": kept["fused"],
        "weight_error": weight_error(steady, kept),
        "burst": {**summed(burst), "drained_s": drained_s},
        "killed": summed(killed),
        "cpu_s": cpu,
        "quick": quick,
    }
    print_figures(figures, memory, steady_s)
    return figures


# --- phases ---------------------------------------------------------------------------------------
def feeders(folder: Path, label: str, seconds: float, *, rate: float, parts: int, probe: bool = False) -> list[Any]:
    """Start the publishing processes of one phase; each gives its process and the file of what it will tell."""
    started = []
    for part in range(parts):
        out = folder / f"{label}-{part}.json"
        command = [sys.executable, "-m", "bench._live_feed", str(folder / "plan.json"), str(out), "--label", label]
        options = ["--seconds", str(seconds), "--rate", str(rate), "--part", str(part), "--parts", str(parts)]
        process = subprocess.Popen([*command, *options, *(["--probe"] if probe else [])], cwd=ROOT, env=environment())
        started.append((process, out))
    return started


def environment() -> dict[str, str]:
    from django.conf import settings

    database = settings.DATABASES["default"]
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    host = str(database["HOST"] or "localhost").replace("/", "%2F")
    return os.environ | {"DATABASE_URL": f"postgis://{login}@{host}:{database['PORT'] or 5432}/{database['NAME']}"}


def ended(started: list[Any]) -> list[dict[str, Any]]:
    """What each told, once all have ended."""
    for process, _out in started:
        if process.wait() != 0:
            sys.exit("A publishing process failed.")
    return [json.loads(out.read_text()) for _process, out in started]


def phase(folder: Path, label: str, seconds: float, *, rate: float, parts: int) -> list[dict[str, Any]]:
    return ended(feeders(folder, label, seconds, rate=rate, parts=parts))


def steady_phase(folder: Path, programs: Programs, seconds: float) -> tuple[list[dict[str, Any]], list[dict[str, float]]]:
    """One event a second of each camera, with the memory of each program every two seconds."""
    begun = time.time()
    started = feeders(folder, "steady", seconds, rate=1.0, parts=1, probe=True)
    memory = []
    while any(process.poll() is None for process, _out in started):
        memory.append(programs.rss_mb())
        time.sleep(2.0)
    return [told | {"begun": begun} for told in ended(started)], memory


def screen_phase(
    folder: Path, programs: Programs, seconds: float, city: "LiveCity", page: OpenPage
) -> tuple[list[dict[str, Any]], list[float]]:
    """The same load with the live map open in a real browser: seconds from publishing to the screen. Without a browser: none.

    A map drawn in software takes a core of its own, hence a phase apart.
    """
    from bench._live_browser import drawn_at, has_browser, open_map, running_pages
    from bench.page import collect_static

    if not has_browser():
        print("No Chromium: the way to the screen is not measured.", flush=True)
        return [], []
    collect_static()
    with running_pages(programs.environment, programs.pages_port), open_map(programs.pages_port, city.session) as shown:
        told = ended(feeders(folder, "screen", seconds, rate=1.0, parts=1, probe=True))
        shown.wait_for_timeout(2000)
        moments = np.array(drawn_at(shown))
    found = []
    probes = [tuple(probe) for probe in told[0]["probes"]]
    for (_number, before, _after), risen in zip(probes, page.risen_at(probes, city.cells[:SCREEN_PROBES]), strict=True):
        # The page and the timed client hear the same message; the first frame after it shows it.
        later = moments[moments >= risen] if risen is not None else moments[:0]
        if len(later):
            found.append(float(later[0]) - before)
    return told, found


def waits_of(page: OpenPage, told: dict[str, Any], cells: tuple[int, ...]) -> list[float | None]:
    """Seconds from just before each probe was published to the message in which its cell rose; None where it never did."""
    probes = [tuple(probe) for probe in told["probes"]]
    risen = page.risen_at(probes, cells)
    return [None if at is None else at - before for at, (_number, before, _after) in zip(risen, probes, strict=True)]


def kill_phase(folder: Path, programs: Programs, seconds: float) -> list[dict[str, Any]]:
    """The same load while the fusion and the writer are killed and started again, each once."""
    started = feeders(folder, "killed", seconds, rate=1.0, parts=1)
    for name in ("fuse_events", "write_events"):
        time.sleep(seconds / 4)
        programs.kill(name)
        programs.start(name)
    return ended(started)


def await_counted(city: "LiveCity") -> float:
    """Wait until both readers have taken and acknowledged everything; how long that took."""
    from webapp.cameras.stream import stream_state

    begun = time.monotonic()
    while time.monotonic() - begun < DRAIN_S:
        groups = stream_state(city.jurisdiction_id).groups.values()
        if groups and all(group.lag == 0 and group.pending == 0 for group in groups):
            return time.monotonic() - begun
        time.sleep(0.2)
    sys.exit(f"Events still wait after {DRAIN_S:.0f} s: {stream_state(city.jurisdiction_id)}")


# --- what is kept ---------------------------------------------------------------------------------
def what_is_kept(city: "LiveCity") -> dict[str, Any]:
    """Rows and keys in the table, events that the fusion counted, and their weight in its state."""
    from django.db import connection
    from django.utils import timezone

    from webapp.accounts.models import Jurisdiction
    from webapp.live.services import checkpoint
    from webapp.live.services.material import read_material, read_signature

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT key) FROM cameras_cameraevent")
        rows, names = cursor.fetchone()
    jurisdiction = Jurisdiction.objects.get(pk=city.jurisdiction_id)
    material = read_material(jurisdiction, now=timezone.now(), signature=read_signature(jurisdiction))
    assert material is not None
    kept = checkpoint.read(material)
    assert kept.excess is not None
    weight = float(kept.excess._hour_counts.sum() + kept.excess.usual.own.sum())
    return {"rows": rows, "keys": names, "fused": kept.counts["events"], "weight": weight}


def weight_error(told: list[dict[str, Any]], kept: dict[str, Any]) -> float:
    """Confidence of the steady phase's risk events that is missing in the fusion's state, as a share; below 0: counted twice.

    Later phases add to the state, so that only a loss would show here; the exact count is `fused`.
    """
    offered = sum(part["risk_confidence"] for part in told)
    return max(0.0, 1 - kept["weight"] / offered) if offered else 0.0


def summed(told: list[dict[str, Any]]) -> dict[str, Any]:
    names = ("offered", "accepted", "shed", "duplicates", "refused", "late")
    return {name: sum(part[name] for part in told) for name in names} | {"seconds": max(part["seconds"] for part in told)}


def growth(memory: list[dict[str, float]], name: str) -> float:
    """Memory at the end less that after a fifth of the time, medians of a tenth each, in MB."""
    held = [row[name] for row in memory if name in row]
    tenth = max(1, len(held) // 10)
    return float(np.median(held[-tenth:]) - np.median(held[2 * tenth : 3 * tenth] or held[:1]))


def percentile(values: list[float], share: float) -> float | None:
    return float(np.quantile(values, share)) if values else None


def print_figures(figures: dict[str, Any], memory: list[dict[str, float]], steady_s: float) -> None:
    print_table(
        f"4,000 cameras, one event a second each, {steady_s:.0f} s; one open page",
        ["", "ours", "target"],
        [
            ["events a second taken in", figures["events_per_s"], 4000],
            ["event to risen cell on the page, median, s", figures["p50_s"], 0.3],
            ["the same, 99th percentile, s", figures["p99_s"], 1.0],
            ["the same to the screen of a Chromium with the live map, median, s", figures["screen_p50_s"], None],
            ["its 99th percentile, s", figures["screen_p99_s"], None],
            ["timed events, of them never seen", f"{figures['probes']}, {figures['probes_missed']}", None],
            ["any event to the first message with it, median, s", figures["any_p50_s"], None],
            ["the same, 99th percentile, s", figures["any_p99_s"], None],
            ["accepted in all phases", figures["accepted"], None],
            ["lost (table and fusion)", figures["lost"], 0],
            ["doubled", figures["doubled"], 0],
            ["most memory of the fusion, MB", figures["peak_rss_mb"], None],
            ["its growth over the last four fifths, MB", figures["rss_growth_mb"], 0],
            ["to the page, kB/s", figures["page_kb_per_s"], None],
        ],
    )
    names = list(memory[-1]) if memory else []
    print_table(
        "Programs", ["", "CPU s", "MB at the end"], [[name, figures["cpu_s"].get(name), memory[-1].get(name)] for name in names]
    )
    columns = ["offered", "accepted", "shed", "duplicates", "refused", "late", "seconds"]
    rows = [[name, *(figures[name][column] for column in columns)] for name in ("burst", "killed")]
    print_table("Burst of ten times the load; fusion and writer killed under load", ["", *columns], rows)
    print(f"\n  Drained {figures['burst']['drained_s']:.1f} s after the burst.")


if __name__ == "__main__":
    main()
