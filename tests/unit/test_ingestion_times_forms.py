"""Every form in which people and offices write a time, and the order of dates decided over a whole column."""

# ruff: noqa: DTZ001  (times as they stand on the clock, before they get their zone)

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.errors import EVIDENCE
from ingestion.times import TIME_REASONS, read_times, with_clock
from ingestion.times_guess import guess_times
from ingestion.times_text import OK, read_clock, split_interval

DAY_S = 86_400


def read(text: str, order: str = "ymd") -> tuple[datetime, int] | str:
    """The moment and what the text leaves open in seconds, or the reason."""
    parsed = read_times([text], order=order)
    if parsed.reason[0]:
        return TIME_REASONS[parsed.reason[0]]
    return datetime.fromtimestamp(int(parsed.seconds[0]), UTC).replace(tzinfo=None), int(parsed.span_s[0])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019. 3. 15. 23:40", datetime(2019, 3, 15, 23, 40)),
        ("2019년 3월 15일 오후 11시 5분", datetime(2019, 3, 15, 23, 5)),
        ("2019년 3월 15일(금) 23:40", datetime(2019, 3, 15, 23, 40)),
        ("2019.03.15. (금) 오후 11:05", datetime(2019, 3, 15, 23, 5)),
        ("2019-03-15 오전 12:30", datetime(2019, 3, 15, 0, 30)),
        ("2019. 3. 15. 23시 40분경", datetime(2019, 3, 15, 23, 40)),
        ("2019. 3. 15. 24시", datetime(2019, 3, 16)),
        ("2019-03-15 24:00", datetime(2019, 3, 16)),
        ("2019-03-15 밤 12시", datetime(2019, 3, 16)),
        ("2019-03-15 새벽 2시", datetime(2019, 3, 15, 2)),
        ("2019/03/15 23:40:10", datetime(2019, 3, 15, 23, 40, 10)),
        ("20190315 2340", datetime(2019, 3, 15, 23, 40)),
        ("201903152340", datetime(2019, 3, 15, 23, 40)),
        ("20190315234010", datetime(2019, 3, 15, 23, 40, 10)),
        ("2019031523", datetime(2019, 3, 15, 23)),
        ("43539.986111", datetime(2019, 3, 15, 23, 40)),
        ("1552660800", datetime(2019, 3, 15, 14, 40)),
        ("1552660800000", datetime(2019, 3, 15, 14, 40)),
        ("15 Mar 2019 10:30 PM", datetime(2019, 3, 15, 22, 30)),
        ("2019-03-15T22:30:00+09:00", datetime(2019, 3, 15, 13, 30)),
    ],
)
def test_a_moment_is_read_in_every_form(text, moment):
    assert read(text) == (moment, 0)


@pytest.mark.parametrize(
    ("text", "moment", "days"),
    [
        ("2019.3.24", datetime(2019, 3, 24), 1),
        ("2019. 3. 24.", datetime(2019, 3, 24), 1),
        ("20190324", datetime(2019, 3, 24), 1),
        ("43539", datetime(2019, 3, 15), 1),
        ("Mar 15, 2019", datetime(2019, 3, 15), 1),
        ("2019년 3월 15일 시간미상", datetime(2019, 3, 15), 1),
        ("201903", datetime(2019, 3, 1), 31),
        ("2019년 2월", datetime(2019, 2, 1), 28),
    ],
)
def test_a_day_or_a_month_alone_leaves_its_length_open(text, moment, days):
    assert read(text) == (moment, days * DAY_S)


@pytest.mark.parametrize("text", ["", "-", " 미상 ", "일시불상", "N/A", "0000-00-00", "null"])
def test_what_stands_for_unknown_is_a_missing_time(text):
    assert read(text) == "time_missing"


@pytest.mark.parametrize(
    "text", ["2019-02-30", "2019. 13. 1.", "2019-03-15 25:61", "20190230", "오전 13시 2019", "2019-03-15 오전 15:00"]
)
def test_an_impossible_time_is_none(text):
    assert read(text) in ("impossible_date", "unreadable_time")


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("23:40", 23 + 40 / 60),
        ("오후 11:05", 23 + 5 / 60),
        ("074700", 7.7833333),
        ("0740", 7 + 2 / 3),
        ("7", 7),
        ("0.5", 12),
        ("24시", 24),
    ],
)
def test_a_time_of_day_is_read(text, hours):
    assert read_clock(text).seconds / 3600 == pytest.approx(hours, abs=1e-4)


def test_a_date_gets_its_clock_from_the_column_beside_it_and_stays_a_day_where_that_is_blank():
    day = read_times(["2019-03-15", "2019-03-16", "2019-03-17"])
    joined, reason = with_clock(day, ["오후 11:05", "미상", "25:00"])
    assert joined.span_s.tolist() == [0, DAY_S, DAY_S]
    assert joined.seconds[0] - day.seconds[0] == 23 * 3600 + 5 * 60
    assert [TIME_REASONS[code] for code in reason] == ["", "time_missing", "impossible_date"]


@pytest.mark.parametrize(
    ("values", "order", "decided"),
    [
        (["1/12/2017", "2/12/2017", "13/12/2017"], "dmy", True),
        (["01/12/2017 10:00", "12/31/2017 11:00"], "mdy", True),
        (["2017-01-12", "20170113"], "ymd", True),
        (["1/12/2017", "2/11/2017"], "mdy", False),
        (["13/12/2017", "12/13/2017"], "mdy", False),
        (["19.03.15", "19.03.16"], "ymd", False),
        (["99.03.15"], "ymd", True),
    ],
)
def test_the_order_of_a_column_is_decided_by_a_value_that_only_one_order_allows(values, order, decided):
    found = guess_times(values, column="Date")
    assert (found.order, found.decided) == (order, decided)
    assert all(one.code in EVIDENCE for one in found.evidence)
    if not decided:
        assert len(found.options) >= 2
        assert all(evidence.code in EVIDENCE for _, evidence in found.options)


def test_the_order_changes_how_a_date_is_read():
    assert read("03/04/2019 10:00", "mdy") == (datetime(2019, 3, 4, 10), 0)
    assert read("03/04/2019 10:00", "dmy") == (datetime(2019, 4, 3, 10), 0)
    assert read("3/4/2019", "dmy") == (datetime(2019, 4, 3), DAY_S)


@given(st.datetimes(min_value=datetime(1955, 1, 1), max_value=datetime(2060, 1, 1)))
def test_what_is_written_in_korean_is_read_back(moment):
    moment = moment.replace(second=0, microsecond=0)
    half = "오전" if moment.hour < 12 else "오후"
    assert read(f"{moment.year}. {moment.month}. {moment.day}. {moment:%H:%M}") == (moment, 0)
    assert read(f"{moment.year}년 {moment.month}월 {moment.day}일 {half} {moment.hour % 12 or 12}시 {moment.minute}분") == (
        moment,
        0,
    )


@given(st.lists(st.text(max_size=30), max_size=20), st.sampled_from(["ymd", "mdy", "dmy"]))
def test_no_text_whatever_raises(texts, order):
    parsed = read_times(texts, order=order)
    assert len(parsed.reason) == len(texts)
    assert np.isin(parsed.reason, range(len(TIME_REASONS))).all()
    assert all(read_clock(text).reason in range(5) for text in texts)


def test_the_quick_and_the_careful_way_agree():
    texts = [f"{month:02}/{day:02}/2017 {hour:02}:05:00 AM" for month in (1, 12) for day in (1, 28) for hour in (1, 11)]
    quick = read_times(texts, order="mdy")
    careful = read_times([text.replace("AM", "A.M.") for text in texts], order="mdy")
    assert (quick.reason == OK).all()
    np.testing.assert_array_equal(quick.seconds, careful.seconds)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("2019. 3. 15. 22:00 ~ 23:30", ("2019. 3. 15. 22:00", "2019-03-15 23:30:00")),
        ("2019. 3. 15. 22:00~오전 2시", ("2019. 3. 15. 22:00", "2019-03-16 02:00:00")),
        ("2019-03-15 ~ 2019-03-17", ("2019-03-15", "2019-03-17")),
        ("2019-03-15 22:00", ("2019-03-15 22:00", "")),
        ("2019-03-15 22:00 ~", ("2019-03-15 22:00", "")),
        ("~", ("", "")),
    ],
)
def test_an_interval_in_one_text_becomes_two(text, parts):
    assert split_interval(text, "ymd") == parts
