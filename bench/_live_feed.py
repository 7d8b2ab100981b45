"""`python -m bench._live_feed`: publishes events of the bench's cameras at a steady pace, and tells what became of them.

Each camera speaks once a second (times `--rate`), nearly always with a count of people, now and then with a risk factor. Probe
cameras stay quiet, but for one clear fall each in turn, whose time of publishing is written down.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import django

django.setup()  # before the models below are imported

import numpy as np  # noqa: E402
from django.utils import timezone  # noqa: E402

from cctv.events import CameraEvent  # noqa: E402
from webapp.cameras.services.events import Published, publish  # noqa: E402

TICK_S = 0.05
RISK_SHARE = 0.01  # of the events: 36 an hour and camera, far more than real streets give
RISKS = ("loitering", "crowding", "running", "vehicle_stop")
PROBE_TIMES = 2  # a probe camera is used so often at most: then its cells are as high as they go
QUIET_END_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path, help="JSON: jurisdiction_id, source_ids, probes by label of the phase")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=1.0, help="events a second and camera")
    parser.add_argument("--label", required=True, help="begins the keys")
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--probe", action="store_true")
    args = parser.parse_args()
    plan = json.loads(args.plan.read_text())
    feed = Feed(plan, args.label, args.part, args.parts, probe_s=args.seconds - QUIET_END_S if args.probe else 0.0)
    args.out.write_text(json.dumps(feed.run(args.seconds, args.rate)))


class Feed:
    """One publishing process: every `parts`-th camera, in turn."""

    def __init__(self, plan: dict, label: str, part: int, parts: int, *, probe_s: float):
        self.jurisdiction_id = plan["jurisdiction_id"]
        self.label, self.rng = f"{label}-{part}", np.random.default_rng(part)
        self.cameras = plan["source_ids"][part::parts]
        self.probes = plan["probes"].get(label, []) if probe_s else []
        self.is_quiet = {camera for some in plan["probes"].values() for camera in some}
        times = len(self.probes) * PROBE_TIMES
        self.probe_every_s = probe_s / times if probe_s and times else 0.0
        self.number = self.fired = 0
        self.total = Published()
        self.told: list[tuple[int, float, float]] = []  # probe, before and after publishing, epoch seconds
        self.confidence = 0.0

    def run(self, seconds: float, rate: float) -> dict:
        """Publish for so long; late is caught up with, so that the whole number is offered."""
        per_s = len(self.cameras) * rate
        begun = time.time()
        offered = 0
        while (gone := time.time() - begun) < seconds:
            due = min(int(gone * per_s), offered + int(per_s))
            if due > offered:
                self._send(due - offered, gone)
                offered = due
            time.sleep(max(0.0, TICK_S - (time.time() - begun - gone)))
        took = time.time() - begun
        done = self.total
        return {
            "offered": self.number,
            "accepted": done.accepted,
            "duplicates": done.duplicates,
            "shed": done.shed,
            "refused": len(done.refused),
            "late": done.late,
            "seconds": took,
            "cpu_s": time.process_time(),
            "probes": self.told,
            "risk_confidence": self.confidence,
        }

    def _send(self, count: int, gone: float) -> None:
        now = timezone.now()
        events = [self._event(now) for _number in range(count)]
        probe = self._probe(gone, now)
        if probe is not None:
            events.append(probe)
        before = time.time()
        done = publish(jurisdiction_id=self.jurisdiction_id, events=events)
        if probe is not None:
            self.told.append((self.fired - 1, before, time.time()))
        self.total += done
        if not done.shed:
            self.confidence += sum(event.confidence for event in events if event.factor != "people")

    def _event(self, now: object) -> CameraEvent:
        camera = self.cameras[self.number % len(self.cameras)]
        self.number += 1
        key = f"{self.label}-{self.number}"
        if camera not in self.is_quiet and self.rng.random() < RISK_SHARE:
            return CameraEvent(key, camera, now, RISKS[self.number % len(RISKS)], 0.75)  # type: ignore[arg-type]
        return CameraEvent(key, camera, now, "people", 0.875, float(self.number % 9))  # type: ignore[arg-type]

    def _probe(self, gone: float, now: object) -> CameraEvent | None:
        if not self.probe_every_s or gone < self.probe_every_s * (self.fired + 0.5):
            return None
        if self.fired >= len(self.probes) * PROBE_TIMES:
            return None
        camera = self.probes[self.fired % len(self.probes)]
        self.fired += 1
        self.number += 1
        return CameraEvent(f"{self.label}-probe-{self.fired}", camera, now, "fall", 1.0)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
