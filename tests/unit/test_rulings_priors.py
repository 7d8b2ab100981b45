"""What all rulings say together, on counts small enough to check by hand."""

import numpy as np
import pytest

from ingestion.rulings import Fact, Field, prior_tables


def event(category: str, *factors: str, place: str = "street", time: str = "23:10", alleged: bool = False) -> list[Fact]:
    told = [
        (Field.CATEGORY, category),
        (Field.PLACE_KIND, place),
        (Field.TIME, time),
        *((Field.RISK_FACTOR, one) for one in factors),
    ]
    return [Fact(field, value, 0, 1, alleged) for field, value in told]


EVENTS = [
    *(event("robbery", "following") for _ in range(30)),
    *(event("theft", "bag_open", place="shop", time="14:00") for _ in range(30)),
]


def at(priors, category: str, factor: str) -> tuple[int, int]:
    return priors.categories.index(category), priors.factors.index(factor)


def test_a_factor_named_only_with_one_category_is_about_twice_as_frequent_there_as_in_all():
    priors = prior_tables(EVENTS)
    where = at(priors, "robbery", "following")
    # share in all 30.5/61 = 0.5; in robbery (30 + 10·0.5)/(30 + 10) = 0.875
    assert priors.ratio[where] == pytest.approx(1.75)
    assert priors.low[where] < 1.75 < priors.high[where]
    assert priors.low[where] > 1.4
    assert priors.counts[where] == 30


def test_a_factor_never_named_with_a_category_is_rarer_there():
    priors = prior_tables(EVENTS)
    assert priors.ratio[at(priors, "theft", "following")] == pytest.approx(0.25)
    assert priors.z[at(priors, "theft", "following")] < -2 < 2 < priors.z[at(priors, "robbery", "following")]


def test_a_category_without_events_is_like_all():
    priors = prior_tables(EVENTS)
    assert priors.ratio[at(priors, "arson", "following")] == pytest.approx(1.0)


def test_allegations_do_not_count():
    with_allegations = prior_tables([*EVENTS, *(event("arson", "following", alleged=True) for _ in range(100))])
    assert np.array_equal(with_allegations.ratio, prior_tables(EVENTS).ratio)


def test_an_event_of_which_only_the_name_is_known_does_not_count():
    named = [Fact(Field.CATEGORY, "robbery", 0, 1), Fact(Field.OFFENCE, "robbery", 0, 1)]
    assert prior_tables([named]).events.sum() == 0


def test_place_and_hour_sum_to_one_in_each_category_and_peak_where_the_events_are():
    priors = prior_tables(EVENTS)
    assert np.allclose(priors.place_hour.sum(axis=(1, 2)), 1.0)
    robbery = priors.place_hour[priors.categories.index("robbery")]
    assert np.unravel_index(robbery.argmax(), robbery.shape) == (priors.place_kinds.index("street"), 23)
    assert priors.place_hour_counts.sum() == 60


def test_no_events_at_all_give_flat_tables():
    priors = prior_tables([])
    assert np.allclose(priors.ratio, 1.0)
    assert np.allclose(priors.place_hour.sum(axis=(1, 2)), 1.0)
