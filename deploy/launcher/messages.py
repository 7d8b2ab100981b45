"""What the launcher says: plain lines on standard output, and `Trouble` for everything that a person has to mend."""

import errno
import sys
from collections.abc import Sequence


class Trouble(Exception):
    """Something a person has to mend. The message is a full sentence: what, where, and how to mend it."""


def say(line: str = "") -> None:
    print(line, flush=True)


def complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text as aligned columns; the last column is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*padded, row[-1]]).rstrip())
    return "\n".join(lines)


def sentence_of(error: OSError) -> str:
    """One sentence for the operating system's refusal: a full disk and a missing permission are the usual ones."""
    place = error.filename or "this machine"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full: {place} could not be written. "
            "Free some space (./run needs about 3 GB the first time) and run this again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"No permission for {place}. It may belong to another user (was ./run started with sudo before?): "
            "run as that user, or change its owner."
        )
    return f"{error.strerror or error} ({place})."


# Words in the output of apt, pip and npm that tell why they failed, and the sentence for each.
_CAUSES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("No space left on device", "ENOSPC", "Disk quota exceeded"), "The disk is full: free some space and run this again."),
    (
        (
            "Temporary failure in name resolution",
            "Temporary failure resolving",
            "Could not resolve",
            "Name or service not known",
            "Network is unreachable",
            "Failed to establish a new connection",
            "Could not connect to",
            "ENOTFOUND",
            "EAI_AGAIN",
            "ECONNREFUSED",
            "ETIMEDOUT",
            "ConnectTimeout",
        ),
        "There is no network, or it does not let this machine reach the package server: mend the connection and run this again.",
    ),
    (("Permission denied", "EACCES"), "A permission is missing: see the lines above."),
)


def cause_in(output: str) -> str:
    """The likely cause named in a failed command's output as a sentence, or an empty text."""
    for words, sentence in _CAUSES:
        if any(word in output for word in words):
            return sentence
    return ""
