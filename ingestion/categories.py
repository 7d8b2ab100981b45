"""Values of a category column to the codes of a jurisdiction's taxonomy, by a dictionary of offences in Korean and English.

Nothing is forced: what the dictionary does not know, or the taxonomy does not hold, is listed for a person to decide.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingestion.categories_words import ALIKE, FIVE, SPELLINGS, TOTALS

LEFT_OUT = -2  # the number of a category whose rows a person chose to leave out

Names = tuple[str, str]
_SIGNS = re.compile(r"[\s\W_]+")
_PARENTHESES = re.compile(r"\([^)]*\)")


def plain(text: str) -> str:
    """A spelling without case, blanks and punctuation."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text).casefold())


_OFFENCE_OF: Mapping[str, str] = {
    plain(word): offence for offence, words in SPELLINGS.items() for word in (offence, *words.split(" | "))
}


@dataclass(frozen=True)
class CategoryGuess:
    """`codes`: case-folded value to a code of the taxonomy; `unknown`: values that a person must decide on, with their rows.

    `grouped`: values that went to a wider group (burglary among the five crimes' theft).
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    grouped: tuple[str, ...] = ()


def offence_of(value: str) -> str | None:
    """The offence that a value spells, or None."""
    return _OFFENCE_OF.get(plain(value)) or _OFFENCE_OF.get(plain(_PARENTHESES.sub("", value)))


def offences_named(text: str) -> list[str]:
    """Offences that a title or a file's name holds, the longest spelling first; never by short or common words."""
    words = "_" + "_".join(word for word in re.split(r"[\W_\d]+", unicodedata.normalize("NFKC", text).casefold()) if word) + "_"
    found: dict[str, int] = {}
    for spelling, offence in _SPELLED:
        if f"_{spelling}_" in words or (not spelling.isascii() and spelling in words):
            found.setdefault(offence, len(spelling))
            words = words.replace(f"_{spelling}_", "_#_")
    return list(found)


_SPELLED = sorted(
    (
        ("_".join(part for part in re.split(r"[\W_]+", word.casefold()) if part), offence)
        for offence, words in SPELLINGS.items()
        if offence not in ("other", "traffic", "suspicious", "non_criminal", "property_crime", "person_crime", "violence")
        for word in words.split(" | ")
    ),
    key=lambda one: -len(one[0]),
)


class Taxonomy:
    """A jurisdiction's categories. `names`: code to its Korean and English name."""

    def __init__(self, names: Mapping[str, Names]):
        self.names = names
        self.spelled = {plain(word): code for code, given in names.items() for word in (*given, code) if word}
        self.offence: dict[str, str] = {}
        for code, given in names.items():
            for word in (code, given[1], given[0]):
                if offence := offence_of(word):
                    self.offence.setdefault(offence, code)
        self.has_five = {"theft", "violence"} <= set(self.offence)

    def code_of(self, value: str) -> tuple[str, bool] | None:
        """The category that a value means and whether it is a wider group, or None where nothing says so."""
        if code := self.spelled.get(plain(value)):
            return code, False
        offence = offence_of(value)
        if offence is None:
            return None
        for name in (offence, *ALIKE.get(offence, ())):
            if name in self.offence:
                return self.offence[name], False
            if name in self.names:
                return name, False
        group = FIVE.get(offence)
        return (self.offence[group], True) if self.has_five and group in self.offence else None


def map_categories(values: Mapping[str, int], names: Mapping[str, Names]) -> CategoryGuess:
    """Guess each value's category. `values`: value to its rows; `names`: code to Korean and English name."""
    taxonomy = Taxonomy(names)
    codes: dict[str, str] = {}
    unknown: dict[str, int] = {}
    grouped = []
    for value, rows in sorted(values.items(), key=lambda item: -item[1]):
        key = value.strip().casefold()
        if not key:
            continue
        found = taxonomy.code_of(value)
        if found is None:
            unknown[value.strip()] = rows
            continue
        codes[key] = found[0]
        if found[1]:
            grouped.append(value.strip())
    return CategoryGuess(codes, unknown, tuple(grouped))


def known_share(values: Iterable[str]) -> float:
    """Share of the different values, blanks and totals aside, that spell an offence."""
    texts = {value.strip() for value in values} - {""}
    texts = {text for text in texts if plain(text) not in TOTALS}
    return sum(offence_of(text) is not None for text in texts) / len(texts) if texts else 0.0


def numbers_of(
    categories: Mapping[str, str], names: Mapping[str, Names], keys: Mapping[str, int], *, left_out: int = LEFT_OUT
) -> dict[str, int]:
    """Case-folded value to the number written for it. A mapping's choice comes first, then the taxonomy's own words.

    `categories`: of a mapping, value to code, "" for rows to leave out; codes that the taxonomy lacks are passed over.
    `keys`: code to number.
    """
    numbers = {word.strip().casefold(): keys[code] for code, given in names.items() for word in (*given, code) if word.strip()}
    for value, code in categories.items():
        if code == "":
            numbers[value.strip().casefold()] = left_out
        elif code in keys:
            numbers[value.strip().casefold()] = keys[code]
    return numbers
