"""Every learner keeps the same contract, on a small made-up city whose true surface is known."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from prediction.errors import PredictionError
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import DamagedStateError, NotFittedError, pack, unpack
from prediction.learners.catalogue import LEARNERS, LearnerSettingsError, UnknownLearnerError, make
from prediction.learners.rows import forget_rows
from prediction.metrics import poisson_log_likelihood
from prediction.panel import DAY_S, Incidents, Panel

ANCHOR = datetime(2026, 3, 2, tzinfo=UTC)
CATEGORIES = 3  # the third has three incidents
# "lightgbm, eb" is LightGBM that starts from the empirical-Bayes count.
CODES = (
    "count",
    "seasonal",
    "kde",
    "ewkde",
    "ewcount",
    "eb",
    "etas",
    "lightgbm",
    "tweedie",
    "xgboost",
    "ranking",
    "lightgbm, eb",
)
TREES = {"lightgbm", "tweedie", "xgboost", "ranking", "lightgbm, eb"}
NOTHING_TO_LEARN = {"count", "seasonal", "kde", "ewkde"}
FEW_TREES = {"trees": 12, "least_in_leaf": 20, "learning_rate": 0.1, "origins_at_most": 20, "feature_share": 0.5}


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 6))


@pytest.fixture(scope="module")
def maker(grid):
    return FeatureMaker(grid, CATEGORIES)


@pytest.fixture(scope="module")
def truth(grid):
    """Float64[categories, cells]: the true surfaces, smooth hills with a few hot cells, adding up to one each."""
    rng = np.random.default_rng(8)
    east, north = (grid.centres_m / 300).T
    hill = np.exp(-((east - 1) ** 2 + north**2) / 2) + 0.1
    other = np.exp(-((east + 1) ** 2 + (north - 1) ** 2) / 2) + 0.1
    surfaces = np.stack([hill * rng.gamma(2, 1, len(grid)), other * rng.gamma(2, 1, len(grid)), hill])
    return surfaces / surfaces.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def panel(grid, truth):
    return made_up_panel(truth, counts=(4_000, 2_000, 3), days=500)


@pytest.fixture(scope="module")
def fitted(maker, panel):
    learners = {}
    for code in CODES:
        learners[code] = made(code, maker)
        learners[code].fit(panel, 0, seed=4)
    return learners


def made(code, maker, **more):
    settings = FEW_TREES if code in TREES else {}
    name, _, offset = code.partition(", ")
    return make(name, maker, settings=settings | ({"offset": offset} if offset else {}), **more)


def made_up_panel(truth, *, counts, days, after=60, seed=5):
    """A panel of `days` days before the anchor, and of some days after it that no forecast may see."""
    rng = np.random.default_rng(seed)
    category = np.repeat(np.arange(len(counts)), counts).astype(np.int16)
    day = np.where(rng.random(len(category)) < after / (after + days), rng.integers(0, max(after, 1), len(category)), 0)
    day = np.where(day == 0, -rng.integers(1, days, len(category)), day)
    cell = np.concatenate([rng.choice(truth.shape[1], n, p=truth[c]) for c, n in enumerate(counts)]).astype(np.int32)
    start = int(ANCHOR.timestamp()) + day * DAY_S + rng.integers(0, DAY_S, len(category))
    incidents = Incidents.at(cell, start, start, category)
    return Panel.build(incidents, cells=truth.shape[1], categories=len(counts), anchor=ANCHOR)


def changed_from(panel, day):
    """The same panel, everything known from `day` on moved to other cells and categories and made heavier."""
    late = panel.known_day >= day
    return replace(
        panel,
        cell=np.where(late, (panel.cell + 17) % panel.cells, panel.cell).astype(np.int32),
        category=np.where(late, (panel.category + 1) % panel.categories, panel.category).astype(np.int16),
        weight=np.where(late, 5 * panel.weight, panel.weight).astype(np.float32),
    )


@pytest.mark.parametrize("code", CODES)
def test_rates_are_those_of_all_targets_and_the_last_is_the_sum(code, fitted, panel):
    rates = fitted[code].rate(panel, 0)
    assert rates.shape == (CATEGORIES + 1, panel.cells)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()
    assert rates[-1] == pytest.approx(rates[:-1].sum(axis=0))
    happened = panel.counts(-364, 0).sum() / 52
    assert rates[-1].sum() == pytest.approx(happened, rel=0.25)


@pytest.mark.parametrize("code", CODES)
def test_every_learner_recovers_the_true_surface_better_than_the_uniform_one(code, fitted, panel, truth):
    rates = fitted[code].rate(panel, 0)
    for category in (0, 1):
        share = rates[category] / rates[category].sum()
        assert np.abs(share - truth[category]).sum() < 0.85 * np.abs(1 / panel.cells - truth[category]).sum()
    ahead = panel.counts(0, 56)
    even = np.full_like(ahead, 1.0) * rates[:-1].mean(axis=1, keepdims=True)
    if code not in NOTHING_TO_LEARN - {"ewkde"}:  # those call some cells impossible
        assert poisson_log_likelihood(8 * rates[:-1], ahead) > poisson_log_likelihood(8 * even, ahead)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("target", [0, 2, 3])
def test_contributions_add_up_to_the_log_of_the_rate(code, target, fitted, panel):
    parts = fitted[code].explain(panel, 0, target)
    assert parts.shape == (panel.cells, len(GROUPS))
    rates = fitted[code].rate(panel, 0)[target]
    assert parts.sum(axis=1) == pytest.approx(np.log(np.maximum(rates, 1e-9)), abs=1e-4)


@pytest.mark.parametrize("code", CODES)
def test_a_saved_learner_says_the_same_after_loading(code, fitted, panel, maker):
    content = fitted[code].save()
    other = made(code, maker)
    other.load(content)
    assert np.array_equal(other.rate(panel, 0), fitted[code].rate(panel, 0))
    assert np.array_equal(other.explain(panel, 0, 1), fitted[code].explain(panel, 0, 1))
    assert other.save() == content


@pytest.mark.parametrize("code", CODES)
def test_two_fits_give_the_same_bytes_and_nothing_from_the_cut_off_on_enters_them(code, fitted, panel, grid):
    later = changed_from(panel, 0)
    assert not np.array_equal(later.cell, panel.cell)
    again = made(code, FeatureMaker(grid, CATEGORIES))
    again.fit(later, 0, seed=4)
    assert again.save() == fitted[code].save()
    assert np.array_equal(again.rate(later, 0), fitted[code].rate(panel, 0))
    assert np.array_equal(again.explain(later, 0, 0), fitted[code].explain(panel, 0, 0))


@pytest.mark.parametrize("code", CODES)
def test_a_later_origin_reads_what_has_become_known(code, fitted, panel):
    assert not np.array_equal(fitted[code].rate(panel, 28), fitted[code].rate(panel, 0))


@pytest.mark.parametrize("code", sorted(set(CODES) - NOTHING_TO_LEARN))
def test_a_learner_that_has_learnt_nothing_refuses_with_a_sentence(code, maker, panel):
    learner = made(code, maker)
    with pytest.raises(NotFittedError, match=f"“{code.split(',')[0]}” has not learnt anything yet; call fit or load first"):
        learner.rate(panel, 0)
    with pytest.raises(NotFittedError):
        learner.save()
    with pytest.raises(NotFittedError):
        learner.explain(panel, 0, 0)


@pytest.mark.parametrize("code", CODES)
def test_bytes_that_are_no_saved_state_are_refused_with_a_sentence(code, fitted, maker):
    learner = made(code, maker)
    content = fitted[code].save()
    other = fitted["count" if code != "count" else "kde"].save()
    for bad in (b"", b"HAECHI-LEARNER\n", b"something else", content[:-4], other):
        with pytest.raises(DamagedStateError, match="train again"):
            learner.load(bad)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    ("counts", "days"),
    [((0, 0), 100), ((0, 400), 300), ((3, 2), 300), ((60, 60), 9), ((1, 0), 2)],
    ids=["no incidents", "none in a category", "five incidents", "nine days", "one incident"],
)
def test_thin_data_give_a_sane_rate(code, counts, days, grid, truth):
    maker = FeatureMaker(grid, 2)
    panel = made_up_panel(truth, counts=counts, days=days, after=0)
    learner = made(code, maker)
    learner.fit(panel, 0, seed=1)
    rates = learner.rate(panel, 0)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()
    weeks = min(days, 364) / 7
    # A city that never had an incident still gets the few that its level is drawn to.
    assert rates[-1].sum() <= 3 * sum(counts) / weeks + 8
    for target in (0, 2):
        assert np.isfinite(learner.explain(panel, 0, target)).all()
    again = made(code, maker)
    again.load(learner.save())
    assert np.array_equal(again.rate(panel, 0), rates)


@pytest.mark.parametrize("code", CODES)
def test_a_city_of_one_cell_gets_its_rate(code):
    grid = Grid.squares(
        shapely.box(127.0101, 37.4901, 127.0109, 37.4909),
        size_m=250,
        epsg=32652,
        points=(np.array([127.0105]), np.array([37.4905])),
    )
    grid = Grid(grid.cell_ids[:1], grid.centres_m[:1], grid.area_km2, grid.kind, grid.spacing_m, epsg=grid.epsg)
    panel = made_up_panel(np.ones((1, 1)), counts=(600,), days=300, after=0)
    learner = made(code, FeatureMaker(grid, 1))
    learner.fit(panel, 0, seed=1)
    rates = learner.rate(panel, 0)
    assert rates.shape == (2, 1)
    assert rates[-1, 0] == pytest.approx(14, rel=0.35)
    assert learner.explain(panel, 0, 0).sum() == pytest.approx(np.log(rates[0, 0]), abs=1e-5)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("horizon_days", [1, 28])
def test_the_rate_speaks_of_the_days_of_the_horizon(code, horizon_days, panel, grid):
    learner = made(code, FeatureMaker(grid, CATEGORIES, horizon_days=horizon_days), horizon_days=horizon_days)
    learner.fit(panel, 0, seed=2)
    assert learner.horizon_days == horizon_days
    happened = panel.counts(-364, 0).sum() / 364 * horizon_days
    assert learner.rate(panel, 0)[-1].sum() == pytest.approx(happened, rel=0.3)


@pytest.mark.parametrize("code", CODES)
def test_months_missing_from_the_data_are_not_taken_for_months_without_crime(code, grid, truth):
    panel = made_up_panel(truth[:2], counts=(4_000, 2_000), days=400, after=0)
    whole = 7 * 6_000 / 400
    gone = (panel.day >= -250) & (panel.day < -130)
    learner = made(code, FeatureMaker(grid, 2))
    learner.fit(panel.rows(~gone), 0, seed=2)
    assert learner.rate(panel.rows(~gone), 0)[-1].sum() == pytest.approx(whole, rel=0.15)


def test_the_trees_make_their_rows_once_for_all_of_them(panel, grid, monkeypatch):
    maker = FeatureMaker(grid, CATEGORIES)
    asked = []
    table = maker.table
    monkeypatch.setattr(maker, "table", lambda moment, target, rows=None: asked.append(target) or table(moment, target, rows))
    made("lightgbm", maker).fit(panel, 0, seed=4)
    first = len(asked)
    made("xgboost", maker).fit(panel, 0, seed=4)
    assert len(asked) == first > 0
    made("xgboost", maker).fit(panel, 0, seed=5)
    assert len(asked) == 2 * first
    forget_rows(maker)
    made("tweedie", maker).fit(panel, 0, seed=5)
    assert len(asked) == 3 * first


def test_every_code_has_a_label_and_unknown_ones_and_settings_are_refused_with_a_sentence(maker, fitted):
    assert {code.split(",")[0] for code in CODES} | {"network", "stack"} <= set(LEARNERS)
    assert all(entry.label and entry.source and entry.code == code for code, entry in LEARNERS.items())
    with pytest.raises(UnknownLearnerError, match=r"no learner “oracle”\. Choose one of: count, seasonal"):
        make("oracle", maker)
    with pytest.raises(PredictionError, match="Trees start from one of shrunken, eb, not from “zero”"):
        make("xgboost", maker, settings={"offset": "zero"})
    with pytest.raises(DamagedStateError):
        made("lightgbm", maker).load(fitted["lightgbm, eb"].save())
    with pytest.raises(LearnerSettingsError, match="“lightgbm” cannot be made with these settings"):
        make("lightgbm", maker, settings={"forest": 3})
    assert issubclass(UnknownLearnerError, PredictionError)


def test_every_learner_has_its_line_in_the_docs():
    text = (Path(__file__).parents[2] / "docs" / "methods" / "learners.md").read_text()
    assert [code for code in CODES if "," not in code and f"`{code}`" not in text] == []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-(2**40), 2**40), max_size=20),
    st.dictionaries(st.text(max_size=5), st.integers(-5, 5), max_size=3),
)
def test_packed_state_comes_back_bit_by_bit(numbers, plain):
    arrays = {"a": np.array(numbers, dtype=np.float64), "b": np.array(numbers, dtype=np.int64).reshape(-1, 1)}
    content = pack("count", plain, arrays)
    back, again = unpack("count", content)
    assert back == plain
    assert all(np.array_equal(again[name], arrays[name]) and again[name].dtype == arrays[name].dtype for name in arrays)
    assert pack("count", back, again) == content
