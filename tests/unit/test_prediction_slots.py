"""Slots from one hour to one month, in the city's own time, also when the clocks change."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prediction.errors import PredictionError
from prediction.slots import SlotScheme

SEOUL, CHICAGO = ZoneInfo("Asia/Seoul"), ZoneInfo("America/Chicago")
SCHEMES = [
    SlotScheme.of_hours("Europe/Berlin", 1),
    SlotScheme.of_hours("America/Chicago", 4, first=6),
    SlotScheme("Asia/Seoul", (6, 14, 22)),
    SlotScheme("America/New_York", (6,), period="day"),
    SlotScheme("America/New_York", (6,), period="day", every=10),
    SlotScheme("Asia/Seoul", (0,), period="week"),
    SlotScheme("Pacific/Auckland", (6,), period="week", every=4),
    SlotScheme("Asia/Seoul", (0,), period="month"),
]


def local(starts, zone):
    return [start.astimezone(zone) for start in starts]


def test_weeks_start_on_monday_and_months_on_their_first():
    first = datetime(2026, 1, 20, tzinfo=UTC)
    weeks = local(SlotScheme("Asia/Seoul", (6,), period="week").starts(first, 3), SEOUL)
    assert weeks == [datetime(2026, 1, 26, 6, tzinfo=SEOUL) + timedelta(days=7 * i) for i in range(3)]
    months = local(SlotScheme("Asia/Seoul", (0,), period="month").starts(first, 3), SEOUL)
    assert months == [datetime(2026, month, 1, tzinfo=SEOUL) for month in (2, 3, 4)]


def test_a_month_lasts_as_long_as_the_calendar_says():
    months = SlotScheme("Asia/Seoul", (0,), period="month")
    lengths = [months.length_h(datetime(2024, month, 1, tzinfo=SEOUL)) / 24 for month in range(1, 13)]
    assert lengths == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    assert months.typical_h == pytest.approx(730.5)


def test_slots_are_an_hour_longer_or_shorter_when_the_clocks_change():
    day = SlotScheme("America/Chicago", (0,), period="day")
    assert day.length_h(datetime(2017, 11, 5, tzinfo=CHICAGO)) == 25
    assert day.length_h(datetime(2018, 3, 11, tzinfo=CHICAGO)) == 23
    assert day.length_h(datetime(2018, 3, 12, tzinfo=CHICAGO)) == 24
    assert SlotScheme("America/Chicago", (0,), period="week").length_h(datetime(2017, 10, 30, tzinfo=CHICAGO)) == 169
    hours = SlotScheme.of_hours("America/Chicago", 1)
    assert hours.length_h(datetime(2017, 11, 5, 1, tzinfo=CHICAGO)) == 2  # one o'clock comes twice and is one slot
    night = local(hours.starts(datetime(2018, 3, 11, 1, tzinfo=CHICAGO), 3), CHICAGO)
    assert [start.hour for start in night] == [1, 3, 4]


def test_equal_hours_fill_the_day_from_the_hour_given():
    assert SlotScheme.of_hours("Asia/Seoul", 8, first=6).start_hours == (6, 14, 22)
    assert SlotScheme.of_hours("Asia/Seoul", 1).per_week == 168
    assert SlotScheme.of_hours("Asia/Seoul", 24, first=6) == SlotScheme("Asia/Seoul", (6,))
    assert SlotScheme.of_hours("Asia/Seoul", 6).typical_h == 6


def test_days_and_weeks_have_slots_of_the_week_and_longer_ones_say_that_they_have_none():
    monday = int(datetime(2026, 3, 2, tzinfo=SEOUL).timestamp())
    epoch = monday + 3_600 * np.array([5, 6, 24 + 5, 24 + 6, 7 * 24])
    assert SlotScheme("Asia/Seoul", (6,), period="day").slot_of_week(epoch).tolist() == [6, 0, 0, 1, 6]
    assert SlotScheme("Asia/Seoul", (6,), period="week").slot_of_week(epoch).tolist() == [0] * 5
    for scheme in (SlotScheme("Asia/Seoul", (0,), period="month"), SlotScheme("Asia/Seoul", (0,), period="week", every=2)):
        with pytest.raises(PredictionError, match="do not repeat by the week"):
            scheme.slot_of_week(epoch)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2_000_000_000), st.sampled_from(SCHEMES))
def test_starts_are_the_same_wherever_one_begins_to_count(epoch, scheme):
    moment = datetime.fromtimestamp(epoch, UTC)
    starts = scheme.starts(moment, 5)
    assert all(earlier < later for earlier, later in pairwise(starts))
    assert starts[0] >= moment
    assert (starts[0] - moment).total_seconds() / 3_600 <= scheme.typical_h * 1.05 + 2
    assert scheme.starts(starts[2], 3) == starts[2:]
    assert scheme.next_start(starts[1]) == starts[1]
    assert scheme.length_h(starts[0]) == (starts[1] - starts[0]).total_seconds() / 3_600


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_survives_json(scheme):
    assert SlotScheme.from_json(json.loads(json.dumps(scheme.to_json()))) == scheme


def test_a_scheme_written_before_there_were_longer_slots_is_still_read():
    assert SlotScheme.from_json({"time_zone": "Asia/Seoul", "start_hours": [6, 14, 22]}) == SlotScheme("Asia/Seoul", (6, 14, 22))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SlotScheme.of_hours("Asia/Seoul", 5), "do not fill a day"),
        (lambda: SlotScheme("Asia/Seoul", (0,), period="year"), "not 'year'"),
        (lambda: SlotScheme("Asia/Seoul", (0,), period="month", every=2), "a month at most"),
        (lambda: SlotScheme("Asia/Seoul", (0, 12), period="week"), "single start hour"),
        (lambda: SlotScheme("Asia/Seoul", (6,)).length_h(datetime(2026, 1, 1, tzinfo=UTC)), "No slot starts at"),
    ],
)
def test_slots_that_cannot_be_are_refused_with_a_sentence(make, sentence):
    with pytest.raises(PredictionError, match=sentence):
        make()
