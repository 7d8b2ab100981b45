"""Corrections of facts by people. A correction is a new row that supersedes the old one, so that nothing is lost."""

from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import Conflict, HaechiError, NotFound
from webapp.crimes.models import Ruling, RulingFact
from webapp.crimes.rulings.wording import normalised

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

PERSON = RulingFact.Origin.PERSON
GONE = ""  # the value of a row by which a person says that there is no such fact
EVENTS_MOST = 200


class SpanRefused(HaechiError):
    """The chosen words are not those of the ruling's text."""

    code = "span_refused"


@transaction.atomic
def add_fact(
    *,
    user: "User",
    ruling_id: int,
    event: int,
    field: str,
    value: str,
    start: int | None = None,
    end: int | None = None,
    quote: str = "",
    is_allegation: bool | None = None,
    request: "HttpRequest | None" = None,
) -> RulingFact:
    """Add a fact that the program did not find; `quote`: the chosen words, which must stand at `start` to `end` of the text.

    `event`: one of the ruling's, or the next number for a new one. `is_allegation`: None takes what holds for the event.
    Raises `NotAllowed`, `NotFound`, `ValueRefused`, `SpanRefused`, `Conflict` where the fact is there already.
    """
    require(user, Act.CORRECT_RULINGS)
    ruling = Ruling.objects.visible_to(user).select_for_update().filter(pk=ruling_id).first()
    if ruling is None:
        raise NotFound(_("There is no such ruling."))
    told = normalised(field, value)
    _check_span(ruling, start, end, quote)
    following = (RulingFact.objects.filter(ruling=ruling).aggregate(last=Max("event"))["last"] or 0) + 1
    if not 0 <= event <= min(following, EVENTS_MOST):
        raise HaechiError(_("There is no event %(event)s in this ruling.") % {"event": event + 1}, fields={"event": event})
    of_event = RulingFact.objects.filter(ruling=ruling, event=event, superseded_by=None).exclude(value=GONE)
    if of_event.filter(field=field, value=told, start=start, end=end).exists():
        raise Conflict(_("This fact is there already."))
    fact: RulingFact = RulingFact.objects.create(
        jurisdiction_id=ruling.jurisdiction_id,
        ruling=ruling,
        event=event,
        field=field,
        value=told,
        start=start,
        end=end,
        is_allegation=_is_allegation(ruling, list(of_event)) if is_allegation is None else is_allegation,
        origin=PERSON,
        created_by=user,
    )
    _note(user, ruling, fact, before="", after=told, request=request)
    return fact


@transaction.atomic
def correct_fact(
    *,
    user: "User",
    fact_id: int,
    value: str,
    start: int | None = None,
    end: int | None = None,
    quote: str = "",
    is_allegation: bool | None = None,
    request: "HttpRequest | None" = None,
) -> RulingFact:
    """Give a fact another value, or other words as its evidence; without `start` its evidence stays.

    Raises `NotAllowed`, `NotFound`, `ValueRefused`, `SpanRefused`, `Conflict` where somebody else was faster.
    """
    require(user, Act.CORRECT_RULINGS)
    old = _current(user, fact_id)
    told = normalised(old.field, value)
    if start is None:
        start, end = old.start, old.end
    else:
        _check_span(old.ruling, start, end, quote)
    allegation = old.is_allegation if is_allegation is None else is_allegation
    if (told, start, end, allegation) == (old.value, old.start, old.end, old.is_allegation):
        raise Conflict(_("Nothing was changed: the fact already says this."))
    new = _supersede(user, old, value=told, start=start, end=end, is_allegation=allegation)
    _note(user, old.ruling, new, before=old.value, after=told, request=request)
    return new


@transaction.atomic
def remove_fact(*, user: "User", fact_id: int, request: "HttpRequest | None" = None) -> RulingFact:
    """Say that there is no such fact; it no longer shows nor counts. Raises `NotAllowed`, `NotFound`, `Conflict`."""
    require(user, Act.CORRECT_RULINGS)
    old = _current(user, fact_id)
    gone = _supersede(user, old, value=GONE, start=old.start, end=old.end, is_allegation=old.is_allegation)
    _note(user, old.ruling, gone, before=old.value, after=GONE, request=request)
    return gone


@transaction.atomic
def take_back(*, user: "User", fact_id: int, request: "HttpRequest | None" = None) -> RulingFact | None:
    """Undo a person's newest correction: what stood before stands again; None where nothing stood there.

    The trail keeps both the correction and its taking back. Raises `NotAllowed`, `NotFound`, `Conflict`.
    """
    require(user, Act.CORRECT_RULINGS)
    fact = _found(user, fact_id)
    if fact.superseded_by_id is not None or fact.origin != PERSON:
        raise Conflict(_("Only the newest correction of a person can be taken back. Load the page again."))
    before = RulingFact.objects.filter(superseded_by=fact).first()
    if before is not None:
        before.superseded_by = None
        before.save(update_fields=["superseded_by"])
    _note(user, fact.ruling, fact, before=fact.value, after=before.value if before else GONE, request=request)
    fact.delete()
    return before


def check_undo(upload_id: int) -> None:
    """Raise `Conflict` while corrections by people rest on the rulings of an upload: undoing it would lose their work."""
    if connection.in_atomic_block:  # nobody corrects anything between this look and the undoing
        list(Ruling.objects.filter(upload_id=upload_id).order_by("pk").select_for_update().values_list("pk", flat=True))
    facts = RulingFact.objects.filter(ruling__upload_id=upload_id, origin=PERSON)
    count = facts.count()
    if count:
        rulings = facts.values("ruling_id").distinct().count()
        raise Conflict(
            ngettext(
                "%(count)s correction by a person rests on the rulings of this upload (%(rulings)s in all), and undoing would "
                "lose it. Take it back on the page of the ruling first.",
                "%(count)s corrections by people rest on the rulings of this upload (%(rulings)s in all), and undoing would "
                "lose them. Take them back on the pages of the rulings first.",
                count,
            )
            % {"count": count, "rulings": rulings},
            fields={"corrections": count, "rulings": rulings},
        )


def _found(user: "User", fact_id: int) -> RulingFact:
    facts = RulingFact.objects.visible_to(user).select_for_update(of=("self", "ruling")).select_related("ruling")
    fact = facts.filter(pk=fact_id).first()
    if fact is None:
        raise NotFound(_("There is no such fact. Somebody may have taken it back; load the page again."))
    return fact


def _current(user: "User", fact_id: int) -> RulingFact:
    """The fact, locked, if it still stands as the person saw it."""
    fact = _found(user, fact_id)
    if fact.superseded_by_id is not None or fact.value == GONE:
        raise Conflict(_("Somebody has corrected this fact meanwhile. Load the page again."))
    return fact


def _supersede(
    user: "User", old: RulingFact, *, value: str, start: int | None, end: int | None, is_allegation: bool
) -> RulingFact:
    new: RulingFact = RulingFact.objects.create(
        jurisdiction_id=old.jurisdiction_id,
        ruling=old.ruling,
        event=old.event,
        field=old.field,
        value=value,
        start=start,
        end=end,
        is_allegation=is_allegation,
        origin=PERSON,
        created_by=user,
    )
    old.superseded_by = new
    old.save(update_fields=["superseded_by"])
    return new


def _check_span(ruling: Ruling, start: int | None, end: int | None, quote: str) -> None:
    """Make sure that the words that a person chose stand where the page says they do. Both ends None: no evidence is given."""
    if start is None and end is None:
        return
    if start is None or end is None or not 0 <= start < end <= len(ruling.text) or ruling.text[start:end] != quote:
        raise SpanRefused(
            _("The chosen words do not stand at this place of the ruling. Load the page again and choose them once more."),
            fields={"start": start, "end": end},
        )


def _is_allegation(ruling: Ruling, of_event: list[RulingFact]) -> bool:
    """As the event's other facts; for a new event, whether the verdict establishes nothing."""
    if of_event:
        return all(fact.is_allegation for fact in of_event)
    return ruling.verdict in (Ruling.Verdict.ACQUITTED, Ruling.Verdict.DISMISSED, Ruling.Verdict.REMANDED)


def _note(user: "User", ruling: Ruling, fact: RulingFact, *, before: str, after: str, request: "HttpRequest | None") -> None:
    record(
        action=AuditEntry.Action.CORRECT_RULING,
        actor=user,
        target=f"ruling:{ruling.pk}",
        detail={
            "case": str(ruling).strip(),
            "event": fact.event + 1,
            "field": fact.field,
            "before": before,
            "after": after or "–",
        },
        request=request,
    )
