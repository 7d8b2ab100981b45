"""Numbers of a place: intervals, the usual, and what is withheld."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaincinv

from cctv.statistics import (
    Congestion,
    HourCounts,
    combine,
    congestion,
    people_per_hour,
    published,
    stay_quantiles,
    usual_in_view,
)

BUSY = HourCounts(passages=60, in_view=3.0, stay_s=(10.0, 22.4, 50.0), observed=1.0)


def test_an_hour_is_shown_with_its_interval():
    shown = published(BUSY, usual=3.0)
    assert (shown.people_per_hour, shown.people_low, shown.people_high, shown.people_text) == (60, 45, 78, "60")
    assert (shown.in_view, shown.stay_s, shown.congestion, shown.ratio) == (3.0, (10, 22, 50), Congestion.USUAL, 1.0)


@given(st.integers(0, 4), st.floats(0, 9), st.floats(0.5, 1))
def test_fewer_than_five_people_are_never_told_apart(passages, in_view, observed):
    shown = published(HourCounts(passages, in_view, (1.0, 2.0, 3.0), observed), usual=None)
    assert shown.people_text == "<5"
    assert {shown.people_per_hour, shown.people_low, shown.people_high, shown.in_view, shown.stay_s, shown.ratio} == {None}


def test_few_people_who_stay_long_do_not_show_as_a_crush():
    assert published(HourCounts(2, 4.0, None, 1.0), usual=0.1).congestion is Congestion.UNKNOWN


def test_an_hour_hardly_watched_says_nothing():
    shown = published(HourCounts(80, 3.0, (1.0, 2.0, 3.0), 0.3), usual=3.0)
    assert (shown.people_text, shown.people_per_hour, shown.congestion) == ("", None, Congestion.UNKNOWN)


def test_half_an_hour_watched_is_scaled_to_an_hour():
    assert people_per_hour(30, 0.5)[0] == 60
    assert people_per_hour(30, 0.5)[1] < people_per_hour(60, 1.0)[1]


def test_the_interval_is_garwoods_within_a_hundredth():
    count = np.arange(5, 300)
    ours = np.array([people_per_hour(int(n), 1.0)[1:] for n in count])
    assert ours[:, 0] == pytest.approx(gammaincinv(count, 0.025), rel=0.01)
    assert ours[:, 1] == pytest.approx(gammaincinv(count + 1, 0.975), rel=0.01)


@given(st.integers(0, 500), st.floats(0.1, 1.0))
def test_the_interval_holds_the_rate(passages, observed):
    rate, low, high = people_per_hour(passages, observed)
    assert low <= rate <= high


@pytest.mark.parametrize(("in_view", "level"), [(0.1, "quiet"), (2.0, "usual"), (4.0, "busy"), (9.0, "very_busy")])
def test_congestion_is_told_against_the_usual(in_view, level):
    assert congestion(in_view, 2.0)[0] == level


def test_the_usual_of_a_rare_hour_leans_on_the_place():
    hours = np.arange(168).repeat(3)
    in_view = np.where(hours == 50, 9.0, 1.0)
    usual = usual_in_view(hours, in_view)
    assert usual[50] == pytest.approx((27 + 2 * in_view.mean()) / 5)
    assert usual[10] == pytest.approx((3 + 2 * in_view.mean()) / 5)
    assert usual_in_view(hours[:40], in_view[:40]) is None


def test_overlapping_views_do_not_count_people_twice():
    two = [BUSY, HourCounts(40, 2.0, (20.0, 30.0, 40.0), 0.5)]
    assert combine(two, views_overlap=False).passages == 100
    assert combine(two, views_overlap=True).passages == 60
    assert combine(two, views_overlap=False).stay_s[1] == pytest.approx((60 * 22.4 + 40 * 30) / 100)
    assert combine(two, views_overlap=False).observed == 0.75
    assert combine([], views_overlap=False).in_view is None


def test_stays_have_quartiles():
    assert stay_quantiles([1, 2, 3, 4, 5]) == (2, 3, 4)
    assert stay_quantiles([]) is None
