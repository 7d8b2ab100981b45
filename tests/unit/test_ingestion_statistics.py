"""Published tables in long form: header rows, totals, nil and unknown, bands of hours, and sums that do not add up."""

from datetime import date

import pytest

from ingestion import statistics_words as words
from ingestion.errors import REASONS, WARNINGS, FileRefused
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.statistics import guess_statistics, read_statistics
from tests.tables import table_of


def read(header, rows, name="table.csv", **mapping):
    """Figures, findings and warnings of a table, understood as it is guessed."""
    table = table_of(header, rows, name=name)
    columns, options = guess_statistics(table, rows)
    given = ColumnMapping(Kind.STATISTICS, columns=columns, options=options | mapping.pop("options", {}), **mapping)
    batches = list(read_statistics(table, given))
    warnings = {code: noted for batch in batches for code, noted in batch.warnings.items()}
    findings = [one for batch in batches for one in batch.findings]
    assert sum(batch.rows for batch in batches) == len(rows)
    assert warnings.keys() <= WARNINGS.keys()
    assert {one.reason for one in findings} <= REASONS.keys()
    return [one for batch in batches for one in batch.records], findings, warnings


SEOUL = [
    ["시점", "자치구별(1)", "자치구별(2)", "합계", "합계", "합계", "합계", "합계", "합계"],
    ["시점", "자치구별(1)", "자치구별(2)", "소계", "소계", "살인", "살인", "절도", "절도"],
    ["시점", "자치구별(1)", "자치구별(2)", "발생", "검거", "발생", "검거", "발생", "검거"],
]
SEOUL_ROWS = [
    ["2015", "합계", "소계", "30", "20", "10", "8", "20", "12"],
    ["2015", "합계", "종로구", "12", "9", "2", "3", "10", "6"],
    ["2015", "합계", "중구", "18", "11", "8", "5", "10", "6"],
]


def test_three_header_rows_become_category_and_measure():
    figures, _findings, warnings = read(SEOUL, SEOUL_ROWS)
    assert len(figures) == 18
    assert warnings == {}
    one = next(figure for figure in figures if (figure.area, figure.category, figure.measure) == ("종로구", "살인", "검거"))
    assert (one.value, one.category_code, one.area_code, one.is_total) == (3, "homicide", "11110", False)
    assert (one.period_from, one.period_to) == (date(2015, 1, 1), date(2015, 12, 31))


def test_totals_of_areas_and_of_categories_are_marked():
    figures, _findings, _warnings = read(SEOUL, SEOUL_ROWS)
    marked = {(one.area, one.category, one.measure): one.total_of for one in figures}
    assert marked["소계", "소계", "발생"] == ("area", "category")
    assert marked["소계", "살인", "발생"] == ("area",)
    assert marked["중구", "소계", "발생"] == ("category",)
    assert marked["중구", "살인", "발생"] == ()


def test_a_total_that_is_not_the_sum_of_its_parts_is_shown_with_both_figures():
    rows = [list(row) for row in SEOUL_ROWS]
    rows[0][5] = "11"
    _figures, _findings, warnings = read(SEOUL, rows)
    assert warnings["sum_differs"].values == ["소계 살인 발생: 11 ≠ 10", "소계 소계 발생: 30 ≠ 31"]


def test_parts_that_were_never_meant_to_add_up_are_said_to_overlap():
    rows = [["합계", "100", "90"], ["절도", "30", "20"], ["특수절도", "10", "5"]]
    _figures, _findings, warnings = read(["죄종", "2020", "2021"], rows)
    assert warnings["parts_overlap"].count == 2


def test_shares_and_averages_are_not_summed():
    header = ["자치구", "세대당인구", "인구"]
    _figures, _findings, warnings = read(header, [["합계", "2.4", "30"], ["종로구", "2.2", "10"], ["중구", "2.5", "20"]])
    assert warnings == {}


def test_bands_of_hours_under_years_with_the_unknown_apart():
    header = [["범죄별(1)"] + ["2020"] * 4, ["범죄별(1)", "계", "00:00-02:59", "21:00-23:59", "미상"]]
    figures, _findings, warnings = read(header, [["절도", "60", "10", "20", "30"], ["강도", "3", "1", "-", "2"]])
    assert [(one.hour_from, one.hour_to, one.value) for one in figures[:4]] == [
        (None, None, 60),
        (0, 3, 10),
        (21, 24, 20),
        (None, None, 30),
    ]
    assert figures[0].total_of == ("hour",)
    assert figures[3].measure == "건수 (시간 미상)"
    assert figures[6].value == 0
    assert warnings == {}


def test_weekdays_under_years():
    header = [["범죄별(1)"] + ["2020"] * 3, ["범죄별(1)", "합계", "일", "월"]]
    figures, _findings, _warnings = read(header, [["절도", "3", "1", "2"], ["강도", "3", "1", "2"]])
    assert [(one.weekday, one.is_total) for one in figures[:3]] == [(None, True), (6, False), (0, False)]


def test_areas_in_the_header_under_nation_and_province():
    header = [
        ["죄종별(1)", "죄종별(2)", "2023", "2023", "2023"],
        ["죄종별(1)", "죄종별(2)", "한국", "한국", "한국"],
        ["죄종별(1)", "죄종별(2)", "소계", "서울", "서울"],
        ["죄종별(1)", "죄종별(2)", "소계", "종로구", "중구"],
    ]
    figures, _findings, _warnings = read(header, [["강력범죄", "소계", "9", "4", "5"], ["강력범죄", "강도", "9", "4", "-"]])
    assert [(one.area, one.area_code, one.category, one.total_of) for one in figures[:2]] == [
        ("소계", "", "강력범죄", ("area", "category")),
        ("서울 종로구", "11110", "강력범죄", ("category",)),
    ]
    assert (figures[4].category, figures[4].category_code, figures[5].value) == ("강력범죄 / 강도", "robbery", 0)


def test_one_title_row_of_offence_and_measure_and_stations_that_are_no_gu():
    header = ["", "관서명", "살인 발생", "살인 검거", "절도 발생", "절도 검거", "구별"]
    rows = [["0", "남대문서", "1", "0", "1,153", "382", "중구"], ["1", "혜화서", "3", "2", "1,114", "424", "종로구"]]
    figures, _findings, _warnings = read(header, rows, name="seoul_station_2015.csv")
    assert [(one.area, one.category, one.measure, one.value) for one in figures[:3]] == [
        ("중구 남대문서", "살인", "발생", 1),
        ("중구 남대문서", "살인", "검거", 0),
        ("중구 남대문서", "절도", "발생", 1153),
    ]
    assert figures[0].period_from == date(2015, 1, 1)


def test_long_form_takes_its_measure_from_a_column():
    rows = [["수서", "살인", "발생", "1"], ["수서", "절도", "검거", "1,443"]]
    figures, _findings, _warnings = read(["구분", "죄종", "발생검거", "건수"], rows)
    assert [(one.category, one.measure, one.value) for one in figures] == [("살인", "발생", 1), ("절도", "검거", 1443)]


def test_years_with_commas_trailing_blanks_and_notes_under_the_table():
    header = ["순번", "구분", "2015년", "2025년 6월"]
    rows = [["", "계", "3 ", "26,321 "], ["1", "종로구", "3", "26,321"], ["※ 참고", "", "", ""], ["", "", "", ""]]
    figures, findings, _warnings = read(header, rows)
    assert [(one.value, one.period_to) for one in figures[:2]] == [(3, date(2015, 12, 31)), (26321, date(2025, 6, 30))]
    assert [(one.reason, one.value) for one in findings] == [("row_empty", "※ 참고"), ("row_empty", "")]


def test_years_that_a_spreadsheet_has_numbered_apart_are_the_same_year():
    figures, _findings, _warnings = read([["죄종", "2020", "2020.1"], ["죄종", "발생", "검거"]], [["절도", "2", "1"]])
    assert [(one.period_from.year, one.period_from.month, one.measure) for one in figures] == [
        (2020, 1, "발생"),
        (2020, 1, "검거"),
    ]


def test_dong_with_their_codes_and_quarters():
    header = ["기준_년분기_코드", "행정동_코드", "행정동_코드_명", "소득_구간_코드", "지출_총금액"]
    figures, _findings, _warnings = read(header, [["20231", "11650652", "양재2동", "07", "10104796000"]])
    (one,) = figures
    assert (one.area, one.area_code, one.measure, one.value) == ("양재2동", "11650652", "지출_총금액", 10104796000)
    assert (one.period_from, one.period_to) == (date(2023, 1, 1), date(2023, 3, 31))


def test_hourly_weather_by_day_before_month():
    rows = [["1/12/2017", "254", "0", "-5.2", "Winter"], ["13/12/2017", "1", "23", "", "Winter"]]
    figures, _findings, _warnings = read(["Date", "Rented_Bike_Count", "Hour", "Temperature", "Seasons"], rows, time_order="dmy")
    assert [(one.measure, one.value, one.hour_from, one.hour_to) for one in figures[:2]] == [
        ("Rented_Bike_Count", 254, 0, 1),
        ("Temperature", -5.2, 0, 1),
    ]
    assert figures[0].period_from == date(2017, 12, 1)
    assert figures[3].value is None


def test_times_of_day_without_colons_are_hours():
    figures, _findings, _warnings = read(["날짜", "일출시간(시분초)"], [["20260106", "074700"], ["20231226", ""]])
    assert [one.value for one in figures] == [7.7833, None]


def test_cells_that_are_no_figures_reject_their_row():
    header = ["자치구", "연도", "건수"]
    options = {"dims": {"area": ["자치구"], "period": ["연도"]}, "values": [{"column": "건수"}]}
    rows = [["종로구", "2020", "열"], ["중구", "언젠가", "1"], ["용산구", "2020", "1"]]
    figures, findings, _warnings = read(header, rows, options=options)
    assert [one.area for one in figures] == ["용산구"]
    assert [(one.reason, one.column) for one in findings] == [("figure_unreadable", "건수"), ("period_unreadable", "연도")]


def test_a_table_without_a_column_of_figures_is_refused_and_so_is_a_missing_column():
    table = table_of(["가", "나"], [["x", "y"]])
    with pytest.raises(FileRefused, match="no column holds figures"):
        list(read_statistics(table, ColumnMapping(Kind.STATISTICS, columns={"area": "가"})))
    with pytest.raises(FileRefused) as refused:
        list(read_statistics(table, ColumnMapping(Kind.STATISTICS, columns={"value": "다"})))
    assert refused.value.fields["column"] == "다"


def test_counted_rows_without_an_area_or_a_day_are_rejected():
    table = table_of(["Date", "Type", "Area"], [["2022-01-05", "THEFT", "1"], ["2022-01-05", "THEFT", ""], ["?", "THEFT", "1"]])
    columns = {"period": "Date", "category": "Type", "area": "Area"}
    mapping = ColumnMapping(Kind.STATISTICS, columns=columns, options={"count_rows": True})
    batches = list(read_statistics(table, mapping))
    assert [one.reason for batch in batches for one in batch.findings] == ["area_missing", "period_unreadable"]
    assert [one.value for batch in batches for one in batch.records] == [1.0]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2015", date(2015, 1, 1), date(2015, 12, 31)),
        ("2015년", date(2015, 1, 1), date(2015, 12, 31)),
        ("2013년도 이전", None, date(2013, 12, 31)),
        ("2025년 6월", date(2025, 6, 1), date(2025, 6, 30)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("202501", date(2025, 1, 1), date(2025, 1, 31)),
        ("20234", date(2023, 10, 1), date(2023, 12, 31)),
        ("2023년 2분기", date(2023, 4, 1), date(2023, 6, 30)),
        ("20260106", date(2026, 1, 6), date(2026, 1, 6)),
        ("2022-01-05 10:00:00", date(2022, 1, 5), date(2022, 1, 5)),
    ],
)
def test_a_period_is_read_with_its_last_day(text, first, last):
    assert words.read_period(text) == (first, last)


@pytest.mark.parametrize("text", ["", "종로구", "12345678", "2020-13", "20231301", "1850"])
def test_what_is_no_period_is_none(text):
    assert words.read_period(text) is None


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("00:00-02:59", (0, 3)),
        ("21:00-23:59", (21, 24)),
        ("7", (7, 8)),
        ("18시", (18, 19)),
        ("18~21시", (18, 21)),
        ("미상", (None, None)),
        ("24", None),
        ("밤", None),
        ("21:00-03:00", None),
    ],
)
def test_hours_are_read_as_a_band(text, hours):
    assert words.read_hours(text) == hours


@pytest.mark.parametrize(
    ("text", "value", "is_read"),
    [
        ("1,395", 1395, True),
        ("26,321 ", 26321, True),
        ("-", 0, True),
        ("", None, True),
        ("2.39", 2.39, True),
        ("−3", -3, True),
        ("12%", 12, True),
        ("1,39", None, False),
        ("열", None, False),
        ("1e3", 1000, True),
    ],
)
def test_a_dash_is_nil_and_a_blank_is_unknown(text, value, is_read):
    assert words.read_value(text) == (value, is_read)


def test_a_number_beyond_all_numbers_is_no_figure():
    assert words.read_value("9" * 400) == (None, False)
