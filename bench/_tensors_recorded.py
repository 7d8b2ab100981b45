"""Figures of peers that were measured once and are quoted, never run here: ../shared/targets.md sections 3 and 4.5."""

FLOORS = {
    "CHI/full_mae": 0.394,
    "NYC/full_mae": 0.213,
    "CHI/masked_mae": 0.923,
    "NYC/masked_mae": 0.643,
    "CHI/masked_mape": 0.326,
    "NYC/masked_mape": 0.242,
    "AGL-STAN Aug/mean_of_types": 0.688,
    "AGL-STAN Aug/pooled": 0.726,
    "HAGEN CHI-8/macro": 0.660,
    "HAGEN CHI-8/micro": 0.717,
}
TARGETS = {
    "CHI/full_mae": 0.390,
    "NYC/full_mae": 0.211,
    "CHI/masked_mae": 0.91,
    "NYC/masked_mae": 0.635,
    "CHI/masked_mape": 0.322,
    "NYC/masked_mape": 0.240,
    "AGL-STAN Aug/mean_of_types": 0.692,
    "AGL-STAN Aug/pooled": 0.730,
    "HAGEN CHI-8/macro": 0.668,
    "HAGEN CHI-8/micro": 0.722,
}

_NAMES = ("masked_mae", "masked_mape", "mae", "rmse")


def _counts(*figures: float) -> dict[str, float]:
    return dict(zip(_NAMES, figures, strict=True))


STHSL_RECORDED: dict[str, dict[str, dict[str, float]]] = {
    "CHI": {
        "constant 1": _counts(1.457, 0.364, 1.117, 1.692),
        "mean of all history": _counts(1.078, 0.518, 0.406, 0.894),
        "per-cell median given y > 0": _counts(0.937, 0.423, 1.020, 1.215),
        "LightGBM, Poisson mean": _counts(1.057, 0.496, 0.394, 0.858),
        "LightGBM, L1 on y > 0": _counts(0.923, 0.414, 1.017, 1.184),
        "LightGBM, MAPE loss on y > 0": _counts(1.082, 0.326, 1.027, 1.311),
    },
    "NYC": {
        "constant 1": _counts(0.883, 0.253, 0.984, 1.196),
        "mean of all history": _counts(0.940, 0.539, 0.214, 0.557),
        "per-cell median given y > 0": _counts(0.643, 0.296, 0.964, 1.051),
        "LightGBM, Poisson mean": _counts(0.932, 0.534, 0.213, 0.553),
        "LightGBM, L1 on y > 0": _counts(0.651, 0.302, 0.966, 1.045),
        "LightGBM, MAPE loss on y > 0": _counts(0.719, 0.242, 0.964, 1.071),
    },
}

_MONTHS = ("Aug", "Sep", "Oct", "Nov", "Dec")


def _pairs(first: tuple[float, ...], second: tuple[float, ...]) -> dict[str, tuple[float, float]]:
    return dict(zip(_MONTHS, zip(first, second, strict=True), strict=True))


# (mean of types, pooled)
AGL_RECORDED: dict[str, dict[str, tuple[float, float]]] = {
    "AGL-STAN re-trained, 20 epochs": _pairs((0.677, 0.675, 0.673, 0.652, 0.639), (0.722, 0.721, 0.717, 0.694, 0.688)),
    "per-region frequency": _pairs((0.687, 0.677, 0.682, 0.660, 0.647), (0.724, 0.717, 0.719, 0.695, 0.688)),
    "LightGBM": _pairs((0.688, 0.684, 0.687, 0.666, 0.654), (0.726, 0.723, 0.724, 0.700, 0.695)),
}


def _by_number(*pairs: tuple[float, float]) -> dict[int, tuple[float, float]]:
    return dict(zip(range(8, 13), pairs, strict=True))


# (macro, micro), months 8 to 12
HAGEN_RECORDED: dict[str, dict[str, dict[int, tuple[float, float]]]] = {
    "CHI": {
        "per-region frequency": _by_number((0.656, 0.712), (0.666, 0.720), (0.665, 0.715), (0.647, 0.699), (0.642, 0.696)),
        "LightGBM": _by_number((0.660, 0.717), (0.668, 0.719), (0.667, 0.715), (0.653, 0.700), (0.651, 0.700)),
    },
    "LA": {
        "per-region frequency": _by_number((0.527, 0.625), (0.521, 0.627), (0.520, 0.621), (0.519, 0.622), (0.513, 0.618)),
        "LightGBM": _by_number((0.528, 0.628), (0.524, 0.629), (0.517, 0.619), (0.523, 0.626), (0.509, 0.617)),
    },
}
