"""Reads of rulings and their facts for pages and API. Reading a ruling's text leaves a line in the audit trail."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import NotFound
from webapp.crimes.models import Ruling, RulingFact
from webapp.crimes.rulings.marking import Block, Span, blocks
from webapp.crimes.rulings.wording import FIELD_LABELS, GROUP_OF, codes, field_label, value_label

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

FACT_FILTERS = ("category", "place_kind", "risk_factor")
STATES = ("found", "none", "corrected")
FIELD_ORDER = {code: number for number, code in enumerate(FIELD_LABELS)}


def rulings(*, user: "User", query: Mapping[str, str]) -> QuerySet[Ruling]:
    """Rulings without their text, the latest decision first, narrowed by `query`: category, place_kind, risk_factor, verdict,
    facts (found, none, corrected) and q (case number, name, court, or words of the text). Raises `NotAllowed`."""
    require(user, Act.READ_RULINGS)
    rows: QuerySet[Ruling] = Ruling.objects.visible_to(user)
    facts = RulingFact.objects.filter(ruling=OuterRef("pk"), superseded_by=None).exclude(value="")
    for name in FACT_FILTERS:
        if value := query.get(name, ""):
            rows = rows.filter(Exists(facts.filter(field=name, value=value)))
    if verdict := query.get("verdict", ""):
        rows = rows.filter(verdict=verdict)
    state = query.get("facts", "")
    if state == "corrected":
        rows = rows.filter(Exists(RulingFact.objects.filter(ruling=OuterRef("pk"), origin=RulingFact.Origin.PERSON)))
    elif state in STATES:
        rows = rows.filter(Exists(facts) if state == "found" else ~Exists(facts))
    if words := query.get("q", "").replace("\0", "").strip():
        named = Q(case_no__icontains=words) | Q(case_name__icontains=words) | Q(court__icontains=words)
        rows = rows.filter(named | Q(text__contains=words))
    return rows.defer("text", "sections").order_by(F("decided_on").desc(nulls_last=True), "-pk")


@dataclass(frozen=True)
class Summary:
    """What the list says of one ruling: codes with labels, how many events, and how many corrections by people."""

    categories: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    risk_factors: tuple[str, ...] = ()
    events: int = 0
    corrections: int = 0


# An index scan over the facts of the rulings of one page.
_SUMMARY = """
SELECT ruling_id,
       count(DISTINCT event) FILTER (WHERE superseded_by_id IS NULL AND value <> ''),
       count(*) FILTER (WHERE origin = 'person'),
       array_agg(DISTINCT field || ':' || value)
           FILTER (WHERE superseded_by_id IS NULL AND value <> '' AND field = ANY(%(fields)s))
FROM crimes_rulingfact WHERE ruling_id = ANY(%(rulings)s) GROUP BY ruling_id
"""


def summaries(*, rows: Sequence[Ruling]) -> dict[int, Summary]:
    """By number, what the facts of these rulings come to."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY, {"fields": list(FACT_FILTERS), "rulings": [row.pk for row in rows]})
        found = cursor.fetchall()
    made = {}
    for ruling_id, events, corrections, values in found:
        told = {name: [] for name in FACT_FILTERS}  # type: dict[str, list[str]]
        for pair in values or ():
            name, _colon, code = pair.partition(":")
            told[name].append(code)
        named = [tuple(value_label(name, code) for code in _in_order(name, told[name])) for name in FACT_FILTERS]
        made[ruling_id] = Summary(named[0], named[1], named[2], events, corrections)
    return made


def _in_order(name: str, found: list[str]) -> list[str]:
    known = codes(name)
    return sorted(found, key=lambda code: known.index(code) if code in known else len(known))


@dataclass(frozen=True)
class RulingLine:
    """One line of the list: the ruling without its text, and what its facts come to."""

    ruling: Ruling
    summary: Summary


def ruling_lines(*, rows: Sequence[Ruling]) -> list[RulingLine]:
    """The rows of one page with their summaries."""
    found = summaries(rows=rows)
    return [RulingLine(row, found.get(row.pk, Summary())) for row in rows]


@dataclass(frozen=True)
class FilterOption:
    """One value to filter by, with the number of rulings that have it."""

    code: str
    label: str
    rulings: int


# One pass over the current facts of three fields: 60 ms for 150,000 facts.
_OPTIONS = """
SELECT field, value, count(DISTINCT ruling_id) FROM crimes_rulingfact
WHERE jurisdiction_id = %(jurisdiction)s AND field = ANY(%(fields)s) AND superseded_by_id IS NULL AND value <> ''
GROUP BY 1, 2
"""


def filter_options(*, user: "User") -> dict[str, list[FilterOption]]:
    """What the list can be narrowed by: the values that occur, the most frequent first."""
    require(user, Act.READ_RULINGS)
    with connection.cursor() as cursor:
        cursor.execute(_OPTIONS, {"jurisdiction": user.jurisdiction_id, "fields": list(FACT_FILTERS)})
        found = sorted(cursor.fetchall(), key=lambda row: (row[0], -row[2], row[1]))
    options: dict[str, list[FilterOption]] = {name: [] for name in FACT_FILTERS}
    for name, code, count in found:
        options[name].append(FilterOption(code, value_label(name, code), count))
    return options


@dataclass(frozen=True)
class Change:
    """What a fact said before, or that somebody said there is none; `by` blank for the program."""

    value: str
    label: str
    by: str
    at: datetime


@dataclass(frozen=True)
class FactLine:
    """One fact as it stands now. `is_gone`: a person said that there is no such fact. `history`: the newest first."""

    id: int
    event: int
    field: str
    field_label: str
    value: str
    value_label: str
    group: str
    start: int | None
    end: int | None
    quote: str
    is_allegation: bool
    is_corrected: bool
    is_gone: bool
    by: str
    at: datetime
    history: tuple[Change, ...] = ()


@dataclass(frozen=True)
class EventColumn:
    """One charged event: its facts by field. `is_allegation`: the verdict establishes nothing of it."""

    index: int
    facts: tuple[FactLine, ...]

    @property
    def is_allegation(self) -> bool:
        return bool(self.facts) and all(fact.is_allegation for fact in self.facts)


@dataclass(frozen=True)
class FieldRow:
    """One field over all events: what stands side by side."""

    field: str
    label: str
    group: str
    cells: tuple[tuple[FactLine, ...], ...]


@dataclass(frozen=True)
class RulingPage:
    """One ruling as it is read: its text cut into blocks, and its facts by field and event."""

    ruling: Ruling
    blocks: list[Block]
    facts: list[FactLine]
    gone: list[FactLine]
    events: tuple[EventColumn, ...]
    rows: tuple[FieldRow, ...] = field(default=())

    @property
    def next_event(self) -> int:
        return self.events[-1].index + 1 if self.events else 0

    @property
    def corrections(self) -> int:
        return sum(fact.is_corrected for fact in (*self.facts, *self.gone))


def ruling_page(*, user: "User", ruling_id: int, request: "HttpRequest | None" = None) -> RulingPage:
    """One ruling with its text and facts; leaves a line in the trail. Raises `NotAllowed`, `NotFound`."""
    require(user, Act.READ_RULINGS)
    ruling = Ruling.objects.visible_to(user).select_related("upload").filter(pk=ruling_id).first()
    if ruling is None:
        raise NotFound(_("There is no such ruling."))
    lines = fact_lines(ruling=ruling)
    record(
        action=AuditEntry.Action.READ_RULING,
        actor=user,
        target=f"ruling:{ruling.pk}",
        detail={"case": str(ruling).strip(), "facts": len(lines)},
        request=request,
    )
    standing = [line for line in lines if not line.is_gone]
    events = tuple(
        EventColumn(index, tuple(line for line in standing if line.event == index))
        for index in sorted({line.event for line in standing})
    )
    spans = [
        Span(
            line.id, line.start, line.end, line.group, _short(line), f"{line.field_label}: {line.value_label}", line.is_allegation
        )
        for line in standing
        if line.start is not None and line.end is not None
    ]
    return RulingPage(
        ruling=ruling,
        blocks=blocks(ruling.text, ruling.sections, spans),
        facts=standing,
        gone=[line for line in lines if line.is_gone],
        events=events,
        rows=_side_by_side(events),
    )


def _short(line: FactLine) -> str:
    """What stands before the marked words: the value alone where it speaks for itself, nothing where it only qualifies."""
    if line.field in ("date_precision", "time_band"):
        return ""
    return f"{line.field_label} {line.value_label}" if line.field == "offenders" else line.value_label


def _side_by_side(events: Sequence[EventColumn]) -> tuple[FieldRow, ...]:
    fields = sorted({fact.field for event in events for fact in event.facts}, key=lambda name: FIELD_ORDER.get(name, 99))
    return tuple(
        FieldRow(
            name,
            field_label(name),
            GROUP_OF.get(name, "what"),
            tuple(tuple(fact for fact in event.facts if fact.field == name) for event in events),
        )
        for name in fields
    )


def fact_lines(*, ruling: Ruling) -> list[FactLine]:
    """The facts of one ruling as they stand, in the order of events, fields and text, each with what it said before."""
    rows = {row.pk: row for row in RulingFact.objects.filter(ruling=ruling).select_related("created_by")}
    before = {row.superseded_by_id: row for row in rows.values() if row.superseded_by_id is not None}
    lines = [_line(ruling, row, before) for row in rows.values() if row.superseded_by_id is None]
    return sorted(lines, key=lambda line: (line.event, FIELD_ORDER.get(line.field, 99), line.start or 0, line.id))


def _line(ruling: Ruling, row: RulingFact, before: Mapping[int, RulingFact]) -> FactLine:
    history = []
    older = before.get(row.pk)
    while older is not None:
        history.append(Change(older.value, value_label(older.field, older.value), _name(older), older.created_at))
        older = before.get(older.pk)
    has_words = row.start is not None and row.end is not None
    return FactLine(
        id=row.pk,
        event=row.event,
        field=row.field,
        field_label=field_label(row.field),
        value=row.value,
        value_label=value_label(row.field, row.value) if row.value else "",
        group=GROUP_OF.get(row.field, "what"),
        start=row.start,
        end=row.end,
        quote=ruling.text[row.start : row.end] if has_words else "",
        is_allegation=row.is_allegation,
        is_corrected=row.origin == RulingFact.Origin.PERSON,
        is_gone=row.value == "",
        by=_name(row),
        at=row.created_at,
        history=tuple(history),
    )


def _name(row: RulingFact) -> str:
    return row.created_by.get_username() if row.created_by else ""


# What people have said of facts, beside what the program had found: the gold by which an extractor is judged.
_GOLD = """
SELECT r.source_id, g.event, g.field, g.value, g.start, g."end", g.is_allegation,
       coalesce(o.value, ''), o.start, o."end", g.created_at
FROM crimes_rulingfact g
JOIN crimes_ruling r ON r.id = g.ruling_id
LEFT JOIN crimes_rulingfact o ON o.superseded_by_id = g.id
WHERE g.jurisdiction_id = %(jurisdiction)s AND g.origin = 'person' AND g.superseded_by_id IS NULL
ORDER BY r.source_id, g.event, g.id
"""
GOLD_TITLES = (
    "ruling",
    "event",
    "field",
    "value",
    "start",
    "end",
    "is_allegation",
    "value_before",
    "start_before",
    "end_before",
    "at",
)


def gold_rows(*, user: "User") -> Iterator[tuple[Any, ...]]:
    """All corrections of the jurisdiction as rows of a CSV file, titles first. Raises `NotAllowed`."""
    require(user, Act.READ_RULINGS)
    with connection.cursor() as cursor:
        cursor.execute(_GOLD, {"jurisdiction": user.jurisdiction_id})
        found = cursor.fetchall()
    yield GOLD_TITLES
    yield from found
