"""Reads of live weights: those in service as the fusion takes them, and all versions for pages and API."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from prediction.fusion.weights import LiveWeights as CoreWeights
from webapp.common.errors import NotFound
from webapp.forecasts.models import LiveWeights

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User


@dataclass(frozen=True)
class WeightsInService:
    """The weights in service. `pk` changes when others take their place."""

    row: LiveWeights

    @property
    def pk(self) -> int:
        return int(self.row.pk)

    def weights(self) -> CoreWeights:
        """As the core takes them; `.reordered(categories, factors)` fits them to a run and a list of factors."""
        return core_weights(self.row)


def live_weights_in_service(*, jurisdiction: "Jurisdiction") -> WeightsInService | None:
    """The weights that the fusion multiplies with, or None before the first."""
    row = LiveWeights.objects.of(jurisdiction).filter(state=LiveWeights.State.IN_SERVICE).first()
    return None if row is None else WeightsInService(row)


def live_weights_list(*, user: "User") -> QuerySet[LiveWeights]:
    """The live weights of the person's jurisdiction, newest first."""
    return LiveWeights.objects.visible_to(user).select_related("promoted_by").order_by("-created_at", "-pk")


def live_weights_for(*, user: "User", weights_id: int) -> LiveWeights:
    """Live weights of the person's jurisdiction. Raises `NotFound`."""
    row = live_weights_list(user=user).filter(pk=weights_id).first()
    if row is None:
        raise NotFound(_("There are no such live weights."))
    return row


@dataclass(frozen=True)
class WeightLine:
    """One weight with its 95 % interval, as log and as what one unit of excess multiplies the rate by."""

    category: str
    factor: str
    mean: float
    sd: float
    low: float
    high: float
    times: float
    prior_mean: float


def weight_lines(row: LiveWeights) -> list[WeightLine]:
    """Every category × factor of one row, in its order."""
    lines = []
    columns = len(row.factor_codes)
    for c, category in enumerate(row.category_codes):
        for f, factor in enumerate(row.factor_codes):
            mean, sd = row.mean[c * columns + f], row.sd[c * columns + f]
            prior = row.prior_mean[c * columns + f]
            low, high = mean - 1.96 * sd, mean + 1.96 * sd
            lines.append(WeightLine(category, factor, mean, sd, low, high, float(np.exp(mean)), prior))
    return lines


def core_weights(row: LiveWeights) -> CoreWeights:
    """A row as the core's weights."""
    shape = (len(row.category_codes), len(row.factor_codes))
    return CoreWeights(
        tuple(row.category_codes),
        tuple(row.factor_codes),
        np.array(row.mean, dtype=np.float64).reshape(shape),
        np.array(row.sd, dtype=np.float64).reshape(shape),
        np.array(row.centre, dtype=np.float64),
        scale=row.scale,
        rho=row.rho,
    )


def prior_of(row: LiveWeights) -> CoreWeights:
    """What court rulings said when the row was made."""
    shape = (len(row.category_codes), len(row.factor_codes))
    mean, sd = (np.array(part, dtype=np.float64).reshape(shape) for part in (row.prior_mean, row.prior_sd))
    return CoreWeights(tuple(row.category_codes), tuple(row.factor_codes), mean, sd, np.zeros(shape[0]))
