"""Train on all incidents before a cut-off; forecast the rates of every cell, slot and category, with the reasons for them.

The week is learnt where the numbers are large enough (boosted trees on weekly counts, one model a category), and laid out over
the slots of the week by an empirical-Bayes profile: 40,000 cells × 21 slots × 4 categories take seconds.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from prediction.errors import NoIncidentsError, PredictionError
from prediction.features import GROUPS, FeatureMaker
from prediction.grid import Grid
from prediction.learners.base import Progress, no_progress
from prediction.learners.boosting import Boosting, BoostingSettings
from prediction.panel import Incidents, Panel
from prediction.profile import ProfileSettings, choose_settings, slot_shares
from prediction.slots import SlotScheme

FORMAT = 2
MAGIC = b"HAECHI-MODEL\n"


@dataclass(frozen=True)
class EngineSettings:
    """All that may be set; docs/methods.md tells how the defaults were chosen."""

    boosting: BoostingSettings = field(default_factory=BoostingSettings)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """Everything needed to forecast: trees by category (None: too few incidents, the shrunken rate stands alone) and profiles."""

    learner: str
    categories: tuple[str, ...]
    cutoff: datetime
    scheme: SlotScheme
    settings: EngineSettings
    profile: ProfileSettings
    seed: int
    grid_sha256: str
    trees: tuple[str | None, ...]  # LightGBM's own text form
    incidents_by_category: tuple[int, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """What a run records, as plain values."""
        return {
            "settings": asdict(self.settings),
            "profile": asdict(self.profile),
            "seed": self.seed,
            "cutoff": self.cutoff.isoformat(),
            "incidents": dict(zip(self.categories, self.incidents_by_category, strict=True)),
            "without_trees": [code for code, text in zip(self.categories, self.trees, strict=True) if text is None],
        }

    def to_bytes(self) -> bytes:
        """The same inputs and seed give the same bytes."""
        content = {
            "format": FORMAT,
            "learner": self.learner,
            "categories": self.categories,
            "cutoff": self.cutoff.isoformat(),
            "scheme": asdict(self.scheme),
            "settings": asdict(self.settings),
            "profile": asdict(self.profile),
            "seed": self.seed,
            "grid_sha256": self.grid_sha256,
            "trees": self.trees,
            "incidents_by_category": self.incidents_by_category,
        }
        return MAGIC + zlib.compress(json.dumps(content, sort_keys=True).encode(), 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if not data.startswith(MAGIC):
            raise PredictionError("This is not a model file of Haechi; train again to make one.")
        try:
            content = json.loads(zlib.decompress(data[len(MAGIC) :]))
        except (zlib.error, ValueError) as error:
            raise PredictionError("The model file is damaged; train again to make a new one.") from error
        if content["format"] != FORMAT:
            raise PredictionError(f"The model file has format {content['format']}, this version reads {FORMAT}; train again.")
        scheme = SlotScheme(content["scheme"]["time_zone"], tuple(content["scheme"]["start_hours"]))
        return cls(
            learner=content["learner"],
            categories=tuple(content["categories"]),
            cutoff=datetime.fromisoformat(content["cutoff"]),
            scheme=scheme,
            settings=EngineSettings(BoostingSettings(**content["settings"]["boosting"])),
            profile=ProfileSettings(**content["profile"]),
            seed=content["seed"],
            grid_sha256=content["grid_sha256"],
            trees=tuple(content["trees"]),
            incidents_by_category=tuple(content["incidents_by_category"]),
        )


@dataclass(frozen=True, eq=False)
class Forecast:
    """slot_starts (UTC, ascending; the last ends at horizon_end); rates Float32[cells, slots, categories]: expected incidents;

    reasons Float16[cells, groups, categories]: contributions of `reason_groups`, adding up to the log of the 7-day rate.
    """

    slot_starts: tuple[datetime, ...]
    horizon_end: datetime
    rates: npt.NDArray[np.float32]
    reason_groups: tuple[str, ...]
    reasons: npt.NDArray[np.float16]


def train(
    incidents: Incidents,
    grid: Grid,
    *,
    scheme: SlotScheme,
    categories: tuple[str, ...],
    cutoff: datetime,
    settings: EngineSettings | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> TrainedModel:
    """Learn from the incidents that were known before `cutoff` (aware). Raises `NoIncidentsError` where there are none."""
    settings = settings or EngineSettings()
    progress(0.0, "panel")
    known = incidents.known_before(cutoff)
    if len(known) == 0:
        raise NoIncidentsError(cutoff.isoformat())
    panel = Panel.build(known, cells=len(grid), categories=len(categories), anchor=cutoff)
    maker = FeatureMaker(grid, len(categories))
    learner = Boosting(maker, settings.boosting)
    learner.fit(panel, 0, seed=seed, progress=lambda fraction, step: progress(0.02 + 0.92 * fraction, step))
    progress(0.95, "fit")
    profile = choose_settings(known, maker.around, scheme=scheme, categories=len(categories), cutoff=cutoff)
    progress(1.0, "fit")
    return TrainedModel(
        learner=learner.name,
        categories=tuple(categories),
        cutoff=cutoff,
        scheme=scheme,
        settings=settings,
        profile=profile,
        seed=seed,
        grid_sha256=_grid_sha256(grid),
        trees=tuple(None if booster is None else booster.model_to_string() for booster in learner.boosters_),
        incidents_by_category=tuple(int(n) for n in np.bincount(known.category, minlength=len(categories))),
    )


def forecast(
    model: TrainedModel,
    incidents: Incidents,
    grid: Grid,
    *,
    slots: int = 21,
    first_slot: datetime | None = None,
    progress: Progress = no_progress,
) -> Forecast:
    """Rates of `slots` consecutive slots from `first_slot` on (default: the first slot start at or after the model's cut-off).

    Reads only incidents known before the first slot, or before the cut-off where no first slot is given.
    """
    if _grid_sha256(grid) != model.grid_sha256:
        raise PredictionError("The model was trained on another grid than this one; train again on this grid.")
    progress(0.0, "panel")
    known = incidents.known_before(first_slot or model.cutoff)
    starts = model.scheme.starts(first_slot or model.cutoff, slots + 1)
    panel = Panel.build(known, cells=len(grid), categories=len(model.categories), anchor=first_slot or model.cutoff)
    maker = FeatureMaker(grid, len(model.categories))
    learner = Boosting(maker, model.settings.boosting)
    learner.boosters_ = [lgb.Booster(model_str=text) if text is not None else None for text in model.trees]
    progress(0.05, "features")
    moment = maker.moment(panel, 0)
    rates = np.empty((len(grid), slots, len(model.categories)), dtype=np.float32)
    reasons = np.empty((len(grid), len(GROUPS), len(model.categories)), dtype=np.float16)
    in_week = model.scheme.slot_of_week(np.array([int(start.timestamp()) for start in starts[:-1]], dtype=np.int64))
    for target in range(len(model.categories)):
        progress(0.1 + 0.9 * target / len(model.categories), "forecast")
        week = np.exp(learner.log_rate(moment, target)[0])
        laid_out = slot_shares(
            known,
            maker.around,
            scheme=model.scheme,
            category=target,
            categories=len(model.categories),
            known_s=panel.anchor_s,
            settings=model.profile,
        )
        rates[:, :, target] = (week * laid_out)[in_week].T
        progress(0.1 + 0.9 * (target + 0.5) / len(model.categories), "explain")
        reasons[:, :, target] = learner.reasons(moment, target)
    progress(1.0, "forecast")
    return Forecast(tuple(starts[:-1]), starts[-1], rates, GROUPS, reasons)


def _grid_sha256(grid: Grid) -> str:
    return hashlib.sha256(np.ascontiguousarray(grid.cell_ids, dtype="<u8").tobytes()).hexdigest()
