"""From arrays to a watch list: which cameras, in what order, on whose seat, and why.

Nothing is read or written here; `services.make_plan` brings the arrays and stores what comes out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cctv.coverage import captured_risk, choose_cameras
from cctv.seats import deal_seats
from cctv.views import Views, look
from webapp.cameras.selectors import CameraArrays

# The base is every cell's, and the season every cell's of a category: they say nothing about why this camera.
GROUPS_OF_NO_PLACE = ("base", "season")

Rates = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class CellReasons:
    """Why the rates of one category are what they are: groups of features and Float[cells, groups], log contributions."""

    groups: tuple[str, ...]
    contributions: npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class WatchList:
    """The chosen cameras, best first.

    camera_ids, seats: Int64[chosen]. gains: Float64[chosen], expected incidents each adds to those before it. reasons: one a
    camera, see `_reasons`. captured: expected incidents in all the views together; captured_by_count: the same for as many
    cameras chosen by past counts; upper_bound: no choice of as many cameras can capture more.
    """

    camera_ids: npt.NDArray[np.int64]
    seats: npt.NDArray[np.int64]
    gains: npt.NDArray[np.float64]
    reasons: list[dict[str, Any]]
    captured: float
    captured_by_count: float
    upper_bound: float


def make_watch_list(
    *,
    cameras: CameraArrays,
    cells: npt.NDArray[np.uint64],
    rates: Rates,
    reasons: Mapping[str, CellReasons],
    past_counts: npt.NDArray[np.float64],
    category_code: str,
    operators: int,
    cameras_per_operator: int,
) -> WatchList:
    """Choose cameras for the risk of one category, or of all where the code is blank, and deal them out to operators.

    cells: UInt64[cells]; rates: {code: Float32[cells]}, expected incidents; past_counts: Float64[cells], the baseline's risk.
    """
    views = look(cameras.lon, cameras.lat, cameras.bearing_deg, cameras.angle_deg, cameras.range_m, cell_ids=cells)
    risk = rates[category_code] if category_code else np.sum(list(rates.values()), axis=0, dtype=np.float64)
    choice = choose_cameras(views, risk, count=operators * cameras_per_operator)
    by_count = choose_cameras(views, past_counts, count=len(choice.order), fill=True)
    seats = deal_seats(
        cameras.lon[choice.order], cameras.lat[choice.order], choice.gains, seats=operators, per_seat=cameras_per_operator
    )
    return WatchList(
        camera_ids=cameras.id[choice.order],
        seats=seats,
        gains=choice.gains,
        reasons=_reasons(views.subset(choice.order), cells, rates, reasons, category_code),
        captured=choice.captured,
        captured_by_count=captured_risk(views, risk, by_count.order),
        upper_bound=choice.upper_bound,
    )


def _reasons(
    views: Views, cells: npt.NDArray[np.uint64], rates: Rates, reasons: Mapping[str, CellReasons], category_code: str
) -> list[dict[str, Any]]:
    """Why each of these cameras, as fields; `wording.reason_sentence` makes the sentence in the language of the page.

    category: code of the category with most expected incidents in its view (the plan's own where it has one). share: that
    category's part of all incidents expected there. vs_mean: its rate in the view as a multiple of the jurisdiction's mean cell.
    cell: hexadecimal H3 index of the cell that contributes most. group, factor: what raises that cell's rate most, and by how
    much (blank and 1 where nothing does).
    """
    codes = list(rates)
    table = np.column_stack([rates[code] for code in codes]).astype(np.float64)
    shares = views.coverage()
    seen = shares @ table
    area = np.asarray(shares.sum(axis=1)).ravel()
    means = table.mean(axis=0)
    found = []
    for camera in range(views.camera_count):
        top = codes.index(category_code) if category_code else int(np.argmax(seen[camera]))
        row = slice(shares.indptr[camera], shares.indptr[camera + 1])
        weights = shares.data[row] * table[shares.indices[row], top]
        cell = int(shares.indices[row][np.argmax(weights)])
        group, factor = _strongest_group(reasons.get(codes[top]), cell)
        total, mean = float(seen[camera].sum()), float(means[top])
        found.append(
            {
                "category": codes[top],
                "share": round(float(seen[camera, top]) / total, 4) if total > 0 else 0.0,
                "vs_mean": round(float(seen[camera, top] / area[camera]) / mean, 3) if mean > 0 else 0.0,
                "cell": f"{int(cells[cell]):x}",
                "group": group,
                "factor": round(factor, 3),
            }
        )
    return found


def _strongest_group(reasons: CellReasons | None, cell: int) -> tuple[str, float]:
    """The group that raises this cell's rate most, and the factor; ("", 1.0) where none raises it."""
    best, most = "", 0.0
    if reasons is not None:
        for group, contribution in zip(reasons.groups, reasons.contributions[cell].astype(np.float64), strict=True):
            if group not in GROUPS_OF_NO_PLACE and contribution > most:
                best, most = group, float(contribution)
    return best, float(np.exp(most))
