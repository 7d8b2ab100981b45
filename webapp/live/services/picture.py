"""The live picture of one jurisdiction in memory: events in, the map's bytes and what each camera says out.

Knows no Redis and no database: `Fuser` brings the material and carries away what comes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cctv.events import CameraEvent
from cctv.factors import BY_CODE, Kind
from prediction.fusion.excess import Excess
from prediction.fusion.fuse import Fused, fuse
from prediction.fusion.usual import UsualLevels
from webapp.forecasts.services.live_history import half_lives
from webapp.live.services.material import ALL, FACTOR_INDEX, FACTORS, Bytes, Material, bytes_of, rows_of

Float32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Taken:
    """What became of a batch. `risks`: the events of risk factors of known cameras, with camera and factor as indices; `blind`:
    those that say a camera cannot see."""

    unknown: int
    risks: Sequence[CameraEvent]
    camera: Ints
    factor: Ints
    blind: Sequence[CameraEvent] = ()


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture. values: UInt8[cells] by category; lift: Float32[cells], log of fused over plain of all categories; fused: the
    rates, or None where there is no forecast."""

    values: dict[str, Bytes]
    lift: Float32
    excess: Float32
    seen: Float32
    fused: Fused | None


class Picture:
    """Excess and usual levels of all cameras, and the rates they move. `now_s`: epoch seconds, handed in."""

    def __init__(self, material: Material, *, now_s: float, excess: Excess | None = None):
        self.material = material
        self.excess = excess or self._empty(now_s)

    def _empty(self, now_s: float) -> Excess:
        usual = UsualLevels(len(self.material.cameras), len(FACTORS), zone=self.material.jurisdiction.zone)
        return Excess(self.material.coverage, usual, half_life_s=half_lives(FACTORS), start_s=now_s)

    def follow(self, material: Material) -> None:
        """Take new material: another run, slot or weights at once; another register or grid with the state carried over."""
        before = self.material
        if material.coverage is not before.coverage:
            rows = rows_of(material.cameras.source_ids, before.cameras.source_ids)
            self.excess = self.excess.rearranged(rows, material.coverage)
        self.material = material

    def adopt_usual(self, usual: UsualLevels) -> None:
        """Other usual levels for the same cameras; what is unusual now starts anew against them."""
        half = half_lives(FACTORS)
        self.excess = Excess(self.material.coverage, usual, half_life_s=half, start_s=self.excess.at_s)

    def take(self, events: Sequence[CameraEvent], now_s: float) -> Taken:
        """Count these events. Clocks ahead count as now; events of cameras that the register does not know are left out."""
        cameras = self.material.cameras.index
        known = [(cameras[event.camera], event) for event in events if event.camera in cameras]
        index = np.array([camera for camera, _event in known], np.int64)
        at = np.minimum(np.array([event.at.timestamp() for _camera, event in known]), now_s)
        if not known:
            return Taken(len(events), (), index, index)
        kinds = np.array([_KIND.get(event.factor, -1) for _camera, event in known])
        factor = np.array([FACTOR_INDEX.get(event.factor, -1) for _camera, event in known], np.int64)
        weight = np.clip(np.array([event.confidence for _camera, event in known]), 0.0, 1.0)
        risk, blind, other = kinds == _RISK, kinds == _BLIND, (kinds != _RISK) & (kinds != _BLIND)
        if blind.any():
            self.excess.blind(index[blind], at[blind])
        if other.any():
            self.excess.saw(index[other], at[other])
        if risk.any():
            self.excess.add(index[risk], factor[risk], at[risk], weight[risk])
        chosen = {kind: [known[place][1] for place in np.flatnonzero(kinds == kind)] for kind in (_RISK, _BLIND)}
        return Taken(len(events) - len(known), chosen[_RISK], index[risk], factor[risk], chosen[_BLIND])

    def render(self, now_s: float) -> Rendered:
        """The picture as it is now; the plain forecast, bit for bit, where the cameras do not move the map."""
        material, slot = self.material, self.material.slot
        excess, seen = self.excess.values(now_s), self.excess.seen(now_s)
        none = np.zeros(len(material.cells), np.float32)
        if slot is None:
            return Rendered({}, none, excess, seen, None)
        if not material.moves:
            return Rendered(dict(slot.plain), none, excess, seen, fuse(slot.rates, None, excess))
        fused = fuse(slot.rates, material.weights, excess, seen)
        moved = np.asarray(fused.log_lift.any(axis=0))
        return Rendered(bytes_of(slot, fused.rates, moved), fused.lift_of_all(), excess, seen, fused)


@dataclass(frozen=True, eq=False)
class Changes:
    """Cells that a page must be told: cells Int64[changed]; values: their bytes by category."""

    cells: Ints
    values: dict[str, Bytes]


class Sent:
    """What the open pages have been told, and what they have to be told next.

    Rises and falls of several steps go at once; the slow fading of a step or two goes in sweeps, so that a quiet minute does not
    move half of the map four times a second. A message holds at most `most` cells, those that changed most.
    """

    def __init__(self, *, most: int = 2000, at_once: int = 3):
        self.most, self.at_once = most, at_once
        self.values: dict[str, Bytes] = {}

    def restart(self, values: dict[str, Bytes]) -> None:
        """The pages fetch everything anew."""
        self.values = {code: row.copy() for code, row in values.items()}

    def changes(self, values: dict[str, Bytes], *, sweep: bool) -> Changes:
        """What has to be told of these values, taken as told."""
        codes = list(values)
        new = np.stack([values[code] for code in codes])
        old = np.stack([self.values[code] for code in codes])
        apart = np.abs(new.astype(np.int16) - old).max(axis=0)
        cells = np.flatnonzero(apart >= (1 if sweep else self.at_once))
        if len(cells) > self.most:
            cells = np.sort(cells[np.argpartition(-apart[cells], self.most)[: self.most]])
        for code in codes:
            self.values[code][cells] = values[code][cells]
        return Changes(cells, {code: values[code][cells] for code in codes})


def fits(sent: Sent, values: dict[str, Bytes]) -> bool:
    """Whether the pages have a picture of the same cells and categories."""
    return sent.values.keys() == values.keys() and all(len(sent.values[code]) == len(values[code]) for code in values)


_RISK, _BLIND, _MEASURE = 0, 1, 2
_KIND_NUMBER = {Kind.RISK: _RISK, Kind.BLIND: _BLIND, Kind.MEASURE: _MEASURE}
_KIND = {code: _KIND_NUMBER[factor.kind] for code, factor in BY_CODE.items()}
__all__ = ["ALL", "Changes", "Picture", "Rendered", "Sent", "Taken", "fits"]
