"""Reads of the wizard: one upload with how it is understood and what its check found, and what may be chosen."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.imports.findings import left_out_of, quality_of, small_map_of
from webapp.imports.models import Upload
from webapp.imports.selectors import stage_of, upload
from webapp.imports.sentences import Sentences, evidence_sentence
from webapp.imports.services.understanding import category_codes, fields_of, still_open

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

# Coordinate systems that Korean and American files come in; any other named code may be typed.
COMMON_CRS = (
    ("EPSG:4326", "WGS84"),
    ("EPSG:5186", "Korea 2000 / Central Belt 2010"),
    ("EPSG:5179", "Korea 2000 / Unified CS (UTM-K)"),
    ("EPSG:5174", "Korean 1985 / Modified Central Belt"),
    ("EPSG:5181", "Korea 2000 / Central Belt"),
    ("EPSG:2097", "Korean 1985 / Central Belt"),
    ("EPSG:3857", "Web Mercator"),
    ("EPSG:3435", "NAD83 / Illinois East (ftUS)"),
    ("EPSG:2263", "NAD83 / New York Long Island (ftUS)"),
    ("EPSG:2913", "NAD83(HARN) / Oregon North (ft)"),
)
ENCODINGS = ("utf-8", "cp949", "utf-16", "latin-1")
TIME_ZONES = ("Asia/Seoul", "America/Chicago", "America/New_York", "America/Los_Angeles", "UTC")
QUESTION_TOPICS = ("encoding", "header", "delimiter", "kind", "crs", "time", "category", "place_kind", "area_kind", "sheet")


def detail(*, user: "User", upload_id: int, request: "HttpRequest | None" = None) -> Upload:
    """One upload with `stage`, `understanding` and `findings` set. Raises `NotAllowed`, `NotFound`.

    The first rows of somebody else's file are incidents that this person had not seen: that leaves a line in the trail.
    """
    found: Any = upload(user=user, upload_id=upload_id)
    rows = found.guess.get("rows") or []
    if rows and found.kind == Upload.Kind.INCIDENTS and found.created_by_id != user.pk:
        record(
            action=AuditEntry.Action.READ_INCIDENTS,
            actor=user,
            target=f"upload:{found.pk}",
            detail={"rows": len(rows)},
            request=request,
        )
    sentences = Sentences(found)
    found.stage = stage_of(found)
    found.understanding = understanding_of(found, sentences) if "guessed" in found.guess else None
    found.findings = findings_of(found, sentences)
    return found


def understanding_of(found: Upload, sentences: Sentences) -> dict[str, Any]:
    """What the wizard's second step shows."""
    guess = found.guess
    codes = category_codes(found)
    return {
        "format": guess.get("format", ""),
        "wrappers": guess.get("wrappers", []),
        "tables": guess.get("tables", []),
        "header": guess.get("header", []),
        "rows": guess.get("rows", []),
        "lines": guess.get("lines", []),
        "samples": guess.get("samples", {}),
        "mapping": found.mapping,
        "evidence": sentences.evidence(),
        "options": {
            topic: [{"value": value, "sentence": _option(sentences, one)} for value, one in choices]
            for topic, choices in guess.get("options", {}).items()
        },
        "open_questions": [asdict(question) for question in still_open(found)],
        "categories": [
            {"value": value, "count": count, "code": codes.get(value.strip().casefold())}
            for value, count in guess.get("categories", [])
        ],
        "categories_rows": guess.get("categories_rows", 0),
        "categories_whole": guess.get("categories_whole", True),
        "preset": guess.get("preset"),
        "document": _document(guess.get("document")),
    }


def _document(document: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is shown of a ruling, under labels in the language of the page."""
    if document is None:
        return None
    labels = {"court": _("court"), "case_no": _("case number"), "case_name": _("case"), "decided_on": _("decided on")}
    facts = [[labels[name], value] for name, value in document.get("facts", {}).items()]
    return {"facts": facts, "excerpt": document.get("excerpt", "")}


def _option(sentences: Sentences, evidence: dict[str, Any]) -> str:
    return evidence_sentence(evidence["code"], sentences.context | evidence["fields"])


def findings_of(found: Upload, sentences: Sentences) -> dict[str, Any] | None:
    """What the wizard's third step and the result show, or None before the check."""
    report = found.report
    if not report.get("rows") or "refusal" in report:
        return None
    quality, small_map = quality_of(found), small_map_of(found)
    return {
        "rows": report["rows"],
        "accepted": report["accepted"],
        "rejected": report["rejected"],
        "mendable": report.get("mendable", 0),
        "left_out": left_out_of(found),
        "problems": sentences.problems(),
        "accepted_mends": sentences.accepted_mends(),
        "warnings": sentences.warnings(),
        "months": report.get("months", {}),
        "hours": report.get("hours", []),
        "first": report.get("first"),
        "last": report.get("last"),
        "sums": report.get("sums", {}),
        "quality": asdict(quality) if quality else None,
        "map": asdict(small_map) if small_map else None,
    }


def choices(*, user: "User") -> dict[str, Any]:
    """Kinds with their fields, categories, kinds of places and the rest that a select offers. Raises `NotAllowed`."""
    from webapp.common.intake import kinds_taken  # noqa: PLC0415
    from webapp.crimes.models import Area, Category  # noqa: PLC0415
    from webapp.crimes.selectors import place_kinds  # noqa: PLC0415

    require(user, Act.UPLOAD)
    taken = kinds_taken()
    return {
        "kinds": [
            {
                "code": kind.value,
                "name": str(kind.label),
                "fields": [{"name": name, "label": _(label), "required": required} for name, label, required in fields_of(kind)],
            }
            for kind in Upload.Kind
            if kind in taken
        ],
        "categories": [{"code": one.code, "name": one.label} for one in Category.objects.visible_to(user)],
        "place_kinds": [{"code": one.code, "name": one.label} for one in place_kinds(user=user)],
        "area_kinds": [{"code": kind.value, "name": str(kind.label)} for kind in Area.Kind],
        "crs": [{"code": code, "name": name} for code, name in COMMON_CRS],
        "encodings": list(ENCODINGS),
        "time_zones": list(TIME_ZONES),
    }
