"""Times: every layout, impossible dates, and the two odd hours of summer time."""

# ruff: noqa: DTZ001  (times as they stand on the clock, before they get their zone)

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.times import AMERICAN_LAYOUTS, ISO_LAYOUTS, TIME_REASONS, hour_of_week, parse_times, to_utc


def read(text: str, *, iso: bool = True) -> str | datetime:
    parsed = parse_times([text], layouts=AMERICAN_LAYOUTS + ISO_LAYOUTS, iso=iso)
    if parsed.reason[0]:
        return TIME_REASONS[parsed.reason[0]]
    return datetime.fromtimestamp(int(parsed.seconds[0]), UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("10/12/2017 07:14:00 PM", datetime(2017, 10, 12, 19, 14)),
        ("10/12/2017 12:00:00 AM", datetime(2017, 10, 12, 0, 0)),
        ("10/12/2017 12:30:00 pm", datetime(2017, 10, 12, 12, 30)),
        (" 2025-03-14 22:30 ", datetime(2025, 3, 14, 22, 30)),
        ("2025-03-14T22:30:59", datetime(2025, 3, 14, 22, 30, 59)),
        ("2025-03-14T22:30:59.750", datetime(2025, 3, 14, 22, 30, 59)),
        ("2025-03-14T22:30:00+09:00", datetime(2025, 3, 14, 13, 30)),
        ("2025-03-14 22:30Z", datetime(2025, 3, 14, 22, 30)),
        ("2024-02-29", datetime(2024, 2, 29)),
        ("1900-01-01 00:00", datetime(1900, 1, 1)),
    ],
)
def test_a_time_is_read(text, moment):
    assert read(text) == moment


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "time_missing"),
        ("   ", "time_missing"),
        ("yesterday", "unreadable_time"),
        ("어제 22:30", "unreadable_time"),
        ("2025/03/14", "unreadable_time"),
        ("20250314", "unreadable_time"),
        ("2025-02-29 10:00", "impossible_date"),
        ("2025-13-01 10:00", "impossible_date"),
        ("2025-00-10", "impossible_date"),
        ("2025-03-14 24:00", "impossible_date"),
        ("2025-03-14T22:61:00+09:00", "impossible_date"),
        ("13/01/2017 01:00:00 PM", "impossible_date"),
        ("01/01/2017 13:00:00 PM", "impossible_date"),
        ("1899-12-31 23:59", "before_1900"),
    ],
)
def test_a_time_that_is_none_gets_its_reason(text, reason):
    assert read(text) == reason


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))
def test_what_is_written_in_a_layout_is_read_back(moment):
    moment = moment.replace(microsecond=0)
    assert read(f"{moment:%Y-%m-%d %H:%M:%S}") == moment
    assert read(f"{moment:%m/%d/%Y %I:%M:%S %p}") == moment


def seconds(*moments: datetime) -> np.ndarray:
    return np.array([int(moment.replace(tzinfo=UTC).timestamp()) for moment in moments])


def test_the_skipped_hour_is_one_hour_later_and_of_the_doubled_hour_the_first_is_meant():
    local = seconds(datetime(2016, 3, 13, 2, 30), datetime(2016, 11, 6, 1, 30), datetime(2016, 7, 1, 12, 0))
    instants = to_utc(local, np.zeros(3, bool), time_zone="America/Chicago")
    expected = seconds(datetime(2016, 3, 13, 8, 30), datetime(2016, 11, 6, 6, 30), datetime(2016, 7, 1, 17, 0))
    np.testing.assert_array_equal(instants.seconds, expected)
    assert instants.skipped.tolist() == [True, False, False]
    assert instants.doubled.tolist() == [False, True, False]


def test_a_time_with_an_offset_is_left_alone():
    given_utc = seconds(datetime(2016, 3, 13, 2, 30))
    instants = to_utc(given_utc, np.array([True]), time_zone="America/Chicago")
    np.testing.assert_array_equal(instants.seconds, given_utc)
    assert not instants.skipped.any()


def test_the_hour_of_the_week_is_local_and_begins_on_monday():
    monday_midnight_in_seoul = seconds(datetime(2026, 3, 15, 15, 0))
    assert hour_of_week(monday_midnight_in_seoul, time_zone="Asia/Seoul").tolist() == [0]
    assert hour_of_week(monday_midnight_in_seoul - 1, time_zone="Asia/Seoul").tolist() == [167]
    assert hour_of_week(monday_midnight_in_seoul, time_zone="UTC").tolist() == [6 * 24 + 15]
