"""The live simulator keeps its word: rates as asked for, weights that can be found again, one story however it is asked."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import sparse

from simulation.errors import SimulationError
from simulation.live import MEAN_CONFIDENCE, START_S, LiveHistory, TrueExcess, simulate_live, walk
from simulation.live_city import BLOCK_S, LiveCity
from simulation.live_faults import BLIND_FACTORS, LIES, Fault, it_rains
from simulation.live_rhythm import DEMO_WEIGHTS, NIGHT_HOURS, PLACE_OF_PURPOSE, WEEK_HOURS, demo_weights, half_lives, hour_of_week

CAMERAS, CELLS = 60, 40
FACTORS = ("loitering", "running", "fight", "emptiness")
CATEGORIES = ("theft", "violence")
WEIGHTS = np.array([[0.8, 0.0, 0.0, 0.5], [0.0, 0.6, 1.2, 0.0]])
PURPOSES = [list(PLACE_OF_PURPOSE)[number % len(PLACE_OF_PURPOSE)] for number in range(CAMERAS)]
FIRST_BLOCK = START_S // BLOCK_S


@pytest.fixture(scope="module")
def coverage() -> sparse.csr_array:
    """Each camera sees half of one cell and a fifth of the next."""
    camera = np.arange(CAMERAS)
    rows, columns = np.concatenate([camera, camera]), np.concatenate([camera % CELLS, (camera + 1) % CELLS])
    return sparse.csr_array((np.repeat([0.5, 0.2], CAMERAS), (rows, columns)), shape=(CAMERAS, CELLS))


def history(coverage: sparse.csr_array, **changes: object) -> LiveHistory:
    options = {"rates": np.full((CELLS, 2), 0.02), "weights": WEIGHTS, "hours": 48, "seed": 3, "factors": FACTORS, **changes}
    return simulate_live(PURPOSES, coverage, **options)  # type: ignore[arg-type]


def told(city: LiveCity, blocks: int, first: int = FIRST_BLOCK) -> list:
    return [city.told(first + block) for block in range(blocks)]


# --- usual levels -----------------------------------------------------------------------------------
def test_as_many_events_come_as_were_asked_for(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, events_per_hour=3.0, episodes_per_day=0.0)
    number = sum(len(city.happened(FIRST_BLOCK + block)) for block in range(WEEK_HOURS * 6))
    assert number / (CAMERAS * WEEK_HOURS) == pytest.approx(3.0, rel=0.02)
    assert np.mean([city.usual(hour).sum() for hour in range(WEEK_HOURS)]) == pytest.approx(3.0 * CAMERAS)


def test_counts_of_an_hour_are_negative_binomial(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, events_per_hour=30.0, episodes_per_day=0.0)
    ratios, spread = [], []
    for hour in range(72):
        events = [city.happened(FIRST_BLOCK + 6 * hour + block) for block in range(6)]
        pair = np.concatenate([one.camera.astype(int) * len(FACTORS) + one.factor for one in events])
        count = np.bincount(pair, minlength=CAMERAS * len(FACTORS)).reshape(CAMERAS, -1)
        mean = city.usual(hour)
        ratios.append((count / mean).mean())
        spread.append((((count - mean) ** 2 - mean) / mean**2).mean())
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.03)
    assert np.mean(spread) == pytest.approx(0.5, abs=0.1)  # one over the gamma's shape


def test_every_kind_of_place_has_its_own_week(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS)
    assert city.rhythm.mean(axis=2) == pytest.approx(np.ones((len(city.rhythm), len(FACTORS))))
    school, shop = (PURPOSES.index(purpose) for purpose in ("child_safety", "parking"))
    running = FACTORS.index("running")
    wednesday_noon, sunday_noon, wednesday_night = 2 * 24 + 12, 6 * 24 + 12, 2 * 24 + 3
    assert city.usual(wednesday_noon)[school, running] > 2 * city.usual(sunday_noon)[school, running]
    assert city.usual(wednesday_noon)[shop, running] > 1.5 * city.usual(wednesday_night)[shop, running]
    emptiness = FACTORS.index("emptiness")
    assert city.usual(wednesday_night)[school, emptiness] > city.usual(wednesday_noon)[school, emptiness]


def test_the_week_begins_on_monday_at_local_midnight() -> None:
    assert hour_of_week(START_S, 32_400) == 0
    assert hour_of_week(START_S - 1, 32_400) == 167
    assert hour_of_week(START_S, 0) == 167 - 8


# --- one story --------------------------------------------------------------------------------------
def test_the_same_seed_tells_the_same_story_in_any_order(coverage: sparse.csr_array) -> None:
    one = LiveCity(PURPOSES, coverage, seed=7, factors=FACTORS, lying=0.2, blind=0.2)
    other = LiveCity(PURPOSES, coverage, seed=7, factors=FACTORS, lying=0.2, blind=0.2)
    forwards = told(one, 12)
    backwards = [other.told(FIRST_BLOCK + block) for block in reversed(range(12))][::-1]
    for left, right in zip(forwards, backwards, strict=True):
        assert left.at.tobytes() == right.at.tobytes()
        assert left.camera.tobytes() == right.camera.tobytes()
        assert left.weight.tobytes() == right.weight.tobytes()
    assert LiveCity(PURPOSES, coverage, seed=8, factors=FACTORS).happened(FIRST_BLOCK).at.tobytes() != forwards[0].at.tobytes()


def test_a_history_holds_the_blocks_that_a_stream_would_tell(coverage: sparse.csr_array) -> None:
    found = history(coverage, hours=2, lying=0.2)
    stream = told(found.truth.city, 12)
    assert sum(len(block) for block in stream) == len(found.camera)
    assert np.sort(np.concatenate([block.at for block in stream])) == pytest.approx(np.sort(found.at))


def test_events_are_in_the_order_in_which_they_were_told(coverage: sparse.csr_array) -> None:
    found = history(coverage, dead=0.1, lying=0.3, blind=0.3)
    assert (np.diff(found.heard) >= 0).all()
    assert found.heard[0] >= START_S
    assert found.heard[-1] < START_S + 48 * 3600
    assert ((found.weight > 0) & (found.weight <= 1)).all()


# --- incidents and weights --------------------------------------------------------------------------
def test_without_weights_incidents_come_at_the_plain_rate(coverage: sparse.csr_array) -> None:
    rates = np.linspace(0.0, 0.4, CELLS)[:, None] * [1.0, 0.5]
    found = simulate_live(PURPOSES, coverage, rates, weights=np.zeros((2, 4)), hours=200, seed=2, factors=FACTORS)
    counts = np.bincount(found.incident_category, minlength=2)
    assert counts == pytest.approx(200 * rates.sum(axis=0), abs=4 * np.sqrt(200 * rates.sum(axis=0)).max())
    assert found.truth.lift.tolist() == [1.0, 1.0]
    assert 0 not in found.incident_cell  # its rate is zero
    assert (np.diff(found.incident_at) >= 0).all()


def test_rates_may_follow_the_hour_of_the_week(coverage: sparse.csr_array) -> None:
    rates = np.zeros((CELLS, WEEK_HOURS, 2))
    rates[:, 5] = 1.0
    found = simulate_live(PURPOSES, coverage, rates, weights=WEIGHTS, hours=24, seed=2, factors=FACTORS)
    assert len(found.incident_at) > 20
    assert set(((found.incident_at - START_S) // 3600).astype(int)) == {5}


def test_a_plain_poisson_fit_finds_the_weights_again(coverage: sparse.csr_array) -> None:
    rates = np.full((CELLS, 2), 0.05)
    wishes = {"events_per_hour": 0.8, "episodes_per_day": 1.0, "half_life_s": 900.0, "most_log_lift": 20.0}
    found = history(coverage, rates=rates, hours=400, seed=5, **wishes)
    excess = TrueExcess(found.truth.city, coverage, half_lives(FACTORS, 900.0), start_s=START_S)
    x = np.concatenate([moment.copy() for _at, moment, _events in walk(found.truth.city, excess, start_s=START_S, hours=400)])
    block = ((found.incident_at - START_S) // BLOCK_S).astype(int)
    for category in range(2):
        chosen = found.incident_category == category
        count = np.bincount(block[chosen] * CELLS + found.incident_cell[chosen], minlength=len(x))
        weights, sd = poisson_fit(x, count, 0.05 * BLOCK_S / 3600)
        assert (np.abs(weights - WEIGHTS[category]) < 3.5 * sd).all(), (weights, sd)
        assert (sd < 0.25).all()
    assert (found.truth.lift > 1.05).all()


def poisson_fit(x: npt.NDArray[np.float64], count: npt.NDArray[np.int64], rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights and their standard errors by Newton's method on count ~ Poisson(rate × exp(x @ w)), without an intercept."""
    weights = np.zeros(x.shape[1])
    for _round in range(40):
        expected = rate * np.exp(x @ weights)
        information = (x * expected[:, None]).T @ x
        step = np.linalg.solve(information, x.T @ (count - expected))
        weights = weights + step * min(1.0, 0.3 / np.abs(step).max())
    return weights, np.sqrt(np.diag(np.linalg.inv(information)))


def test_the_true_excess_is_the_decayed_sum_less_what_is_usual(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=4, factors=FACTORS, events_per_hour=2.0)
    follower = TrueExcess(city, coverage, half_lives(FACTORS, 1_800.0), start_s=START_S)
    steps = [(moment, excess.copy(), events) for moment, excess, events in walk(city, follower, start_s=START_S, hours=2)]
    last_s, excess, _events = steps[-1]
    wanted = np.zeros((CELLS, len(FACTORS)))
    for _moment, _excess, events in steps[:-1]:
        left = events.weight * 2 ** (-(last_s - events.at) / 1_800.0)
        for camera, factor, value in zip(events.camera, events.factor, left, strict=True):
            wanted[:, factor] += coverage[[camera]].toarray()[0] * value
    for hour, began, ended in ((0, START_S, START_S + 3600), (1, START_S + 3600, last_s)):
        lasting = 1_800.0 / np.log(2) / 3600 * (2 ** (-(last_s - ended) / 1_800.0) - 2 ** (-(last_s - began) / 1_800.0))
        wanted -= coverage.T @ city.usual(hour) * lasting * MEAN_CONFIDENCE
    assert excess == pytest.approx(wanted, abs=1e-5)


def delays_after(found: LiveHistory, sees: np.ndarray, chosen: np.ndarray, *, shift_s: float = 0.0) -> np.ndarray:
    """Seconds from the last chosen event in view to each incident, its time moved by `shift_s`."""
    delays = []
    for cell, at in zip(found.incident_cell, found.incident_at + shift_s, strict=True):
        before = at - found.at[chosen][sees[found.camera[chosen], cell] & (found.at[chosen] < at)]
        delays.append(before.min() if len(before) else np.inf)
    return np.array(delays)


def test_incidents_follow_their_factor_within_the_hour(coverage: sparse.csr_array) -> None:
    weights = np.array([[0.0, 0.0, 2.0, 0.0]])
    wishes = {"episodes_per_day": 0.5, "half_life_s": 1_200.0, "events_per_hour": 0.1}
    found = history(coverage, rates=np.full((CELLS, 1), 0.02), weights=weights, hours=400, seed=5, **wishes)
    fights = np.flatnonzero(found.factor == FACTORS.index("fight"))
    sees = coverage.toarray() > 0
    delays, by_chance = (delays_after(found, sees, fights, shift_s=shift_s) for shift_s in (0.0, 12 * 3600.0))
    assert found.truth.lift[0] > 1.1
    assert (delays < 3600).mean() > 2 * (by_chance < 3600).mean()
    assert 60 < np.median(delays[delays < 3600]) < 3600


def test_somebody_elses_excess_may_drive_the_incidents(coverage: sparse.csr_array) -> None:
    class OnlyThirdHour:
        def feed(self, events: object, until_s: float) -> None:
            pass

        def values(self, at_s: float) -> np.ndarray:
            return np.full((CELLS, len(FACTORS)), 3.0 if at_s == START_S + 2 * 3600 else 0.0)

    found = history(coverage, hours=6, excess=OnlyThirdHour(), hold_s=3600)
    hour = ((found.incident_at - START_S) // 3600).astype(int)
    assert np.bincount(hour, minlength=6)[2] > 5 * np.bincount(hour, minlength=6)[[0, 1, 3, 4, 5]].max()


# --- cameras with faults ----------------------------------------------------------------------------
def test_dead_cameras_are_silent_and_the_truth_goes_on_without_them(coverage: sparse.csr_array) -> None:
    plain, silent = history(coverage), history(coverage, dead=0.5)
    dead = np.flatnonzero(silent.truth.city.faults.is_dead)
    assert len(dead) == CAMERAS // 2
    assert not np.isin(silent.camera, dead).any()
    assert np.isin(silent.truth.happened.camera, dead).any()
    assert plain.incident_at.tobytes() == silent.incident_at.tobytes()


def test_cameras_known_to_be_out_of_order_are_dead_too(coverage: sparse.csr_array) -> None:
    silent = np.zeros(CAMERAS, dtype=np.bool_)
    silent[[3, 9]] = True
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, silent=silent)
    assert np.flatnonzero(city.faults.is_dead).tolist() == [3, 9]


def test_lying_cameras_lie_in_four_ways(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, lying=0.4)
    faults = city.faults
    assert np.bincount(faults.kind[faults.is_lying])[list(LIES)].tolist() == [6, 6, 6, 6]
    blocks = told(city, 6 * WEEK_HOURS)
    happened = [city.happened(FIRST_BLOCK + block) for block in range(6 * WEEK_HOURS)]
    said, true = (np.sum([np.bincount(b.camera, minlength=CAMERAS) for b in part], axis=0) for part in (blocks, happened))
    constant, storm = faults.kind == Fault.CONSTANT, faults.kind == Fault.STORM
    assert (said[constant] == 6 * WEEK_HOURS).all()  # one every ten minutes, day and night
    assert said[storm].sum() == pytest.approx(6 * WEEK_HOURS * 0.04 * 60, rel=0.5)
    assert (said[faults.kind == Fault.NONE] == true[faults.kind == Fault.NONE]).all()
    misplaced = np.flatnonzero(faults.kind == Fault.WRONG_PLACE)
    assert (said[misplaced] == true[faults.other[misplaced]]).all()
    assert (faults.other[misplaced] != misplaced).all()
    late = np.concatenate([block.heard - block.at for block in blocks])
    who = np.concatenate([block.camera for block in blocks])
    assert set(np.unique(who[late > 0])) <= set(np.flatnonzero(faults.kind == Fault.STUCK_CLOCK))
    assert 6 * 3600 < late.max() <= 12 * 3600


def test_blind_cameras_say_so_at_night_and_see_little(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, events_per_hour=10.0, blind=0.5)
    too_dark = city.all_factors.index(BLIND_FACTORS[0])
    dark = np.flatnonzero(city.faults.dark)
    noon, midnight = FIRST_BLOCK + 12 * 6, FIRST_BLOCK + 24 * 6
    assert too_dark not in city.told(noon).factor
    night = city.told(midnight)
    assert np.array_equal(np.sort(night.camera[night.factor == too_dark]), dark)
    seen = np.isin(night.camera, dark) & (night.factor < len(FACTORS))
    happened = np.isin(city.happened(midnight).camera, dark)
    assert 0 < seen.sum() < 0.5 * happened.sum()


def test_rain_blinds_some_cameras_now_and_then(coverage: sparse.csr_array) -> None:
    spells = [it_rains(START_S + 21_600.0 * spell, 1) for spell in range(1_000)]
    assert 30 < sum(spells) < 100
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, blind=0.5)
    weather = city.all_factors.index(BLIND_FACTORS[1])
    rainy = next(n for n in range(1_000) if spells[n] and city.hour_at(START_S + 21_600.0 * n) % 24 == 6)
    block = FIRST_BLOCK + 36 * rainy + 6
    assert weather in city.told(block).factor
    dry = next(n for n in range(1_000) if not spells[n])
    assert weather not in city.told(FIRST_BLOCK + 36 * dry).factor


def test_counts_of_past_weeks_are_what_the_stream_would_have_told(coverage: sparse.csr_array) -> None:
    city = LiveCity(PURPOSES, coverage, seed=1, factors=FACTORS, events_per_hour=4.0, episodes_per_day=0.0, dead=0.1, lying=0.4)
    counts = city.told_counts(20.0)
    assert counts.shape == (CAMERAS, len(FACTORS), WEEK_HOURS)
    told_weights = np.zeros((CAMERAS, len(FACTORS)))
    for block in range(6 * WEEK_HOURS):
        events = city.told(FIRST_BLOCK + block)
        np.add.at(told_weights, (events.camera, events.factor), events.weight)
    steady = city.faults.kind != Fault.STORM
    drawn = counts.sum(axis=2) / 20
    assert drawn[steady].sum() == pytest.approx(told_weights[steady].sum(), rel=0.03)
    assert np.corrcoef(drawn[steady].ravel(), told_weights[steady].ravel())[0, 1] > 0.97
    assert not drawn[city.faults.is_dead].any()
    honest = city.faults.kind == Fault.NONE
    by_hour, usual = counts[honest].sum(axis=(0, 1)), [city.usual(hour)[honest].sum() for hour in range(WEEK_HOURS)]
    assert np.corrcoef(by_hour, usual)[0, 1] > 0.9


# --- what cannot be simulated -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dead": 0.7, "lying": 0.7}, "must lie between 0 and 1"),
        ({"dead": -0.1}, "must lie between 0 and 1"),
        ({"weights": np.zeros((2, 3))}, "wanted are 2 categories × 4 factors"),
        ({"weights": np.full((2, 4), np.nan)}, "weights finite numbers"),
        ({"hours": 0}, "at least one hour"),
        ({"start_s": START_S + 1}, "begins on a full hour"),
        ({"half_life_s": 0.0}, "above 0"),
        ({"hold_s": 700}, "a multiple of 600"),
        ({"events_per_hour": float("inf")}, "numbers of at least 0"),
    ],
)
def test_impossible_wishes_are_refused_in_one_sentence(
    coverage: sparse.csr_array, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SimulationError, match=sentence):
        history(coverage, **changes)


def test_cameras_that_do_not_fit_are_refused(coverage: sparse.csr_array) -> None:
    with pytest.raises(SimulationError, match="There are 59 cameras, but the coverage has 60 rows"):
        LiveCity(PURPOSES[1:], coverage, seed=1)
    with pytest.raises(SimulationError, match="No rhythm is known for cameras of the purpose billboard"):
        LiveCity([*PURPOSES[1:], "billboard"], coverage, seed=1)
    with pytest.raises(SimulationError, match=r"The rates have the shape \(3, 1, 2\)"):
        simulate_live(PURPOSES, coverage, np.zeros((3, 2)), weights=WEIGHTS, hours=1, seed=1, factors=FACTORS)


def test_demo_weights_name_only_known_factors() -> None:
    weights = demo_weights(tuple(DEMO_WEIGHTS))
    assert (weights > 0).sum() == sum(len(row) for row in DEMO_WEIGHTS.values())
    assert len(NIGHT_HOURS) == 7
