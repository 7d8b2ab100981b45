"""Which sentences tell a charged deed, and which weigh evidence, argue, apply the law or report the procedure.

Method: a log-linear model (logistic regression, trained by `bench/rulings_train.py`) over the morphemes of a sentence. The
features of a sentence are the set of its morphemes with their tags, once more those of its last words (in Korean the ending
says whether a thing is told or argued), a few of its shape, and whether it stands under facts or charges. Proper nouns,
numbers, foreign letters and symbols are no features, so the weights name nobody. The weights lie in `telling.json`.
"""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ingestion.rulings.model import Fact, Field, Section, SectionKind
from ingestion.rulings.moments import find_moments
from ingestion.rulings.offences import DEED
from ingestion.rulings.tokens import tokens

# How surely a sentence under such a section tells a charged deed: 0 to 1
Judge = Callable[[str, SectionKind], float]

_WEIGHTS = Path(__file__).with_name("telling.json")
_END = re.compile(r"(?<=[다음함임됨])\.(?=[\s”\"'」)]|$)|\n")
_KEPT = ("NNG", "NNB", "NP", "V", "M", "E", "J", "X")
_SHAPES = (
    ("deed", DEED),
    ("victim", re.compile(r"피해자")),
    ("accused", re.compile(r"피고인")),
    ("witness", re.compile(r"증인|진술")),
)
_K = SectionKind
_UNDER = {_K.FACTS: "told", _K.CHARGE: "told", _K.ACQUITTAL: "acquittal"}
_DEED_FIELDS = (Field.CATEGORY, Field.OFFENCE)
HEAD_CHARS, TAIL_CHARS = 240, 100  # of a long sentence, so that a page without a full stop costs no more than a paragraph
LAST = 8  # morphemes
SHORTEST = 15
LENGTH_STEP, LENGTHS = 60, 5


@dataclass(frozen=True)
class Model:
    """Weights of the features, the bias, and the probability under which a sentence is held not to tell a deed."""

    weights: dict[str, float]
    bias: float
    threshold: float

    def probability(self, seen: frozenset[str]) -> float:
        """The logistic function of the summed weights."""
        logit = self.bias + sum(self.weights.get(one, 0.0) for one in sorted(seen))
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, logit))))


@lru_cache(maxsize=1)
def trained() -> Model:
    """The model that comes with the code."""
    said = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    return Model(said["weights"], said["bias"], said["threshold"])


def judge(sentence: str, kind: SectionKind) -> float:
    """What the trained model says of a sentence."""
    return trained().probability(features(sentence, kind))


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences between two characters, without the blanks round them; crumbs are left out."""
    at = start
    for found in (*_END.finditer(text, start, end), None):
        to = found.end() if found else end
        body = text[at:to]
        if len(body.strip()) >= SHORTEST:
            yield at + len(body) - len(body.lstrip()), at + len(body.rstrip())
        at = to


def features(sentence: str, kind: SectionKind) -> frozenset[str]:
    """What the model sees: `form/tag`, `^form/tag` for the last morphemes, `#…` for the shape, `@…` for the section."""
    long = len(sentence) > HEAD_CHARS + TAIL_CHARS
    seen = tokens(f"{sentence[:HEAD_CHARS]} {sentence[-TAIL_CHARS:]}" if long else sentence)
    kept = [f"{one.form}/{one.tag.partition('-')[0]}" for one in seen if one.tag.startswith(_KEPT)]
    moments = find_moments(sentence)
    shape = [f"#{name}" for name, pattern in _SHAPES if pattern.search(sentence)]
    shape += ["#date"] if any(one.date for one in moments) else []
    shape += ["#clock"] if any(one.time for one in moments) else []
    shape.append(f"#length{min(LENGTHS, len(sentence) // LENGTH_STEP)}")
    return frozenset([*kept, *(f"^{one}" for one in kept[-LAST:]), *shape, f"@{_UNDER.get(kind, 'elsewhere')}"])


def only_told(
    text: str, sections: Sequence[Section], told: Sequence[Sequence[Fact]], weigh: Judge, threshold: float
) -> list[list[Fact]]:
    """The events without the facts whose sentence does not tell a deed, where the ruling has a sentence that does.

    An event all of whose sentences fall is left out; what an event that stays is charged with stays. A ruling of which no
    sentence stands is left as the rules read it: there is nothing better in it. `threshold`: 0 to 1.
    """
    kinds = _Places(text, sections)
    spans = {span for facts in told for fact in facts if (span := kinds.sentence(fact.start)) is not None}
    if len(spans) < 2:
        return [list(facts) for facts in told]
    stands = {span: weigh(text[span[0] : span[1]], kinds.kind(span[0])) >= threshold for span in sorted(spans)}
    if all(stands.values()) or not any(stands.values()):
        return [list(facts) for facts in told]

    def is_told(fact: Fact) -> bool:
        span = kinds.sentence(fact.start)
        return span is None or stands[span]

    return [
        [fact for fact in facts if fact.field in _DEED_FIELDS or is_told(fact)]
        for facts in told
        if any(is_told(fact) for fact in facts)
    ]


class _Places:
    """The sentence and the section that a character stands in; a section is cut into sentences when first asked for."""

    def __init__(self, text: str, sections: Sequence[Section]) -> None:
        self._text, self._sections = text, sections
        self._starts = [one.start for one in sections]
        self._cut: dict[int, list[tuple[int, int]]] = {}

    def kind(self, at: int) -> SectionKind:
        return self._sections[bisect_right(self._starts, at) - 1].kind

    def sentence(self, at: int) -> tuple[int, int] | None:
        """The characters of the sentence, None for a heading or a crumb."""
        number = bisect_right(self._starts, at) - 1
        if number < 0:
            return None
        if number not in self._cut:
            section = self._sections[number]
            self._cut[number] = list(sentences(self._text, section.start, section.end))
        cut = self._cut[number]
        before = bisect_right(cut, (at, len(self._text))) - 1
        return cut[before] if before >= 0 and at < cut[before][1] else None
