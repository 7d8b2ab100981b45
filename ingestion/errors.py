"""What can be wrong with a file or with a row: stable codes, and one English sentence template for each.

The templates are filled with the fields that a `Finding` or an error carries; the web translates them in one place
(`webapp.imports.sentences`). Every sentence says what is wrong, where, and how to mend it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def gettext_noop(sentence: str) -> str:
    """Mark a sentence for the translators' tools; the core itself translates nothing."""
    return sentence


# A row that is not taken in. Fields: line, column, value; some reasons take what is named beside them.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "field_count": gettext_noop(
            "Line {line} has {value} fields, the header has {expected}. Check for a missing or an extra comma."
        ),
        "broken_quotes": gettext_noop(
            "Line {line}: the quotation marks do not close. Write a quotation mark inside a field twice."
        ),
        "field_too_long": gettext_noop("Line {line}: a field is longer than 128 KB. Check for a missing comma or line break."),
        "nul_byte": gettext_noop("Line {line} holds a NUL byte, which no text has. Export the file again."),
        "category_missing": gettext_noop("Line {line}, column “{column}”: the category is blank. Fill it in."),
        "unknown_category": gettext_noop(
            "Line {line}, column “{column}”: the category “{value}” is not known here. Known are: {known}."
        ),
        "time_missing": gettext_noop("Line {line}, column “{column}”: the time is blank. Fill it in."),
        "unreadable_time": gettext_noop(
            "Line {line}, column “{column}”: “{value}” cannot be read as a time. Write it like {example}."
        ),
        "impossible_date": gettext_noop(
            "Line {line}, column “{column}”: there is no such date or time as “{value}”. Correct it."
        ),
        "before_1900": gettext_noop("Line {line}, column “{column}”: “{value}” lies before 1900. Correct the year."),
        "in_future": gettext_noop(
            "Line {line}, column “{column}”: “{value}” lies in the future. Correct the date or the time zone."
        ),
        "end_before_start": gettext_noop(
            "Line {line}, column “{column}”: the end “{value}” lies before the start. Swap or correct them."
        ),
        "coordinate_missing": gettext_noop(
            "Line {line}, column “{column}”: the coordinate is blank. Fill it in or leave the row out."
        ),
        "coordinate_zero": gettext_noop(
            "Line {line}, column “{column}”: the coordinate is 0, which stands for “unknown”. Fill it in."
        ),
        "not_a_number": gettext_noop("Line {line}, column “{column}”: “{value}” is not a number. Write degrees like 37.4836."),
        "swapped_coordinates": gettext_noop(
            "Line {line}, column “{column}”: {value} lies outside {place}, but inside when latitude and longitude are swapped. "
            "Swap the two columns."
        ),
        "outside": gettext_noop(
            "Line {line}, column “{column}”: {value} lies outside {place}. Correct the place or leave the row out."
        ),
        "id_too_long": gettext_noop("Line {line}, column “{column}”: the identifier is longer than 80 characters. Shorten it."),
        "duplicate_in_file": gettext_noop(
            "Line {line}, column “{column}”: the identifier “{value}” stands in an earlier line of this file."
        ),
        "duplicate_stored": gettext_noop(
            "Line {line}, column “{column}”: the identifier “{value}” was taken in with an earlier upload."
        ),
    }
)

# A row that is taken in, but about which a person should know. Fields: count, lines.
WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        "skipped_hour": gettext_noop(
            "{count} times stand in the hour that summer time skips; they are read as one hour later. Lines: {lines}."
        ),
        "doubled_hour": gettext_noop(
            "{count} times stand in the hour that comes twice when summer time ends; the first is meant. Lines: {lines}."
        ),
        "day_only": gettext_noop(
            "{count} rows give a day without a time; the whole day is taken as the interval. Lines: {lines}."
        ),
        "same_again": gettext_noop(
            "{count} rows repeat another row exactly. Without an identifier they may be separate victims, so they are kept. "
            "Lines: {lines}."
        ),
        "blank_lines": gettext_noop("{count} blank lines were passed over. Lines: {lines}."),
    }
)

# A file that is refused whole. Every one names the file; the database stays as it was.
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "empty": gettext_noop("{file}, line 1: the file is empty. Choose the file that holds the incidents."),
        "no_rows": gettext_noop(
            "{file}, line {line}: there is a header, but no row under it. Choose the file that holds the incidents."
        ),
        "excel": gettext_noop(
            "{file}, line 1: this is an Excel workbook under another name. Open it in Excel and save it as "
            "“CSV UTF-8 (comma delimited)”."
        ),
        "binary": gettext_noop(
            "{file}, line {line}: this is a binary file ({value}), not a table of text. Export it as CSV in UTF-8."
        ),
        "encoding": gettext_noop(
            "{file}, line {line}: the text is not UTF-8; it looks like {value}. Save it as “CSV UTF-8”, then upload it again."
        ),
        "broken_gzip": gettext_noop(
            "{file}: the compressed file breaks off or is damaged after line {line}. Compress or copy it again."
        ),
        "too_large": gettext_noop(
            "{file} holds more than {value}, the most this server takes in. Split it by year and upload the parts."
        ),
        "line_too_long": gettext_noop(
            "{file}, line {line}: the line is longer than {value}. Check that lines end with a line break."
        ),
        "separator": gettext_noop(
            "{file}, line 1: the columns are separated by “{value}”, not by commas. Save the file as comma-separated CSV."
        ),
        "missing_column": gettext_noop(
            "{file}, line 1: the column “{column}” is missing. Found are: {value}. Add the column, or choose another format."
        ),
        "double_column": gettext_noop("{file}, line 1: the column “{column}” stands twice. Leave one of them out."),
        "broken_header": gettext_noop("{file}, line 1: the quotation marks of the header do not close. Correct the header."),
        "nothing_good": gettext_noop("{file}: none of its {rows} rows can be taken in. The first: {first}"),
    }
)

# Why something about a file was decided. Fields: those of `ingestion.mapping.Evidence`.
EVIDENCE: Mapping[str, str] = MappingProxyType({})

# What is proposed to make rows good that are not, or to leave out rows that are doubtful. Fields: count.
MENDS: Mapping[str, str] = MappingProxyType({})


class IngestionError(Exception):
    """Anything this core refuses: a code out of the tables above and the fields that its sentence names."""

    def __init__(self, code: str, **fields: Any):
        self.code = code
        self.fields = fields
        super().__init__(REFUSALS[code].format(**fields) if code in REFUSALS else code)


class FileRefused(IngestionError):
    """The file as a whole cannot be taken in; nothing of it may stay in the database."""
