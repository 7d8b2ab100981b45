"""Outlines of areas: what is mended, what is rejected, and what sort of areas they are."""

import pytest
import shapely

from ingestion.areas import guess_area_kind, read_areas
from ingestion.errors import EVIDENCE, REASONS, FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from tests.tables import table_of

HERE = Boundary(shapely.box(127.0, 37.4, 127.1, 37.5))
COLUMNS = {"code": "code", "name": "name", "name_en": "name_en", "geometry": "wkt"}
SQUARE = "POLYGON ((127.01 37.41, 127.02 37.41, 127.02 37.42, 127.01 37.42, 127.01 37.41))"
BOW_TIE = "POLYGON ((127.01 37.41, 127.02 37.42, 127.02 37.41, 127.01 37.42, 127.01 37.41))"
# A square with a spur of some metres that crosses itself: its size changes by less than a thousandth.
SPUR = (
    "POLYGON ((127.01 37.41, 127.02 37.41, 127.02 37.42, 127.015 37.42, 127.01502 37.42002, 127.01498 37.42002, 127.015 37.42, "
    "127.01 37.42, 127.01 37.41))"
)


def read(*rows, kind="dong", **mapping):
    table = table_of(list(COLUMNS.values()), [list(row) for row in rows])
    given = ColumnMapping(Kind.AREAS, columns=COLUMNS, options={"area_kind": kind, **mapping.pop("options", {})}, **mapping)
    (batch,) = read_areas(table, given, HERE)
    assert len(batch.records) + len(batch.findings) == batch.rows
    assert {one.reason for one in batch.findings} <= REASONS.keys()
    return batch


def area(wkt=SQUARE, code="1", name="가동"):
    return (code, name, "", wkt)


def test_a_polygon_becomes_a_multipolygon_with_its_own_name():
    (one,) = read(area(name="서울특별시 종로구 사직동", code="1111053000")).records
    assert (one.boundary.geom_type, one.name, one.code) == ("MultiPolygon", "사직동", "1111053000")
    assert one.boundary.equals(shapely.from_wkt(SQUARE))


@pytest.mark.parametrize(
    ("wkt", "reason"),
    [
        ("", "geometry_missing"),
        ("POLYGON EMPTY", "geometry_empty"),
        ("POLYGON ((127.01 37.41, 127.02 37.41, 127.02 37.42))", "geometry_unreadable"),
        ("somewhere", "geometry_unreadable"),
        ("POINT (127.01 37.41)", "not_an_area"),
        ("LINESTRING (127.01 37.41, 127.02 37.42)", "not_an_area"),
        (BOW_TIE, "geometry_invalid"),
        (SQUARE.replace("37.", "35."), "outside"),
    ],
)
def test_an_outline_that_cannot_be_used_is_rejected_with_its_reason(wkt, reason):
    assert [one.reason for one in read(area(wkt)).findings] == [reason]


def test_an_outline_that_crosses_itself_without_changing_its_size_is_cleaned():
    assert not shapely.from_wkt(SPUR).is_valid
    batch = read(area(SPUR))
    assert batch.records[0].boundary.is_valid
    assert batch.warnings["outline_cleaned"].count == 1


def test_a_bow_tie_is_taken_apart_only_where_a_person_accepts_it():
    assert [one.mend for one in read(area(BOW_TIE)).findings] == ["make_valid"]
    (one,) = read(area(BOW_TIE), mends=frozenset({"make_valid"})).records
    assert len(one.boundary.geoms) == 2


def test_a_neighbour_that_only_shares_the_border_is_outside_and_one_that_reaches_in_is_kept():
    neighbour = shapely.box(126.99, 37.4, 127.0005, 37.41).wkt
    across = shapely.box(126.99, 37.4, 127.01, 37.41).wkt
    around = shapely.box(126, 36, 128, 38).wkt
    batch = read(area(neighbour, "1"), area(across, "2"), area(around, "3"))
    assert [one.reason for one in batch.findings] == ["outside"]
    assert [one.code for one in batch.records] == ["2", "3"]


def test_an_area_needs_a_code_or_a_name_and_only_one_of_each():
    batch = read(area(code="", name=""), area(code="", name="나동"), area(code="x" * 21), area(), area())
    assert [one.reason for one in batch.findings] == ["area_unnamed", "area_code_long", "duplicate_in_file"]
    assert batch.records[0].code == "나동"


def test_a_gu_of_seoul_gets_its_codes_in_all_systems():
    (one,) = read(area(code="11250", name="강동구"), kind="gu").records
    assert one.codes == {"statistics": "11250", "administrative": "11740", "licence": "3240000"}
    (stranger,) = read(area(code="77777", name="강동구"), kind="gu").records
    assert stranger.codes == {}


def test_a_dong_gets_its_gu_where_the_system_of_its_code_is_known():
    (one,) = read(area(code="1125074", name="길동"), options={"code_system": "statistics"}).records
    assert one.codes == {"statistics": "1125074", "gu": "11740"}


def test_without_a_kind_the_file_is_refused():
    with pytest.raises(FileRefused, match="what kind of areas"):
        read(area(), kind="planet")


@pytest.mark.parametrize(
    ("header", "row", "kind"),
    [
        (["EMD_CD", "EMD_KOR_NM"], ["11590108", "대방동"], "legal_dong"),
        (["SIG_CD", "SIG_KOR_NM"], ["11320", "도봉구"], "gu"),
        (["adm_nm", "adm_cd2"], ["서울특별시 종로구 사직동", "1111053000"], "dong"),
        (["code", "name"], ["11250", "강동구"], "gu"),
        (["code", "name"], ["1125074", "길동"], "dong"),
        (["beat", "beat_num", "district"], ["1", "1713", "17"], "beat"),
        (["OBJECTID", "Precinct"], ["1", "1"], "precinct"),
        (["area_num_1", "community"], ["35", "DOUGLAS"], "neighbourhood"),
    ],
)
def test_the_sort_of_areas_is_told_by_titles_or_codes(header, row, kind):
    found = guess_area_kind("file.geojson", header, [row])
    assert found is not None
    assert found[0] == kind
    assert found[1].code in EVIDENCE


def test_titles_that_say_nothing_leave_it_open():
    assert guess_area_kind("file.geojson", ["a", "b"], [["x", "y"]]) is None
