"""What a learner may know about each cell at a forecast origin: strictly from incidents known before it.

All counts are turned into weekly rates over the time really covered, so that a short history does not look like a quiet one.
"targets" are the categories in their order, followed by all crimes together. `base` holds the contract of a feature block.
"""

from prediction.coverage import history_days
from prediction.features.base import (
    GROUPS,
    HALF_LIVES_D,
    LONGEST_D,
    RECENT_D,
    SIGMAS_LONG_M,
    SIGMAS_RECENT_M,
    WEEK_DAYS,
    WINDOWS_D,
    Block,
    Moment,
)
from prediction.features.counts import city_level
from prediction.features.maker import FeatureMaker

__all__ = [
    "GROUPS",
    "HALF_LIVES_D",
    "LONGEST_D",
    "RECENT_D",
    "SIGMAS_LONG_M",
    "SIGMAS_RECENT_M",
    "WEEK_DAYS",
    "WINDOWS_D",
    "Block",
    "FeatureMaker",
    "Moment",
    "city_level",
    "history_days",
]
