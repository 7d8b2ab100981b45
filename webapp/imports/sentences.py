"""Codes of the ingestion core to sentences for people, in the language of the page. The one place where that happens."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ingestion.errors import EVIDENCE, MENDS, REASONS, REFUSALS, WARNINGS
from ingestion.kinds import FIELDS, Kind
from ingestion.presets import PRESETS
from webapp.crimes.models import Category
from webapp.imports.models import RejectedRow, Upload

# Refusals that no file reader can know of.
OWN_REFUSALS = {
    "cancelled": gettext_noop("{file}: the upload was cancelled. Nothing of it was taken in."),
    "same_content": gettext_noop(
        "{file}: the same content was taken in already as upload {value}. Nothing was changed. To take it in otherwise, undo "
        "that upload first."
    ),
    "unexpected": gettext_noop("The job stopped on an unexpected error. The server's log says more; nothing was half-written."),
    "disk_full": gettext_noop(
        "{file}: the disk of the database is full. Nothing of the file was taken in. Ask whoever runs the server to make room, "
        "then take it in again."
    ),
    "not_storable": gettext_noop(
        "{file}: the database cannot hold a value of this file ({value}). Nothing was taken in. Correct it and upload it again."
    ),
}

# What a person must decide, by topic; each names what to do.
QUESTIONS = {
    "kind": gettext_noop("What does this file hold? Choose its kind."),
    "crs": gettext_noop("In which coordinate system are the points? The file does not say so clearly; choose one."),
    "elsewhere": gettext_noop(
        "No point lies near %(place)s, whatever the coordinate system: this looks like a file of another place. If so, discard "
        "it; if not, choose the coordinate system."
    ),
    "time": gettext_noop(
        "In which order do the dates stand? 03/04 can be the third of April or the fourth of March; choose one."
    ),
    "category": gettext_noop("Say what each category of the file is, or leave it out. Not known yet (%(count)s): %(values)s."),
    "column": gettext_noop("Choose the column that holds “%(field)s”."),
    "place": gettext_noop("Choose the columns that say where: coordinates, a geometry or an address."),
    "place_kind": gettext_noop("What kind of place does this file list? Choose one."),
    "area_kind": gettext_noop("What kind of area does this file draw? Choose one."),
    "encoding": gettext_noop("In which encoding is the text written? Choose the one in which the first rows read well."),
    "header": gettext_noop("How many rows at the top are titles? Choose until the titles below read well."),
    "sheet": gettext_noop("Which sheet of the file is meant? Choose one."),
    "swapped": gettext_noop("Do the columns of latitude and longitude stand for each other? Say so."),
    "other": gettext_noop("The file leaves a point open (%(topic)s). Look at the columns below and confirm them."),
}

# Titles that the download of rejected rows adds to the file's own; a mended file may keep them.
OWN_TITLES = ("haechi_line", "haechi_column", "haechi_reason", "haechi_row")

# What a reason is called in a table of counts.
REASON_LABELS = {
    "field_count": gettext_noop("wrong number of fields"),
    "field_too_long": gettext_noop("field too long"),
    "broken_quotes": gettext_noop("quotation marks not closed"),
    "nul_byte": gettext_noop("NUL byte"),
    "category_missing": gettext_noop("category blank"),
    "unknown_category": gettext_noop("unknown category"),
    "time_missing": gettext_noop("time blank"),
    "unreadable_time": gettext_noop("time not readable"),
    "impossible_date": gettext_noop("impossible date or time"),
    "before_1900": gettext_noop("before 1900"),
    "in_future": gettext_noop("in the future"),
    "end_before_start": gettext_noop("end before start"),
    "coordinate_missing": gettext_noop("coordinate blank"),
    "coordinate_zero": gettext_noop("coordinate zero"),
    "not_a_number": gettext_noop("coordinate not a number"),
    "swapped_coordinates": gettext_noop("latitude and longitude swapped"),
    "outside": gettext_noop("outside the jurisdiction"),
    "id_too_long": gettext_noop("identifier too long"),
    "duplicate_in_file": gettext_noop("identifier twice in the file"),
    "duplicate_stored": gettext_noop("identifier already taken in"),
    "unclosed_ring": gettext_noop("outline not closed"),
    "unreadable_geometry": gettext_noop("geometry not readable"),
    "unreadable_feature": gettext_noop("no feature"),
    "not_a_count": gettext_noop("not a number of things"),
    "camera_value": gettext_noop("impossible value of a camera"),
    "not_yes_or_no": gettext_noop("neither yes nor no"),
    "not_an_area": gettext_noop("not an area"),
    "area_unnamed": gettext_noop("area without a name"),
    "area_code_long": gettext_noop("code of the area too long"),
    "area_missing": gettext_noop("area blank"),
    "row_empty": gettext_noop("note or blank row"),
    "period_unreadable": gettext_noop("period not readable"),
    "hour_unreadable": gettext_noop("hour not readable"),
    "figure_unreadable": gettext_noop("figure not readable"),
    "ruling_not_json": gettext_noop("not JSON"),
    "ruling_no_text": gettext_noop("ruling without a text"),
    "ruling_too_long": gettext_noop("ruling too long"),
    "ruling_member": gettext_noop("file in the archive not readable"),
    # Coordinates.
    "half_coordinate": gettext_noop("one of two coordinates blank"),
    "false_point": gettext_noop("zero point of a coordinate system"),
    "sign_lost": gettext_noop("minus sign lost"),
    "metres_among_degrees": gettext_noop("metres among degrees"),
    "metres_unclear": gettext_noop("metres of an unknown system"),
    "address_only": gettext_noop("no coordinates, but an address"),
    "degrees_among_metres": gettext_noop("degrees among metres"),
    "geometry_missing": gettext_noop("geometry blank"),
    "geometry_unreadable": gettext_noop("geometry not readable"),
    "geometry_empty": gettext_noop("geometry empty"),
    "geometry_invalid": gettext_noop("outline crosses itself"),
    # Incidents.
    "left_out": gettext_noop("category left out, as chosen"),
    "count_unreadable": gettext_noop("count not readable"),
    "count_zero": gettext_noop("count zero"),
    "takes_back": gettext_noop("takes an earlier row back"),
    "taken_back": gettext_noop("taken back by a later row"),
    "takes_back_stored": gettext_noop("takes back an incident of an earlier upload"),
    "nothing_to_take_back": gettext_noop("takes back a row that is not there"),
    "stored_already": gettext_noop("held by an earlier upload already"),
}


class Sentences:
    """Sentences about one upload: its jurisdiction's name and categories and its preset's example are looked up once."""

    def __init__(self, upload: Upload):
        self.upload = upload

    @cached_property
    def context(self) -> dict[str, str]:
        """What some sentences name beside the row: the jurisdiction, its categories, a time as the preset writes it."""
        categories = Category.objects.of(self.upload.jurisdiction).order_by("position")
        preset = PRESETS.get(self.upload.preset)
        return {
            "place": self.upload.jurisdiction.label,
            "known": ", ".join(f"{category.label} ({category.code})" for category in categories),
            "example": preset.time_example if preset else "",
        }

    def rejected(self, row: RejectedRow) -> str:
        """Why one row was not taken in, and how to mend it."""
        return self.reason(row.reason, {"line": row.line, "column": row.column, "value": row.value})

    def reason(self, code: str, fields: Mapping[str, Any]) -> str:
        expected = self.upload.report.get("columns", "?")
        return _filled(REASONS.get(code, code), self.context | {"expected": expected} | dict(fields))

    def refusal(self, code: str, fields: Mapping[str, Any]) -> str:
        """Why the whole file was refused."""
        template = OWN_REFUSALS.get(code) or REFUSALS.get(code, code)
        values = dict(fields)
        if isinstance(values.get("first"), dict):
            first = values["first"]
            values["first"] = self.reason(first["reason"], first)
        if code in _PHRASES and values.get("value"):
            values["value"] = _(str(values["value"]))
        return _filled(template, values)

    def message(self) -> str:
        """Why the upload was refused, in the language of the page; blank where it was not."""
        refusal = self.upload.report.get("refusal")
        return self.refusal(refusal["code"], refusal["fields"]) if refusal else self.upload.message

    def warnings(self) -> list[dict[str, Any]]:
        """Each warning with its code, count and sentence."""
        return [
            {
                "code": warning["code"],
                "count": warning["count"],
                "sentence": self._warning(warning),
                "lines": warning["lines"][:10],
            }
            for warning in self.upload.report.get("warnings", [])
        ]

    def _warning(self, warning: Mapping[str, Any]) -> str:
        share = warning.get("share")
        fields = {
            "count": f"{warning['count']:,}",
            "lines": _lines(warning["lines"], warning["count"]),
            "value": ", ".join(warning.get("values", [])),
            "share": f"{share:.1%}".replace("%", " %") if share is not None else "…",
        }
        return _filled(WARNINGS.get(warning["code"], warning["code"]), self.context | fields)

    def reasons(self) -> list[dict[str, Any]]:
        """Each reason for rejected rows with its code, count and label, the most frequent first."""
        counts = self.upload.report.get("reasons", {})
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"code": code, "count": count, "label": reason_label(code)} for code, count in ranked]

    def problems(self) -> list[dict[str, Any]]:
        """Each reason with its count, examples, sentence of the first row, and the mend that is proposed; mendable first."""
        accepted = set(self.upload.mapping.get("mends", ()))
        shown = [self._problem(problem, accepted) for problem in self.upload.report.get("problems", [])]
        return sorted(shown, key=lambda one: (not one["mend"], -one["count"], one["code"]))

    def _problem(self, problem: Mapping[str, Any], accepted: set[str]) -> dict[str, Any]:
        mend, lines, values = problem.get("mend", ""), problem["lines"], problem["values"]
        first = {"line": lines[0] if lines else "?", "column": problem.get("column", ""), "value": values[0] if values else ""}
        return {
            "code": problem["code"],
            "count": problem["count"],
            "label": reason_label(problem["code"]),
            "column": problem.get("column", ""),
            "lines": lines[:10],
            "values": values,
            "sentence": self.reason(problem["code"], first),
            "mend": mend,
            "mend_sentence": mend_sentence(mend, problem["count"]) if mend else "",
            "is_accepted": mend in accepted,
        }

    def accepted_mends(self) -> list[dict[str, str]]:
        """The mends that a person has accepted for this file."""
        counts = self.upload.guess.get("mend_counts", {})
        return [
            {"code": code, "sentence": mend_sentence(code, counts.get(code, 0))} for code in self.upload.mapping.get("mends", ())
        ]

    def evidence(self, topic: str | None = None) -> list[dict[str, str]]:
        """Why the file is understood as it is: topic and sentence."""
        return [
            {
                "topic": one["topic"],
                "column": str(one["fields"].get("column", "")),
                "sentence": evidence_sentence(one["code"], self.context | one["fields"]),
            }
            for one in self.upload.guess.get("evidence", [])
            if topic is None or one["topic"] == topic
        ]


def field_label(kind: str, name: str) -> str:
    """What a field is called on the page."""
    label = next((field.label for field in FIELDS[Kind(kind)] if field.name == name), name)
    return _(label)


# Codes whose value is itself a phrase of the translators' tools.
_PHRASES = frozenset({"not_a_table", "delimiter_found", "delimiter_chosen"})


def evidence_sentence(code: str, fields: Mapping[str, Any]) -> str:
    """Why something was decided; a code without a sentence is shown as it is."""
    if code in _PHRASES and fields.get("value"):
        fields = {**fields, "value": _(str(fields["value"]))}
    return _filled(EVIDENCE.get(code), fields) or code.replace("_", " ")


def mend_sentence(code: str, count: int) -> str:
    """What is proposed for rows that are not good."""
    return _filled(MENDS.get(code), {"count": f"{count:,}"}) or code.replace("_", " ")


def reason_label(code: str) -> str:
    """What a reason is called in a table of counts."""
    label = REASON_LABELS.get(code)
    return _(label) if label else code.replace("_", " ")


class _Blank(dict[str, Any]):
    """Fields that a sentence names and nobody gave are left blank."""

    def __missing__(self, key: str) -> str:
        return "…"


def _filled(template: str | None, fields: Mapping[str, Any]) -> str:
    return _(template).format_map(_Blank(fields)) if template else ""


def _lines(lines: list[int], count: int) -> str:
    shown = ", ".join(str(line) for line in lines[:10])
    return f"{shown} …" if count > len(lines[:10]) else shown
