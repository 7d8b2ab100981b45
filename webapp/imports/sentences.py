"""Codes of the ingestion core to sentences for people, in the language of the page. The one place where that happens."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ingestion.errors import REASONS, REFUSALS, WARNINGS
from ingestion.presets import PRESETS
from webapp.crimes.models import Category
from webapp.imports.models import RejectedRow, Upload

# Refusals that no file reader can know of.
OWN_REFUSALS = {
    "cancelled": gettext_noop("{file}: the upload was cancelled. Nothing of it was taken in."),
    "same_content": gettext_noop("{file}: the same content was taken in meanwhile as upload {value}. Nothing was changed."),
}

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
    # Coordinates.
    "half_coordinate": gettext_noop("one of two coordinates blank"),
    "false_point": gettext_noop("zero point of a coordinate system"),
    "sign_lost": gettext_noop("minus sign lost"),
    "metres_among_degrees": gettext_noop("metres among degrees"),
    "degrees_among_metres": gettext_noop("degrees among metres"),
    "geometry_missing": gettext_noop("geometry blank"),
    "geometry_unreadable": gettext_noop("geometry not readable"),
    "geometry_empty": gettext_noop("geometry empty"),
    "geometry_invalid": gettext_noop("outline crosses itself"),
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
        return _(REASONS[code]).format(**(self.context | {"expected": expected} | dict(fields)))

    def refusal(self, code: str, fields: Mapping[str, Any]) -> str:
        """Why the whole file was refused."""
        template = OWN_REFUSALS.get(code) or REFUSALS[code]
        values = dict(fields)
        if isinstance(values.get("first"), dict):
            first = values["first"]
            values["first"] = self.reason(first["reason"], first)
        return _(template).format(**values)

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
                "sentence": _(WARNINGS[warning["code"]]).format(
                    count=f"{warning['count']:,}", lines=_lines(warning["lines"], warning["count"])
                ),
            }
            for warning in self.upload.report.get("warnings", [])
        ]

    def reasons(self) -> list[dict[str, Any]]:
        """Each reason for rejected rows with its code, count and label, the most frequent first."""
        counts = self.upload.report.get("reasons", {})
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"code": code, "count": count, "label": _(REASON_LABELS[code])} for code, count in ranked]


def _lines(lines: list[int], count: int) -> str:
    shown = ", ".join(str(line) for line in lines[:10])
    return f"{shown} …" if count > len(lines[:10]) else shown
