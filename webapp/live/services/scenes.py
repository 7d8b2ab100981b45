"""From events to alerts: one scene for what happens in one place within minutes, however many events tell of it.

An event may raise an alert where its camera says clearly more than usual. The score of a scene is the highest, over its events,
of: incidents to be expected in the riskiest cell in view, this slot and given the factor, over those of the jurisdiction's mean
cell × the detector's confidence × how far beyond usual (0 to 1). Busy streets do not drown the operators: what is usual there
scores nothing. There is no quota by camera or area, but an attention to be kept: of the scenes that begin in a minute those that
score highest are told, as many as the operators can look at, and beyond that only those that score high; the others are counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from cctv.events import CameraEvent
from cctv.views import metres_from
from prediction.fusion.alarms import Alarms, rank
from prediction.fusion.excess import BOUND
from webapp.live.services.picture import Picture, Rendered, Taken
from webapp.watch.services import SceneAlert

SCENE_M = 60.0  # what neighbouring cameras tell of one place is one scene
SCENE_S = 180.0  # quiet for so long, and the next event begins another scene: the cooldown
LONGEST_S = 1800.0  # a scene that goes on longer is told again
LEAST_CONFIDENCE = 0.3
LEAST_BEYOND = 0.2  # one event of middling confidence where the factor was never seen; two where it comes once in two hours
LEAST_SCORE = 0.1
HIGH_SCORE = 5.0
AT_MOST = 200  # events of one batch that are weighed; those furthest beyond usual
NEW_A_MINUTE = 30  # new scenes of one jurisdiction, however high they score
OPEN_AT_MOST = 400
RENEW_S = 2.0  # a scene that goes on is written again at most so often


@dataclass(frozen=True)
class Scene:
    """One scene so far. `first`: key of its first event; `best`: key of the one that scored highest. Times in epoch seconds."""

    first: str
    opened_s: float
    last_s: float
    lon: float
    lat: float
    camera: str
    factor: str
    category: str
    cell: int
    score: float
    confidence: float
    events: int
    best: str
    has_thumbnail: bool
    reason: dict[str, Any]
    told_events: int = 0
    told_s: float = 0.0
    is_held: bool = False

    @property
    def is_told(self) -> bool:
        return self.told_events > 0


@dataclass(frozen=True)
class Spark:
    """One event that may raise an alert, weighed."""

    key: str
    at_s: float
    lon: float
    lat: float
    camera: str
    factor: str
    category: str
    cell: int
    score: float
    confidence: float
    has_thumbnail: bool
    reason: dict[str, Any]


class Scenes:
    """The open scenes of one jurisdiction, in the order of their beginning. Small: closed ones are forgotten."""

    def __init__(self, scenes: Sequence[Scene] = (), *, a_minute: int = NEW_A_MINUTE):
        self.a_minute = a_minute
        self.open: dict[str, Scene] = {scene.first: scene for scene in scenes}
        self.held = 0
        self._told_s: list[float] = []

    def take(self, sparks: Sequence[Spark]) -> None:
        """Add each to the scene it belongs to, or begin one."""
        for spark in sparks:
            scene = self._scene_of(spark)
            self.open[scene.first if scene else spark.key] = _joined(scene, spark) if scene else _begun(spark)
        if len(self.open) > OPEN_AT_MOST:
            self._let_go()

    def due(self, now_s: float) -> list[Scene]:
        """The scenes that must be written now: new ones, highest score first, and those that went on."""
        self._told_s = [told for told in self._told_s if told > now_s - 60.0]
        new = sorted((scene for scene in self.open.values() if not scene.is_told), key=lambda scene: -scene.score)
        high = sum(scene.score >= HIGH_SCORE for scene in new)
        room = max(0, min(max(self.a_minute - len(self._told_s), high), NEW_A_MINUTE - len(self._told_s)))
        self.held += sum(not scene.is_held for scene in new[room:])
        for scene in new[room:]:
            self.open[scene.first] = replace(scene, is_held=True)
        told = [scene for scene in self.open.values() if scene.is_told]
        went_on = [scene for scene in told if scene.events > scene.told_events and now_s >= scene.told_s + RENEW_S]
        return new[:room] + went_on

    def told(self, scenes: Sequence[Scene], now_s: float) -> None:
        """These were written."""
        for scene in scenes:
            if not scene.is_told:
                self._told_s.append(now_s)
            if scene.first in self.open:
                self.open[scene.first] = replace(self.open[scene.first], told_events=scene.events, told_s=now_s)

    def forget(self, now_s: float) -> None:
        """Let go of scenes that are over and written (or were never to be)."""
        over = [
            key for key, scene in self.open.items() if scene.last_s < now_s - SCENE_S and scene.told_events in (0, scene.events)
        ]
        for key in over:
            del self.open[key]

    def to_json(self) -> list[dict[str, Any]]:
        """For a checkpoint."""
        return [vars(scene) for scene in self.open.values()]

    @classmethod
    def from_json(cls, value: Sequence[dict[str, Any]], *, a_minute: int = NEW_A_MINUTE) -> "Scenes":
        """What `to_json` gave; scenes of another version of the program are left out."""
        known = {field.name for field in fields(Scene)}
        return cls([Scene(**scene) for scene in value if scene.keys() == known], a_minute=a_minute)

    @property
    def is_waiting(self) -> bool:
        """Whether a scene has begun that nobody has been told of, and that is not held back."""
        return any(not scene.is_told and not scene.is_held for scene in self.open.values())

    def _let_go(self) -> None:
        """A flood: of the scenes that nobody was told of, forget the lowest, so that what is kept stays small."""
        untold = sorted((scene for scene in self.open.values() if not scene.is_told), key=lambda scene: scene.score)
        for scene in untold[: len(self.open) - OPEN_AT_MOST]:
            self.held += not scene.is_held
            del self.open[scene.first]

    def _scene_of(self, spark: Spark) -> Scene | None:
        for scene in reversed(self.open.values()):
            if spark.at_s - scene.last_s > SCENE_S or spark.at_s - scene.opened_s > LONGEST_S:
                continue
            if abs(spark.lat - scene.lat) > 0.001:  # 111 m: spares the arithmetic below for nearly all
                continue
            east, north = metres_from(*(np.float64(x) for x in (scene.lon, scene.lat, spark.lon, spark.lat)))  # type: ignore[arg-type]
            if math.hypot(float(east), float(north)) <= SCENE_M:
                return scene
        return None


def _begun(spark: Spark) -> Scene:
    return Scene(
        first=spark.key,
        opened_s=spark.at_s,
        last_s=spark.at_s,
        lon=spark.lon,
        lat=spark.lat,
        camera=spark.camera,
        factor=spark.factor,
        category=spark.category,
        cell=spark.cell,
        score=spark.score,
        confidence=spark.confidence,
        events=1,
        best=spark.key,
        has_thumbnail=spark.has_thumbnail,
        reason=spark.reason,
    )


def _joined(scene: Scene, spark: Spark) -> Scene:
    """The scene with one more event; what it is called after is the event that scored highest, with a picture if there is one."""
    grown = replace(scene, last_s=max(scene.last_s, spark.at_s), events=scene.events + 1)
    better = (spark.has_thumbnail, spark.score) > (scene.has_thumbnail, scene.score)
    if not better:
        return replace(grown, score=max(scene.score, spark.score))
    return replace(
        grown,
        camera=spark.camera,
        factor=spark.factor,
        category=spark.category,
        cell=spark.cell,
        score=max(scene.score, spark.score),
        confidence=spark.confidence,
        best=spark.key,
        has_thumbnail=spark.has_thumbnail,
        reason=spark.reason,
    )


def sparks_of(picture: Picture, taken: Taken, rendered: Rendered) -> list[Spark]:
    """The events of a batch that say more than is usual at their camera, weighed by the risk of place and hour."""
    slot = picture.material.slot
    if slot is None or rendered.fused is None or not len(taken.camera) or not len(slot.categories):
        return []
    confidence = np.array([event.confidence for event in taken.risks])
    beyond = picture.excess.levels()[taken.camera, taken.factor] / BOUND
    counts = (confidence >= LEAST_CONFIDENCE) & (beyond >= LEAST_BEYOND)
    strength = beyond * picture.excess.believed()[taken.camera] * counts
    places = np.flatnonzero(strength > 0)
    if len(places) > AT_MOST:
        places = np.sort(places[np.argpartition(-(strength * confidence)[places], AT_MOST)[:AT_MOST]])
    if not len(places):
        return []
    total = slot.rates.sum(axis=0)
    cells = np.array([_riskiest(picture, camera, total) for camera in taken.camera[places].tolist()], np.int64)
    where = picture.material.cameras.places[taken.camera[places]]
    at = np.array([taken.risks[place].at.timestamp() for place in places.tolist()])
    alarms = Alarms(at, where[:, 0], where[:, 1], cells, taken.factor[places], confidence[places])
    # On the plain rates: the fused ones hold the event already, which would count twice.
    ranked = rank(alarms, slot.rates, picture.material.weights)
    mean = max(float(total.mean(dtype=np.float64)), 1e-12)
    score = ranked.score / mean * strength[places]
    means = np.maximum(slot.rates.mean(axis=1, dtype=np.float64), 1e-12)
    found = []
    for row in np.flatnonzero((score >= LEAST_SCORE) & (cells >= 0)).tolist():
        place, category, cell = int(places[row]), int(ranked.category[row]), int(cells[row])
        weighed = Weighed(
            camera=int(taken.camera[place]),
            factor=int(taken.factor[place]),
            cell=cell,
            category=category,
            place=float(rendered.fused.rates[category, cell] / means[category]),
            beyond=float(beyond[place]),
            score=float(score[row]),
        )
        found.append(_spark(picture, taken.risks[place], weighed))
    return found


def _riskiest(picture: Picture, camera: int, rates: npt.NDArray[np.float32]) -> int:
    """The cell of which the camera's view holds the most risk; −1 where it sees none."""
    matrix = picture.material.coverage
    row = slice(matrix.indptr[camera], matrix.indptr[camera + 1])
    cells = matrix.indices[row]
    return int(cells[np.argmax(rates[cells] * matrix.data[row])]) if len(cells) else -1


@dataclass(frozen=True)
class Weighed:
    """Where an event counts and how much: indices, `place` the rate there against the mean, `beyond` how far beyond usual."""

    camera: int
    factor: int
    cell: int
    category: int
    place: float
    beyond: float
    score: float


def _spark(picture: Picture, event: CameraEvent, weighed: Weighed) -> Spark:
    material = picture.material
    lon, lat = material.cameras.places[weighed.camera] if event.lon is None or event.lat is None else (event.lon, event.lat)
    assert material.slot is not None  # noqa: S101 (the caller has looked)
    return Spark(
        key=event.key,
        at_s=event.at.timestamp(),
        lon=float(lon),
        lat=float(lat),
        camera=event.camera,
        factor=event.factor,
        category=material.slot.categories[weighed.category],
        cell=int(material.cells[weighed.cell]),
        score=round(weighed.score, 4),
        confidence=event.confidence,
        has_thumbnail=bool(event.thumbnail),
        reason={
            "seen": round(float(picture.excess.now[weighed.camera, weighed.factor]), 3),
            "usual": round(float(picture.excess.expected[weighed.camera, weighed.factor]), 3),
            "beyond": round(weighed.beyond, 3),
            "place": round(weighed.place, 3),
            "value": event.value,
        },
    )


def scene_alert(scene: Scene, camera_id: int) -> SceneAlert:
    """The scene as the watch room keeps it."""
    return SceneAlert(
        scene=scene.first,
        opened_at=datetime.fromtimestamp(scene.opened_s, UTC),
        last_at=datetime.fromtimestamp(scene.last_s, UTC),
        camera_id=camera_id,
        place=(scene.lon, scene.lat),
        cell=scene.cell,
        factor=scene.factor,
        category=scene.category,
        score=scene.score,
        confidence=scene.confidence,
        event_count=scene.events,
        event_key=scene.best,
        has_thumbnail=scene.has_thumbnail,
        reason=scene.reason,
    )
