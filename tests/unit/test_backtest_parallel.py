"""Blocks on a cluster and parts that are kept: the same bits however many processes, and no work done twice."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from prediction.backtest import Entrant, run_backtest
from prediction.backtest.parallel import PartStore, Task, _shared_out, _work, part_key, setup_digest
from prediction.backtest.playing import Setup, Stage, play_block
from prediction.backtest.scoring import Tally
from prediction.backtest.windows import HORIZONS, fit_blocks, windows_of
from prediction.errors import PredictionError
from prediction.learners.count import HistoricCount
from tests.unit.backtest_city import CODES, END, SHIFTS, city

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made():
    return city(count=3_000, rings=4)


def back_test(made, **more):
    grid, incidents = made
    given = {
        "scheme": SHIFTS,
        "categories": CODES,
        "end": END,
        "weeks": 6,
        "refit_days": 14,
        "seed": 4,
        "learners": ("count", "ewkde"),
    }
    return run_backtest(incidents, grid, **(given | {"horizons": ("week", "day")} | more))


@pytest.fixture(scope="module")
def here(made):
    return back_test(made)


def test_a_cluster_of_two_processes_gives_the_bits_of_one(made):
    quick = {"lightgbm": {"trees": 5, "least_in_leaf": 40, "origins_at_most": 8}}
    given = {"learners": ("ewkde", "lightgbm"), "settings": quick, "horizons": ("week", "shift"), "weeks": 4}
    assert back_test(made, workers=2, **given) == back_test(made, **given)


def test_the_same_code_runs_on_machines_at_an_address(here, made):
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        assert back_test(made, workers=cluster.scheduler_address) == here


def test_more_workers_than_blocks_share_the_learners_out(made):
    grid, incidents = made
    setup = Setup(incidents, grid, SHIFTS, CODES, END, ())
    block = fit_blocks(windows_of(HORIZONS["week"], SHIFTS, end=END, weeks=2), end=END, weeks=2)[0]
    task = Task(0, block, ("count", "ewkde", "oracle"))
    assert [piece.codes for piece in _shared_out([task], 2)] == [("count", "oracle"), ("ewkde",)]
    assert len(_shared_out([task], 8)) == 3
    assert _shared_out([task, task], 1) == [task, task]
    stage = Stage(replace(setup, entrants=tuple(map(Entrant.of_catalogue, ("count", "ewkde")))))
    whole = play_block(stage, block, task.codes)
    pieces = [play_block(stage, block, piece.codes) for piece in _shared_out([task], 8)]
    assert {pair for piece in pieces for pair in piece} == set(whole)
    assert all(tally.to_bytes() == whole[pair].to_bytes() for piece in pieces for pair, tally in piece.items())


def test_a_worker_of_another_version_is_refused(made):
    grid, incidents = made
    setup = Setup(incidents, grid, SHIFTS, CODES, END, ())
    block = fit_blocks(windows_of(HORIZONS["week"], SHIFTS, end=END, weeks=2), end=END, weeks=2)[0]
    with pytest.raises(PredictionError, match="another version of Haechi"):
        _work(setup, ("digest", "another code"), Task(0, block, ("oracle",)))


def test_an_address_without_a_scheduler_and_no_worker_at_all_are_refused_with_a_sentence(made, monkeypatch):
    with pytest.raises(PredictionError, match="at least one worker, not 0"):
        back_test(made, workers=0)
    with pytest.raises(PredictionError, match="No Dask scheduler answers at nowhere"):
        back_test(made, workers="nowhere://127.0.0.1:1")


class Counted(HistoricCount):
    """Counts its fits, and stops the run at one of them."""

    fits = 0
    stop_at = 10**9

    def fit(self, panel, cutoff_day, *, seed, progress=lambda fraction, step: None):
        type(self).fits += 1
        if type(self).fits == self.stop_at:
            raise InterruptedError
        super().fit(panel, cutoff_day, seed=seed)


@pytest.fixture
def counted():
    Counted.fits, Counted.stop_at = 0, 10**9
    return Entrant("counted", lambda maker, days: Counted(horizon_days=days))


def test_a_run_that_was_stopped_takes_its_finished_blocks_up_again(made, counted, tmp_path):
    whole = back_test(made, learners=(counted,))
    assert Counted.fits == 3
    Counted.fits, Counted.stop_at = 0, 3
    with pytest.raises(InterruptedError):
        back_test(made, learners=(counted,), store=tmp_path)
    Counted.fits, Counted.stop_at = 0, 10**9
    assert back_test(made, learners=(counted,), store=tmp_path) == whole
    assert Counted.fits == 1  # two of three blocks lay in the store
    assert back_test(made, learners=(counted,), store=tmp_path) == whole
    assert Counted.fits == 1


def test_another_learner_joins_without_the_first_being_played_again(made, counted, tmp_path):
    back_test(made, learners=(counted,), store=tmp_path)
    assert Counted.fits == 3
    both = back_test(made, learners=("ewkde", counted), store=tmp_path)
    assert Counted.fits == 3
    assert both == back_test(made, learners=("ewkde", counted))


@pytest.mark.parametrize("change", [{"seed": 5}, {"refit_days": 21}, {"weeks": 5}])
def test_parts_of_other_settings_are_never_taken(made, counted, tmp_path, change):
    back_test(made, learners=(counted,), store=tmp_path)
    before = Counted.fits
    back_test(made, learners=(counted,), store=tmp_path, **change)
    assert Counted.fits > before


def test_parts_of_other_data_are_never_taken(made, counted, tmp_path):
    grid, incidents = made
    back_test(made, learners=(counted,), store=tmp_path)
    back_test((grid, incidents.take(np.arange(len(incidents) - 1))), learners=(counted,), store=tmp_path)
    assert Counted.fits == 6


def test_a_damaged_part_is_computed_again(made, counted, tmp_path):
    whole = back_test(made, learners=(counted,), store=tmp_path)
    for number, path in enumerate(sorted(tmp_path.glob("*.npz"))):
        content = path.read_bytes()
        path.write_bytes([b"", content[: len(content) // 2], b"no part", content[:-400] + bytes(400)][number % 4])
    assert back_test(made, learners=(counted,), store=tmp_path) == whole
    assert Counted.fits == 6


def test_a_store_that_cannot_be_written_is_said_and_leaves_nothing_behind(made, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(PredictionError, match=r"could not be kept in .*Free space there, or name another folder"):
        back_test(made, store=blocked)
    assert blocked.read_text() == "in the way"


def test_a_part_comes_back_from_its_bytes_as_it_was(made, tmp_path):
    grid, incidents = made
    setup = Setup(incidents, grid, SHIFTS, CODES, END, ())
    block = fit_blocks(windows_of(HORIZONS["week"], SHIFTS, end=END, weeks=2), end=END, weeks=2)[0]
    tally = Tally.empty([0, 1], [0, 1], targets=4, bins=len(grid))
    tally.bands[2, 1, 7] = 0.1
    key = part_key(setup_digest(setup), setup, block, "count", "week")
    store = PartStore(tmp_path)
    assert store.get(key) is None
    store.put(key, tally)
    assert [path.name for path in tmp_path.iterdir()] == [f"{key}.npz"]
    assert store.get(key).to_bytes() == tally.to_bytes()


KILLED = """
import sys, time
from pathlib import Path
from tests.unit.test_backtest_parallel import Counted, back_test
from tests.unit.backtest_city import city
from prediction.backtest import Entrant

class Slow(Counted):
    def fit(self, panel, cutoff_day, *, seed, progress=None):
        if cutoff_day > -20:
            print("third block", flush=True)
            time.sleep(600)

slow = Entrant("counted", lambda maker, days: Slow(horizon_days=days))
back_test(city(count=3_000, rings=4), learners=(slow,), store=Path(sys.argv[1]))
"""


def test_a_run_that_was_killed_half_way_is_finished_by_the_next(made, counted, tmp_path):
    whole = back_test(made, learners=(counted,))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "third block\n", process.stderr.read()
    finally:
        process.kill()
        process.wait()
    kept = sorted(tmp_path.glob("*.npz"))
    assert kept
    Counted.fits = 0
    assert back_test(made, learners=(counted,), store=tmp_path) == whole
    assert Counted.fits == 1
    assert set(kept) < set(tmp_path.glob("*.npz"))
    assert not list(tmp_path.glob("*.tmp"))
