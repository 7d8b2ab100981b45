"""Korean morphemes by kiwipiepy. One analyser a process, loaded when first asked for; its model comes with the package.

Loading takes about three seconds and a third of a gigabyte, so nothing here is loaded on import.
"""

from functools import lru_cache
from typing import Any, NamedTuple


class Token(NamedTuple):
    """One morpheme: its form, its tag in Sejong's set (NNG, NNP, VV, …), its first character and its length."""

    form: str
    tag: str
    start: int
    length: int


@lru_cache(maxsize=1)
def _analyser() -> Any:
    from kiwipiepy import Kiwi  # type: ignore[import-untyped]  # noqa: PLC0415  (heavy: only when a text comes)

    return Kiwi(num_workers=1, load_multi_dict=False, load_typo_dict=False)


def tokens(text: str) -> list[Token]:
    """The morphemes of a text, in order."""
    return [Token(one.form, str(one.tag), one.start, one.len) for one in _analyser().tokenize(text)]
