"""How every benchmark speaks: a table for people, then one JSON object as the last line for programs."""

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print one aligned table. Numbers stand to the right, with thousands separated; `None` shows as a dash."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    right = [all(isinstance(row[i], int | float | None) for row in rows) for i in range(len(columns))]
    print(f"\n{title}")
    print("  " + "  ".join(_pad(name, width, r) for name, width, r in zip(columns, widths, right, strict=True)))
    print("  " + "  ".join("-" * width for width in widths))
    for row in cells:
        print("  " + "  ".join(_pad(text, width, r) for text, width, r in zip(row, widths, right, strict=True)))


def finish(result: Mapping[str, Any]) -> None:
    """Print the result as the last line: one JSON object. Call it once, at the very end."""
    print()
    print(json.dumps(dict(result), ensure_ascii=False, default=float), flush=True)


def peak_rss_mb() -> float:
    """Most memory this process has held so far, in MB (10⁶ bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def cpu_s() -> float:
    """CPU seconds of this process and of its ended children so far, user and system together."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def _pad(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
