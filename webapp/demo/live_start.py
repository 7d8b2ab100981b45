"""What the live picture of a simulated city has from its first moment: usual levels and weights, both from the simulation.

Apart from `live.py`, for it brings the whole fusion into memory (100 MB) and is needed only once.
"""

from simulation.live_feed import LiveFeed
from simulation.live_rhythm import DEMO_WEIGHTS
from webapp.accounts.models import Jurisdiction
from webapp.crimes.models import Category
from webapp.forecasts.services.live_weights import give_live_weights
from webapp.live.services import seed_usual

# The simulator weighs summed confidence, the fusion standardised levels up to 3: about a third does the same there.
WEIGHT_SCALE, WEIGHT_SD = 0.35, 0.15


def give_usual_levels(*, jurisdiction: Jurisdiction, feed: LiveFeed, weeks: float) -> None:
    """Give the live picture what `weeks` weeks of this stream would have taught it: drawn at once, not by millions of events."""
    counts = feed.city.told_counts(weeks)
    seed_usual(jurisdiction=jurisdiction, source_ids=feed.names, factors=feed.city.factors, counts=counts, weeks=weeks)


def give_weights(*, jurisdiction: Jurisdiction) -> None:
    """Let the simulated events move the map: the simulation's own weights, for there are no rulings to take a prior from."""
    codes = set(Category.objects.of(jurisdiction).values_list("code", flat=True))
    weights = {
        category: {factor: WEIGHT_SCALE * weight for factor, weight in by_factor.items()}
        for category, by_factor in DEMO_WEIGHTS.items()
        if category in codes
    }
    give_live_weights(jurisdiction=jurisdiction, weights=weights, sd=WEIGHT_SD)
