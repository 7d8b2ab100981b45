"""Speech in quotation marks: what somebody said is not what happened. Names of shops in quotation marks stay."""

import re

# longer than a name, or said: “…”라고, “…”고
SPOKEN = re.compile(
    r"[“\"‘'「『](?:[^”\"’'」』\n]{20,300}[”\"’'」』]"
    r"|[^”\"’'」』\n]{1,19}[”\"’'」』](?=\s?(?:이?라고|이?라며|고 |하며|하고|며 )))"
)


def without_speech(text: str) -> str:
    """The text with every quotation of speech blanked, character for character."""
    return SPOKEN.sub(lambda found: " " * len(found[0]), text)
