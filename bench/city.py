"""`./run bench city [--quick] [--only PART …] [--jobs N]`: forecasts of Chicago and New York beside peers, floors and ceilings.

Protocol of ../shared/targets.md section 5: the last 182 days, one forecast a window from earlier incidents only, fits every 91
days, rivals tuned on the 91 days before the test. P1 and P1n: next week on squares of 250 m; P2, P2a, P7b: on 100 m; P3: 8-hour
shifts on 250 m; P4: counts of police beats and community areas; P7: lead over the rivals; P9: calibration. Finished parts are
kept under .local/bench/city, so that a run that was stopped picks up; what they were made from is part of their names.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import _city_tables as tables
from bench._cities import LEADING, SOURCES, missing
from bench._city_parts import PARTS, part_named, play_part
from bench._report import finish

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / ".local" / "bench" / "city"


def main() -> int:
    options = argparse.ArgumentParser(prog="bench city", description=__doc__)
    options.add_argument("--quick", action="store_true", help="squares of 250 m and areas only, 8 weeks, fewer learners")
    options.add_argument("--only", nargs="*", default=[], help=f"only these parts: {', '.join(part.name for part in PARTS)}")
    options.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="parts at a time")
    options.add_argument("--part", help=argparse.SUPPRESS)  # one part, in this process; its result is the last line
    options.add_argument("--store", type=Path, default=STORE, help="where finished parts are kept")
    arguments = options.parse_args()
    if missing(*(source.file for source in SOURCES.values()), *(source.region for source in SOURCES.values())):
        return 2
    if arguments.part:
        print(json.dumps(play_part(part_named(arguments.part), arguments.store, quick=arguments.quick), default=float))
        return 0
    if missing(*(file for _, file, _ in LEADING.values())):
        print("The rows “with more history” are left out.")
    chosen = [
        part for part in PARTS if (not arguments.only or part.name in arguments.only) and (part.is_quick or not arguments.quick)
    ]
    with ThreadPoolExecutor(max_workers=max(1, arguments.jobs)) as pool:
        results = list(pool.map(lambda part: _in_a_process(part.name, arguments.store, quick=arguments.quick), chosen))
    for result in results:
        tables.print_part(result)
    rows = tables.verdict_rows(results, judged=not arguments.quick)
    tables.print_verdicts(rows)
    finish({**tables.keyed(rows), "quick": arguments.quick, "parts": [tables.record(result) for result in results]})
    return 0


def _in_a_process(name: str, store: Path, *, quick: bool) -> dict[str, Any]:
    """One part in a process of its own: memory goes back, and two run side by side."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "bench.city", "--part", name, "--store", str(store), *(["--quick"] if quick else [])]
    print(f"{name} …", flush=True)
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The part {name} ended with status {done.returncode}; what it said is above.")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{name}: {result['cpu_s']:.0f} s CPU, {result['peak_rss_mb']:.0f} MB", flush=True)
    return result


if __name__ == "__main__":
    raise SystemExit(main())
