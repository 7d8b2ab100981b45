"""Speech in quotation marks: what somebody said is not what happened. Names of shops in quotation marks stay."""

import re

SHORTEST = 20  # characters; shorter quotations are names
SPOKEN = re.compile(r"[“\"‘'「『][^”\"’'」』\n]{20,300}[”\"’'」』]")


def without_speech(text: str) -> str:
    """The text with every longer quotation blanked, character for character."""
    return SPOKEN.sub(lambda found: " " * len(found[0]), text)
