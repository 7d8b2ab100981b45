"""How far real counts stray from what a run expects: the dispersion that its model found out of fold."""

import numpy as np
from django.core.cache import cache
from django.db.models import QuerySet

from prediction.uncertainty import Dispersion, interval_of_sum
from webapp.forecasts.models import ForecastRun, Rates

REMEMBERED_S = 24 * 3600


def dispersion_of(run: ForecastRun, category: str = "") -> Dispersion | None:
    """Of a category, or of all together where it is blank; None where the run recorded none."""
    kept = (run.parameters.get("dispersion") or {}).get(category)
    return None if kept is None else Dispersion(cell=kept["cell"], level=kept["level"])


def total_interval(run: ForecastRun) -> tuple[int, int] | None:
    """Between which the incidents of the whole jurisdiction and period fall with a chance of 95 %; None without a dispersion.

    A run never changes, so its answer is remembered: it needs every cell's rate (13 MB for 40,000 cells).
    """
    spread = dispersion_of(run)
    if spread is None:
        return None
    key = f"run-interval:{run.pk}:{run.model_sha256[:16]}:{run.data_sha256[:16]}"
    found: tuple[int, int] | None = cache.get(key)
    if found is None:
        rates = np.zeros(run.grid.cell_count)
        rows: QuerySet[Rates] = Rates.objects.filter(run=run)
        for row in rows.iterator(21):
            rates += row.array()
        found = interval_of_sum(rates, spread, level=0.95)
        cache.set(key, found, REMEMBERED_S)
    return found
