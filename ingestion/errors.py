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
        # Coordinates.
        "half_coordinate": gettext_noop(
            "Line {line}, column “{column}”: the coordinate is blank, though the other one is {value}. Fill it in."
        ),
        "false_point": gettext_noop(
            "Line {line}, column “{column}”: {value} is no place, but the zero point of a coordinate system, which programs "
            "write for “unknown”. Fill in the place or leave the row out."
        ),
        "sign_lost": gettext_noop(
            "Line {line}, column “{column}”: {value} lies outside {place}, but inside with the minus sign that seems to be "
            "lost. Put it back."
        ),
        "metres_among_degrees": gettext_noop(
            "Line {line}, column “{column}”: {value} are metres or feet, not degrees like the rest of the file. "
            "Convert the row to degrees, or name its coordinate system."
        ),
        "metres_unclear": gettext_noop(
            "Line {line}, column “{column}”: {value}: metres or feet, and several coordinate systems fit. Name the right one."
        ),
        "address_only": gettext_noop(
            "Line {line}, column “{column}”: there are no coordinates, but the address was found: {value}. Accept its place."
        ),
        "degrees_among_metres": gettext_noop(
            "Line {line}, column “{column}”: {value} are degrees, not metres or feet like the rest of the file. Convert the row."
        ),
        "geometry_missing": gettext_noop("Line {line}, column “{column}”: the geometry is blank. Fill it in."),
        "geometry_unreadable": gettext_noop(
            "Line {line}, column “{column}”: “{value}” cannot be read as a geometry. Write WKT like POINT (126.98 37.57); "
            "a ring must end where it began."
        ),
        "geometry_empty": gettext_noop("Line {line}, column “{column}”: the geometry is empty. Fill it in or leave the row out."),
        "geometry_invalid": gettext_noop(
            "Line {line}, column “{column}”: the outline crosses itself. Correct it, or have it taken apart."
        ),
        # --- rulings
        "ruling_not_json": gettext_noop("Line {line}: this is not a JSON object. Write one ruling a line as JSON."),
        "ruling_no_text": gettext_noop("Line {line}: the ruling {value} has no text. Leave it out or add “reasons” or “text”."),
        "ruling_too_long": gettext_noop(
            "Line {line}: the ruling is longer than {value} characters. Split it, or check that it is one ruling."
        ),
        "ruling_member": gettext_noop("“{value}” in the archive cannot be read as a ruling and was left out: {why}"),
        # Incidents: categories left out, counts, rows that an earlier upload holds.
        "left_out": gettext_noop("Line {line}, column “{column}”: rows of the category “{value}” are left out, as chosen."),
        "count_unreadable": gettext_noop(
            "Line {line}, column “{column}”: “{value}” is no count. Write 1 for an incident, or −1 to take an earlier row back."
        ),
        "count_zero": gettext_noop("Line {line}, column “{column}”: the count is 0, so nothing happened. Leave the row out."),
        "takes_back": gettext_noop("Line {line}, column “{column}”: the count −1 takes line {value} back; neither is taken in."),
        "taken_back": gettext_noop("Line {line}, column “{column}”: line {value} takes this row back with the count −1."),
        "takes_back_stored": gettext_noop(
            "Line {line}, column “{column}”: the count −1 takes back an incident of an earlier upload (its line {value}), which "
            "was removed. Undoing this upload brings it back."
        ),
        "nothing_to_take_back": gettext_noop(
            "Line {line}, column “{column}”: the count −1 takes a row back, but no earlier row has the same category, time and "
            "place. Check which row is meant."
        ),
        "stored_already": gettext_noop(
            "Line {line}: an earlier upload holds this row already, with the same category, time and place. It was left out."
        ),
        # Cameras, places, areas, figures.
        "not_a_count": gettext_noop(
            "Line {line}, column “{column}”: “{value}” is no number of things. Write a whole number of at least 1."
        ),
        "camera_value": gettext_noop(
            "Line {line}, column “{column}”: “{value}” cannot be: a bearing is 0 to 360 degrees, an angle above 0 "
            "to 360, a range above 0 to 2,000 metres."
        ),
        "not_yes_or_no": gettext_noop(
            "Line {line}, column “{column}”: “{value}” is neither yes nor no. Write 정상 or 고장, yes or no."
        ),
        "not_an_area": gettext_noop("Line {line}, column “{column}”: {value} is no area. Give a polygon or multipolygon."),
        "area_unnamed": gettext_noop("Line {line}, column “{column}”: the area has neither a code nor a name. Fill one in."),
        "area_code_long": gettext_noop(
            "Line {line}, column “{column}”: the code “{value}” is longer than 20 characters. Shorten it, or "
            "choose another column."
        ),
        "row_empty": gettext_noop("Line {line}: “{value}” is a note or a blank row, no figure. Leave the row out."),
        "period_unreadable": gettext_noop(
            "Line {line}, column “{column}”: “{value}” cannot be read as a year, quarter, month or day. Write it "
            "like 2024 or 2024-03."
        ),
        "hour_unreadable": gettext_noop(
            "Line {line}, column “{column}”: “{value}” cannot be read as an hour or band of hours. Write it like "
            "18 or 18:00-20:59."
        ),
        "figure_unreadable": gettext_noop(
            "Line {line}, column “{column}”: “{value}” is no figure. Write a number, “-” for none, or leave it "
            "blank where it is not known."
        ),
        "area_missing": gettext_noop("Line {line}, column “{column}”: the area is blank. Fill it in."),
        # Reading.
        "unclosed_ring": gettext_noop(
            "Line {line}: an outline does not return to its first point, or has fewer than four. Close it."
        ),
        "unreadable_geometry": gettext_noop("Line {line}: the geometry cannot be read. Export this feature again."),
        "unreadable_feature": gettext_noop("Line {line}: this is no feature with properties and a geometry. Export it again."),
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
        # Coordinates that were mended, because a person accepted it.
        "mended_swap": gettext_noop("{count} rows were read with latitude and longitude swapped. Lines: {lines}."),
        "mended_sign": gettext_noop("{count} rows were given back their lost minus sign. Lines: {lines}."),
        "mended_metres": gettext_noop("{count} rows in metres or feet were converted to degrees. Lines: {lines}."),
        "mended_degrees": gettext_noop("{count} rows in degrees were read as such in a file in metres or feet. Lines: {lines}."),
        "mended_make_valid": gettext_noop("{count} outlines that cross themselves were taken apart. Lines: {lines}."),
        "mended_geocode": gettext_noop("{count} rows got their place from their address. Lines: {lines}."),
        # Incidents.
        "end_unknown": gettext_noop(
            "{count} rows give a start without an end; the start is taken as the moment. Lines: {lines}."
        ),
        "count_above_one": gettext_noop("{count} rows have a count above one; each is taken in as one incident. Lines: {lines}."),
        "rounded_noon": gettext_noop(
            "{count} times ({share}) stand at exactly 12:00, many more than by chance: noon often stands for “not known”."
        ),
        "rounded_midnight": gettext_noop(
            "{count} times ({share}) stand at exactly 00:00, many more than by chance: midnight often stands for “not known”."
        ),
        "rounded_hour": gettext_noop(
            "{count} times ({share}) stand on the full hour, many more than by chance: the times are rounded."
        ),
        "month_gaps": gettext_noop(
            "{count} months between the first and the last hold far fewer rows than usual: {value}. "
            "Check that the file is complete."
        ),
        "late_reports": gettext_noop(
            "{count} rows ({share}) were reported more than a week after the incident; half of all reports come within {value}. "
            "The latest weeks are therefore incomplete."
        ),
        "stored_already": gettext_noop(
            "{count} rows ({share}) are held by an earlier upload already, with the same category, time and place. "
            "Lines: {lines}."
        ),
        # Cameras, places, areas, figures.
        "ids_repeat": gettext_noop(
            "The column named as identifier repeats its values, so it identifies nothing; place and content are "
            "used instead. Lines: {lines}."
        ),
        "row_per_camera": gettext_noop(
            "{count} rows: this register lists one row per camera. Rows at one point with one purpose become one site."
        ),
        "row_per_site": gettext_noop("{count} rows: this register lists one row per site, with its number of cameras."),
        "same_site": gettext_noop(
            "{count} rows lie at the same point with the same purpose as an earlier row; their cameras are added "
            "to that site. Lines: {lines}."
        ),
        "camera_again": gettext_noop(
            "{count} rows repeat an earlier row exactly. Each counts as one more camera of its site; check "
            "whether they were entered twice. Lines: {lines}."
        ),
        "count_blank": gettext_noop("{count} rows leave the number of cameras blank; each is taken as one. Lines: {lines}."),
        "large_count": gettext_noop(
            "{count} rows give an unusually large number at one place: {value}. Check for a typing error. Lines: {lines}."
        ),
        "purpose_unknown": gettext_noop(
            "{count} rows name a purpose that is not known here ({value}); they are filed under “other”. Lines: {lines}."
        ),
        "view_unread": gettext_noop(
            "{count} rows describe the view in words that give no direction ({value}); it is taken as all round. Lines: {lines}."
        ),
        "retention_filled": gettext_noop(
            "{count} rows give days kept that run up by one from row to row, as a spreadsheet does when a cell is "
            "dragged down. Check them. Lines: {lines}."
        ),
        "installed_later": gettext_noop(
            "{count} rows name a month of installation after the date of the register. Lines: {lines}."
        ),
        "date_unread": gettext_noop(
            "{count} dates cannot be read ({value}) and are left out; the rows are taken in. Lines: {lines}."
        ),
        "address_doubled": gettext_noop("{count} addresses name the same gu or city twice; it is written once. Lines: {lines}."),
        "same_place": gettext_noop(
            "{count} rows have the same point, name and address as an earlier row; they are one place with their "
            "numbers added up. Lines: {lines}."
        ),
        "opening_placeholder": gettext_noop(
            "{count} opening dates lie before 1950, which stands for “unknown”; such places count as always "
            "there. Lines: {lines}."
        ),
        "closed_before_opened": gettext_noop(
            "{count} places closed before they opened; the opening date is left out. Lines: {lines}."
        ),
        "closed_undated": gettext_noop(
            "{count} places are closed without a date; they are kept, but count as open on no day. Lines: {lines}."
        ),
        "outline_cleaned": gettext_noop(
            "{count} outlines crossed themselves; they were taken apart without changing their size. Lines: {lines}."
        ),
        "sum_differs": gettext_noop(
            "{count} totals are not the sum of their parts: {value}. Both are kept as published. Lines: {lines}."
        ),
        "parts_overlap": gettext_noop(
            "{count} totals, more than half of all, differ from the sum of their parts ({value}): the parts overlap or are "
            "not all given. Lines: {lines}."
        ),
        # --- rulings as they are stored
        "ruling_there": gettext_noop(
            "{count} rulings are stored already under the same court and case number; they were not stored again. Lines: {lines}."
        ),
        "ruling_without_event": gettext_noop(
            "{count} rulings tell of no charged event, as those of the Supreme Court often do; they can be read all the same. "
            "Lines: {lines}."
        ),
    }
)

# A file that is refused whole. Every one names the file; the database stays as it was.
REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "empty": gettext_noop("{file}, line 1: the file is empty. Choose the file that holds the data."),
        "no_rows": gettext_noop(
            "{file}, line {line}: there is a header, but no row under it. Choose the file that holds the incidents."
        ),
        "binary": gettext_noop(
            "{file}, line {line}: this is a binary file of an unknown kind ({value}), not a table. "
            "Export it as CSV or as a workbook."
        ),
        "encoding": gettext_noop(
            "{file}, line {line}: the text cannot be read as {value}. Choose its encoding, or save it as “CSV UTF-8” "
            "and upload it again."
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
        "missing_column": gettext_noop(
            "{file}, line 1: the column “{column}” is missing. Found are: {value}. Add the column, or choose another format."
        ),
        "double_column": gettext_noop("{file}, line 1: the column “{column}” stands twice. Leave one of them out."),
        "broken_header": gettext_noop("{file}, line {line}: the header cannot be read. Check its quotation marks."),
        "nothing_good": gettext_noop("{file}: none of its {rows} rows can be taken in. The first: {first}"),
        # Coordinates.
        "geocoder_key": gettext_noop(
            "The geocoding service {source} refuses the key ({value}). Check the key in the settings; it is not asked any more."
        ),
        "geocoder_quota": gettext_noop(
            "The geocoding service {source} may not be asked more often today ({value}). Upload the file again tomorrow."
        ),
        "geocoder_down": gettext_noop("The geocoding service {source} does not answer ({value}). Try again later."),
        "geocoder_unreadable": gettext_noop(
            "The geocoding service {source} gives an answer that cannot be read. Try again later."
        ),
        "unknown_crs": gettext_noop(
            "The coordinate system “{value}” is not known. Give its EPSG or ESRI code, such as EPSG:5174, or its WKT."
        ),
        # --- rulings
        "ruling_hwp5": gettext_noop(
            "{file}: this is a Hangul document of the old kind (HWP 5). Open it in Hangul and save it as HWPX or PDF."
        ),
        "ruling_word97": gettext_noop("{file}: this is an old Office document. Open it in Word and save it as DOCX or PDF."),
        "ruling_scan": gettext_noop(
            "{file}: the PDF has {value} pages but no text; it is a scan. Run text recognition on it, or upload the HWPX or DOCX."
        ),
        "ruling_locked": gettext_noop(
            "{file}: the document is protected by a password. Take the password off and upload it again."
        ),
        "ruling_broken": gettext_noop("{file}: the {value} file is damaged and cannot be opened. Copy or save it again."),
        "ruling_format": gettext_noop(
            "{file}: this is no ruling that can be read. Upload TXT, PDF, DOCX, HWPX or JSON lines, also in a gz or zip."
        ),
        "ruling_none": gettext_noop("{file}: there is no ruling in it. Choose the file that holds the rulings."),
        "unknown_fixed_category": gettext_noop(
            "{file}: the category “{value}”, chosen for all its rows, is not known here. Choose one of: {known}."
        ),
        # Cameras, places, areas, figures.
        "place_kind_missing": gettext_noop("{file}: what kind of places these are is not said. Choose the kind, or add one."),
        "area_kind_missing": gettext_noop("{file}: what kind of areas these are is not said. Choose gu, dong, beat or another."),
        "no_figures": gettext_noop("{file}: no column holds figures. Choose the column with the values."),
        "too_many_figures": gettext_noop(
            "{file}: counting its rows gives more than {value} figures. Choose fewer columns, or a smaller file."
        ),
        # Reading.
        "not_a_table": gettext_noop(
            "{file}: this is {value}, not a table. Upload CSV, Excel, GeoJSON, TopoJSON, Shapefile (zip), GeoPackage or Parquet."
        ),
        "mixed_encodings": gettext_noop(
            "{file}, line {line}: the file mixes encodings ({value}); from this line on it is another one. "
            "Export it again as UTF-8."
        ),
        "unknown_encoding": gettext_noop("{file}: the encoding “{value}” is not known. Choose one of: {known}."),
        "unknown_delimiter": gettext_noop("{file}: “{value}” cannot separate columns. Choose comma, semicolon, tab or bar."),
        "too_many_columns": gettext_noop(
            "{file}: the table has {value} columns, more than the {limit} that are read. Leave out columns that are not needed."
        ),
        "broken_zip": gettext_noop("{file}: the zip archive is damaged or breaks off. Compress or copy it again."),
        "unreadable": gettext_noop("{file}: the file cannot be read from disk. Upload it again."),
        "disk_full": gettext_noop(
            "{file}: there is no room on the server’s disk to unpack the file. Tell the administrator, then upload it again."
        ),
        "broken_workbook": gettext_noop(
            "{file}: the workbook ({value}) is damaged. Open it in Excel, save it again and upload it."
        ),
        "broken_workbook_row": gettext_noop(
            "{file}, sheet “{value}”, row {line}: the workbook is damaged. Open it in Excel, save it again and upload it."
        ),
        "workbook_too_wordy": gettext_noop(
            "{file}: the workbook holds more than {value} of text. Save the sheet as “CSV UTF-8” and upload that."
        ),
        "password": gettext_noop(
            "{file}: the workbook is protected by a password. Save it without the password and upload it again."
        ),
        "broken_json": gettext_noop("{file}, line {line}: this is no valid JSON. Export the file again."),
        "json_cut_off": gettext_noop("{file}: the file breaks off in line {line}. Copy or export it again."),
        "feature_too_long": gettext_noop("{file}, line {line}: one feature is larger than {value}. Simplify its outline."),
        "no_features": gettext_noop("{file}: there is no feature in the file. Choose the file that holds the data."),
        "broken_file": gettext_noop("{file}: the {value} file is damaged or breaks off. Copy or export it again."),
        "shapefile_incomplete": gettext_noop(
            "{file}: the Shapefile lacks its part {value}. Put .shp, .shx, .dbf and .prj into one zip."
        ),
        "archive_bomb": gettext_noop(
            "{file}: the archive unpacks to {value} times its size, as no real data does. It was not unpacked."
        ),
        "archive_path": gettext_noop(
            "{file}: the archive names a file outside of itself (“{value}”). It was not unpacked. Compress the files again."
        ),
        "archive_encrypted": gettext_noop("{file}: “{value}” in the archive is encrypted. Compress it without a password."),
        "archive_method": gettext_noop("{file}: “{value}” is compressed in a way that is not read. Compress it as ordinary zip."),
        "archive_nested": gettext_noop(
            "{file}: “{value}” is an archive inside an archive. Unpack it and compress its files once."
        ),
        "archive_members": gettext_noop(
            "{file}: the archive holds {value} files, more than the {limit} that are read. Divide it."
        ),
        "archive_twice": gettext_noop("{file}: the archive holds “{value}” twice. Compress the files again."),
        "archive_empty": gettext_noop("{file}: the archive holds no table. Choose the file that holds the data."),
        "no_such_member": gettext_noop("{file}: there is no file “{value}” in the archive. There are: {known}."),
        "no_such_sheet": gettext_noop("{file}: there is no sheet or layer “{value}”. There are: {known}."),
    }
)

# Why something about a file was decided. Fields: those of `ingestion.mapping.Evidence`.
EVIDENCE: Mapping[str, str] = MappingProxyType(
    {
        # Coordinates.
        "crs_shares": gettext_noop(
            "{crs} ({title}): of {count} points, {inside} fall inside the jurisdiction, {near} inside or near it."
        ),
        "crs_own_area": gettext_noop(
            "{crs} ({title}): of {count} points, {share} fall into the area that their own address names."
        ),
        "crs_swapped": gettext_noop("{crs} fits only with the two columns swapped."),
        "crs_same": gettext_noop("{others} give the same points as {crs}."),
        "crs_open": gettext_noop("{others} fit as well. Choose, or name the column of the addresses, which would tell."),
        "crs_nowhere": gettext_noop(
            "No known coordinate system puts the {count} points near the jurisdiction. The file may belong to another place."
        ),
        "crs_no_points": gettext_noop("The file holds no coordinates that can be read."),
        "codes_statistics": gettext_noop("{count} of {judged} codes are those of the statistics office, such as {example}."),
        "codes_administrative": gettext_noop("{count} of {judged} codes are administrative codes, such as {example}."),
        "codes_licence": gettext_noop("{count} of {judged} codes are those of the licence registers, such as {example}."),
        # Cameras, places, areas, figures.
        "row_per_camera": gettext_noop("{rows} rows lie on {points} points and name {cameras} cameras: one row per camera."),
        "row_per_site": gettext_noop("{rows} rows lie on {points} points and name {cameras} cameras: one row per site."),
        "place_kind_by_header": gettext_noop("The column “{value}” says what the places are."),
        "place_kind_by_name": gettext_noop("The file’s name holds “{value}”."),
        "place_kind_by_rows": gettext_noop("The rows name “{value}”."),
        "area_kind_by_title": gettext_noop("“{value}” says what the areas are."),
        "area_kind_by_code": gettext_noop("Codes like {value} are those of such areas."),
        # Reading.
        "encoding_bom": gettext_noop("{value}, because the file begins with its byte-order mark."),
        "encoding_chosen": gettext_noop("{value}, because it was chosen."),
        "encoding_zero_bytes": gettext_noop("{value}, because every second byte is zero where plain letters stand."),
        "encoding_ascii": gettext_noop("The whole file is ASCII, which every encoding reads alike."),
        "encoding_utf8": gettext_noop("{value}, because every letter of the whole file is valid in it."),
        "encoding_cp949": gettext_noop("{value}, because it gives common Korean words: {example}."),
        "encoding_latin": gettext_noop(
            "{value}, because it gives sensible signs ({example}), where CP949 gives lone rare syllables."
        ),
        "delimiter_chosen": gettext_noop("Columns separated by {value}, because it was chosen."),
        "delimiter_found": gettext_noop("Columns separated by {value}: it cuts {percent} % of the lines into {columns} columns."),
        "delimiter_none": gettext_noop("No sign cuts the lines alike; the file is read as one column."),
        "header_chosen": gettext_noop("{rows} header rows, because it was chosen."),
        "header_none": gettext_noop("No header: the first row holds values like those below it ({example})."),
        "header_one": gettext_noop("One header row: {example}."),
        "header_levels": gettext_noop("{rows} header rows: titles repeat or group the columns below them ({example})."),
        "header_properties": gettext_noop("The file itself names its {columns} columns; it holds {rows} rows."),
        "member_passed_over": gettext_noop("{file} is no table and was passed over."),
        # Kind, columns, dates and categories.
        "kind_chosen": gettext_noop("What the rows are was chosen."),
        "kind_incidents": gettext_noop(
            "Single incidents: every row has a point, and the columns “{value}” say what happened and when."
        ),
        "kind_counted": gettext_noop(
            "Single incidents without coordinates (“{value}” names offences). No point may be invented for them: they are "
            "counted by area, month and category."
        ),
        "kind_cameras": gettext_noop("Cameras: “{value}” speaks of them."),
        "kind_places": gettext_noop("Places: “{value}” says where each row lies, and no row says that something happened."),
        "kind_areas": gettext_noop("Areas: “{value}” holds outlines."),
        "kind_statistics": gettext_noop("Published figures: numbers by area, period, offence or hour, and no coordinates."),
        "kind_open": gettext_noop(
            "Nothing in this table can be placed or counted: it has no coordinates, no addresses, no outlines and no figures."
        ),
        "no_coordinates": gettext_noop("There are no coordinates; the rows are placed by the area in “{column}” alone."),
        "column_title": gettext_noop("The column “{column}” is taken for this by its title and its values."),
        "crs_by_format": gettext_noop("{crs}, as the format {value} prescribes."),
        "crs_stated": gettext_noop("{crs}, as the file itself says."),
        "crs_by_title": gettext_noop("{crs}, as the title “{column}” says; the points fall where they should with it."),
        "crs_degrees": gettext_noop("The numbers are degrees; the file covers a wider region than the jurisdiction."),
        "time_order_mdy": gettext_noop("Column “{column}”: “{example}” can only be month, day, year."),
        "time_order_dmy": gettext_noop("Column “{column}”: “{example}” can only be day, month, year."),
        "time_order_ymd": gettext_noop("Column “{column}”: “{example}” can only be year, month, day."),
        "time_order_mixed": gettext_noop(
            "Column “{column}” holds dates of two orders: “{example}” and “{other}”. Choose the one that most rows have."
        ),
        "time_order_open": gettext_noop(
            "Column “{column}”: every date, such as “{example}”, can be read in two ways. Choose how it is meant."
        ),
        "time_as_mdy": gettext_noop("month, day, year, as in “{example}”"),
        "time_as_dmy": gettext_noop("day, month, year, as in “{example}”"),
        "time_as_ymd": gettext_noop("year, month, day, as in “{example}”"),
        "time_with_clock": gettext_noop("Column “{column}”: {share} of the values read as a time, such as “{example}”."),
        "time_day_only": gettext_noop(
            "Column “{column}”: {share} of the values read as a day without a time, such as “{example}”."
        ),
        "category_known": gettext_noop("{count} values, {share} of the rows looked at, are known offences."),
        "category_grouped": gettext_noop("{value}: counted under the wider category that holds them."),
        "category_unknown": gettext_noop(
            "{count} values are not known here: {value}. Choose a category for each, or leave them out."
        ),
        "category_by_name": gettext_noop("No column names the offence; the file’s name says “{value}”."),
        "category_none": gettext_noop("No column names the offence. Choose the category of all rows."),
    }
)

# What is proposed to make rows good that are not, or to leave out rows that are doubtful. Fields: count.
MENDS: Mapping[str, str] = MappingProxyType(
    {
        # Coordinates.
        "swap": gettext_noop("Swap latitude and longitude in {count} rows: only so do they lie inside the jurisdiction."),
        "sign": gettext_noop("Put the lost minus sign back in {count} rows: only so do they lie inside the jurisdiction."),
        "metres": gettext_noop(
            "Convert {count} rows from metres or feet: only one coordinate system puts them inside the jurisdiction."
        ),
        "degrees": gettext_noop("Read {count} rows as degrees: only so do they lie inside the jurisdiction."),
        "geocode": gettext_noop("Find the place of {count} rows by their address."),
        "make_valid": gettext_noop("Take {count} outlines apart where they cross themselves."),
        # Incidents.
        "skip_stored": gettext_noop("Leave out {count} rows that an earlier upload holds already."),
    }
)


class IngestionError(Exception):
    """Anything this core refuses: a code out of the tables above and the fields that its sentence names."""

    def __init__(self, code: str, **fields: Any):
        self.code = code
        self.fields = fields
        super().__init__(REFUSALS[code].format(**fields) if code in REFUSALS else code)


class FileRefused(IngestionError):
    """The file as a whole cannot be taken in; nothing of it may stay in the database."""
