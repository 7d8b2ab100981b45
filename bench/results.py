"""`./run bench results [NAME …]`: run benches and keep what they print in docs/results/, with date, commit, machine and command.

Without names: every bench of the prediction engine. NAME.md holds the tables as printed, NAME.json the last line; docs/results.md
lists them. A bench that fails leaves its last results as they were.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "results"
ENGINE = ("city", "tensors", "nij", "simulated", "forecast", "speed")


def main() -> int:
    options = argparse.ArgumentParser(prog="bench results", description=__doc__)
    options.add_argument("names", nargs="*", default=[], help=f"benches to run; all of {', '.join(ENGINE)} by default")
    options.add_argument("--quick", action="store_true", help="the quick form of each, kept as such")
    arguments = options.parse_args()
    failed = []
    for name in arguments.names or ENGINE:
        command = [sys.executable, "-m", f"bench.{name}", *(["--quick"] if arguments.quick else [])]
        print(f"./run bench {name} …", flush=True)
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            failed.append(name)
            print(f"  ended with status {done.returncode}; docs/results/{name}.md stays as it was")
            continue
        keep(name, done.stdout, quick=arguments.quick)
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else 0


def keep(name: str, printed: str, *, quick: bool = False) -> None:
    """Write one bench's page and JSON. printed: all it said, the last line being its JSON object."""
    lines = printed.rstrip().splitlines()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(json.loads(lines[-1]), ensure_ascii=False, indent=1) + "\n")
    tables = "\n".join(lines[:-1]).strip()
    command = f"./run bench {name}" + (" --quick" if quick else "")
    (FOLDER / f"{name}.md").write_text(f"# {command}\n\n{circumstances()}\n\n```text\n{tables}\n```\n")


def circumstances() -> str:
    """When, on which commit and on what: one line."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "prediction", "bench"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    state = " with changes not yet committed" if changed.stdout.strip() else ""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit.stdout.strip()}{state}, {machine()}."


def machine() -> str:
    """Cores, memory, processor and Python, without any name of the machine."""
    about = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*:\s*(.+)", about)
    memory = Path("/proc/meminfo").read_text() if Path("/proc/meminfo").exists() else ""
    total = re.search(r"MemTotal:\s*(\d+)", memory)
    cores = about.count("processor\t") or 1
    size = f", {int(total.group(1)) / 1e6:.0f} GB" if total else ""
    return f"{cores} cores ({model.group(1).strip() if model else platform.machine()}){size}, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
