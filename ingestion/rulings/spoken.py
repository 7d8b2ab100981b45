"""Speech in quotation marks: what somebody said is not what happened. Names of shops in quotation marks stay."""

import re

_QUOTED = re.compile(r"“[^”\n]{1,300}”|\"[^\"\n]{1,300}\"|‘[^’\n]{1,300}’|'[^'\n]{1,300}'|「[^」\n]{1,300}」|『[^』\n]{1,300}』")
_SAID = re.compile(r"\s?(?:이?라고|이?라며|고 |하며|하고|며 )")
LONGEST_NAME = 20  # characters, quotation marks included


def spoken(text: str) -> list[tuple[int, int]]:
    """The characters of every quotation of speech: longer than a name, or followed by a word of saying."""
    found = (one.span() for one in _QUOTED.finditer(text))
    return [(start, end) for start, end in found if end - start > LONGEST_NAME or _SAID.match(text, end)]


def without_speech(text: str) -> str:
    """The text with every quotation of speech blanked, character for character."""
    pieces, at = [], 0
    for start, end in spoken(text):
        pieces += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*pieces, text[at:]])
