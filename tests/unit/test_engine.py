"""The engine with each kind of learner: model files, calibration, dispersion, and what it refuses."""

import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import h3.api.numpy_int as h3
import numpy as np
import pytest

from prediction.engine import FORMAT, MAGIC, EngineSettings, TrainedModel, forecast, restored, train
from prediction.errors import PredictionError
from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.learners.boosting import BoostingSettings
from prediction.panel import DAY_S, Incidents, Panel
from prediction.slots import SlotScheme

CUTOFF = datetime(2026, 3, 2, 13, tzinfo=UTC)
CUTOFF_S = int(CUTOFF.timestamp())
SHIFTS = SlotScheme("Asia/Seoul", (6, 14, 22))
CODES = ("theft", "violence", "homicide")
QUICK = BoostingSettings(trees=20, least_in_leaf=40, learning_rate=0.1, origins_at_most=26)
STACK = EngineSettings(QUICK, learner="stack", members=("lightgbm", "seasonal", "count"))
LEARNERS = {"lightgbm": EngineSettings(QUICK), "stack": STACK, "count": EngineSettings(learner="count")}


@pytest.fixture(scope="module")
def grid():
    return Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), 6))


@pytest.fixture(scope="module")
def incidents(grid):
    """5,000 incidents of two years, theft and violence, three homicides."""
    rng = np.random.default_rng(7)
    heat = rng.gamma(0.5, 1, len(grid))
    category = rng.choice(2, 5_000, p=[0.6, 0.4]).astype(np.int16)
    category[:3] = 2
    start = CUTOFF_S - rng.integers(1, 730 * DAY_S, len(category))
    return Incidents.at(rng.choice(len(grid), len(category), p=heat / heat.sum()).astype(np.int32), start, start, category)


def trained(incidents, grid, settings, **more):
    return train(incidents, grid, scheme=SHIFTS, categories=CODES, cutoff=CUTOFF, settings=settings, seed=5, **more)


@pytest.fixture(scope="module", params=list(LEARNERS))
def model(request, incidents, grid):
    return trained(incidents, grid, LEARNERS[request.param])


def test_any_learner_goes_through_a_file_and_forecasts_the_same_bytes(model, incidents, grid):
    read = TrainedModel.from_bytes(model.to_bytes())
    assert read.to_bytes() == model.to_bytes()
    assert read.settings == model.settings
    first, second = forecast(model, incidents, grid), forecast(read, incidents, grid)
    assert first.rates.tobytes() == second.rates.tobytes()
    assert np.all(first.rates > 0)
    assert first.rates.sum(axis=(0, 1))[:2] == pytest.approx([5_000 * 0.6 * 7 / 730, 5_000 * 0.4 * 7 / 730], rel=0.25)


def test_reasons_add_up_to_the_log_of_the_calibrated_week(model, incidents, grid):
    made = forecast(model, incidents, grid)
    total = made.reasons.astype(np.float64).sum(axis=1)
    assert total == pytest.approx(np.log(made.rates.sum(axis=1, dtype=np.float64)), abs=0.03)


def test_the_model_says_how_it_was_calibrated_and_how_far_counts_stray(model, incidents, grid):
    assert list(model.dispersion) == [*CODES, ""]
    assert forecast(model, incidents, grid).dispersion == model.dispersion
    assert model.parameters["calibration"]["homicide"] == {"kind": "kept", "total": 1.0}
    assert model.parameters["learner"] == model.learner
    assert model.calibration.windows == 13
    assert json.loads(json.dumps(model.parameters)) is not None


def test_the_same_inputs_and_seed_give_the_same_bytes_and_later_incidents_change_none(model, incidents, grid):
    rng = np.random.default_rng(2)
    late = CUTOFF_S + rng.integers(0, 30 * DAY_S, 400)
    more = Incidents(
        np.append(incidents.cell_index, rng.integers(0, len(grid), 400)).astype(np.int32),
        np.append(incidents.start_s, late),
        np.append(incidents.end_s, late),
        np.append(incidents.category, rng.integers(0, 3, 400)).astype(np.int16),
    )
    assert trained(more, grid, model.settings).to_bytes() == model.to_bytes()


def test_the_fitted_learner_can_be_had_on_any_maker_of_the_grid(model, incidents, grid):
    panel = Panel.build(incidents.known_before(CUTOFF), cells=len(grid), categories=3, anchor=CUTOFF)
    learner = restored(model, FeatureMaker(grid, 3))
    week = forecast(model, incidents, grid).rates.sum(axis=1, dtype=np.float64)
    rates = learner.rate(panel, 0)[:3].T
    assert rates == pytest.approx(week, rel=1e-4)


def test_the_learner_may_be_named_when_training(incidents, grid):
    model = trained(incidents, grid, EngineSettings(QUICK), learner="seasonal")
    assert (model.learner, model.settings.learner) == ("seasonal", "seasonal")
    with pytest.raises(PredictionError, match="no learner “oracle of Delphi”"):
        trained(incidents, grid, None, learner="oracle of Delphi")


@pytest.mark.parametrize("learner", ["lightgbm", "stack"])
def test_without_calibration_rates_are_the_learners_own(incidents, grid, learner):
    plain = trained(incidents, grid, replace(STACK, learner=learner, calibrate=False))
    assert {curve.kind for curve in plain.calibration.curves} == {"kept"}
    assert plain.calibration.windows == 0
    assert np.all(forecast(plain, incidents, grid).rates > 0)


def test_features_that_the_model_did_not_learn_from_are_refused(incidents, grid):
    model = trained(incidents, grid, EngineSettings(learner="count"))
    with pytest.raises(PredictionError, match="other features"):
        forecast(replace(model, blocks="of another time"), incidents, grid)
    with pytest.raises(PredictionError, match="speaks of 7 days, the features of 28"):
        restored(model, FeatureMaker(grid, 3, horizon_days=28))


def test_a_file_of_an_older_format_is_refused_with_a_sentence(model):
    old = MAGIC + zlib.compress(json.dumps({"format": 2, "trees": [None]}).encode())
    with pytest.raises(PredictionError, match=f"format 2, this version reads {FORMAT}; train again"):
        TrainedModel.from_bytes(old)
    with pytest.raises(PredictionError, match="damaged"):
        TrainedModel.from_bytes(model.to_bytes()[:-20])
    with pytest.raises(PredictionError, match="not a model file"):
        TrainedModel.from_bytes(b"GIF89a")


@pytest.mark.parametrize(
    ("scheme", "slots", "days"),
    [
        (SlotScheme("Asia/Seoul", (6,), "week"), 2, 7),
        (SlotScheme("Asia/Seoul", (0,), "day"), 7, 7),
        (SlotScheme("Asia/Seoul", (0,), "week", 4), 2, 28),
        (SlotScheme("Asia/Seoul", (0,), "month"), 3, 30),
    ],
    ids=["week", "day", "four weeks", "month"],
)
def test_slots_may_be_as_long_as_a_month(incidents, grid, scheme, slots, days):
    settings = EngineSettings(QUICK, learner="stack", members=("lightgbm", "count"))
    model = train(incidents, grid, scheme=scheme, categories=CODES, cutoff=CUTOFF, settings=settings, seed=5)
    assert model.horizon_days == days
    read = TrainedModel.from_bytes(model.to_bytes())
    assert read.scheme == scheme
    made = forecast(read, incidents, grid, slots=slots)
    hours = [scheme.length_h(start) for start in made.slot_starts]
    assert made.rates.sum() == pytest.approx(5_000 / 730 * sum(hours) / 24, rel=0.25)
    assert made.horizon_end > made.slot_starts[-1]


@pytest.mark.parametrize("learner", ["lightgbm", "stack"])
@pytest.mark.parametrize("count", [1, 30, 3_000])
def test_one_cell_few_incidents_or_a_category_without_any_still_give_a_sane_forecast(learner, count):
    one = Grid.from_h3(np.array([h3.latlng_to_cell(37.49, 127.01, 10)], dtype=np.uint64))
    start = CUTOFF_S - np.random.default_rng(1).integers(1, 500 * DAY_S, count)
    few = Incidents.at(np.zeros(count, dtype=np.int32), start, start, np.zeros(count, dtype=np.int16))
    model = trained(few, one, replace(STACK, learner=learner))
    made = forecast(model, few, one)
    assert np.all(np.isfinite(made.rates))
    assert np.all(made.rates > 0)
    assert made.rates[:, :, 0].sum() < 3 + 3 * count / 500 * 7
    assert made.rates[:, :, 1:].sum() < 1  # never seen: rare, but not impossible
    assert forecast(TrainedModel.from_bytes(model.to_bytes()), few, one).rates.tobytes() == made.rates.tobytes()
