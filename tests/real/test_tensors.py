"""`bench tensors` on the papers' own arrays: the sets as their code reads them, no look ahead, metrics as written, repeatable."""

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bench import tensors
from bench._tensors_data import TensorError, load_agl, load_hagen, load_sthsl
from bench._tensors_features import build_table
from bench._tensors_heads import (
    best_threshold,
    errors,
    f1,
    f1_of_batches,
    f1_threshold,
    fit_dispersion,
    given_any,
    median,
    negative_binomial,
    quantile_labels,
    rank_auc,
    relative_median,
)
from bench._tensors_models import TreeSettings, forecast_counts, forecast_occurrence

pytestmark = pytest.mark.real

SHARED = Path(os.environ.get("HAECHI_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FOLDER = SHARED / "crime-tensors"


@pytest.fixture(scope="module")
def folder():
    if not FOLDER.is_dir():
        pytest.skip(f"{FOLDER} is not there")
    return FOLDER


@pytest.fixture(scope="module")
def quick(folder):
    return tensors.run(folder, quick=True)


# --- the sets -------------------------------------------------------------------------------------


def test_the_chicago_set_has_the_days_and_the_crimes_that_its_source_states(folder):
    data = load_sthsl(folder, "chicago")
    assert data.counts.shape == (731, 168, 4)
    assert (data.train_end, data.val_end) == (609, 639)
    assert data.counts.sum() == 321_876
    assert data.neighbours[0].nonzero()[0].tolist() == [1, 12, 13]  # the south-west corner has three neighbours


def test_the_windows_of_hagen_are_one_run_of_days_and_the_same_year_as_agl_stan(folder):
    daily = (load_agl(folder).counts > 0).sum(axis=(1, 2))
    for month, first in {8: 22, 12: 142}.items():
        data = load_hagen(folder, "chicago", month)
        assert data.days - data.val_end == 30
        assert np.array_equal(data.counts.sum(axis=(1, 2)), daily[first : first + data.days])


def test_a_set_whose_windows_do_not_join_is_refused_by_name(folder, tmp_path):
    (tmp_path / "hagen").mkdir()
    for part in ("train", "val", "test"):
        with np.load(folder / "hagen" / f"crime-la_8_{part}.npz") as held:
            x, y = held["x"], held["y"]
        np.savez(tmp_path / "hagen" / f"crime-la_8_{part}.npz", x=x[::-1], y=y)
    with pytest.raises(TensorError, match=r"crime-la_8_train\.npz: the windows do not follow one another"):
        load_hagen(tmp_path, "la", 8)


# --- no look ahead --------------------------------------------------------------------------------


def test_nothing_of_a_day_or_after_it_moves_that_day_s_features(folder):
    data = load_sthsl(folder, "chicago")
    areas = np.array([60, 61, 72])
    changed = data.counts.copy()
    changed[450:] = np.random.default_rng(1).poisson(9, changed[450:].shape)
    before = build_table(data, first_day=445, areas=areas)
    after = build_table(replace(data, counts=changed), first_day=445, areas=areas)
    until = before.day <= 450
    assert np.array_equal(before.x[until], after.x[until], equal_nan=True)
    assert np.array_equal(before.offset[until], after.offset[until])
    assert not np.array_equal(before.x[before.day == 451], after.x[before.day == 451], equal_nan=True)


def test_the_first_test_day_s_forecast_knows_nothing_of_the_test_days(folder):
    data = load_agl(folder)
    small = replace(data, counts=data.counts[:260])
    changed = small.counts.copy()
    changed[data.val_end :] = changed[data.val_end :][::-1] + 3
    ours, other = (
        forecast_occurrence(small, trees_at_most=20),
        forecast_occurrence(replace(small, counts=changed), trees_at_most=20),
    )
    assert np.array_equal(ours.probability[0], other.probability[0])
    assert np.array_equal(ours.thresholds, other.thresholds)
    assert ours.threshold == other.threshold
    assert not np.array_equal(ours.probability[1], other.probability[1])


def test_dispersion_and_mean_of_the_counts_come_from_before_the_test(folder):
    data = load_sthsl(folder, "nyc")
    part = replace(data, counts=data.counts[-300:], train_end=178, val_end=208)
    changed = part.counts.copy()
    changed[208:] = changed[208:][::-1] + 1
    few = TreeSettings(trees=10)
    ours, _ = forecast_counts(part, few)
    other, _ = forecast_counts(replace(part, counts=changed), few)
    assert np.array_equal(ours.dispersion, other.dispersion)
    assert np.array_equal(ours.mean[0], other.mean[0])


# --- heads and metrics ----------------------------------------------------------------------------


def test_each_head_is_the_best_single_answer_to_its_own_metric():
    table = negative_binomial(np.array([1.7, 6.0]), np.array([0.3, 0.05]))
    k = np.arange(table.shape[1])
    assert table @ k == pytest.approx([1.7, 6.0], rel=1e-6)
    positive = given_any(table)
    for row in range(2):
        every = np.arange(0, 12)
        absolute = [(table[row] * np.abs(guess - k)).sum() for guess in every]
        masked = [(positive[row] * np.abs(guess - k)).sum() for guess in every]
        relative = [(positive[row][1:] * np.abs(guess - k[1:]) / k[1:]).sum() for guess in every]
        assert median(table)[row] == np.argmin(absolute)
        assert median(positive)[row] == np.argmin(masked)
        assert relative_median(positive)[row] == np.argmin(relative)


def test_the_dispersion_of_simulated_counts_is_found_again():
    rng = np.random.default_rng(2)
    mean = rng.gamma(2, 2, 40_000)
    counts = rng.poisson(mean * rng.gamma(4, 1 / 4, 40_000)).astype(np.float64)
    assert fit_dispersion(counts, mean) == pytest.approx(0.25, rel=0.05)


def test_macro_and_micro_f1_are_those_of_the_books_and_batches_leave_out_the_last_days():
    happened = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], dtype=bool)
    called = np.array([[1, 0], [0, 1], [1, 1], [1, 0]], dtype=bool)
    assert f1(happened, called) == pytest.approx(((4 / 6 + 2 / 3) / 2, 2 * 3 / (2 * 3 + 3)))
    days = np.stack([happened, ~happened, happened])
    assert f1_of_batches(days, np.stack([called, called, ~called]), 2) == f1(
        days[:2].reshape(-1, 2), np.concatenate([called, called])
    )


def test_thresholds_are_the_best_of_all_that_could_be_taken():
    rng = np.random.default_rng(3)
    score = np.round(rng.random(300), 2)
    happened = rng.random(300) < score
    found = best_threshold(score, happened)
    every = [f1(happened[:, None], (score >= cut)[:, None])[1] for cut in np.unique(score)]
    assert f1(happened[:, None], (score >= found)[:, None])[1] == max(every)
    assert f1_threshold(np.array([0.9, 0.8, 0.1, 0.05])) == 0.8


def test_the_rule_of_hagen_calls_the_share_that_it_is_given():
    score = np.random.default_rng(4).random((500, 3)) * np.array([1.0, 0.5, 0.1])
    called = quantile_labels(score, 0.3)
    assert called.mean() == pytest.approx(0.3, abs=0.002)
    assert called.mean(axis=0) == pytest.approx([0.3, 0.3, 0.3], abs=0.05)


def test_masked_errors_look_only_where_something_happened():
    scores = errors(np.array([0.0, 0.0, 2.0, 4.0]), np.array([1.0, 0.0, 1.0, 4.0]))
    assert scores == pytest.approx({"mae": 0.5, "rmse": np.sqrt(0.5), "masked_mae": 0.5, "masked_mape": 0.25})
    assert rank_auc(np.array([False, True, False, True]), np.array([0.1, 0.1, 0.0, 0.9])) == pytest.approx(0.875)


# --- the bench ------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_the_quick_run_gives_every_figure_with_peers_floor_and_target(quick):
    assert set(quick["P6"]) == {"CHI/full_mae", "CHI/masked_mae", "CHI/masked_mape"}
    assert {"AGL-STAN Aug/mean_of_types", "AGL-STAN Aug/pooled", "HAGEN CHI-8/macro", "HAGEN CHI-8/micro"} == set(quick["P6b"])
    for row in (*quick["P6"].values(), *quick["P6b"].values()):
        assert {"ours", "peers", "floor", "target", "floor_reached", "target_reached", "head"} <= set(row)
        assert any("recorded" in name for name in row["peers"])
    assert quick["quick"] is True


@pytest.mark.timeout(600)
def test_simple_rivals_come_out_as_they_were_recorded(quick):
    for key, name, value in (
        ("CHI/full_mae", "constant 1", 1.117),
        ("CHI/masked_mae", "constant 1", 1.457),
        ("CHI/masked_mape", "constant 1", 0.364),
        ("CHI/full_mae", "mean of history", 0.406),
        ("CHI/masked_mae", "median given y > 0", 0.937),
    ):
        assert quick["P6"][key]["peers"][name] == pytest.approx(value, abs=0.006)


@pytest.mark.timeout(600)
def test_a_few_trees_already_hold_the_floors_of_the_counts_and_are_calibrated(quick):
    assert quick["P6"]["CHI/full_mae"]["floor_reached"]
    assert quick["P6"]["CHI/masked_mape"]["ours"] < quick["P6"]["CHI/masked_mape"]["peers"]["constant 1"]
    honest = quick["honest"]["CHI"]
    assert honest["ours"]["log_likelihood"] > honest["mean of history"]["log_likelihood"] + 0.004
    assert honest["ours"]["calibration_ratio"] == pytest.approx(1, abs=0.05)
    assert honest["ours"]["occurrence_auc"] > 0.95


@pytest.mark.timeout(600)
def test_a_second_run_gives_the_same_figures(quick, folder):
    data = load_sthsl(folder, "chicago")
    first, _ = tensors.counts_set(data, replace(TreeSettings(), trees=120))
    assert first == quick["P6"]


def test_order_of_the_types_in_hagen_s_chicago_is_mended(folder):
    data = load_hagen(folder, "chicago", 9)
    shares = data.counts.mean(axis=1)
    # A type's share of neighbourhoods moves slowly; types in another order would jump where the windows were joined.
    jumps = [np.abs(after - before).max() for before, after in pairwise(shares[:20])]
    assert max(jumps) < 0.3
