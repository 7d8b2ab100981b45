"""Which pictures of a stream are handed on so that no more than a budget of pictures a second is worked on."""

KEYS_MEASURED = 3


class Budget:
    """Spreads `fps` pictures a second evenly over stream time; the first picture always passes."""

    def __init__(self, fps: float):
        self.step_s = 1 / fps
        self._due_s: float | None = None
        self._last_s = 0.0

    def takes(self, pts_s: float, frame_s: float = 0.0) -> bool:
        """Whether the picture at this stream time is handed on. `frame_s`: time between pictures, for the nearest one to win."""
        if self._due_s is None or pts_s < self._last_s or pts_s > self._due_s + 2 * self.step_s:
            self._due_s = pts_s  # the first, time went back, or a gap: no burst to catch up
        self._last_s = pts_s
        if pts_s + min(frame_s, self.step_s) / 2 < self._due_s:
            return False
        self._due_s += self.step_s
        return True


class KeyFrames:
    """Measures how often key frames come. Where the budget is no higher, only those need decoding, at a tenth of the cost."""

    def __init__(self, fps: float):
        self.fps = fps
        self._times: list[float] = []

    def saw(self, pts_s: float) -> None:
        """A key frame with this stream time came."""
        if self._times and pts_s <= self._times[-1]:
            self._times = []
        self._times = [*self._times[-KEYS_MEASURED:], pts_s]

    @property
    def rate(self) -> float:
        """Key frames a second; 0 until enough have come."""
        if len(self._times) <= KEYS_MEASURED:
            return 0.0
        return KEYS_MEASURED / (self._times[-1] - self._times[0])

    @property
    def suffice(self) -> bool:
        """Whether key frames alone fill the budget."""
        return self.rate >= self.fps
