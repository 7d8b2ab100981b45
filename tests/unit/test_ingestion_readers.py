"""Every format gives the same tables: right titles, right text, right lines, whatever its name, wrapper or encoding."""

import csv
import gzip
import io
import json
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio.raw
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ingestion.errors import EVIDENCE, FileRefused
from ingestion.mapping import Choice
from ingestion.readers import Chunk, Limits, Table, open_tables
from ingestion.readers.chunk import csv_line

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
moment = datetime.fromisoformat  # workbooks know no zones
LIMITS = Limits(max_content_bytes=1024**3)
PLAIN = "번호,유형,일시\n1,절도,2019-03-15 23:40\n2,폭력,2019-03-16\n"


def tables_of(folder: Path, content: bytes | str, name: str = "rows.csv", choice: Choice | None = None) -> list[Table]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_tables(path, file_name=name, limits=LIMITS, choice=choice)


def table_of(folder: Path, content: bytes | str, name: str = "rows.csv", choice: Choice | None = None) -> Table:
    (table,) = tables_of(folder, content, name, choice)
    return table


def whole(table: Table) -> Chunk:
    """All chunks of a table in one."""
    joined = Chunk()
    for chunk in table.chunks():
        joined.broken |= {len(joined.rows) + place: code for place, code in chunk.broken.items()}
        joined.rows += chunk.rows
        joined.lines += chunk.lines
        joined.raw += chunk.raw
        joined.blank_lines += chunk.blank_lines
        joined.fraction = chunk.fraction
    return joined


def evidence(table: Table, topic: str) -> str:
    return next(one.code for one in table.evidence if one.topic == topic)


def workbook(*sheets: tuple[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


# --- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "bom", "said", "why"),
    [
        ("utf-8", b"", "utf-8", "encoding_utf8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8", "encoding_bom"),
        ("cp949", b"", "cp949", "encoding_cp949"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le", "encoding_bom"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be", "encoding_bom"),
        ("utf-16-le", b"", "utf-16-le", "encoding_zero_bytes"),
        ("utf-16-be", b"", "utf-16-be", "encoding_zero_bytes"),
    ],
)
def test_korean_text_is_read_in_every_encoding_it_comes_in(tmp_path, codec, bom, said, why):
    table = table_of(tmp_path, bom + PLAIN.encode(codec))
    assert (table.choice.encoding, evidence(table, "encoding")) == (said, why)
    assert table.header == ("번호", "유형", "일시")
    assert whole(table).rows == [["1", "절도", "2019-03-15 23:40"], ["2", "폭력", "2019-03-16"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("temp (°C),n\n1,2\n", "temp (°C)"),
        ("Ort,Straße\n1,Königsallee\n", "Ort"),
        ("lieu,année\nMontréal,été\n", "lieu"),
        ("local,ação\nSão Paulo,não\n", "local"),
    ],
)
def test_latin_text_does_not_become_hangul(tmp_path, text, expected):
    table = table_of(tmp_path, text.encode("latin-1"))
    assert (table.choice.encoding, evidence(table, "encoding")) == ("latin-1", "encoding_latin")
    assert table.header[0] == expected


def test_curly_quotes_of_windows_are_read_as_windows_1252(tmp_path):
    table = table_of(tmp_path, "name,note\nA,it’s “so”\n".encode("cp1252"))
    assert table.choice.encoding == "cp1252"
    assert whole(table).rows == [["A", "it’s “so”"]]


@pytest.mark.parametrize(
    "text", ["동,수\nA동,1\nB동,2\n", "이름,수\n똠방각하,1\n펲시,2\n", "온도(℃),면적(㎡)\n1,2\n", "층,a\nB1층,3\n"]
)
def test_short_or_rare_korean_text_is_still_korean(tmp_path, text):
    table = table_of(tmp_path, text.encode("cp949"))
    assert table.choice.encoding == "cp949"
    assert ",".join(table.header) == text.split("\n")[0]


def test_the_first_letter_that_is_not_ascii_may_stand_at_the_very_end_of_a_long_file(tmp_path):
    text = "a,b\n" + "1,2\n" * 1_500_000 + "3,절도\n"
    table = table_of(tmp_path, text.encode("cp949"))
    assert table.choice.encoding == "cp949"
    assert whole(table).rows[-1] == ["3", "절도"]


def test_a_chosen_encoding_is_taken_and_an_unknown_one_refused(tmp_path):
    content = "a,온도\n1,2\n".encode("cp949")
    assert table_of(tmp_path, content, choice=Choice(encoding="EUC-KR")).header == ("a", "온도")
    with pytest.raises(FileRefused) as refused:
        table_of(tmp_path, content, choice=Choice(encoding="klingon"))
    assert refused.value.code == "unknown_encoding"


@pytest.mark.parametrize(("sign", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_what_separates_the_columns_is_found(tmp_path, sign, name):
    lines = [["이름", "위도", "비고"], ["가, 나", "37,5", "x"], ["다", "37,6", '"q"']]
    text = "\n".join(sign.join(f'"{v}"' if sign in v or '"' in v else v for v in row) for row in lines).replace(
        '""q""', '"""q"""'
    )
    table = table_of(tmp_path, text)
    assert (table.choice.delimiter, table.header) == (sign, ("이름", "위도", "비고"))
    assert whole(table).rows == lines[1:]
    assert next(one.fields["value"] for one in table.evidence if one.topic == "delimiter") == name


def test_single_quotation_marks_are_recognised_where_there_are_no_double_ones(tmp_path):
    table = table_of(tmp_path, "'a','b'\n'1,5','x'\n'2,5','y'\n")
    assert whole(table).rows == [["1,5", "x"], ["2,5", "y"]]


def test_lines_are_those_of_the_file_with_titles_blank_lines_and_quoted_breaks(tmp_path):
    table = table_of(tmp_path, '범죄 현황,,\n\n구,연도,수\n강남구,2020,"1\n2"\n\n서초구,2021,3\n')
    chunk = whole(table)
    assert (table.first_line, table.header) == (3, ("구", "연도", "수"))
    assert (chunk.lines, chunk.raw) == ([4, 7], ['강남구,2020,"1\n2"\n', "서초구,2021,3\n"])


def test_chunks_may_be_asked_for_again(tmp_path):
    table = table_of(tmp_path, PLAIN)
    assert whole(table).rows == whole(table).rows
    assert whole(table).fraction == 1.0


# --- headers ---------------------------------------------------------------------------------------------------------


def test_header_rows_of_kosis_are_joined_and_a_repeated_level_is_named_once(tmp_path):
    rows = ['"구별(1)",구별(2),2023,2023.1,2023.2', '"구별(1)",구별(2),살인,살인,절도', '"구별(1)",구별(2),발생,검거,발생']
    table = table_of(tmp_path, "\n".join([*rows, *(f"합계,{gu},1,2,-" for gu in ("종로구", "중구", "용산구"))]))
    assert table.header == ("구별(1)", "구별(2)", "2023 / 살인 / 발생", "2023 / 살인 / 검거", "2023 / 절도 / 발생")
    assert table.header_levels[0] == ("구별(1)", "구별(2)", "2023", "2023", "2023")
    assert (table.choice.header_rows, evidence(table, "header")) == (3, "header_levels")
    assert whole(table).lines == [4, 5, 6]


def test_blanks_of_merged_header_cells_go_on_from_the_left_within_their_group(tmp_path):
    rows = [["범죄 통계"], ["구", "2023", None, "2024", None, "비고"], [None, "발생", "검거", "발생", "검거", None]]
    data = [[f"{name}구", 5, 4, 7, 6, "-"] for name in "가나다라마"]
    table = table_of(tmp_path, workbook(("통계", [*rows, *data])), "a.xlsx")
    assert table.header == ("구", "2023 / 발생", "2023 / 검거", "2024 / 발생", "2024 / 검거", "비고")
    assert (table.first_line, whole(table).lines) == (2, [4, 5, 6, 7, 8])


def test_a_file_without_a_header_gets_numbered_columns(tmp_path):
    table = table_of(tmp_path, "2016-01-01,THEFT,41.8\n2016-01-02,ASSAULT,41.9\n2016-01-03,THEFT,41.7\n")
    assert (table.header, table.choice.header_rows) == (("column 1", "column 2", "column 3"), 0)
    assert len(whole(table).rows) == 3
    assert evidence(table, "header") == "header_none"


@pytest.mark.parametrize(
    ("header", "titles"),
    [
        (",이름,수", ("column 1", "이름", "수")),
        (" 카메라대수 ,위도  ,경 도", ("카메라대수", "위도", "경 도")),
        ("수,수,수", ("수", "수 (2)", "수 (3)")),
        ("구분,2015,2016", ("구분", "2015", "2016")),
        ("구분,2024-01,2024.02", ("구분", "2024-01", "2024.02")),
        ('"두\n줄",b,c', ("두 줄", "b", "c")),
    ],
)
def test_titles_are_tidied_numbered_and_never_blank(tmp_path, header, titles):
    table = table_of(tmp_path, header + "\n" + "".join(f"{i},{i * 7},{i + 100}\n" for i in range(1, 9)))
    assert table.header == titles
    assert len(whole(table).rows) == 8


def test_hours_over_their_columns_are_a_header(tmp_path):
    hours = ",".join(map(str, range(24)))
    table = table_of(tmp_path, f"관서,{hours}\n" + "".join(f"{name}서,{','.join(['7'] * 24)}\n" for name in "가나다라"))
    assert table.header[:3] == ("관서", "0", "1")
    assert len(whole(table).rows) == 4


def test_a_first_row_without_coordinates_does_not_become_part_of_the_header(tmp_path):
    table = table_of(tmp_path, "이름,위도,경도\n가,,\n나,,\n다,37.5,127.0\n라,37.5,127.1\n마,37.5,127.1\n")
    assert (table.choice.header_rows, len(whole(table).rows)) == (1, 5)


def test_a_person_may_say_how_many_rows_the_header_has(tmp_path):
    text = "a,b\nc,d\n1,2\n3,4\n"
    assert table_of(tmp_path, text, choice=Choice(header_rows=2)).header == ("a / c", "b / d")
    assert table_of(tmp_path, text, choice=Choice(header_rows=0)).header == ("column 1", "column 2")


def test_a_table_opens_again_by_its_own_choice(tmp_path):
    for content in (PLAIN.encode("cp949"), gzip.compress(PLAIN.encode("utf-16")), zipped(**{"x.csv": PLAIN.encode()})):
        table = table_of(tmp_path, content)
        again = table_of(tmp_path, content, choice=table.choice)
        assert (again.header, again.choice, whole(again).rows) == (table.header, table.choice, whole(table).rows)


# --- workbooks -------------------------------------------------------------------------------------------------------


def test_cells_become_the_text_that_a_person_would_type(tmp_path):
    rows: list[list[object]] = [
        ["a", "b", "c", "d", "e", "f", "g"],
        [12.0, 37.4836, moment("2019-03-15T23:40"), date(2019, 3, 15), True, time(9, 5), "=1/0"],
        [None, -3, "  글 ", None, False, None, "#N/A"],
    ]
    table = table_of(tmp_path, workbook(("시트", rows)), "wrong.csv")
    assert table.format == "xlsx"
    assert whole(table).rows == [
        ["12", "37.4836", "2019-03-15 23:40:00", "2019-03-15", "true", "09:05:00", ""],
        ["", "-3", "  글 ", "", "false", "", ""],
    ]


def test_midnight_in_a_column_with_clock_times_stays_midnight(tmp_path):
    table = table_of(tmp_path, workbook(("s", [["t", "n"], [moment("2019-03-15"), 1], [moment("2019-03-15T00:01"), 2]])))
    assert [row[0] for row in whole(table).rows] == ["2019-03-15 00:00:00", "2019-03-15 00:01:00"]


def test_every_sheet_that_holds_something_is_a_table(tmp_path):
    content = workbook(("가", [["a", "b"], [1, 2]]), ("빈", []), ("나", [["c", "d"], [3, 4]]))
    tables = tables_of(tmp_path, content, "w.xlsx")
    assert [(table.name, table.header) for table in tables] == [("가", ("a", "b")), ("나", ("c", "d"))]
    assert tables[0].sheets == ("가", "빈", "나")
    assert [table.name for table in tables_of(tmp_path, content, "w.xlsx", Choice(sheet="나"))] == ["나"]
    with pytest.raises(FileRefused, match="가, 빈, 나"):
        tables_of(tmp_path, content, "w.xlsx", Choice(sheet="다"))


def test_blank_rows_are_passed_over_and_rows_keep_their_numbers(tmp_path):
    table = table_of(tmp_path, workbook(("s", [["a", "b"], [1, 2], [], [3, 4], [], []])))
    chunk = whole(table)
    assert (chunk.lines, chunk.blank_lines, chunk.raw) == ([2, 4], [3], ["1,2", "3,4"])


def test_the_old_workbook_format_reads_the_same(tmp_path):
    content = (FIXTURES / "readers" / "old_workbook.xls").read_bytes()
    for name in ("a.xls", "a.csv"):
        table = table_of(tmp_path, content, name)
        assert (table.format, table.name, table.header) == ("xls", "사건", ("번호", "유형", "일시", "건수", "위도"))
        assert whole(table).rows == [
            ["1", "절도", "2019-03-15 23:40:00", "3", "37.4836"],
            ["2", "폭력", "2019-03-16", "-", "37.5"],
        ]


# --- geometry --------------------------------------------------------------------------------------------------------


def collection(*features: dict[str, object], **more: object) -> str:
    return json.dumps({"type": "FeatureCollection", **more, "features": list(features)}, ensure_ascii=False)


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}


def test_geojson_gives_its_properties_and_wkt_to_the_digit(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::5179"}}
    point = {"type": "Point", "coordinates": [126.97796919100001, 37.5]}
    text = collection(feature(point, 이름="가", n=1.50, ok=True, no=None), feature(SQUARE, code="007"), crs=crs)
    table = table_of(tmp_path, text, "a.csv")
    assert (table.format, table.crs, table.geometry_column) == ("geojson", "EPSG:5179", "geometry")
    assert table.header == ("이름", "n", "ok", "no", "code", "geometry")
    assert whole(table).rows == [
        ["가", "1.5", "true", "", "", "POINT (126.97796919100001 37.5)"],
        ["", "", "", "", "007", "POLYGON ((0 0, 1 0, 1 1, 0 0))"],
    ]
    assert whole(table).lines == [1, 2]


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}, "unclosed_ring"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [5, 5]]]}, "unclosed_ring"),
        ({"type": "Point", "coordinates": ["x", 1]}, "unreadable_geometry"),
        ({"type": "Blob", "coordinates": [1, 1]}, "unreadable_geometry"),
    ],
)
def test_a_bad_geometry_spoils_its_own_feature_only(tmp_path, geometry, code):
    table = table_of(tmp_path, collection(feature(SQUARE, n="1"), feature(geometry, n="2"), feature(SQUARE, n="3")))
    assert whole(table).broken == {1: code}
    assert [row[:1] for row in whole(table).rows] == [["1"], [], ["3"]]


@pytest.mark.parametrize(
    "geometry", [None, {}, {"type": "Point", "coordinates": []}, {"type": "MultiPolygon", "coordinates": []}]
)
def test_an_empty_geometry_is_blank(tmp_path, geometry):
    table = table_of(tmp_path, collection(feature(geometry, n="1")))
    assert whole(table).rows == [["1", ""]]


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]},
        {"type": "LineString", "coordinates": [[0, 0, 5], [1, 1, 6]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]},
        {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"], SQUARE["coordinates"]]},
        {"type": "GeometryCollection", "geometries": [SQUARE, {"type": "Point", "coordinates": [1, 2]}]},
    ],
)
def test_every_kind_of_geometry_becomes_the_same_shape(tmp_path, geometry):
    table = table_of(tmp_path, collection(feature(geometry, n="1")))
    assert shapely.from_wkt(whole(table).rows[0][1]).equals(shapely.from_geojson(json.dumps(geometry)))


def test_features_one_a_line_and_a_bare_feature_are_geojson_too(tmp_path):
    lines = "\n".join(json.dumps(feature(SQUARE, n=str(n))) for n in range(3))
    assert [row[0] for row in whole(table_of(tmp_path, lines)).rows] == ["0", "1", "2"]
    assert whole(table_of(tmp_path, json.dumps(feature(SQUARE, n="5")))).rows[0][0] == "5"
    assert whole(table_of(tmp_path, json.dumps(SQUARE))).rows == [["POLYGON ((0 0, 1 0, 1 1, 0 0))"]]


def test_topojson_neighbours_get_their_shared_line_back(tmp_path):
    topology = {
        "type": "Topology",
        "transform": {"scale": [0.5, 0.5], "translate": [10, 20]},
        "objects": {
            "gu": {
                "type": "GeometryCollection",
                "geometries": [
                    {"type": "Polygon", "arcs": [[0, 1]], "properties": {"name": "왼쪽"}},
                    {"type": "Polygon", "arcs": [[2, -1]], "properties": {"name": "오른쪽"}},
                ],
            }
        },
        "arcs": [[[2, 0], [0, 2]], [[2, 2], [-2, 0], [0, -2], [2, 0]], [[2, 0], [2, 0], [0, 2], [-2, 0]]],
    }
    table = table_of(tmp_path, json.dumps(topology), "a.json")
    assert (table.format, table.name, table.header) == ("topojson", "gu", ("name", "geometry"))
    left, right = (shapely.from_wkt(row[1]) for row in whole(table).rows)
    assert (left.bounds, right.bounds) == ((10, 20, 11, 21), (11, 20, 12, 21))
    assert left.intersection(right).length == 1.0


def vector_file(path: Path, driver: str, encoding: str | None = None) -> Path:
    shapes = shapely.to_wkb(np.array([shapely.Point(958_000 + n, 1_944_000) for n in range(3)]))
    columns = [np.arange(3), np.array(["강남구", "서초구", "송파구"], dtype=object)]
    pyogrio.raw.write(
        path, shapes, columns, ["n", "이름"], geometry_type="Point", crs="EPSG:5179", driver=driver, encoding=encoding
    )
    return path


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_a_zipped_shapefile_is_read_in_the_encoding_of_its_letters(tmp_path, encoding):
    vector_file(tmp_path / "gu.shp", "ESRI Shapefile", encoding)
    parts = {f"자료/gu.{end}": (tmp_path / f"gu.{end}").read_bytes() for end in ("shp", "shx", "dbf", "prj")}
    table = table_of(tmp_path, zipped(**parts), "gu.zip")
    assert (table.format, table.wrappers, table.crs, table.choice.encoding) == ("shapefile", ("zip",), "EPSG:5179", encoding)
    assert table.header == ("n", "이름", "geometry")
    assert whole(table).rows[1] == ["1", "서초구", "POINT (958001 1944000)"]


def test_a_geopackage_gives_a_table_for_each_layer(tmp_path):
    content = vector_file(tmp_path / "gu.gpkg", "GPKG").read_bytes()
    table = table_of(tmp_path, gzip.compress(content), "x.gz")
    assert (table.format, table.wrappers, table.crs, table.geometry_column) == ("geopackage", ("gz",), "EPSG:5179", "geom")
    assert table.header == ("fid", "n", "이름", "geom")
    assert whole(table).rows[2] == ["3", "2", "송파구", "POINT (958002 1944000)"]


def test_parquet_gives_typed_values_as_text_and_wkb_as_wkt(tmp_path):
    geo = {"primary_column": "geom", "columns": {"geom": {"encoding": "WKB", "crs": {"id": {"authority": "EPSG", "code": 5179}}}}}
    columns = {
        "n": [1, None],
        "x": [1.0, 2.5],
        "t": [moment("2020-01-02T03:04"), None],
        "geom": [shapely.to_wkb(shapely.Point(1, 2)), b"junk"],
    }
    content = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"geo": json.dumps(geo)}), content)
    table = table_of(tmp_path, content.getvalue(), "a.bin")
    assert (table.format, table.crs, table.geometry_column) == ("parquet", "EPSG:5179", "geom")
    assert whole(table).rows == [["1", "1", "2020-01-02 03:04:00", "POINT (1 2)"], []]
    assert whole(table).broken == {1: "unreadable_geometry"}


# --- archives --------------------------------------------------------------------------------------------------------


def test_an_archive_gives_a_table_for_each_member_that_is_one(tmp_path):
    content = zipped(
        **{
            "가/rows.csv": PLAIN.encode("cp949"),
            "__MACOSX/._rows.csv": b"\0\0",
            "README.md": b"# About\n\nThese are the files that we publish each year, with remarks on each of them.\n",
            "book.xlsx": workbook(("시트", [["a", "b"], [1, 2]])),
            "more.csv.gz": gzip.compress(b"x,y\n1,2\n"),
        }
    )
    tables = tables_of(tmp_path, content, "all.zip")
    assert [(table.name, table.choice.member, table.wrappers) for table in tables] == [
        ("rows.csv", "가/rows.csv", ("zip",)),
        ("book.xlsx / 시트", "book.xlsx", ("zip",)),
        ("more.csv", "more.csv.gz", ("zip", "gz")),
    ]
    assert whole(tables[0]).rows[0] == ["1", "절도", "2019-03-15 23:40"]
    assert whole(tables[2]).rows == [["1", "2"]]
    assert [one.fields["file"] for one in tables[0].evidence if one.code == "member_passed_over"] == ["all.zip: README.md"]
    assert [table.name for table in tables_of(tmp_path, content, "all.zip", Choice(member="book.xlsx"))] == ["book.xlsx / 시트"]


def test_unpacked_copies_go_away_with_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    tables = tables_of(tmp_path, gzip.compress(workbook(("s", [["a", "b"], [1, 2]]))), "b.gz")
    assert whole(tables[0]).rows == [["1", "2"]]
    assert len(list((tmp_path / "spool").iterdir())) == 1
    del tables
    assert list((tmp_path / "spool").iterdir()) == []


def test_every_evidence_that_a_reader_gives_has_its_sentence(tmp_path):
    for table in (table_of(tmp_path, PLAIN), table_of(tmp_path, collection(feature(SQUARE, n="1")))):
        for one in table.evidence:
            assert EVIDENCE[one.code].format(**one.fields)


def test_a_long_map_on_a_single_line_keeps_its_korean_names(tmp_path):
    text = collection(*(feature(SQUARE, 이름="서울특별시 서초구 반포동" * 40, n=str(n)) for n in range(4_000)))
    assert len(text.encode()) > 5_000_000
    table = table_of(tmp_path, text)
    rows = whole(table).rows
    assert (table.choice.encoding, len(rows), rows[-1][:2]) == ("utf-8", 4_000, ["서울특별시 서초구 반포동" * 40, "3999"])


@pytest.mark.parametrize("bad", [[True, 1], [None, 1], ["1", "x"], [1], [[1, 2], 3], ["1e999", 1]])
def test_a_point_that_is_no_pair_of_numbers_is_unreadable(tmp_path, bad):
    table = table_of(tmp_path, collection(feature({"type": "Point", "coordinates": bad}, n="1")))
    assert whole(table).broken == {0: "unreadable_geometry"}


@given(rows=st.lists(st.lists(st.text(alphabet='ab가 ,"\n\r', max_size=6), min_size=1, max_size=5), min_size=1, max_size=5))
def test_the_line_of_csv_that_a_chunk_keeps_reads_back_as_its_fields(rows):
    assert [next(csv.reader([csv_line(row)], strict=True)) for row in rows if "\n" not in "".join(row)] == [
        row for row in rows if "\n" not in "".join(row)
    ]
