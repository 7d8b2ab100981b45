"""One stream watched: pictures → vision → events with masked thumbnails, in a thread of its own.

No footage leaves this module: what goes on are events, a thumbnail and a still in which people are pixelated.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from django.conf import settings

from cctv.events import CameraEvent
from cctv.factors import BY_CODE, Kind
from cctv.handover import Handovers
from cctv.sources import Latest, Options, Source, SourceError, State, Status, open_source
from cctv.vision.detectors import PeopleDetector
from cctv.vision.ground import CalibrationError, Homography
from cctv.vision.masking import masked_thumbnail
from cctv.vision.model import PERSON, Detector, Finding, Frame, Scene
from cctv.vision.model_descriptor import ModelFileError
from cctv.vision.onnx_model import load_detector
from cctv.vision.pipeline import Pipeline, Result
from cctv.vision.rules import RuleError, make_rules, read_settings
from webapp.cameras.models import Stream
from webapp.cameras.services.outbox import Outbox
from webapp.cameras.services.streams import StreamReport, reach, whole_address
from webapp.cameras.stream_selectors import StreamTask
from webapp.common.sealing import SealBroken

logger = logging.getLogger(__name__)

STILL_EVERY_S = 5.0
STILL_WIDTH = 640
SETTLE_S = 5.0  # until the background is known, somebody may be taken for a part of it
CHANGED_GREY = 14
EDGES_ACROSS = 24  # the edge round what moves is this part of the picture's width
THUMBNAIL_EVERY_S = 1.0  # a scene that goes on does not need a picture of every frame
TRY_AGAIN_S = 60.0  # where somebody has to change something first
TIMEOUT_S = 10.0
SAY_AGAIN_S = 60.0
TAKE_S = 0.5
SPEED_OVER = 20  # pictures


class WatchError(Exception):
    """A stream that cannot be watched as it is set. `code`, `fields`: as in `stream_sentences`."""

    def __init__(self, code: str, **fields: Any):
        super().__init__(code)
        self.code, self.fields = code, fields


@dataclass(frozen=True, eq=False)
class Still:
    """A masked picture of a camera and when it was taken (epoch seconds)."""

    jpeg: bytes
    at: float


class Watcher(threading.Thread):
    """Watches one stream until it is stopped. A fault of one stream ends nothing but its own thread's work."""

    def __init__(self, task: StreamTask, outbox: Outbox, handovers: Handovers):
        super().__init__(name=f"stream {task.id}", daemon=True)
        self.task = task
        self.still: Still | None = None
        self._outbox = outbox
        self._handovers = handovers
        self._stop_asked = threading.Event()
        self._source: Source | None = None
        self._error: WatchError | None = None
        self._blind = ""
        self._before: Scene | None = None
        self._began_at = float("inf")
        self._looks: deque[float] = deque(maxlen=SPEED_OVER)
        self._thumbnail_at = self._still_at = self._said_at = float("-inf")

    def stop(self) -> None:
        """Ask it to end; it does at the next picture, or when the source's time is out."""
        self._stop_asked.set()
        source = self._source
        if source is not None:
            source.close()

    def report(self) -> StreamReport:
        """How the stream is doing."""
        status = self._source.status if self._source is not None else Status()
        state, error = self._state(status)
        return StreamReport(
            stream_id=self.task.id,
            state=state,
            last_frame_at=None if status.last_at is None else datetime.fromtimestamp(status.last_at, UTC),
            measured_fps=self._speed(),
            dropped=status.overtaken,
            broken=status.broken,
            clock_offset_s=status.clock_offset_s,
            blind=self._blind if state == Stream.State.BLIND else "",
            error_code=error.code if error else "",
            error_fields=dict(error.fields) if error else {},
        )

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._watch()
                self._error = WatchError("clip_ended", name=self.task.address)
                self._stop_asked.wait()
            except WatchError as error:
                self._error = error
                logger.warning("stream %d: %s %s", self.task.id, error.code, error.fields)
                self._stop_asked.wait(TRY_AGAIN_S)
            except Exception:
                self._error = WatchError("vision_failed")
                logger.exception("stream %d stopped on an unexpected error; it is opened again", self.task.id)
                self._stop_asked.wait(TRY_AGAIN_S)

    def _watch(self) -> None:
        """Until the source ends or the watcher is stopped. Raises `WatchError` where it cannot begin or go on."""
        pipeline, ground = make_pipeline(self.task)
        self._source = source = opened(self.task)
        self._error = None
        self._before, self._began_at = None, float("inf")
        latest = Latest(source, name=str(self.task.id))
        try:
            while not self._stop_asked.is_set() and not latest.ended:
                frame = latest.take(TAKE_S)
                if frame is not None:
                    self._look(frame, pipeline, ground)
        finally:
            latest.close()
            latest.join(TIMEOUT_S + 5)
        error = source.status.error
        if error is not None and not self._stop_asked.is_set():
            raise WatchError(error.code, **error.fields)

    def _look(self, frame: Frame, pipeline: Pipeline, ground: Homography | None) -> None:
        self._began_at = min(self._began_at, frame.at)
        try:
            result = pipeline.feed(frame)
            self._blind = result.scene.blind
            model = pipeline.detector.name
            events = self._events(frame, result, model, ground) + self._followers(result.scene, model, ground)
            self._outbox.put(self.task.jurisdiction_id, events)
            self._keep_still(frame, result)
            self._before = result.scene
        except Exception:
            # One picture that vision chokes on must not end the camera; the same fault fifty times a second fills no log.
            self._error = WatchError("vision_failed")
            if time.monotonic() - self._said_at > SAY_AGAIN_S:
                self._said_at = time.monotonic()
                logger.exception("stream %d: a picture could not be looked at", self.task.id)
        else:
            self._error = None
            self._looks.append(time.monotonic())

    def _events(self, frame: Frame, result: Result, model: str, ground: Homography | None) -> list[CameraEvent]:
        if not result.findings:
            return []
        thumbnail = self._thumbnail(frame, result)
        found = []
        for finding in result.findings:
            at = self._source.position(finding.at) if self._source is not None else None
            picture = b"" if BY_CODE[finding.factor].kind is Kind.MEASURE else thumbnail
            found.append(event_of(finding, self.task, result.scene.size, model, ground=ground, moving_at=at, thumbnail=picture))
        return found

    def _followers(self, scene: Scene, model: str, ground: Homography | None) -> list[CameraEvent]:
        """Those who came behind the same person on another camera, too: known by place and time, never by looks."""
        if ground is None:
            return []
        walking = [(one.track, *ground.to_wgs84(*one.ground)) for one in scene.seen if one.kind == PERSON and one.ground]
        return [
            CameraEvent(
                key=f"s{self.task.id}.following-across.{told.track}.{round(told.at * 1000)}",
                camera=self.task.camera,
                at=datetime.fromtimestamp(told.at, UTC),
                factor="following",
                confidence=min(max(told.confidence, 0.0), 1.0),
                value=told.evidence["lag_s"],
                track=told.track,
                lon=told.place[0],
                lat=told.place[1],
                model=model,
            )
            for told in self._handovers.see(camera=self.task.camera, at=scene.at, people=walking)
        ]

    def _thumbnail(self, frame: Frame, result: Result) -> bytes:
        """A masked picture of what was found; none of mere numbers, and not more than one a second."""
        counts = all(BY_CODE[finding.factor].kind is Kind.MEASURE for finding in result.findings)
        if counts or frame.at - self._thumbnail_at < THUMBNAIL_EVERY_S:
            return b""
        self._thumbnail_at = frame.at
        return masked(frame, result, before=self._before, is_settled=self._is_settled(frame.at))

    def _keep_still(self, frame: Frame, result: Result) -> None:
        """Only a picture at which the detector looked is kept: boxes of another one would hide the wrong place."""
        if frame.at - self._still_at >= STILL_EVERY_S and (result.detected or result.masks is None):
            self._still_at = frame.at
            settled = self._is_settled(frame.at)
            self.still = Still(masked(frame, result, before=self._before, width=STILL_WIDTH, is_settled=settled), frame.at)

    def _is_settled(self, at: float) -> bool:
        return at - self._began_at >= SETTLE_S

    def _speed(self) -> float:
        """Pictures looked at a second, of late."""
        looks = list(self._looks)
        if len(looks) < 2 or time.monotonic() - looks[-1] > max(TIMEOUT_S, 3 / self.task.fps):
            return 0.0
        return (len(looks) - 1) / max(looks[-1] - looks[0], 1e-6)

    def _state(self, status: Status) -> tuple[str, WatchError | SourceError | None]:
        if self._error is not None:
            ended = self._error.code == "clip_ended"
            return (Stream.State.SILENT if ended else Stream.State.REFUSED), self._error
        states = {State.STARTING: Stream.State.WAITING, State.OFF: Stream.State.WAITING}
        state = states.get(status.state, status.state.value)
        if state == Stream.State.OK and self._blind:
            return Stream.State.BLIND, None
        return state, status.error


# --- Parts ------------------------------------------------------------------------------------------
def make_pipeline(task: StreamTask) -> tuple[Pipeline, Homography | None]:
    """The vision of one stream as people set it. Raises `WatchError`."""
    try:
        rules = make_rules(task.factors or None, settings=read_settings(task.rules))
        ground = None
        if task.calibration:
            points, places = ([(x, y) for x, y in task.calibration[name]] for name in ("points", "places"))
            ground = Homography.from_points(points, places, lon=task.lon, lat=task.lat)
    except (RuleError, CalibrationError) as error:
        raise WatchError("rules_unusable", why=str(error)) from error
    return Pipeline(detector_of(task.detector), rules, ground=ground), ground


def detector_of(name: str) -> Detector:
    """The detector with this descriptor; the built-in one where the name is blank. Raises `WatchError`."""
    if not name:
        return PeopleDetector()
    with _loading:  # many streams of one model start at once
        return _model(str(Path(settings.DETECTOR_DIR) / f"{Path(name).name}.toml"))


_loading = threading.Lock()


@cache
def _model(descriptor: str) -> Detector:
    """Models are shared by all streams of the process: each takes tens of megabytes."""
    try:
        return load_detector(Path(descriptor))
    except ModelFileError as error:
        raise WatchError("detector_unusable", name=Path(descriptor).stem, why=str(error)) from error


def opened(task: StreamTask) -> Source:
    """The source of a stream. Raises `WatchError`."""
    try:
        address = whole_address(address=task.address, sealed=task.sealed)
        options = Options(fps=task.fps, height=task.height, timeout_s=TIMEOUT_S, loop=task.loop)
        return open_source(address, reach=reach(), options=options)
    except SourceError as error:
        raise WatchError(error.code, **error.fields) from error
    except SealBroken as error:
        raise WatchError("seal_broken") from error


def event_of(
    finding: Finding,
    task: StreamTask,
    size: tuple[int, int],
    model: str,
    *,
    ground: Homography | None = None,
    moving_at: tuple[float, float] | None = None,
    thumbnail: bytes = b"",
) -> CameraEvent:
    """A finding as an event. Its key is made of what it is, so that sending it again doubles nothing.

    `size`: width and height of the picture in pixels; `moving_at`: longitude and latitude of a camera that moves.
    """
    place = moving_at
    if place is None and ground is not None and finding.ground is not None:
        place = ground.to_wgs84(*finding.ground)
    return CameraEvent(
        key=f"s{task.id}.{finding.factor}.{finding.track or '-'}.{round(finding.at * 1000)}",
        camera=task.camera,
        at=datetime.fromtimestamp(finding.at, UTC),
        factor=finding.factor,
        confidence=min(max(float(finding.confidence), 0.0), 1.0),
        value=None if finding.value is None else float(finding.value),
        box=_fractions(finding.box, size),
        track=finding.track,
        lon=place[0] if place else None,
        lat=place[1] if place else None,
        model=model,
        thumbnail=thumbnail,
    )


def masked(frame: Frame, result: Result, *, before: Scene | None = None, width: int = 320, is_settled: bool = True) -> bytes:
    """The picture with everybody, and all that moves, pixelated by what was seen in this very frame.

    A detector's box may lag behind or be too small, so boxes are widened, what differs from the scene `before` is hidden, too,
    and the moving parts get a broad edge. The whole picture is pixelated where the scene has not settled, or nobody can tell.
    """
    scene = result.scene
    if result.masks is None or not is_settled:
        return masked_thumbnail(frame.picture, None, width=width)
    # A finding may speak of somebody whom the tracker has lost by now.
    spoken_of = [finding.box for finding in result.findings if finding.box is not None and finding.track]
    moving = scene.foreground
    if before is not None and before.grey.shape == scene.grey.shape == moving.shape:
        moving = np.maximum(moving, np.where(cv2.absdiff(scene.grey, before.grey) > CHANGED_GREY, 255, 0).astype(np.uint8))
    edge = max(5, scene.foreground.shape[1] // EDGES_ACROSS)
    moving = np.asarray(cv2.dilate(moving, np.ones((edge, edge), np.uint8)), np.uint8)
    return masked_thumbnail(frame.picture, [_widened(box) for box in (*result.masks, *spoken_of)], width=width, foreground=moving)


def _widened(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Half its width more on each side and a tenth of its height above and below: limbs, strides, a box that lags."""
    x, y = 0.5 * (box[2] - box[0]), 0.1 * (box[3] - box[1])
    return box[0] - x, box[1] - y, box[2] + x, box[3] + y


def _fractions(box: tuple[float, float, float, float] | None, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    if box is None:
        return None
    width, height = size
    x0, y0, x1, y1 = (
        min(max(round(float(at) / of, 4), 0.0), 1.0) for at, of in zip(box, (width, height, width, height), strict=True)
    )
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
