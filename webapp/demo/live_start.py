"""What the live picture of a simulated city has from its first moment: usual levels and weights, both from the simulation.

Apart from `live.py`, for it brings the whole fusion into memory (100 MB) and is needed only once.
"""

from simulation.live_feed import LiveFeed
from simulation.live_rhythm import DEMO_WEIGHTS
from webapp.accounts.models import Jurisdiction
from webapp.crimes.models import Category
from webapp.forecasts.services.live_weights import give_live_weights
from webapp.live.services import seed_usual

# The simulator weighs the summed confidence in a cell, the fusion standardised levels (one event where few are usual: about 1.4).
# Chosen so that the map is seen to breathe; no weight goes further than learning would let it.
WEIGHT_SCALE, WEIGHT_MOST, WEIGHT_SD = 1.2, 1.5, 0.3


def give_usual_levels(*, jurisdiction: Jurisdiction, feed: LiveFeed, weeks: float) -> None:
    """Give the live picture what `weeks` weeks of this stream would have taught it: drawn at once, not by millions of events."""
    counts = feed.city.told_counts(weeks)
    seed_usual(jurisdiction=jurisdiction, source_ids=feed.names, factors=feed.city.factors, counts=counts, weeks=weeks)


def give_weights(*, jurisdiction: Jurisdiction) -> None:
    """Let the simulated events move the map: the simulation's own weights, for there are no rulings to take a prior from."""
    codes = set(Category.objects.of(jurisdiction).values_list("code", flat=True))
    weights = {
        category: {factor: min(WEIGHT_SCALE * weight, WEIGHT_MOST) for factor, weight in by_factor.items()}
        for category, by_factor in DEMO_WEIGHTS.items()
        if category in codes
    }
    give_live_weights(jurisdiction=jurisdiction, weights=weights, sd=WEIGHT_SD)
