"""Train on all incidents before a cut-off; forecast the rates of every cell, slot and category, with the reasons for them.

The week is learnt where the numbers are large enough (a learner of the catalogue on weekly counts, calibrated), and laid out over
the slots of the week by an empirical-Bayes profile that trees bend: 40,000 cells × 21 slots × 4 categories take seconds.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from prediction.calibration import Calibration
from prediction.errors import NoIncidentsError, PredictionError
from prediction.features import GROUPS, WEEK_DAYS, Block, FeatureMaker
from prediction.grid import Grid
from prediction.learners import catalogue
from prediction.learners.base import Learner, Progress, no_progress
from prediction.learners.boosting import BoostingSettings
from prediction.learners.calibrated import MEMBERS, Calibrated, calibrated, calibrated_stack
from prediction.out_of_fold import FoldSettings
from prediction.panel import DAY_S, Incidents, Panel
from prediction.profile import ProfileSettings, choose_settings, slot_shares
from prediction.slot_shape import SlotFields, SlotShape
from prediction.slots import SlotScheme
from prediction.spatial import Surroundings
from prediction.uncertainty import Dispersion

Float64 = npt.NDArray[np.float64]

FORMAT = 4
MAGIC = b"HAECHI-MODEL\n"


@dataclass(frozen=True)
class EngineSettings:
    """All that may be set; docs/methods.md tells how the defaults were chosen.

    learner: a code of the catalogue; boosting: settings of LightGBM, alone or in the stack; learners: settings of others by code;
    members: of the stack; calibrate: whether rates are calibrated out of fold, over the last `fold_weeks` weeks at most.
    """

    boosting: BoostingSettings = field(default_factory=BoostingSettings)
    learner: str = "stack"
    learners: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    members: tuple[str, ...] = MEMBERS
    calibrate: bool = True
    fold_weeks: int = 13

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """What `asdict` made, after a way through JSON."""
        known = {**plain, "boosting": BoostingSettings(**plain["boosting"]), "members": tuple(plain["members"])}
        return cls(**known)


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """Everything needed to forecast: the learner's code and fitted state, its calibration, and the profile of the week.

    blocks: signature of the feature blocks it learnt from; without_trees: categories with too few incidents for a model of
    their own, in some member at least.
    """

    learner: str
    state: bytes
    categories: tuple[str, ...]
    cutoff: datetime
    scheme: SlotScheme
    settings: EngineSettings
    profile: ProfileSettings
    shape: SlotShape
    calibration: Calibration
    seed: int
    grid_sha256: str
    blocks: str
    incidents_by_category: tuple[int, ...]
    without_trees: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """What a run records, as plain values."""
        curves = zip(self.categories, self.calibration.curves, strict=True)
        return {
            "learner": self.learner,
            "settings": asdict(self.settings),
            "profile": asdict(self.profile),
            "calibration": {code: {"kind": curve.kind, "total": curve.total} for code, curve in curves},
            "dispersion": {code: asdict(dispersion) for code, dispersion in self.dispersion.items()},
            "seed": self.seed,
            "cutoff": self.cutoff.isoformat(),
            "blocks": self.blocks,
            "incidents": dict(zip(self.categories, self.incidents_by_category, strict=True)),
            "without_trees": list(self.without_trees),
        }

    @property
    def horizon_days(self) -> int:
        """Days that the learner's rates, the reasons and the dispersion speak of."""
        return horizon_of(self.scheme)

    @property
    def dispersion(self) -> dict[str, Dispersion]:
        """Dispersion of a cell's count over the horizon by category; "" is all crimes together."""
        return dict(zip((*self.categories, ""), self.calibration.dispersions, strict=True))

    def to_bytes(self) -> bytes:
        """The same inputs and seed give the same bytes."""
        content = {
            "format": FORMAT,
            "learner": self.learner,
            "categories": self.categories,
            "cutoff": self.cutoff.isoformat(),
            "scheme": self.scheme.to_json(),
            "settings": asdict(self.settings),
            "profile": asdict(self.profile),
            "shape": self.shape.to_plain(),
            "calibration": self.calibration.to_plain(),
            "seed": self.seed,
            "grid_sha256": self.grid_sha256,
            "blocks": self.blocks,
            "incidents_by_category": self.incidents_by_category,
            "without_trees": self.without_trees,
        }
        return MAGIC + zlib.compress(json.dumps(content, sort_keys=True).encode() + b"\n" + self.state, 6)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises `PredictionError` for a file that is none of ours, damaged, or of another format."""
        if not data.startswith(MAGIC):
            raise PredictionError("This is not a model file of Haechi; train again to make one.")
        try:
            head, _, state = zlib.decompress(data[len(MAGIC) :]).partition(b"\n")
            content = json.loads(head)
        except (zlib.error, ValueError) as error:
            raise PredictionError("The model file is damaged; train again to make a new one.") from error
        if content["format"] != FORMAT:
            raise PredictionError(f"The model file has format {content['format']}, this version reads {FORMAT}; train again.")
        return cls(
            learner=content["learner"],
            state=state,
            categories=tuple(content["categories"]),
            cutoff=datetime.fromisoformat(content["cutoff"]),
            scheme=SlotScheme.from_json(content["scheme"]),
            settings=EngineSettings.from_plain(content["settings"]),
            profile=ProfileSettings(**content["profile"]),
            shape=SlotShape.from_plain(SlotScheme.from_json(content["scheme"]), content["shape"]),
            calibration=Calibration.from_plain(content["calibration"]),
            seed=content["seed"],
            grid_sha256=content["grid_sha256"],
            blocks=content["blocks"],
            incidents_by_category=tuple(content["incidents_by_category"]),
            without_trees=tuple(content["without_trees"]),
        )


@dataclass(frozen=True, eq=False)
class Forecast:
    """slot_starts (UTC, ascending; the last ends at horizon_end); rates Float32[cells, slots, categories]: expected incidents;

    reasons Float16[cells, groups, categories]: contributions of `reason_groups`, adding up to the log of the 7-day rate (of a
    slot's typical length where slots do not repeat by the week); what calibration changes is part of "base". dispersion: by
    category, "" for all together (see `prediction.uncertainty`), measured on the same days: for a shorter slot's count it stands
    as far as what sets a cell apart lasts all week.
    """

    slot_starts: tuple[datetime, ...]
    horizon_end: datetime
    rates: npt.NDArray[np.float32]
    reason_groups: tuple[str, ...]
    reasons: npt.NDArray[np.float16]
    dispersion: Mapping[str, Dispersion] = field(default_factory=dict)


def train(
    incidents: Incidents,
    grid: Grid,
    *,
    scheme: SlotScheme,
    categories: tuple[str, ...],
    cutoff: datetime,
    settings: EngineSettings | None = None,
    learner: str | None = None,
    blocks: Sequence[Block] = (),
    seed: int = 0,
    progress: Progress = no_progress,
) -> TrainedModel:
    """Learn from the incidents that were known before `cutoff` (aware). Raises `NoIncidentsError` where there are none.

    learner: a code of the catalogue, instead of the one of the settings. blocks: further feature blocks; the forecast needs them
    again.
    """
    settings = settings or EngineSettings()
    settings = settings if learner is None else replace(settings, learner=learner)
    progress(0.0, "panel")
    known = incidents.known_before(cutoff)
    if len(known) == 0:
        raise NoIncidentsError(cutoff.isoformat())
    panel = Panel.build(known, cells=len(grid), categories=len(categories), anchor=cutoff)
    maker = FeatureMaker(grid, len(categories), horizon_days=horizon_of(scheme), blocks=blocks)
    fitted = make_learner(settings, maker)
    fitted.fit(panel, 0, seed=seed, progress=lambda fraction, step: progress(0.02 + 0.83 * fraction, step))
    progress(0.85, "fit")
    profile, shape = _learnt_week(
        known,
        maker,
        scheme=scheme,
        cutoff=cutoff,
        seed=seed,
        progress=lambda fraction, step: progress(0.85 + 0.15 * fraction, step),
    )
    calibration = fitted.calibration_ if isinstance(fitted, Calibrated) else None
    rare = _without_trees(fitted)
    progress(1.0, "fit")
    return TrainedModel(
        learner=settings.learner,
        state=fitted.save(),
        categories=tuple(categories),
        cutoff=cutoff,
        scheme=scheme,
        settings=settings,
        profile=profile,
        shape=shape,
        calibration=calibration or Calibration.none(len(categories)),
        seed=seed,
        grid_sha256=_grid_sha256(grid),
        blocks=maker.signature,
        incidents_by_category=tuple(int(n) for n in np.bincount(known.category, minlength=len(categories))),
        without_trees=tuple(code for position, code in enumerate(categories) if position in rare),
    )


def _learnt_week(
    known: Incidents, maker: FeatureMaker, *, scheme: SlotScheme, cutoff: datetime, seed: int, progress: Progress
) -> tuple[ProfileSettings, SlotShape]:
    """How a week falls on its slots: the strengths of the profile, and the trees that bend it."""
    if not repeats_weekly(scheme):
        return ProfileSettings(), SlotShape.none(scheme, maker.categories)
    profile = choose_settings(known, maker.around, scheme=scheme, categories=maker.categories, cutoff=cutoff)
    shape = SlotShape.learnt(
        known,
        maker.grid,
        maker.around,
        scheme=scheme,
        categories=maker.categories,
        cutoff_s=int(cutoff.timestamp()),
        profile=profile,
        seed=seed,
        progress=progress,
    )
    return profile, shape


def forecast(
    model: TrainedModel,
    incidents: Incidents,
    grid: Grid,
    *,
    slots: int = 21,
    first_slot: datetime | None = None,
    blocks: Sequence[Block] = (),
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
    maker = FeatureMaker(grid, len(model.categories), horizon_days=model.horizon_days, blocks=blocks)
    learner = restored(model, maker)
    progress(0.05, "features")
    fields = None
    if model.shape.bends:
        fields = SlotFields.at(
            known,
            grid,
            maker.around,
            scheme=model.scheme,
            categories=len(model.categories),
            origin_s=panel.anchor_s,
        )
    rates = np.empty((len(grid), slots, len(model.categories)), dtype=np.float32)
    reasons = np.empty((len(grid), len(GROUPS), len(model.categories)), dtype=np.float16)
    for target in range(len(model.categories)):
        progress(0.1 + 0.9 * target / len(model.categories), "explain")
        # The contributions add up to the log of the rate, so that asking for them is asking for both.
        contributions = learner.explain(panel, 0, target)
        reasons[:, :, target] = contributions
        progress(0.1 + 0.9 * (target + 0.5) / len(model.categories), "forecast")
        parts = _parts(model, known, maker.around, target=target, starts=starts, known_s=panel.anchor_s, fields=fields)
        rates[:, :, target] = (np.exp(contributions.sum(axis=1)) * parts).T
    progress(1.0, "forecast")
    return Forecast(tuple(starts[:-1]), starts[-1], rates, GROUPS, reasons, model.dispersion)


def _parts(
    model: TrainedModel,
    known: Incidents,
    around: Surroundings,
    *,
    target: int,
    starts: Sequence[datetime],
    known_s: int,
    fields: SlotFields | None,
) -> Float64:
    """Float64[slots, cells or 1]: the part of the horizon's incidents that falls into each slot."""
    if not repeats_weekly(model.scheme):
        lengths = np.array([(end - start).total_seconds() for start, end in pairwise(starts)])
        return np.asarray(lengths[:, np.newaxis] / (model.horizon_days * DAY_S), dtype=np.float64)
    in_week = model.scheme.slot_of_week(np.array([int(start.timestamp()) for start in starts[:-1]], dtype=np.int64))
    shares = slot_shares(
        known,
        around,
        scheme=model.scheme,
        category=target,
        categories=len(model.categories),
        known_s=known_s,
        settings=model.profile,
    )
    return model.shape.bent(shares, fields, target, sorted(set(in_week.tolist())))[in_week]


def repeats_weekly(scheme: SlotScheme) -> bool:
    """Whether the slots of every week are the same; those of several days or weeks, and months, are not laid out by a profile."""
    return scheme.period == "hours" or (scheme.period in ("day", "week") and scheme.every == 1)


def horizon_of(scheme: SlotScheme) -> int:
    """Days that a learner for these slots speaks of: a week, or as long as a slot that lasts otherwise."""
    return WEEK_DAYS if repeats_weekly(scheme) else max(1, round(scheme.typical_h / 24))


def make_learner(settings: EngineSettings, maker: FeatureMaker) -> Learner:
    """The learner that the settings name, of the maker's horizon, not fitted yet. Raises what `catalogue.make` does."""
    days = maker.horizon_days
    given = {"lightgbm": asdict(settings.boosting), **settings.learners}
    folds = FoldSettings(weeks=settings.fold_weeks)
    if settings.learner == "stack":
        return calibrated_stack(
            maker, horizon_days=days, members=settings.members, settings=given, folds=folds, calibrate=settings.calibrate
        )
    own = given.get(settings.learner)
    if settings.calibrate:
        return calibrated(settings.learner, maker, horizon_days=days, settings=own, folds=folds)
    return catalogue.make(settings.learner, maker, horizon_days=days, settings=own)


def restored(model: TrainedModel, maker: FeatureMaker) -> Learner:
    """The model's fitted learner on a feature maker of the same grid, categories, blocks and `horizon_days`.

    Raises `PredictionError` where they differ.
    """
    if maker.horizon_days != model.horizon_days:
        raise PredictionError(
            f"The model speaks of {model.horizon_days} days, the features of {maker.horizon_days}; "
            "make them with the model's horizon_days."
        )
    if maker.signature != model.blocks:
        raise PredictionError(
            "The model was trained with other features (places, weather, holidays …) than are given now; "
            "give the same ones, or train again."
        )
    learner = make_learner(model.settings, maker)
    learner.load(model.state)
    return learner


def _without_trees(learner: Learner) -> set[int]:
    """Categories that some tree learner has no trees for."""
    if isinstance(learner, Calibrated):
        return _without_trees(learner.inner)
    boosters: list[Any] = getattr(learner, "boosters_", [])
    inner = [_without_trees(member) for member in getattr(learner, "members", ())]
    return {position for position, booster in enumerate(boosters) if booster is None}.union(*inner)


def _grid_sha256(grid: Grid) -> str:
    return hashlib.sha256(np.ascontiguousarray(grid.cell_ids, dtype="<u8").tobytes()).hexdigest()
