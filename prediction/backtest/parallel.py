"""The blocks of a back-test in this process, on a local cluster, or on many machines; finished parts are kept in a folder.

A part is one learner's tally of one block and horizon, under a name made of everything that decides it: the data, the grid, the
windows, the learner and its settings, the seed, and the code of this package. A run that was stopped finds its parts again; a
run of anything else never does.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prediction.backtest.playing import Setup, Stage, play_block
from prediction.backtest.scoring import Tally
from prediction.backtest.windows import FitBlock
from prediction.errors import PredictionError
from prediction.learners.base import Progress, no_progress, part

Parts = dict[tuple[str, str], Tally]  # by learner and horizon
Workers = int | str | None

PART_FORMAT = 1
READERS = {"backtest/results.py", "backtest/run.py", "drift.py", "explain.py", "trial.py", "tuning.py"}
LISTEN_S = 1.0  # how often a run on a cluster reports, and hears that it was cancelled


@dataclass(frozen=True)
class PartStore:
    """A folder of finished parts; each is written whole or not at all. `folder` None: nothing is kept."""

    folder: Path | None

    def get(self, key: str) -> Tally | None:
        """The part of a key; None where there is none or its file is damaged."""
        if self.folder is None:
            return None
        try:
            return Tally.from_bytes((self.folder / f"{key}.npz").read_bytes())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None

    def put(self, key: str, part: Tally) -> None:
        """Raises `PredictionError` where the folder cannot be written to."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix="part-", suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(part.to_bytes())
                os.replace(name, self.folder / f"{key}.npz")
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise PredictionError(
                f"A finished part of the back-test could not be kept in {self.folder}: {error}. Free space there, "
                "or name another folder."
            ) from error


def play_blocks(
    setup: Setup,
    blocks: Sequence[FitBlock],
    codes: Sequence[str],
    *,
    workers: Workers = None,
    store: Path | None = None,
    progress: Progress = no_progress,
) -> list[Parts]:
    """The parts of each block, in their order. `workers`: None (here), a number of processes, or the address of a scheduler."""
    kept, digest = PartStore(store), setup_digest(setup)
    parts = [_kept_parts(kept, digest, setup, block, codes) for block in blocks]
    tasks = []
    for number, block in enumerate(blocks):
        absent = [code for code in codes if any((code, horizon) not in parts[number] for horizon in _horizons(block))]
        if absent:
            tasks.append(Task(number, block, tuple(absent)))
    played = _here(setup, tasks, progress) if workers is None else _afar(setup, tasks, workers, progress)
    for number, found in played:
        for (code, horizon), tally in found.items():
            kept.put(part_key(digest, setup, blocks[number], code, horizon), tally)
        parts[number] |= found
    progress(1.0, "backtest")
    return parts


@dataclass(frozen=True)
class Task:
    """What is still to be played of one block."""

    number: int
    block: FitBlock
    codes: tuple[str, ...]


def _kept_parts(kept: PartStore, digest: str, setup: Setup, block: FitBlock, codes: Sequence[str]) -> Parts:
    pairs = [(code, horizon) for code in codes for horizon in _horizons(block)]
    found = {pair: kept.get(part_key(digest, setup, block, *pair)) for pair in pairs}
    return {pair: part for pair, part in found.items() if part is not None}


def _horizons(block: FitBlock) -> list[str]:
    return sorted({window.horizon for window in block.windows})


def _here(setup: Setup, tasks: Sequence[Task], progress: Progress) -> Iterator[tuple[int, Parts]]:
    """One block after another, in this process."""
    stage = Stage(setup)
    for done, task in enumerate(tasks):
        low, share = done / len(tasks), 1 / len(tasks)
        yield task.number, play_block(stage, task.block, task.codes, part(progress, low, share))


def _afar(setup: Setup, tasks: Sequence[Task], workers: int | str, progress: Progress) -> Iterator[tuple[int, Parts]]:
    """All blocks at once on a cluster, each given back when it is done."""
    if not tasks:
        return
    distributed: Any = import_module("dask.distributed")  # loaded only where a cluster is asked for
    with _client(distributed, workers) as client:
        tasks = _shared_out(tasks, len(client.scheduler_info(n_workers=-1)["workers"]))
        spread, marks = client.scatter(setup, broadcast=True, hash=False), (setup_digest(setup), code_sha256())
        waiting = {client.submit(_work, spread, marks, task, pure=False): task.number for task in tasks}
        try:
            while waiting:
                progress(1 - len(waiting) / len(tasks), "backtest")
                try:
                    done, _ = distributed.wait(list(waiting), timeout=LISTEN_S, return_when="FIRST_COMPLETED")
                except TimeoutError:
                    continue
                for future in done:
                    yield waiting.pop(future), future.result()
        finally:
            client.cancel(list(waiting))


def _shared_out(tasks: Sequence[Task], workers: int) -> list[Task]:
    """Blocks cut by their learners where there are more workers than blocks; that costs some features made twice, and no bit."""
    pieces = max(1, workers // max(1, len(tasks)))
    cut = [replace(task, codes=task.codes[first::pieces]) for task in tasks for first in range(pieces)]
    return [task for task in cut if task.codes]


@contextmanager
def _client(distributed: Any, workers: int | str) -> Iterator[Any]:
    """A client of the scheduler at an address, or of a cluster of so many processes on this machine, closed afterwards."""
    if isinstance(workers, str):
        try:
            client = distributed.Client(workers, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise PredictionError(
                f"No Dask scheduler answers at {workers}. Start one there, or leave the workers out to compute on this machine."
            ) from error
        with client:
            yield client
        return
    if workers < 1:
        raise PredictionError(f"A back-test needs at least one worker, not {workers}.")
    cluster = distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        yield client


_stages: dict[str, Stage] = {}  # of a worker process: the stage of the run that it works for


def _work(setup: Setup, marks: tuple[str, str], task: Task) -> Parts:
    """One block, on a worker; panels and feature makers are made once for all its blocks."""
    digest, code = marks
    if code != code_sha256():
        raise PredictionError("A worker runs another version of Haechi than this one. Bring all machines to the same version.")
    if digest not in _stages or _stages[digest].setup.entrants != setup.entrants:
        _stages.clear()
        _stages[digest] = Stage(setup)
    return play_block(_stages[digest], task.block, task.codes)


def part_key(digest: str, setup: Setup, block: FitBlock, code: str, horizon: str) -> str:
    """The name of a part: 64 hexadecimal digits."""
    signature = next((entrant.signature for entrant in setup.entrants if entrant.code == code), "")
    content = {
        "format": PART_FORMAT,
        "setup": digest,
        "learner": [code, signature],
        "block": [block.learner_days, block.number, block.cutoff_day],
        # Blocks that differ in their other horizons still share this one's part.
        "windows": [asdict(window) for window in block.windows if window.horizon == horizon],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def setup_digest(setup: Setup) -> str:
    """Hash of the data, the grid, the scheme, the feature blocks, the seed and the code; not of who takes part."""
    digest = hashlib.sha256(code_sha256().encode())
    place = setup.incidents.place
    arrays: list[npt.NDArray[Any]] = [
        setup.incidents.cell_index,
        setup.incidents.start_s,
        setup.incidents.end_s,
        setup.incidents.category,
    ]
    arrays += [np.zeros(0) if place is None else place, setup.grid.cell_ids, setup.grid.centres_m]
    arrays += [np.asarray(getattr(setup.grid, "areas_km2", setup.grid.area_km2))]
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    plain = [setup.grid.kind, repr(setup.scheme), setup.categories, setup.end_s, setup.seed]
    plain.append([(block.name, block.signature) for block in setup.blocks])
    digest.update(json.dumps(plain).encode())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Hash of this package's source: what another version of the code has computed is not taken for one's own.

    What only reads forecasts and scores, and can change no part, is left out.
    """
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parents[1]
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name not in READERS:
            digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
