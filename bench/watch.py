"""Watch plans: camera views and the choice of cameras, each beside its peers in the same run.

Views: sample points (`cctv.views`) against exact polygons (shapely). Choice: lazy greedy (`cctv.coverage`) against the textbook
greedy that computes every gain anew, and on a small district against the exact optimum (HiGHS, mixed-integer programme).
Everything is made up from a fixed seed: no data files, no database.
"""

import time

import h3.api.basic_int as h3
import numpy as np
import shapely
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, hstack, identity

from bench._report import cpu_s, finish, peak_rss_mb, print_table
from cctv.coverage import choose_cameras
from cctv.seats import deal_seats
from cctv.views import POINTS_PER_CELL, FloatArray, Views, look, metres_from

SEED = 20240601
LON, LAT = 127.02, 37.48
CIRCLES = 0.3


def make_city(rings: int, cameras: int) -> tuple[np.ndarray, list[FloatArray], FloatArray]:
    """Cells of a round city, its cameras (lon, lat, bearing, angle, range) and a skewed risk: Float64[cells], sum 10."""
    rng = np.random.default_rng(SEED)
    cells = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(LAT, LON, 10), rings)), np.uint64)
    risk = rng.gamma(0.3, 1.0, len(cells))
    busy = rng.choice(len(cells), cameras, p=0.5 * risk / risk.sum() + 0.5 / len(cells))  # half of them follow the risk
    lat, lon = np.array([h3.cell_to_latlng(int(cell)) for cell in cells[busy]]).T + rng.normal(0, 3e-4, (2, cameras))
    bearing = np.where(rng.random(cameras) < CIRCLES, np.nan, rng.uniform(0, 360, cameras))
    angle = np.where(np.isnan(bearing), 360.0, rng.uniform(50, 110, cameras))
    return cells, [lon, lat, bearing, angle, rng.uniform(30, 80, cameras)], 10 * risk / risk.sum()


def exact_shares(arrays: list[FloatArray], cells: np.ndarray, views: Views) -> tuple[FloatArray, FloatArray]:
    """Shares by sample points and by exact polygons, for every pair that the sample points find."""
    matrix = views.coverage()
    exact = []
    for camera in range(views.camera_count):
        lon, lat, bearing, angle, range_m = (values[camera] for values in arrays)
        middle, half = (0.0, 180.0) if np.isnan(bearing) else (bearing, angle / 2)
        rim = np.radians(np.linspace(middle - half, middle + half, 181))
        points = np.column_stack([range_m * np.sin(rim), range_m * np.cos(rim)])
        sector = shapely.Polygon(points if half == 180 else [(0, 0), *points])
        for number in matrix.indices[matrix.indptr[camera] : matrix.indptr[camera + 1]]:
            corners = np.array(h3.cell_to_boundary(int(cells[number])))
            cell = shapely.Polygon(np.column_stack(metres_from(lon, lat, corners[:, 1], corners[:, 0])))
            exact.append(cell.intersection(sector).area / cell.area)
    return matrix.data.astype(np.float64), np.array(exact)


def plain_greedy(views: Views, risk: FloatArray, count: int) -> float:
    """Captured risk of the textbook greedy."""
    left = np.repeat(risk / POINTS_PER_CELL, POINTS_PER_CELL)
    captured = 0.0
    for _ in range(count):
        gains = [float(left[views.of(camera)].sum()) for camera in range(views.camera_count)]
        best = int(np.argmax(gains))
        captured += gains[best]
        left[views.of(best)] = 0.0
    return captured


def optimum(views: Views, risk: FloatArray, count: int, limit_s: float) -> tuple[float, bool]:
    """Captured risk of the best set, and whether it is proven the best (HiGHS; points seen by the same cameras are one)."""
    seen = csr_array(
        (np.ones(len(views.points)), (views.points, np.repeat(np.arange(views.camera_count), np.diff(views.first)))),
        shape=(views.cell_count * POINTS_PER_CELL, views.camera_count),
    )
    weights: dict[tuple[int, ...], float] = {}
    for point in np.unique(views.points):
        cameras = tuple(seen.indices[seen.indptr[point] : seen.indptr[point + 1]].tolist())
        weights[cameras] = weights.get(cameras, 0.0) + risk[point // POINTS_PER_CELL] / POINTS_PER_CELL
    row = np.repeat(np.arange(len(weights)), [len(cameras) for cameras in weights])
    column = np.concatenate([np.array(cameras) for cameras in weights])
    sees = csr_array((np.ones(len(row)), (row, column)), shape=(len(weights), views.camera_count))
    covered_only_if_seen = LinearConstraint(hstack([-sees, identity(len(weights))]), ub=0)
    chosen, regions = np.ones(views.camera_count), np.zeros(len(weights))
    at_most = LinearConstraint(np.concatenate([chosen, regions])[None, :], ub=count)
    result = milp(
        -np.concatenate([0 * chosen, list(weights.values())]),
        constraints=[covered_only_if_seen, at_most],
        integrality=np.concatenate([chosen, regions]),
        bounds=Bounds(0.0, 1.0),
        options={"time_limit": limit_s},
    )
    # Without any solution in the time given there is nothing to compare with.
    return (float("nan") if result.fun is None else -float(result.fun)), result.status == 0


def main() -> None:
    result: dict[str, float | bool] = {}
    rows: list[list[object]] = []
    for name, rings, cameras in (("district", 31, 4000), ("metropolis", 116, 4000)):
        cells, arrays, risk = make_city(rings, cameras)
        start = time.perf_counter()
        views = look(*arrays, cell_ids=cells)
        look_s = time.perf_counter() - start
        start = time.perf_counter()
        choice = choose_cameras(views, risk, count=300)
        choose_s = time.perf_counter() - start
        start = time.perf_counter()
        deal_seats(arrays[0][choice.order], arrays[1][choice.order], choice.gains, seats=6, per_seat=50)
        seats_s = time.perf_counter() - start
        start = time.perf_counter()
        plain = plain_greedy(views, risk, 300) if name == "district" else None
        plain_s = time.perf_counter() - start if plain is not None else None
        rows.append(
            [
                name,
                len(cells),
                cameras,
                look_s,
                choose_s,
                plain_s,
                seats_s,
                choice.captured / 10,
                plain and plain / 10,
                choice.gap,
            ]
        )
        result |= {f"{name}_views_s": look_s, f"{name}_choose_s": choose_s, f"{name}_gap": choice.gap}
    columns = [
        "city",
        "cells",
        "cameras",
        "views s",
        "lazy greedy s",
        "plain greedy s",
        "seats s",
        "captured",
        "plain captured",
        "gap at most",
    ]
    print_table("300 of 4,000 cameras", columns, rows)

    cells, arrays, risk = make_city(12, 400)
    start = time.perf_counter()
    views = look(*arrays, cell_ids=cells)
    points_s = time.perf_counter() - start
    start = time.perf_counter()
    sampled, exact = exact_shares(arrays, cells, views)
    exact_s = time.perf_counter() - start
    off = np.abs(sampled - exact)
    print_table(
        "Share of a cell in view, 400 cameras",
        ["method", "seconds", "mean error", "greatest error"],
        [["96 sample points", points_s, float(off.mean()), float(off.max())], ["exact polygons (shapely)", exact_s, 0.0, 0.0]],
    )

    rows = []
    for count in (10, 30, 60, 300):
        if count == 300:
            cells, arrays, risk = make_city(31, 4000)
            views = look(*arrays, cell_ids=cells)
        choice = choose_cameras(views, risk, count=count)
        start = time.perf_counter()
        best, proven = optimum(views, risk, count, limit_s=60)
        rows.append(
            [
                views.camera_count,
                count,
                choice.captured / 10,
                best / 10,
                proven,
                choice.captured / best,
                choice.gap,
                time.perf_counter() - start,
            ]
        )
        result[f"of_optimum_{count}"] = choice.captured / best
    columns = ["cameras", "chosen", "greedy captures", "optimum captures", "proven", "greedy / optimum", "gap at most", "HiGHS s"]
    print_table("Greedy against the exact optimum", columns, rows)
    finish(
        result
        | {"share_error_mean": float(off.mean()), "share_error_max": float(off.max()), "cpu_s": cpu_s(), "peak_mb": peak_rss_mb()}
    )


if __name__ == "__main__":
    main()
