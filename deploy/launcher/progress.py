"""Progress of the long steps: a bar with an estimate on a terminal, plain lines elsewhere.

The estimate is the time the same step took last time on this machine (kept in `.local/durations.json`), or a default.
"""

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.launcher.layout import read_json, write_atomically
from deploy.launcher.messages import say

REDRAW_EVERY_S = 0.2
BAR_WIDTH = 24


def duration_text(seconds: float) -> str:
    """'a moment', '8 s', '2 min' or '1 min 30 s'."""
    if seconds < 1:
        return "a moment"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"


def bar_text(text: str, *, elapsed_s: float, expected_s: float, width: int) -> str:
    """One line for a terminal. Beyond the expected time the bar stays just short of its end and says so."""
    fraction = min(elapsed_s / expected_s, 0.99) if expected_s > 0 else 0.0
    filled = int(fraction * BAR_WIDTH)
    left = expected_s - elapsed_s
    if left > 1:
        estimate = f"(about {duration_text(left)} left)"
    elif left > -1:
        estimate = "(almost done)"
    else:
        estimate = f"({duration_text(elapsed_s)}, longer than expected)"
    start = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {fraction:4.0%}  "
    room = max(width - 1 - len(start) - len(estimate) - 1, 0)  # the text gives way, not the estimate
    return f"{start}{text[:room]} {estimate}"[: max(width - 1, 20)]


class Progress:
    """Shows one step after another and remembers how long each took."""

    def __init__(self, remembered: Path, *, terminal: bool | None = None) -> None:
        self._path = remembered
        self._durations = read_json(remembered)
        self._terminal = sys.stdout.isatty() if terminal is None else terminal

    def expected_s(self, key: str, default_s: float) -> float:
        found = self._durations.get(key)
        return float(found) if isinstance(found, int | float) and found > 0 else default_s

    @contextmanager
    def step(self, text: str, *, key: str, default_s: float) -> Iterator[None]:
        """Show `text` while the block runs; its duration is remembered only where it succeeds."""
        expected_s = self.expected_s(key, default_s)
        began = time.monotonic()
        if self._terminal:
            with _Bar(text, expected_s):
                yield
        else:
            say(f"- {text} (about {duration_text(expected_s)}) ...")
            yield
        took_s = time.monotonic() - began
        say(f"  {text}: done in {took_s:.1f} s" if not self._terminal else f"[{'#' * BAR_WIDTH}] 100%  {text} ({took_s:.1f} s)")
        self._durations[key] = round(took_s, 2)
        self._remember()

    def _remember(self) -> None:
        write_atomically(self._path, json.dumps(self._durations, indent=1, sort_keys=True))


class _Bar:
    """Redraws the bar in a thread until the block ends, then clears the line."""

    def __init__(self, text: str, expected_s: float) -> None:
        self._text, self._expected_s = text, expected_s
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        sys.stdout.write("\r\x1b[K")
        sys.stdout.flush()

    def _draw(self) -> None:
        while not self._stop.is_set():
            width = shutil.get_terminal_size().columns
            elapsed_s = time.monotonic() - self._began
            sys.stdout.write(
                "\r" + bar_text(self._text, elapsed_s=elapsed_s, expected_s=self._expected_s, width=width) + "\x1b[K"
            )
            sys.stdout.flush()
            self._stop.wait(REDRAW_EVERY_S)
