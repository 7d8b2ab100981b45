"""What fields and values of facts are called, and which values a person may give. The lists are the extractor's own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ingestion.rulings.model import FIELDS, SECTIONS, Label
from ingestion.rulings.vocabulary import TABLES
from webapp.common.errors import HaechiError

FIELD_LABELS: Mapping[str, Label] = {field.code: field for field in FIELDS}
SECTION_LABELS: Mapping[str, Label] = {section.code: section for section in SECTIONS}
VALUE_LABELS: Mapping[str, Mapping[str, Label]] = {
    field: {entry.code: entry for entry in table} for field, table in TABLES.items()
}
VALUE_LENGTH = 120
ATTEMPT = "_attempt"  # after an offence's code


@dataclass(frozen=True)
class Group:
    """Fields that are highlighted alike: one colour, one kind of line under the words, one switch in the legend."""

    code: str
    label: object
    fields: tuple[str, ...]


GROUPS = (
    Group("what", gettext_lazy("Offence"), ("category", "offence")),
    Group("when", gettext_lazy("Time"), ("date", "date_end", "date_precision", "time", "time_end", "time_band")),
    Group("where", gettext_lazy("Place"), ("sido", "sigungu", "dong", "place_kind")),
    Group("how", gettext_lazy("Means"), ("means", "weapon")),
    Group("who", gettext_lazy("People"), ("relation", "drinking", "offenders")),
    Group("risk", gettext_lazy("Risk factor"), ("risk_factor",)),
)
GROUP_OF = {field: group.code for group in GROUPS for field in group.fields}


class ValueRefused(HaechiError):
    """A person gave a value that the field does not take."""

    code = "value_refused"


def in_language(label: Label) -> str:
    """The Korean or English name, by the language of the page."""
    return label.en if get_language() == "en" else label.ko


def field_label(field: str) -> str:
    """What a field is called; an unknown one keeps its code."""
    return in_language(FIELD_LABELS[field]) if field in FIELD_LABELS else field


def section_label(kind: str) -> str:
    """What a part of a ruling is called; blank for none."""
    return in_language(SECTION_LABELS[kind]) if kind in SECTION_LABELS else ""


def value_label(field: str, value: str) -> str:
    """What a value is called; open values are shown as they are."""
    if field == "drinking":
        return _("had been drinking") if value not in ("no", "false") else _("had not been drinking")
    table = VALUE_LABELS.get(field, {})
    if field == "offence" and value not in table and value.endswith(ATTEMPT):
        whole = table.get(value.removesuffix(ATTEMPT))
        return _("%(offence)s (attempted)") % {"offence": in_language(whole)} if whole else value
    return in_language(table[value]) if value in table else value


def choices(field: str) -> list[tuple[str, str]]:
    """(code, label) of every value that a field takes; empty where any text of the right form will do."""
    if field == "drinking":
        return [("yes", value_label("drinking", "yes"))]
    found = [(entry.code, in_language(entry)) for entry in TABLES.get(field, ())]
    if field == "offence":
        tried = [code + ATTEMPT for code, _label in found if code != "other"]
        found += [(code, value_label(field, code)) for code in tried]
    return found


def codes(field: str) -> Sequence[str]:
    """The codes of a closed field, in the order of the extractor's list."""
    return [entry.code for entry in TABLES[field]]


_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_COUNT = re.compile(r"[1-9]\d{0,2}\+?")


def normalised(field: str, value: str) -> str:
    """A value as it is stored. Raises `ValueRefused` with the form that the field takes."""
    text = " ".join(value.split())
    if field not in FIELD_LABELS:
        raise ValueRefused(_("There is no field “%(field)s”.") % {"field": field}, fields={"field": field})
    if choices(field):
        if text not in dict(choices(field)):
            raise _refused(field, text, _("one of the list"))
    elif field in ("date", "date_end"):
        if not _is_date(text):
            raise _refused(field, text, "2019-03-15, 2019-03, 2019")
    elif field in ("time", "time_end"):
        if not _TIME.fullmatch(text):
            raise _refused(field, text, "23:40")
    elif field == "offenders":
        if not _COUNT.fullmatch(text):
            raise _refused(field, text, "1, 2, 2+")
    elif not text or len(text) > VALUE_LENGTH or not text.isprintable():
        raise _refused(field, text[:40], _("a name of at most %(length)s letters") % {"length": VALUE_LENGTH})
    return text


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if not found:
        return False
    year, month, day = (int(part or 1) for part in found.groups())
    try:
        return date(year, month, day).year >= 1900
    except ValueError:
        return False


def _refused(field: str, value: str, form: str) -> ValueRefused:
    message = _("“%(value)s” cannot be the value of “%(field)s”. Write it like this: %(form)s.") % {
        "value": value,
        "field": field_label(field),
        "form": form,
    }
    return ValueRefused(message, fields={"field": field, "value": value})
