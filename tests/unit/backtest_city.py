"""A small made-up city for the tests of the back-test: 169 cells, three categories, theft by day and violence by night."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import h3.api.numpy_int as h3
import numpy as np

from prediction.grid import Grid
from prediction.panel import DAY_S, Incidents
from prediction.slots import SlotScheme

SHIFTS = SlotScheme("Asia/Seoul", (6, 14, 22))
CODES = ("theft", "violence", "homicide")
END = datetime(2026, 3, 2, 13, tzinfo=UTC)  # Monday 22:00 in Seoul, the start of a slot


def city(*, count=6_000, days=500, seed=3, rings=7):
    """(grid, incidents): hot cells that stay hot; three homicides, none of them in the last year."""
    grid = Grid.from_h3(h3.grid_disk(h3.latlng_to_cell(37.49, 127.01, 10), rings))
    rng = np.random.default_rng(seed)
    heat = rng.gamma(0.5, 1, len(grid))
    category = rng.choice(2, count, p=[0.6, 0.4]).astype(np.int16)
    day = rng.integers(1, days, count)
    category[:3], day[:3] = 2, days - 2
    hour = np.where(category == 0, rng.integers(7, 20, count), rng.integers(19, 31, count))
    midnight = int(datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Seoul")).timestamp())
    start = midnight - (day + 1) * DAY_S + hour * 3_600 + rng.integers(0, 3_600, count)
    cells = rng.choice(len(grid), count, p=heat / heat.sum()).astype(np.int32)
    return grid, Incidents.at(cells, start, start, category)
