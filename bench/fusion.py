"""What live risk factors add to the forecast of the next hour: in a simulated city whose weights are known, and in real ones.

No public data set joins live CCTV risk with recorded crime. The simulated figures rest on stated weights; the real ones on
recorded incidents of other types, replayed as if cameras had seen every second one. Neither says what cameras would gain.
"""

import argparse
import time
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from bench._cities import SOURCES
from bench._fusion_real import real
from bench._fusion_replayed import replayed
from bench._fusion_simulated import SEOUL, setting, simulated
from bench._report import cpu_s, finish, peak_rss_mb, print_table
from bench._shared_data import shared_data
from prediction.fusion.excess import Excess
from prediction.fusion.fuse import fuse
from prediction.fusion.usual import UsualLevels
from prediction.fusion.weights import prior_weights

WARNING = (
    "No public data set joins live CCTV risk with recorded crime: the gains below rest on a stated, simulated or replayed signal."
)
CAMERAS, CELLS, FACTORS, SEEN_CELLS = 4_000, 5_000, 18, 10


def main() -> int:
    options = argparse.ArgumentParser(prog="bench fusion", description=__doc__)
    options.add_argument("--quick", action="store_true", help="a quarter of the cameras, fewer weeks; one real city, fewer days")
    options.add_argument("--part", choices=("simulated", "replayed", "real", "speed"), help="one part only")
    options.add_argument("--city", choices=tuple(SOURCES), help="one real city only")
    arguments = options.parse_args()
    start = cpu_s()
    print(WARNING)
    found: dict[str, Any] = {"warning": WARNING}
    if arguments.part in (None, "speed"):
        found |= {"speed": speed()}
    if arguments.part in (None, "simulated"):
        found |= simulated(quick=arguments.quick)
    if arguments.part in (None, "replayed"):
        found["P10"] = replayed(setting(quick=arguments.quick))
    if arguments.part in (None, "real"):
        cities = (arguments.city,) if arguments.city else tuple(SOURCES)
        absent = [SOURCES[code].file for code in cities if not (shared_data() / SOURCES[code].file).exists()]
        if absent:
            print(f"\nThe real cities are left out: {', '.join(absent)} not found in {shared_data()}.")
        found["real"] = {} if absent else real(quick=arguments.quick, cities=cities)
    finish(found | {"cpu_s": round(cpu_s() - start, 1), "peak_rss_mb": peak_rss_mb(), "quick": arguments.quick})
    return 0


def speed() -> dict[str, float]:
    """Medians of 20, in milliseconds of CPU time, one thread: wall time says little on a shared machine."""
    rng = np.random.default_rng(1)
    camera = np.repeat(np.arange(CAMERAS), SEEN_CELLS)
    coverage = csr_array(
        (rng.uniform(0.1, 1, camera.size), (camera, rng.integers(0, CELLS, camera.size))), shape=(CAMERAS, CELLS)
    )
    usual = UsualLevels(CAMERAS, FACTORS, zone=SEOUL)
    now = 1_767_538_800.0
    excess = Excess(coverage, usual, half_life_s=np.full(FACTORS, 1_800.0), start_s=now)
    weights = prior_weights(
        [str(c) for c in range(5)], [str(f) for f in range(FACTORS)], log_ratio=rng.normal(0, 1, (5, FACTORS))
    )
    rates = rng.gamma(1, 0.01, (5, CELLS)).astype(np.float32)
    taken: dict[str, list[float]] = {"add_1000_events_ms": [], "values_ms": [], "fuse_ms": [], "close_hour_ms": []}

    def clocked(name: str, began: float) -> None:
        taken[name].append(1_000 * (time.process_time() - began))

    for _turn in range(20):
        many = rng.integers(0, CAMERAS, 1_000), rng.integers(0, FACTORS, 1_000), now + rng.uniform(0, 0.25, 1_000)
        began = time.process_time()
        excess.add(*many, 0.8)
        clocked("add_1000_events_ms", began)
        began = time.process_time()
        values, seen = excess.values(now + 0.25), excess.seen(now + 0.25)
        clocked("values_ms", began)
        began = time.process_time()
        fuse(rates, weights, values, seen)
        clocked("fuse_ms", began)
        now += 3_600
        began = time.process_time()
        excess.advance(now)
        clocked("close_hour_ms", began)
    found = {name: round(float(np.median(times)), 2) for name, times in taken.items()}
    print_table(
        f"Speed: {CAMERAS:,} cameras, {CELLS:,} cells, {FACTORS} factors, one thread, CPU time (aim: 1,000 events under 10 ms)",
        ["what", "ms"],
        [[name.removesuffix("_ms").replace("_", " "), value] for name, value in found.items()],
    )
    return found


if __name__ == "__main__":
    raise SystemExit(main())
