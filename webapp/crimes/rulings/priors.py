"""What the jurisdiction's rulings say of risk factors, places and hours: arrays for the forecast, tables for pages and files.

Facts count as they stand now, with the corrections of people.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from ingestion.rulings.model import Fact, Field
from ingestion.rulings.priors import HOURS, Priors, prior_tables
from webapp.accounts.permissions import Act, require
from webapp.crimes.models import Ruling, RulingFact
from webapp.crimes.rulings.wording import value_label

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

BAND_H = 3
THIN = 5  # events below which a cell says little
KNOWN = frozenset(Field)
STEPS = (1.25, 1.75, 2.5, 4.0)  # times as often: where the colour gets stronger

# One scan over the current facts: 0.5 s for 150,000. The offence only names again what the category says.
_FACTS = """
SELECT ruling_id, event, field, value, is_allegation FROM crimes_rulingfact
WHERE jurisdiction_id = %(jurisdiction)s AND superseded_by_id IS NULL AND value <> '' AND field <> 'offence'
ORDER BY ruling_id, event, coalesce(start, 0), id
"""


def ruling_priors(*, jurisdiction: "Jurisdiction") -> Priors:
    """The tables of `ingestion.rulings.priors.Priors` over the jurisdiction's rulings, allegations left out.

    Category × risk factor: `ratio`, `log_odds`; category × kind of place × hour: `place_hour`; all Float64.
    """
    return _told(jurisdiction.pk).priors


@dataclass(frozen=True)
class _Told:
    """The tables, and what stands behind them: `rulings` with an event that counts; `left_out`: events that are allegations."""

    priors: Priors
    rulings: int
    left_out: int


def _told(jurisdiction_id: int | None) -> _Told:
    """Read the current facts event by event; codes that the extractor no longer knows count in nothing."""
    events: list[tuple[Fact, ...]] = []
    rulings: set[int] = set()
    left_out = 0
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, {"jurisdiction": jurisdiction_id})
        for (ruling_id, _event), rows in groupby(cursor.fetchall(), key=lambda row: (row[0], row[1])):
            facts = tuple(Fact(Field(name), value, 0, 1, alleged) for _r, _e, name, value, alleged in rows if name in KNOWN)
            events.append(facts)
            if all(fact.is_allegation for fact in facts):
                left_out += 1
            elif {Field.CATEGORY} < {fact.field for fact in facts if not fact.is_allegation}:
                rulings.add(ruling_id)
    return _Told(prior_tables(events), len(rulings), left_out)


@dataclass(frozen=True)
class RatioLine:
    """One cell of category × risk factor. `ratio`: times as often as in all events, shrunk, with its 95 % interval."""

    category: str
    category_label: str
    risk_factor: str
    risk_factor_label: str
    events: int
    of_events: int
    ratio: float
    low: float
    high: float

    @property
    def is_thin(self) -> bool:
        return self.events < THIN

    @property
    def heat(self) -> str:
        """Class of the colour: none while the interval still holds 1."""
        if self.low <= 1 <= self.high:
            return ""
        strength = sum(max(self.ratio, 1 / self.ratio) >= step for step in STEPS)
        return f"heat-up-{max(strength, 1)}" if self.ratio > 1 else f"heat-down-{min(max(strength, 1), 3)}"


@dataclass(frozen=True)
class PlaceLine:
    """One cell of category × kind of place × hours. `share` of the category's events whose place and hour are told."""

    category: str
    place_kind: str
    place_label: str
    hour_from: int
    hour_to: int
    events: int
    of_events: int
    share: float | None

    @property
    def heat(self) -> str:
        return f"heat-up-{min(4, 1 + int(self.share / 0.03))}" if self.share else ""


@dataclass(frozen=True)
class RatioRow:
    """One category over all risk factors."""

    category: str
    label: str
    events: int
    cells: tuple[RatioLine, ...]


@dataclass(frozen=True)
class PlaceRow:
    """One kind of place over the bands of hours; `events`: all of the kind whose hour is told."""

    label: str
    cells: tuple[PlaceLine, ...]
    events: int


@dataclass(frozen=True)
class PriorsPage:
    """All that the page shows. `categories`: code, label and events; `category`: that of the second table."""

    rulings: int
    all_rulings: int
    events: int
    left_out: int
    corrections: int
    as_of: datetime | None
    factors: tuple[tuple[str, int], ...]
    ratio_rows: tuple[RatioRow, ...]
    categories: tuple[tuple[str, str, int], ...]
    category: str
    category_label: str
    bands: tuple[tuple[int, int], ...]
    place_rows: tuple[PlaceRow, ...]
    of_category: int
    placed: int
    ratio_lines: tuple[RatioLine, ...]
    place_lines: tuple[PlaceLine, ...]


def priors_page(*, user: "User", category: str = "") -> PriorsPage:
    """The page of risk factors; `category` that has no event gives the one with most. Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    told = _told(user.jurisdiction_id)
    priors = told.priors
    facts = RulingFact.objects.visible_to(user)
    newest = facts.order_by("-created_at").values_list("created_at", flat=True).first()
    lines = tuple(_ratio_lines(priors))
    known = [number for number, count in enumerate(priors.events) if count]
    chosen = priors.categories.index(category) if category in priors.categories else -1
    if chosen not in known:
        chosen = int(np.argmax(priors.events))
    named = priors.counts.sum(axis=0)
    factors = [number for number in np.argsort(-named, kind="stable") if named[number]]
    return PriorsPage(
        rulings=told.rulings,
        all_rulings=Ruling.objects.visible_to(user).count(),
        events=int(priors.events.sum()),
        left_out=told.left_out,
        corrections=facts.filter(origin=RulingFact.Origin.PERSON).count(),
        as_of=newest,
        factors=tuple((value_label("risk_factor", priors.factors[number]), int(named[number])) for number in factors),
        ratio_rows=tuple(_ratio_row(priors, lines, number, factors) for number in known),
        categories=tuple(
            (priors.categories[number], value_label("category", priors.categories[number]), int(priors.events[number]))
            for number in known
        ),
        category=priors.categories[chosen],
        category_label=value_label("category", priors.categories[chosen]),
        bands=tuple((hour, hour + BAND_H) for hour in range(0, HOURS, BAND_H)),
        place_rows=tuple(_place_table(priors, chosen)),
        of_category=int(priors.events[chosen]),
        placed=int(priors.place_hour_counts[chosen].sum()),
        ratio_lines=lines,
        place_lines=tuple(_place_lines(priors, BAND_H)),
    )


def _ratio_lines(priors: Priors) -> Iterator[RatioLine]:
    """Every category with events × every risk factor that is named at all."""
    for c, category in enumerate(priors.categories):
        if not priors.events[c]:
            continue
        for f, factor in enumerate(priors.factors):
            if not priors.counts[:, f].any():
                continue
            yield RatioLine(
                category,
                value_label("category", category),
                factor,
                value_label("risk_factor", factor),
                int(priors.counts[c, f]),
                int(priors.events[c]),
                *(float(table[c, f]) for table in (priors.ratio, priors.low, priors.high)),
            )


def _ratio_row(priors: Priors, lines: tuple[RatioLine, ...], category: int, factors: list[Any]) -> RatioRow:
    code = priors.categories[category]
    cells = {line.risk_factor: line for line in lines if line.category == code}
    ordered = tuple(cells[priors.factors[number]] for number in factors)
    return RatioRow(code, value_label("category", code), int(priors.events[category]), ordered)


def _place_lines(priors: Priors, width_h: int) -> Iterator[PlaceLine]:
    """Category × kind of place × bands of hours, where at least one event stands."""
    for c, category in enumerate(priors.categories):
        joined = _bands(priors, c, width_h)
        for p, b in zip(*np.nonzero(joined), strict=True):
            yield _place_line(category, priors.place_kinds[p], joined, (int(p), int(b)))


def _bands(priors: Priors, category: int, width_h: int) -> npt.NDArray[np.float64]:
    """Float64[kinds of place, 24 / width]: a category's events by bands of hours."""
    counts = priors.place_hour_counts[category]
    return np.asarray(counts.reshape(len(counts), HOURS // width_h, width_h).sum(axis=-1))


def _place_line(category: str, kind: str, joined: npt.NDArray[np.float64], at: tuple[int, int]) -> PlaceLine:
    count, of_events, width_h = int(joined[at]), int(joined.sum()), HOURS // joined.shape[1]
    share = count / of_events if of_events else None
    hours = at[1] * width_h, (at[1] + 1) * width_h
    return PlaceLine(category, kind, value_label("place_kind", kind), *hours, count, of_events, share)


def _place_table(priors: Priors, category: int) -> Iterator[PlaceRow]:
    """The kinds of place where the category happened, the most frequent first."""
    joined = _bands(priors, category, BAND_H)
    totals = joined.sum(axis=1)
    for p in np.argsort(-totals, kind="stable"):
        if not totals[p]:
            break
        kind = priors.place_kinds[p]
        cells = [_place_line(priors.categories[category], kind, joined, (int(p), b)) for b in range(HOURS // BAND_H)]
        yield PlaceRow(value_label("place_kind", kind), tuple(cells), int(totals[p]))


def ratio_rows(*, user: "User") -> Iterator[tuple[Any, ...]]:
    """Category × risk factor as rows of a CSV file, titles first. Raises `NotAllowed`."""
    require(user, Act.SEE_MAP)
    yield ("category", "risk_factor", "events", "of_events", "times_as_often", "low_95", "high_95")
    for line in _ratio_lines(_told(user.jurisdiction_id).priors):
        yield (
            line.category,
            line.risk_factor,
            line.events,
            line.of_events,
            *(round(v, 3) for v in (line.ratio, line.low, line.high)),
        )


def place_rows(*, user: "User") -> Iterator[tuple[Any, ...]]:
    """Category × kind of place × hour as rows of a CSV file, titles first; cells without an event are left out."""
    require(user, Act.SEE_MAP)
    yield ("category", "place_kind", "hour_from", "hour_to", "events", "of_events", "share")
    for line in _place_lines(_told(user.jurisdiction_id).priors, 1):
        share = None if line.share is None else round(line.share, 4)
        yield (line.category, line.place_kind, line.hour_from, line.hour_to, line.events, line.of_events, share)
