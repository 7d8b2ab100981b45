"""One open page of `bench/live.py`: a real client of the live channel that notes when which cell changed."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass
class OpenPage:
    """Reads `/live/stream/` in a thread. `rises`: (arrival in epoch seconds, newest entry in it in ms, cells that rose)."""

    port: int
    session: str
    values: npt.NDArray[np.int16]
    rises: list[tuple[float, int, frozenset[int]]] = field(default_factory=list)
    upto: list[tuple[float, int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    size: int = 0
    failed: str = ""

    def open(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._connection.request("GET", "/live/stream/", headers={"Cookie": f"sessionid={self.session}"})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"the live channel answered {answer.status}")
        self._thread = threading.Thread(target=self._read, args=(answer,), daemon=True)
        self._thread.start()

    def _read(self, answer: http.client.HTTPResponse) -> None:
        try:
            while line := answer.readline():
                if line.startswith(b"data:"):
                    self._hear(line, time.time())
        except OSError as error:
            self.failed = str(error)

    def _hear(self, line: bytes, now: float) -> None:
        self.size += len(line)
        message: dict[str, Any] = json.loads(line[5:])
        self.counts[message["type"]] = self.counts.get(message["type"], 0) + 1
        if message["type"] != "cells":
            return
        milliseconds = int(message["upto"].partition("-")[0])
        self.upto.append((now, milliseconds))
        cells = np.array(message["cells"], np.int64)
        fresh = np.array(message["values"][""], np.int16)
        self.rises.append((now, milliseconds, frozenset(cells[fresh > self.values[cells]].tolist())))
        self.values[cells] = fresh

    def risen_at(self, probes: list[tuple[int, float, float]], cells: tuple[int, ...]) -> list[float | None]:
        """When the message came in which each probe's cell rose, epoch seconds; None where it did not within ten seconds."""
        return [self._risen(cells[number % len(cells)], before) for number, before, _after in probes]

    def _risen(self, cell: int, before: float) -> float | None:
        for now, milliseconds, cells in self.rises:
            if milliseconds >= before * 1000 - 1 and cell in cells:
                return now if now - before < 10 else None
        return None

    def any_waits(self, every_s: float, begun: float, ended: float) -> list[float]:
        """Seconds from an entry of the stream, one each `every_s`, to the first message that includes it, changed or not."""
        moments = np.array([at for at, _ms in self.upto])
        included = np.array([ms for _at, ms in self.upto])
        asked = np.arange(begun, ended, every_s)
        places = np.searchsorted(included, asked * 1000)
        inside = places < len(moments)
        return (moments[places[inside]] - asked[inside]).tolist()
