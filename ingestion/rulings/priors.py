"""What all rulings say together: which risk factors go with which category, and where and when each category happens.

Only established facts count: an allegation, the whole event of an acquittal and an event of which nothing but the offence's
name is told are left out. Few events weigh little: every share is drawn towards the share in all events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from ingestion.rulings.model import Fact, Field
from ingestion.rulings.offences import CATEGORIES
from ingestion.rulings.vocabulary import PLACE_KINDS, RISK_FACTORS

HOURS = 24
STRENGTH = 10.0  # events that the share in all events counts for, beside a category's own
LEVEL = 0.95

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Priors:
    """Tables over established events; every array is float64.

    `events`: [categories], events told. `counts`: [categories, factors], events that name the factor. `ratio`: the factor's share
    in the category over its share in all events, shrunk; `low`, `high`: its 95 % interval (beta posterior; the share in all
    events is taken as known). `log_odds`, `z`: of the category against all other categories, with an informative Dirichlet
    prior (Monroe, Colaresi & Quinn 2008, Political Analysis 16(4), equations 16–22). `place_hour`: [categories, place kinds, 24],
    share of the category's events; each category sums to 1. `place_hour_counts`: the same as counts of events with both known.
    `place`, `hour`: the shares of each alone, [categories, place kinds] and [categories, 24].
    """

    categories: tuple[str, ...]
    factors: tuple[str, ...]
    place_kinds: tuple[str, ...]
    events: Array
    counts: Array
    ratio: Array
    low: Array
    high: Array
    log_odds: Array
    z: Array
    place: Array
    hour: Array
    place_hour: Array
    place_hour_counts: Array


@dataclass
class _Tally:
    events: Array
    counts: Array
    place: Array
    hour: Array
    both: Array


def prior_tables(facts: Iterable[Sequence[Fact]]) -> Priors:
    """The tables over events, each given as its facts (`Event.facts`, or the same from the database)."""
    categories = tuple(entry.code for entry in CATEGORIES)
    factors = tuple(entry.code for entry in RISK_FACTORS)
    kinds = tuple(entry.code for entry in PLACE_KINDS)
    tally = _count(facts, categories, factors, kinds)
    ratio, low, high = _ratios(tally.events, tally.counts)
    log_odds, z = _log_odds(tally.counts)
    place, hour = _shrunk(tally.place), _shrunk(tally.hour)
    base = place[:, :, None] * hour[:, None, :]
    known = tally.both.sum(axis=(1, 2), keepdims=True)
    place_hour = (tally.both + STRENGTH * base) / (known + STRENGTH)
    return Priors(
        categories, factors, kinds, tally.events, tally.counts, ratio, low, high, log_odds, z, place, hour, place_hour, tally.both
    )  # fmt: skip


def _count(facts: Iterable[Sequence[Fact]], categories: Sequence[str], factors: Sequence[str], kinds: Sequence[str]) -> _Tally:
    """Count the established events."""
    row = {code: number for number, code in enumerate(categories)}
    column = {code: number for number, code in enumerate(factors)}
    place = {code: number for number, code in enumerate(kinds)}
    shape = len(categories)
    tally = _Tally(
        np.zeros(shape), np.zeros((shape, len(factors))), np.zeros((shape, len(kinds))), np.zeros((shape, HOURS)),
        np.zeros((shape, len(kinds), HOURS)),
    )  # fmt: skip
    for event in facts:
        known = [fact for fact in event if not fact.is_allegation and fact.value]
        values = {field: [fact.value for fact in known if fact.field == field] for field in _COUNTED}
        category = next((row[value] for value in values[Field.CATEGORY] if value in row), None)
        if category is None or not any(fact.field not in (Field.CATEGORY, Field.OFFENCE) for fact in known):
            continue
        tally.events[category] += 1
        for factor in set(values[Field.RISK_FACTOR]) & column.keys():
            tally.counts[category, column[factor]] += 1
        kind = next((place[value] for value in values[Field.PLACE_KIND] if value in place), None)
        hour = next((_hour(value) for value in values[Field.TIME]), None)
        if kind is not None:
            tally.place[category, kind] += 1
        if hour is not None:
            tally.hour[category, hour] += 1
        if kind is not None and hour is not None:
            tally.both[category, kind, hour] += 1
    return tally


_COUNTED = (Field.CATEGORY, Field.RISK_FACTOR, Field.PLACE_KIND, Field.TIME)


def _hour(clock: str) -> int | None:
    hour = clock[:2]
    return int(hour) if hour.isdigit() and int(hour) < HOURS else None


def _ratios(events: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Shrunk share over the share in all events, and the interval of its posterior."""
    share = (counts.sum(axis=0) + 0.5) / (events.sum() + 1.0)  # Jeffreys: never 0 or 1
    a = counts + STRENGTH * share
    b = np.maximum(events[:, None] - counts, 0.0) + STRENGTH * (1.0 - share)
    tail = (1.0 - LEVEL) / 2.0
    low, high = beta.ppf(tail, a, b), beta.ppf(1.0 - tail, a, b)
    return a / (a + b) / share, np.asarray(low) / share, np.asarray(high) / share


def _log_odds(counts: Array) -> tuple[Array, Array]:
    """Difference of log odds between a category and all others, and its z-score."""
    total = counts.sum(axis=0)
    prior = STRENGTH * (total + 0.5) / (total.sum() + 0.5 * len(total))
    own, rest = counts + prior, total - counts + prior
    own_all, rest_all = own.sum(axis=1, keepdims=True), rest.sum(axis=1, keepdims=True)
    delta = np.log(own / (own_all - own)) - np.log(rest / (rest_all - rest))
    return delta, delta / np.sqrt(1.0 / own + 1.0 / rest)


def _shrunk(counts: Array) -> Array:
    """Shares of each row, drawn towards the share in all rows; each row sums to 1."""
    total = counts.sum(axis=0)
    overall = (total + 0.5) / (total.sum() + 0.5 * len(total))
    return np.asarray((counts + STRENGTH * overall) / (counts.sum(axis=1, keepdims=True) + STRENGTH))
