"""Registers of places: kinds by a table of words, licence dates, and equal places."""

import itertools
from datetime import date

import pytest
import shapely

from ingestion.errors import EVIDENCE, REASONS, WARNINGS, FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from ingestion.places_file import guess_place_kind, kinds_with, read_places
from ingestion.records import PointSample, Seen, mend_address, read_count, read_day, read_month, read_start
from tests.tables import table_of

HERE = Boundary.around(shapely.box(126.9, 37.4, 127.1, 37.6))
FIELDS = ["name", "address", "count", "status", "opened_on", "closed_on", "latitude", "longitude"]
ROW = {"name": "가", "address": "길 1", "count": "1", "status": "", "opened_on": "", "closed_on": ""}
ROW |= {"latitude": "37.49", "longitude": "127.01"}


def read(*rows):
    table = table_of(FIELDS, [[(ROW | row)[name] for name in FIELDS] for row in rows])
    mapping = ColumnMapping(Kind.PLACES, columns={name: name for name in FIELDS}, place_kind="bar")
    (batch,) = read_places(table, mapping, HERE)
    assert len(batch.records) + len(batch.findings) == batch.rows
    assert {one.reason for one in batch.findings} <= REASONS.keys()
    assert batch.warnings.keys() <= WARNINGS.keys()
    return batch


def days(**row):
    batch = read(row)
    return batch.records[0].opened_on, batch.records[0].closed_on, set(batch.warnings)


def test_a_shop_is_open_from_its_licence_to_its_closing():
    assert days(opened_on="2000-03-18", closed_on="20030731", status="폐업") == (date(2000, 3, 18), date(2003, 7, 31), set())
    assert days(opened_on="2002-12-18 00:00:00", status="영업/정상") == (date(2002, 12, 18), None, set())


@pytest.mark.parametrize("text", ["1899-12-31", "19040808", "1900-01-01"])
def test_an_opening_before_1950_stands_for_unknown(text):
    assert days(opened_on=text) == (None, None, {"opening_placeholder"})


def test_a_shop_closed_since_an_unknown_day_is_open_on_no_day():
    status = "취소/말소/만료/정지/중지"
    assert days(opened_on="2003-03-31", status=status) == (date(2003, 3, 31), date(2003, 3, 31), {"closed_undated"})
    assert days(status="폐업") == (None, date(1900, 1, 1), {"closed_undated"})


def test_a_shop_that_closed_before_it_opened_keeps_its_closing():
    assert days(opened_on="2010-01-01", closed_on="2009-01-01") == (None, date(2009, 1, 1), {"closed_before_opened"})


def test_a_year_alone_is_its_first_day_and_nonsense_is_no_date():
    assert days(opened_on="2008") == (date(2008, 1, 1), None, set())
    assert days(opened_on="작년") == (None, None, {"date_unread"})
    assert days(opened_on="2020-02-30") == (None, None, {"date_unread"})


def test_places_of_one_point_name_and_address_share_an_identifier():
    batch = read({}, {"count": "3"}, {"name": "나"}, {"latitude": "37.491"})
    assert batch.records[0].source_id == batch.records[1].source_id
    assert len({one.source_id for one in batch.records}) == 3
    assert batch.warnings["same_place"].count == 1


def test_a_large_number_at_one_place_is_noted_and_no_number_is_rejected():
    batch = read({"count": "131"}, {"count": "여럿"}, {"count": "2개"})
    assert [one.count for one in batch.records] == [131, 2]
    assert batch.warnings["large_count"].values == ["131"]
    assert [one.reason for one in batch.findings] == ["not_a_count"]


def test_lamps_without_coordinates_are_rejected_as_such():
    batch = read({"latitude": "", "longitude": ""}, {"longitude": ""})
    assert [one.reason for one in batch.findings] == ["coordinate_missing", "half_coordinate"]


def test_coordinates_of_a_licence_register_are_read_in_their_own_system():
    mapping = ColumnMapping(Kind.PLACES, columns={"latitude": "y", "longitude": "x"}, place_kind="bar", crs="EPSG:5174")
    (batch,) = read_places(table_of(["x", "y"], [["203516.591236107", "444995.018910157"]]), mapping, HERE)
    assert batch.records[0].longitude == pytest.approx(127.040561, abs=2e-6)
    assert batch.records[0].latitude == pytest.approx(37.507167, abs=2e-6)


def test_swapped_columns_are_read_as_such_where_the_mapping_says_so():
    columns = {"latitude": "위도", "longitude": "경도"}
    table = table_of(["위도", "경도"], [["126.99", "37.55"]])
    (plain,) = read_places(table, ColumnMapping(Kind.PLACES, columns=columns, place_kind="park"), HERE)
    assert [(one.reason, one.mend) for one in plain.findings] == [("swapped_coordinates", "swap")]
    (swapped,) = read_places(table, ColumnMapping(Kind.PLACES, columns=columns, place_kind="park", swapped=True), HERE)
    assert (swapped.records[0].longitude, swapped.records[0].latitude) == (126.99, 37.55)


def test_without_a_kind_the_file_is_refused():
    with pytest.raises(FileRefused, match="what kind of place"):
        list(read_places(table_of(["a"], [["1"]]), ColumnMapping(Kind.PLACES), HERE))


@pytest.mark.parametrize(
    ("name", "header", "row", "kind"),
    [
        ("gangnam_20190816.csv.gz", ["보안등위치명", "설치개수"], ["개포동660-37", "1"], "lane_lamp"),
        ("road_streetlights_seoul.csv", ["관리번호", "위도"], ["가락지하차도-01", "37.5"], "road_lamp"),
        ("x.csv", ["안전비상벨관리번호", "설치위치"], ["1", "공원"], "bell"),
        ("licences.csv", ["관리번호", "업태구분명"], ["1", "룸살롱"], "bar"),
        ("licences.csv", ["관리번호", "업태구분명"], ["1", "단란주점"], "karaoke_bar"),
        ("stations.csv", ["역이름", "y", "x"], ["가락시장", "37", "127"], "subway"),
        ("a.csv", ["공원명", "지역"], ["남산도시자연공원", "중구"], "park"),
        ("a.csv", ["청", "서", "지구대파출소"], ["강원청", "강릉경찰서", "강동파출소"], "police_box"),
    ],
)
def test_the_kind_of_place_is_told_by_title_name_or_rows(name, header, row, kind):
    found = guess_place_kind(name, header, [row])
    assert found is not None
    assert found[0] == kind
    assert found[1].code in EVIDENCE


def test_nothing_that_speaks_for_a_kind_leaves_it_open():
    assert guess_place_kind("data.csv", ["a", "b"], [["1", "2"]]) is None


def test_a_kind_of_ones_own_is_recognised_by_its_words():
    kinds = kinds_with({"bar": ("유흥업소", "Bar"), "pawnshop": ("전당포", "")})
    assert [one.code for one in kinds].count("bar") == 1
    found = guess_place_kind("서초 전당포 현황.xlsx", ["상호", "주소"], [["가", "나"]], kinds)
    assert found is not None
    assert found[0] == "pawnshop"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2020-02-27", date(2020, 2, 27)),
        ("2020.3.24", date(2020, 3, 24)),
        ("20200324", date(2020, 3, 24)),
        ("20200324153000", date(2020, 3, 24)),
        ("2020년 3월 4일", date(2020, 3, 4)),
        ("2020-02-27 10:11:12", date(2020, 2, 27)),
        ("2020-13-01", None),
        ("2019-11", None),
        ("", None),
    ],
)
def test_a_day_is_read_as_registers_write_it(text, day):
    assert read_day(text) == day


def test_months_and_years_have_a_first_day():
    assert read_month("2019-11") == date(2019, 11, 1)
    assert read_month("201911") == date(2019, 11, 1)
    assert read_month("2019-13") is None
    assert read_start("2008년") == date(2008, 1, 1)


def test_counts_are_read_with_commas_and_units():
    texts = ["1,395", "3대", "4.0", "", "1.5", "-1", "삼", "9" * 400]
    assert [read_count(text) for text in texts] == [1395, 3, 4, None, None, None, None, None]


def test_an_address_is_mended_only_where_a_part_stands_twice():
    assert mend_address("강동구  강동구 명일로 248") == ("강동구 명일로 248", True)
    assert mend_address("중구 중구청길 1") == ("중구 중구청길 1", False)


def test_the_sample_of_points_stays_small_and_even():
    sample = PointSample()
    sample.add([(float(number), 0.0, True) for number in range(100_000)])
    found = [point[0] for point in sample.points]
    assert 1000 <= len(found) <= 2000
    assert len({later - sooner for sooner, later in itertools.pairwise(found)}) == 1


def test_digests_are_remembered_past_the_fresh_ones():
    seen = Seen()
    numbers = [number * 2**43 + 5 for number in range(Seen.FRESH * 2)]
    assert not any(seen.meet(number) for number in numbers)
    assert all(seen.meet(number) for number in numbers[::997])
    assert not seen.meet(6)
