"""What a file holds and how it is to be read: guessed on evidence, recognised by its columns, changed by a person."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from ingestion.errors import FileRefused
from ingestion.kinds import FIELDS, Kind
from ingestion.mapping import Choice, ColumnMapping, Evidence, Guess
from ingestion.readers.table import Limits, Table
from webapp.accounts.permissions import Act, require
from webapp.common.errors import Conflict, HaechiError
from webapp.crimes.models import Category, PlaceKind
from webapp.imports.models import MappingPreset, Upload
from webapp.imports.sentences import OWN_TITLES, QUESTIONS, field_label
from webapp.imports.services.reading import documents_of, guess_of, tables_of
from webapp.imports.services.storing import OPEN_JOBS, OPEN_STATES, stored_path

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

ROWS_SHOWN = 12
FIELD_SHOWN = 160
SAMPLES_SHOWN = 4
CATEGORIES_SHOWN = 400
ROWS_COUNTED = 200_000  # rows in which the categories are counted before a person decides on them
LOCATIONS = ("latitude", "geometry", "address", "lot_address", "area")


class MappingWrong(HaechiError):
    """A mapping names something that the file or the jurisdiction has not."""

    code = "mapping_wrong"
    status = 400


def understand(
    upload: Upload,
    path: Path,
    *,
    kind: str | None = None,
    choice: Choice | None = None,
    preset_name: str = "",
    use_preset: bool = True,
) -> None:
    """Guess how the file is to be read and keep that, with its first rows, on the upload. Raises `FileRefused`."""
    limits = Limits(max_content_bytes=settings.UPLOAD_MAX_BYTES)
    document = documents_of(path, upload.file_name, limits, kind=kind) if kind in (None, Kind.RULINGS) else None
    if document is not None:
        mapping = ColumnMapping(kind=Kind.RULINGS)
        upload.guess = {"format": document["format"], "document": document, "guessed": mapping.to_json()}
        _settle(upload, mapping)
        return
    tables = tables_of(path, upload.file_name, limits, choice or Choice())
    guess = guess_of(tables, upload.jurisdiction, file_name=upload.file_name, kind=kind)
    table = _chosen(tables, guess.mapping.reading)
    preset = _preset_for(upload.jurisdiction, table, preset_name) if use_preset or preset_name else None
    mapping = _with_preset(guess.mapping, preset, kind) if preset else guess.mapping
    upload.guess = _guess_json(guess, tables, table) | {
        "preset": {"id": preset.pk, "name": preset.name} if preset else None,
    }
    if preset is not None:
        known = [topic for topic in guess.open_questions if topic == "category"]
        upload.guess["open_questions"] = known
    _count_categories(upload, table, mapping)
    _settle(upload, mapping)


def _settle(upload: Upload, mapping: ColumnMapping) -> None:
    upload.kind, upload.mapping = str(mapping.kind), mapping.to_json()
    upload.state, upload.report, upload.message = Upload.State.RECEIVED, {}, ""
    upload.save()


def _chosen(tables: Sequence[Table], reading: Choice) -> Table:
    """The table that the guess speaks of."""
    wanted = (reading.member, reading.sheet)
    return next((table for table in tables if (table.choice.member, table.choice.sheet) == wanted), tables[0])


def _guess_json(guess: Guess, tables: Sequence[Table], table: Table) -> dict[str, Any]:
    rows, lines = first_rows(table)
    return {
        "format": table.format,
        "wrappers": list(table.wrappers),
        "tables": [
            {"name": one.name, "sheet": one.choice.sheet, "member": one.choice.member, "columns": len(one.header)}
            for one in tables
        ],
        "sheets": list(table.sheets),
        "header": list(table.header),
        "first_line": table.first_line,
        "geometry_column": table.geometry_column,
        "digest": header_digest(table.header),
        "rows": rows,
        "lines": lines,
        "samples": _samples(table.header, rows),
        "evidence": [_plain(one) for one in (*table.evidence, *guess.evidence)],
        "open_questions": list(guess.open_questions),
        "options": {
            topic: [[value, _plain(evidence)] for value, evidence in choices] for topic, choices in guess.options.items()
        },
        "guessed": guess.mapping.to_json(),
    }


def _plain(evidence: Evidence) -> dict[str, Any]:
    fields = {name: value if isinstance(value, int | float | str) else str(value) for name, value in evidence.fields.items()}
    return asdict(replace(evidence, fields=fields))


def first_rows(table: Table, count: int = ROWS_SHOWN) -> tuple[list[list[str]], list[int]]:
    """The first rows of a table and their lines, each field cut to what a page can show."""
    rows: list[list[str]] = []
    lines: list[int] = []
    for chunk in table.chunks():
        for row, line in zip(chunk.rows, chunk.lines, strict=False):
            if row:
                rows.append([field[:FIELD_SHOWN].replace("\0", "␀") for field in row])
                lines.append(line)
            if len(rows) == count:
                return rows, lines
    return rows, lines


def header_of(path: Path, file_name: str) -> list[str]:
    """The titles of the file's first table."""
    tables = tables_of(path, file_name, Limits(max_content_bytes=settings.UPLOAD_MAX_BYTES), Choice())
    return list(tables[0].header) if tables else []


def _samples(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    """For each column some different values, to be shown beside its title."""
    samples: dict[str, list[str]] = {}
    for place, title in enumerate(header):
        values = dict.fromkeys(row[place].strip() for row in rows if place < len(row) and row[place].strip())
        samples[title] = [value[:60] for value in list(values)[:SAMPLES_SHOWN]]
    return samples


def header_digest(header: Sequence[str]) -> str:
    """By what a file of the same source is recognised: its titles, without what Haechi's own download adds."""
    titles = [title for title in header if title not in OWN_TITLES]
    plain = "\0".join(unicodedata.normalize("NFKC", title).casefold().replace(" ", "") for title in titles)
    return hashlib.sha256(plain.encode()).hexdigest()


# --- Presets of the source ------------------------------------------------------------------------
def _preset_for(jurisdiction: "Jurisdiction", table: Table, name: str) -> MappingPreset | None:
    presets = MappingPreset.objects.of(jurisdiction)
    if not name:
        return presets.filter(header_digest=header_digest(table.header)).order_by("-updated_at").first()
    found = presets.filter(name=name).first()
    if found is None:
        known = ", ".join(presets.order_by("name").values_list("name", flat=True)) or _("none yet")
        message = _("There is no mapping preset “%(name)s”. Known are: %(known)s.") % {"name": name, "known": known}
        raise HaechiError(message, code="unknown_preset")
    return found


def _with_preset(guessed: ColumnMapping, preset: MappingPreset, kind: str | None) -> ColumnMapping:
    """The preset's mapping, read with what this file itself says of its bytes."""
    kept = ColumnMapping.from_json(preset.mapping)
    if kind is not None and kept.kind != kind:
        return guessed
    categories = {**guessed.categories, **kept.categories} if kept.kind == guessed.kind else kept.categories
    return replace(kept, reading=guessed.reading, categories=categories)


# --- Categories -----------------------------------------------------------------------------------
def _count_categories(upload: Upload, table: Table, mapping: ColumnMapping) -> None:
    """Count the values of the column of categories, so that a person can say what each is."""
    title = mapping.columns.get("category")
    upload.guess.pop("categories", None)
    if mapping.kind != Kind.INCIDENTS or title not in table.header:
        return
    place, counts, seen, is_whole = table.header.index(title), Counter[str](), 0, True
    for chunk in table.chunks():
        counts.update(row[place].strip() for row in chunk.rows if place < len(row))
        seen += len(chunk.rows)
        if seen >= ROWS_COUNTED:
            is_whole = chunk.fraction >= 1
            break
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    upload.guess["categories"] = [[value[:FIELD_SHOWN], count] for value, count in ranked[:CATEGORIES_SHOWN] if value]
    upload.guess["categories_rows"] = seen
    upload.guess["categories_whole"] = is_whole


def category_codes(upload: Upload) -> dict[str, str]:
    """Spelling in the file, stripped and case-folded, to a category's code; blank where such rows are left out."""
    own: dict[str, str] = {}
    for code, name, name_en in Category.objects.of(upload.jurisdiction).values_list("code", "name", "name_en"):
        own |= {spelled.strip().casefold(): code for spelled in (code, name, name_en)}
    return own | upload.mapping.get("categories", {})


def unknown_categories(upload: Upload) -> list[str]:
    """Values of the file that neither the mapping nor the jurisdiction's taxonomy knows, the most frequent first."""
    values = upload.guess.get("categories", [])
    known = category_codes(upload) if values else {}
    return [value for value, _count in values if value.strip().casefold() not in known]


def fields_of(kind: str) -> list[tuple[str, str, bool]]:
    """Name, label (English, marked for translation) and "is it required" of the fields of a kind."""
    return [(field.name, field.label, field.required) for field in FIELDS[Kind(kind)]]


# --- What a person must still decide ----------------------------------------------------------------
@dataclass(frozen=True)
class Question:
    """Something that the evidence does not settle. `field`: the field of the mapping that it is about, or blank."""

    topic: str
    sentence: str
    field: str = ""


def still_open(upload: Upload) -> list[Question]:
    """What a person must decide before the file can be checked."""
    if "document" in upload.guess or upload.mapping.get("options", {}).get("preset"):
        return []
    if not upload.mapping:
        return [Question("kind", _(QUESTIONS["kind"]))]
    columns = upload.mapping.get("columns", {})
    questions = []
    unknown = unknown_categories(upload)
    for topic in upload.guess.get("open_questions", []):
        name = topic.partition(":")[0]
        if name == "category":
            continue
        if name == "column" and (not topic.partition(":")[2] or topic.partition(":")[2] in columns):
            continue
        asked = "elsewhere" if name == "crs" and _lies_nowhere_near(upload) else name
        sentence = _(QUESTIONS.get(asked, QUESTIONS["other"]))
        questions.append(Question(topic, sentence % {"topic": topic, "place": upload.jurisdiction.label}))
    if unknown and "category" in upload.guess.get("open_questions", []):
        shown = ", ".join(f"“{value}”" for value in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        questions.append(Question("category", _(QUESTIONS["category"]) % {"values": shown, "count": len(unknown)}, "category"))
    return questions + _missing(upload.kind, columns, upload.mapping.get("options", {}))


def _lies_nowhere_near(upload: Upload) -> bool:
    return any(one["code"] == "crs_nowhere" for one in upload.guess.get("evidence", []))


def _missing(kind: str, columns: Mapping[str, str], options: Mapping[str, Any]) -> list[Question]:
    """Fields without which no row can be taken in; some may be said once for the whole file, in the options."""
    missing = [one for one in FIELDS[Kind(kind)] if one.required and one.name not in columns and not options.get(one.name)]
    found = [Question(f"column:{one.name}", _(QUESTIONS["column"]) % {"field": _(one.label)}, one.name) for one in missing]
    needs_place = kind in (Kind.INCIDENTS, Kind.CAMERAS, Kind.PLACES)
    if needs_place and not any(name in columns for name in LOCATIONS):
        found.append(Question("column:latitude", _(QUESTIONS["place"]), "latitude"))
    if ("latitude" in columns) != ("longitude" in columns):
        lacking = "longitude" if "latitude" in columns else "latitude"
        found.append(Question(f"column:{lacking}", _(QUESTIONS["column"]) % {"field": field_label(kind, lacking)}, lacking))
    return found


# --- Changes by a person ----------------------------------------------------------------------------
ANSWERS = {"crs": "crs", "time": "time_order", "kind": "kind", "place_kind": "place_kind", "swapped": "swapped"}
_REREAD = ("kind", "reading")


@transaction.atomic
def change_mapping(*, user: "User", upload_id: int, changes: Mapping[str, Any]) -> Upload:
    """Change how a file is understood; what is not named stays. The check has to be made anew.

    `changes`: fields of `ColumnMapping`, and `answered`: topics of open questions that the person has decided.
    Raises `NotFound`, `Conflict`, `MappingWrong`, `FileRefused` where the file cannot be read so.
    """
    from webapp.imports.services.receiving import UploadRefused, locked_upload  # noqa: PLC0415  (that module imports this)

    require(user, Act.UPLOAD)
    upload = locked_upload(user, upload_id)
    if upload.state not in OPEN_STATES or (upload.job is not None and upload.job.state in OPEN_JOBS):
        raise Conflict(
            _("%(file)s is not open for this any more; it is: %(state)s.")
            % {"file": upload.file_name, "state": upload.get_state_display()}
        )
    if not stored_path(upload).exists():
        raise Conflict(_("The file is no longer on the server. Upload it again."), code="file_gone")
    try:
        apply_changes(upload, stored_path(upload), changes)
    except FileRefused as error:
        from webapp.imports.sentences import Sentences  # noqa: PLC0415

        message = Sentences(upload).refusal(error.code, error.fields)
        raise UploadRefused(message, fields={"upload": upload.pk, "reason": error.code}) from error
    return upload


def apply_changes(upload: Upload, path: Path, changes: Mapping[str, Any]) -> None:
    """Change the mapping of an upload whose file lies at `path`. Raises `MappingWrong`, `FileRefused`."""
    given = dict(changes)
    answered = set(given.pop("answered", ()))
    if preset := given.pop("preset", ""):
        understand(upload, path, preset_name=preset)
    reread = any(name in given and given[name] != upload.mapping.get(name) for name in _REREAD)
    if reread:
        kind, reading = given.pop("kind", None), given.pop("reading", None)
        try:
            wanted = Choice(**(reading or upload.mapping.get("reading") or {}))
            understand(upload, path, kind=Kind(kind or upload.kind), choice=wanted, use_preset=False)
        except (TypeError, ValueError) as error:
            raise MappingWrong(_("The mapping is not understood: %(reason)s.") % {"reason": error}) from error
        answered |= {"kind"} if kind else set()
        answered |= {"encoding", "header", "sheet", "delimiter"} if reading else set()
    _check_changes(upload, given)
    counts = {one["mend"]: one["count"] for one in upload.report.get("problems", []) if one.get("mend")}
    upload.guess["mend_counts"] = upload.guess.get("mend_counts", {}) | counts  # how many rows an accepted mend was for
    plain = upload.mapping | given
    try:
        mapping = ColumnMapping.from_json(plain)
    except (TypeError, ValueError) as error:
        raise MappingWrong(_("The mapping is not understood: %(reason)s.") % {"reason": error}) from error
    answered |= {topic for topic, field in ANSWERS.items() if given.get(field) not in (None, "")}
    answered |= {f"column:{name}" for name in given.get("columns", {})} | set(given.get("options", {}))
    before = upload.mapping.get("columns", {}).get("category")
    guess = upload.guess
    guess["open_questions"] = [topic for topic in guess.get("open_questions", []) if topic not in answered]
    if mapping.columns.get("category") != before:
        limits = Limits(max_content_bytes=settings.UPLOAD_MAX_BYTES)
        tables = tables_of(path, upload.file_name, limits, mapping.reading)
        _count_categories(upload, _chosen(tables, mapping.reading), mapping)
    _settle(upload, mapping)


def _check_changes(upload: Upload, given: Mapping[str, Any]) -> None:
    """Hold what a person (or a program) sent against the file and the jurisdiction. Raises `MappingWrong`."""
    known_fields = {field.name for field in FIELDS[Kind(upload.kind)]}
    for name, title in (given.get("columns") or {}).items():
        if name not in known_fields:
            raise MappingWrong(_("There is no field “%(name)s” for this kind of data.") % {"name": name})
        if title not in upload.guess.get("header", []):
            raise MappingWrong(_("The file has no column “%(name)s”.") % {"name": title})
    codes = set(filter(None, (given.get("categories") or {}).values()))
    unknown = codes - set(Category.objects.of(upload.jurisdiction).filter(code__in=codes).values_list("code", flat=True))
    if unknown:
        raise MappingWrong(_("There is no category “%(name)s” here.") % {"name": ", ".join(sorted(unknown))})
    zone = given.get("time_zone")
    if zone and zone not in available_timezones():
        raise MappingWrong(_("%(value)s is not a time zone. Write it like Asia/Seoul.") % {"value": zone})
    if given.get("time_order") not in (None, "ymd", "mdy", "dmy"):
        raise MappingWrong(_("The order of dates is one of: ymd, mdy, dmy."))
    place_kind = given.get("place_kind")
    if place_kind and not PlaceKind.objects.of(upload.jurisdiction).filter(code=place_kind).exists():
        raise MappingWrong(_("There is no kind of place “%(name)s” here.") % {"name": place_kind})
