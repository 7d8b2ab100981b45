"""When a camera cannot be believed: no picture, darkness, a covered or blurred lens, another view, shaking, weather.

Each frame's small grey picture is measured; each kind of blindness begins when its evidence has held for a while and ends when
it was away for a while (hysteresis), so that a passing bus is no covered lens. What is normal for the camera (the edges in each
part of the picture, the standing view) is learnt while it sees well. A new view is adopted after a minute.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from cctv.vision.model import Finding, Motion

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

BLACKOUT, DARK, TAMPERING, MOVED, SHAKING, WEATHER = "blackout", "too_dark", "tampering", "moved", "shaking", "weather"
ROWS, COLUMNS = 6, 8  # parts of the picture
LEAST_EDGES = 1.0  # mean detail of a part that has something to recognise
LEAST_PARTS = 6
ORDER = (BLACKOUT, DARK, TAMPERING, MOVED, SHAKING, WEATHER)  # where several hold, the first is told


@dataclass(frozen=True)
class VisibilitySettings:
    """Grey values are 0 … 255; seconds say how long evidence must hold (`begin_s`) or be away (`end_s`)."""

    begin_s: Mapping[str, float] = field(
        default_factory=lambda: {BLACKOUT: 1.0, DARK: 5.0, TAMPERING: 4.0, MOVED: 4.0, SHAKING: 3.0, WEATHER: 10.0}
    )
    end_s: float = 4.0
    repeat_s: float = 30.0  # while it lasts it is told again
    flat_spread: float = 3.0  # standard deviation of a picture without any content
    dark_level: float = 28.0  # nine tenths of the picture are darker than this
    lost_edges: float = 0.35  # of the usual edge strength of a part of the picture
    lost_parts: float = 0.75  # of those parts that usually have edges
    fog_edges: float = 0.5
    sudden_s: float = 8.0  # faster is tampering, slower is weather
    same_view: float = 0.4  # correlation of a part's edges with the standing view
    moved_parts: float = 0.6  # of those parts that usually have edges are not the same
    shake_share: float = 0.006  # of the width, mean shift from picture to picture
    specks_share: float = 0.004  # of the picture: short-lived specks
    specks_parts: float = 0.7  # of the picture's parts that have them
    learn_s: float = 60.0  # time constant for the standing view
    learn_edges_s: float = 600.0  # and for the strength of its edges: longer than fog takes to come
    adopt_s: float = 60.0  # a new view is the normal one after so long
    ready_s: float = 3.0  # of seeing before changes can be told


@dataclass(frozen=True)
class Measures:
    """One picture in numbers. edges: Float32[rows, columns] mean fine detail of each part; view: Float32[h, w] gradients."""

    level: float
    bright: float
    spread: float
    edges: Floats
    view: Floats


class Visibility:
    """Watches one camera's pictures. Memory: two small pictures and a few numbers."""

    def __init__(self, settings: VisibilitySettings | None = None) -> None:
        self.settings = settings or VisibilitySettings()
        self._last_at = math.nan
        self._seen_s = 0.0
        self._usual: Measures | None = None
        self._recent: Measures | None = None
        self._before: Grey | None = None
        self._shake = 0.0
        self._drift = np.zeros(2)
        self._specks = 0.0
        self._holds: dict[str, float] = {}  # for how long each evidence has held
        self._away: dict[str, float] = {}
        self._lasting: dict[str, float] = {}  # for how long each blindness has lasted
        self._told: dict[str, float] = {}

    @property
    def blind(self) -> str:
        """What hinders seeing now, or ""."""
        return next((code for code in ORDER if code in self._lasting), "")

    def look(self, motion: Motion, at: float) -> list[Finding]:
        """Take in a picture; gives a finding when a blindness begins and every `repeat_s` while it lasts (value: seconds)."""
        step_s = 0.0 if math.isnan(self._last_at) else min(max(at - self._last_at, 0.0), 2.0)
        self._last_at = at
        grey = _shrunk(motion.grey)
        now = measure(grey)
        evidence = self._evidence(grey, now, step_s)
        for code in ORDER:
            self._count(code, code in evidence, step_s)
        self._learn(now, step_s)
        self._before = grey
        return self._findings(at, evidence)

    def _evidence(self, grey: Grey, now: Measures, step_s: float) -> dict[str, float]:
        """What speaks for each kind of blindness in this picture, with a confidence."""
        one = self.settings
        if now.spread < one.flat_spread and (now.level < 20 or self._usual is None):
            return {BLACKOUT: 1.0}
        if now.bright < one.dark_level:
            return {BLACKOUT: 1.0} if now.spread < one.flat_spread else {DARK: min(1.0, 1.2 - now.bright / (2 * one.dark_level))}
        found = self._unsteady(grey, now, step_s)
        return found if self._usual is None or self._seen_s < one.ready_s else self._changed(now, self._usual, found)

    def _changed(self, now: Measures, usual: Measures, found: dict[str, float]) -> dict[str, float]:
        """What has gone or become another beside what is usual, joined to the evidence `found` already."""
        one = self.settings
        lost = _lost(now.edges, usual.edges, one.lost_edges)
        if lost >= one.lost_parts:
            quick = self._recent is not None and _lost(now.edges, self._recent.edges, one.fog_edges) >= 0.5
            slow = WEATHER in self._holds or not (quick or TAMPERING in self._holds)
            return {WEATHER if slow else TAMPERING: min(1.0, lost)}
        if _lost(now.edges, usual.edges, one.fog_edges) >= one.lost_parts:
            found[WEATHER] = 0.6
            return found
        if found or SHAKING in self._lasting or WEATHER in self._lasting:
            return found
        if unlike := self._unlike(now, usual):
            blurred = float(now.edges.sum()) < one.fog_edges * float(usual.edges.sum())
            found[TAMPERING if blurred else MOVED] = unlike
        return found

    def _unsteady(self, grey: Grey, now: Measures, step_s: float) -> dict[str, float]:
        """Shaking and specks of rain or snow, both against the picture before, smoothed over a second."""
        one = self.settings
        if self._before is None or self._before.shape != grey.shape:
            return {}
        keep = math.exp(-max(step_s, 0.04))
        moved = common_shift(self._before, grey) / grey.shape[1]
        shift = float(np.hypot(*moved))
        self._shake = keep * self._shake + (1 - keep) * min(shift, 0.1)
        self._drift = keep * self._drift + (1 - keep) * moved
        specks = _specks(self._before, grey) if shift < one.shake_share else 0.0
        self._specks = keep * self._specks + (1 - keep) * specks
        found = {}
        if self._shake > one.shake_share and np.hypot(*self._drift) < 0.5 * self._shake:  # to and fro, not turning
            found[SHAKING] = min(1.0, self._shake / (3 * one.shake_share) + 0.3)
        if self._specks > one.specks_share and SHAKING not in found:
            found[WEATHER] = min(1.0, self._specks / (4 * one.specks_share) + 0.3)
        return found

    def _unlike(self, now: Measures, usual: Measures) -> float:
        """How sure it is that the standing view is another: from most of its parts the edges are gone or shifted."""
        one = self.settings
        if usual.view.shape != now.view.shape:
            return 0.0
        alike = likeness(usual.view, now.view)[usual.edges > LEAST_EDGES]
        if len(alike) < LEAST_PARTS or np.mean(alike < one.same_view) < one.moved_parts:
            return 0.0
        return float(np.mean(alike < one.same_view))

    def _count(self, code: str, holds: bool, step_s: float) -> None:
        """Hysteresis of one kind: it begins after `begin_s` of evidence and ends after `end_s` without."""
        one = self.settings
        if holds:
            self._holds[code] = self._holds.get(code, 0.0) + step_s
            self._away.pop(code, None)
        elif code in self._holds or code in self._lasting:
            self._away[code] = self._away.get(code, 0.0) + step_s
            if self._away[code] >= (one.end_s if code in self._lasting else 1.0):
                for book in (self._holds, self._away, self._lasting, self._told):
                    book.pop(code, None)
        if code in self._lasting:
            self._lasting[code] += step_s
        elif self._holds.get(code, 0.0) >= one.begin_s[code] and holds:
            self._lasting[code] = self._holds[code]
        if code == MOVED and self._lasting.get(code, 0.0) > one.adopt_s:
            self._adopt()

    def _adopt(self) -> None:
        """Takes the view as it is for the normal one."""
        self._usual = self._recent = None
        self._seen_s = 0.0
        for book in (self._holds, self._away, self._lasting, self._told):
            book.pop(MOVED, None)

    def _learn(self, now: Measures, step_s: float) -> None:
        """Goes on learning what is normal, but not from pictures that are doubted."""
        if self._recent is None:
            self._recent = now
        self._recent = _mixed(self._recent, now, *[1 - math.exp(-step_s / self.settings.sudden_s)] * 2)
        if self._lasting or any(code in self._holds for code in (BLACKOUT, DARK, TAMPERING, MOVED)):
            return
        self._seen_s += step_s
        if self._usual is None or self._usual.view.shape != now.view.shape:
            self._usual = now
        view, edges = (
            1 - math.exp(-step_s / min(within_s, max(self._seen_s, 0.5)))
            for within_s in (self.settings.learn_s, self.settings.learn_edges_s)
        )
        self._usual = _mixed(self._usual, now, view, edges)

    def _findings(self, at: float, evidence: Mapping[str, float]) -> list[Finding]:
        found = []
        code = self.blind
        if code and (code not in self._told or self._lasting[code] - self._told[code] >= self.settings.repeat_s):
            self._told[code] = self._lasting[code]
            found.append(Finding(code, at, evidence.get(code, 0.5), value=round(self._lasting[code], 1)))
        return found


def measure(grey: Grey) -> Measures:
    """The numbers of one small grey picture: UInt8[h, w]."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    gradient = np.asarray(cv2.magnitude(across, down), np.float32)
    fine = np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=1))
    edges = np.asarray(cv2.resize(np.maximum(fine - 5, 0), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA), np.float32)
    view = np.asarray(cv2.blur(np.minimum(gradient, 255), (5, 5)), np.float32)
    mean, spread = cv2.meanStdDev(grey)
    return Measures(float(mean[0, 0]), float(np.percentile(grey, 90)), float(spread[0, 0]), edges, view)


def likeness(usual: Floats, view: Floats) -> Floats:
    """Float32[rows, columns]: correlation of two pictures of gradients in each part."""
    height, width = view.shape[0] // ROWS, view.shape[1] // COLUMNS
    if min(height, width) < 2:
        return np.ones((ROWS, COLUMNS), np.float32)
    shape = ROWS, height, COLUMNS, width
    cut = (picture[: ROWS * height, : COLUMNS * width].reshape(shape) for picture in (usual, view))
    one, other = (picture.transpose(0, 2, 1, 3).reshape(ROWS, COLUMNS, -1) for picture in cut)
    one, other = one - one.mean(axis=2, keepdims=True), other - other.mean(axis=2, keepdims=True)
    spread = np.sqrt((one**2).sum(axis=2) * (other**2).sum(axis=2))
    return np.asarray((one * other).sum(axis=2) / np.maximum(spread, 1e-6), np.float32)


def common_shift(before: Grey, grey: Grey) -> npt.NDArray[np.float64]:
    """Float64[2]: pixels right and down by which at least three quarters of the picture moved together, or 0, 0."""
    height, width = grey.shape[0] // 2, grey.shape[1] // 2
    if min(height, width) < 16:
        return np.zeros(2)
    window = _window(height, width)
    shifts = []
    for y in (0, height):
        for x in (0, width):
            old, new = (one[y : y + height, x : x + width].astype(np.float32) for one in (before, grey))
            shift, response = cv2.phaseCorrelate(old, new, window)
            if response > 0.1:
                shifts.append(shift)
    if len(shifts) < 3:
        return np.zeros(2)
    middle = np.median(shifts, axis=0)
    together = np.hypot(*(np.array(shifts) - middle).T) <= 0.5 + 0.3 * np.hypot(*middle)
    return np.asarray(middle if np.count_nonzero(together) >= 3 else np.zeros(2), np.float64)


def _shrunk(grey: Grey) -> Grey:
    scale = 160 / max(grey.shape[1], 1)
    return grey if scale >= 1 else np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _lost(now: Floats, usual: Floats, share: float) -> float:
    """Which share of the parts that usually have edges now has less than `share` of them."""
    having = usual > LEAST_EDGES
    if np.count_nonzero(having) < LEAST_PARTS:
        return 0.0
    return float(np.count_nonzero(now[having] < share * usual[having])) / float(np.count_nonzero(having))


def _specks(before: Grey, grey: Grey) -> float:
    """Share of the picture covered by small things that come and go, if they do so nearly everywhere."""
    changed = cv2.threshold(cv2.absdiff(before, grey), 14, 255, cv2.THRESH_BINARY)[1]
    large = cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    specks = cv2.subtract(changed, cv2.dilate(large, np.ones((9, 9), np.uint8)))
    parts = cv2.resize(specks.astype(np.float32), (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) / 255
    return float(parts.mean()) if np.mean(parts > 0.002) >= VisibilitySettings.specks_parts else 0.0


def _mixed(usual: Measures, now: Measures, view_share: float, edges_share: float) -> Measures:
    if usual.view.shape != now.view.shape:
        return now
    edges = np.asarray((1 - edges_share) * usual.edges + edges_share * now.edges, np.float32)
    view = np.asarray((1 - view_share) * usual.view + view_share * now.view, np.float32)
    return Measures(now.level, now.bright, now.spread, edges, view)


def _window(height: int, width: int) -> Floats:
    """Fades out towards the border, which phase correlation needs."""
    return np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
