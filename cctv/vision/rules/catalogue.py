"""Which rule watches which factor."""

from cctv.vision.rules.base import BaseRule
from cctv.vision.rules.body import Fall, Fight
from cctv.vision.rules.counting import Crowding, Density, Dwell, Emptiness, People
from cctv.vision.rules.following import Following
from cctv.vision.rules.moving import Running, Scatter, WrongWay
from cctv.vision.rules.objects import Abandoned
from cctv.vision.rules.staying import Loitering
from cctv.vision.rules.vehicles import VehicleCircling, VehicleStop
from cctv.vision.rules.zones import Approach, Intrusion

RULES: tuple[type[BaseRule], ...] = (
    People,
    Density,
    Dwell,
    Crowding,
    Emptiness,
    Loitering,
    Following,
    Running,
    Scatter,
    Fall,
    Fight,
    Abandoned,
    WrongWay,
    Intrusion,
    Approach,
    VehicleStop,
    VehicleCircling,
)
DETECTED = ("weapon", "fire")  # factors that a model's own kinds fill
ALL_CODES: tuple[str, ...] = tuple(rule.code for rule in RULES) + DETECTED
