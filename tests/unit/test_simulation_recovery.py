"""The true risk of the demo city is known, so a test can say how much of it a learner finds."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import spearmanr

from prediction.engine import forecast, train
from prediction.features import FeatureMaker
from prediction.grid import Grid, cells_covering
from prediction.learners.base import Learner
from prediction.learners.count import HistoricCount
from prediction.learners.kde import EwKde
from prediction.panel import Incidents, Panel, places_of
from prediction.slots import SlotScheme
from simulation.city import City, make_city
from simulation.figures import CATEGORIES
from simulation.incidents import SimulatedIncidents
from simulation.truth import true_rates

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "seocho"
SEOUL = ZoneInfo("Asia/Seoul")
UNTIL = date(2026, 3, 31)
END = datetime(2026, 4, 1, tzinfo=SEOUL)


@pytest.fixture(scope="module")
def city() -> City:
    return make_city(FIXTURES, until=UNTIL, rng=np.random.default_rng(3))


@pytest.fixture(scope="module")
def grid(city: City) -> Grid:
    return Grid.from_h3(cells_covering(city.geography.outline, 10))


@pytest.fixture(scope="module")
def truth(city: City, grid: Grid) -> npt.NDArray[np.float64]:
    """Float64[cells, 21, categories]."""
    return true_rates(city.sites, city.figures, city.geography.plane, grid)


def on_grid(incidents: SimulatedIncidents, grid: Grid) -> Incidents:
    offset_s = int(timedelta(hours=9).total_seconds())  # Seoul keeps no summer time
    start, end = (value.astype("datetime64[s]").astype(np.int64) - offset_s for value in (incidents.start, incidents.end))
    cells = grid.index_of_points(incidents.longitude, incidents.latitude)
    places = places_of(incidents.longitude, incidents.latitude)
    return Incidents.at(cells, start, end, incidents.category.astype(np.int16), place=places)


def top_share(values: npt.NDArray[np.float64], order_by: npt.NDArray[np.float64], percent: float = 5) -> float:
    best = np.argsort(-order_by, kind="stable")[: round(len(values) * percent / 100)]
    return float(values[best].sum() / values.sum())


def test_true_rates_add_up_to_the_published_year(city: City, truth: npt.NDArray[np.float64]) -> None:
    yearly = truth.sum(axis=(0, 1)) * 365.25 / 7
    assert yearly == pytest.approx(city.figures.totals[-1], rel=1e-6)


def test_true_slots_are_numbered_like_those_of_a_forecast(city: City, grid: Grid, truth: npt.NDArray[np.float64]) -> None:
    scheme = SlotScheme("Asia/Seoul", (6, 14, 22))
    slot = scheme.slot_of_week(on_grid(city.incidents, grid).start_s)
    found = np.bincount(slot, minlength=21) / len(slot)
    wanted = truth.sum(axis=(0, 2)) / truth.sum()
    assert np.abs(found - wanted).max() < 0.012
    assert np.corrcoef(found, wanted)[0, 1] > 0.9


def test_incidents_fall_where_the_true_rate_is(city: City, grid: Grid, truth: npt.NDArray[np.float64]) -> None:
    incidents = on_grid(city.incidents, grid)
    counts = np.bincount(incidents.cell_index, minlength=len(grid)).astype(float)
    rates = truth.sum(axis=(1, 2))
    assert top_share(counts, rates) == pytest.approx(top_share(rates, rates), abs=0.03)
    assert spearmanr(counts, rates).statistic > 0.8


@pytest.mark.parametrize(("name", "least"), [("count", (0.65, 0.80)), ("kde", (0.80, 0.60))])
def test_a_baseline_finds_much_of_the_true_hotspots(
    city: City, grid: Grid, truth: npt.NDArray[np.float64], name: str, least: tuple[float, float]
) -> None:
    panel = Panel.build(on_grid(city.incidents, grid), cells=len(grid), categories=len(CATEGORIES), anchor=END)
    learner: Learner = HistoricCount() if name == "count" else EwKde(FeatureMaker(grid, len(CATEGORIES)))
    learner.fit(panel, 0, seed=1)
    correlation, capture = against_truth(learner.rate(panel, 0)[-1], truth)
    assert correlation > least[0]
    assert capture > least[1]


def test_the_default_model_recovers_the_true_hotspots(city: City, grid: Grid, truth: npt.NDArray[np.float64]) -> None:
    scheme = SlotScheme("Asia/Seoul", (6, 14, 22))
    incidents = on_grid(city.incidents, grid)
    cutoff = datetime(2026, 4, 1, 6, tzinfo=SEOUL)
    model = train(incidents, grid, scheme=scheme, categories=CATEGORIES, cutoff=cutoff, seed=1)
    found = forecast(model, incidents, grid)
    correlation, capture = against_truth(found.rates.sum(axis=(1, 2), dtype=np.float64), truth)
    assert correlation > 0.90
    assert capture > 0.90
    expected = found.rates.sum(dtype=np.float64)
    assert expected == pytest.approx(truth.sum(), rel=0.15)  # of the coming week
    starts = np.array([int(start.timestamp()) for start in found.slot_starts])
    by_slot = truth.sum(axis=(0, 2))[scheme.slot_of_week(starts)]
    assert np.corrcoef(found.rates.sum(axis=(0, 2), dtype=np.float64), by_slot)[0, 1] > 0.9


def against_truth(predicted: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Rank correlation with the true rates, and the true risk in the top 5 % of cells as a share of the most there is."""
    rates = truth.sum(axis=(1, 2))
    return float(spearmanr(predicted, rates).statistic), top_share(rates, predicted) / top_share(rates, rates)
