"""What the two commands share on the terminal: a progress bar with an estimate, the summary file, the closing lines."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import CommandError, OutputWrapper
from django.utils.translation import gettext as _

from webapp.demo.services import Loaded
from webapp.demo.wording import STEPS

BAR_WIDTH = 30


class Bar:
    """A line that is redrawn on a terminal; elsewhere one line for each new step. Called as `bar(fraction, step)`."""

    def __init__(self, out: OutputWrapper):
        self.out = out
        self.began = time.monotonic()
        self.last_step = ""

    def __call__(self, fraction: float, step: str) -> None:
        label = _(STEPS[step]) if step in STEPS else step
        if self.out.isatty():
            filled = int(BAR_WIDTH * fraction)
            line = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {fraction:4.0%} {label}{self._left(fraction)}"
            self.out.write(f"\r\x1b[K{line}", ending="")
            self.out.flush()
        elif step != self.last_step:
            self.out.write(f"{fraction:4.0%} {label}")
        self.last_step = step

    def end(self) -> None:
        """Clear the line."""
        if self.out.isatty():
            self.out.write("\r\x1b[K", ending="")

    def _left(self, fraction: float) -> str:
        if fraction < 0.05:
            return ""
        elapsed_s = time.monotonic() - self.began
        remaining_s = max(1, round(elapsed_s * (1 - fraction) / fraction))
        return ", " + _("about %(seconds)s s left") % {"seconds": remaining_s}


def add_common_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--password", help="for all demo log-ins; default: the one kept, or a new one")
    parser.add_argument(
        "--summary", type=Path, metavar="FILE", help="write the jurisdiction's code and the log-ins there as JSON"
    )


def close(out: OutputWrapper, loaded: Loaded, summary: Path | None) -> None:
    """Say what there is, and write the summary file where one is wanted."""
    jurisdiction = loaded.jurisdiction
    if not loaded.changed:
        out.write(_("%(name)s was there already; nothing was changed.") % {"name": jurisdiction.label})
    out.write(
        _("%(name)s (%(code)s): %(incidents)s incidents (%(rejected)s rows not taken in), %(cameras)s simulated cameras.")
        % {
            "name": jurisdiction.label,
            "code": jurisdiction.code,
            "incidents": f"{loaded.incidents:,}",
            "rejected": f"{loaded.rejected:,}",
            "cameras": f"{loaded.cameras:,}",
        }
    )
    for role, username in loaded.logins.users:
        out.write(f"  {role:14} {username:20} {loaded.logins.password}")
    if summary is not None:
        _write_summary(summary, loaded)


def _write_summary(file: Path, loaded: Loaded) -> None:
    jurisdiction = loaded.jurisdiction
    content = {
        "jurisdiction": jurisdiction.code,
        "name": f"{jurisdiction.name} (모의)" if jurisdiction.is_simulated else jurisdiction.name,
        "logins": [{"role": role, "username": username} for role, username in loaded.logins.users],
        "password": loaded.logins.password,
        "changed": loaded.changed,
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(_("%(file)s cannot be written: %(reason)s.") % {"file": file, "reason": error.strerror}) from error
