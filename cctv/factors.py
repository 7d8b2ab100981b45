"""The vocabulary of what a camera can tell: risk factors, measures, and that it cannot see.

One list for vision, events, fusion and pages. Labels are English message ids; `unit` is that of an event's `value`.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an event of a factor does further on."""

    RISK = "risk"  # counts towards the excess and may raise an alert
    MEASURE = "measure"  # a number for statistics; never raises an alert by itself
    BLIND = "blind"  # the camera cannot be believed while it lasts


@dataclass(frozen=True)
class Factor:
    """One entry. `ruling`: the code that court rulings use for the same thing ("" where rulings have no word for it)."""

    code: str
    label: str
    kind: Kind
    unit: str
    ruling: str = ""


def gettext_noop(message: str) -> str:
    """Marks a message for translation; the pages translate it."""
    return message


FACTORS: tuple[Factor, ...] = (
    Factor("people", gettext_noop("people in view"), Kind.MEASURE, "people"),
    Factor("density", gettext_noop("people per area"), Kind.MEASURE, "people/m²"),
    Factor("dwell", gettext_noop("time spent in view"), Kind.MEASURE, "s"),
    Factor("crowding", gettext_noop("crowding"), Kind.RISK, "people", "crowd"),
    Factor("emptiness", gettext_noop("few people about"), Kind.RISK, "s", "few_people"),
    Factor("loitering", gettext_noop("loitering"), Kind.RISK, "s", "loitering"),
    Factor("following", gettext_noop("following"), Kind.RISK, "s", "following"),
    Factor("running", gettext_noop("someone running"), Kind.RISK, "m/s", "running"),
    Factor("scatter", gettext_noop("sudden scatter"), Kind.RISK, "people", "running"),
    Factor("fall", gettext_noop("fall"), Kind.RISK, "s", "fall"),
    Factor("fight", gettext_noop("fight-like motion"), Kind.RISK, "s", "fighting"),
    Factor("abandoned", gettext_noop("abandoned object"), Kind.RISK, "s"),
    Factor("wrong_way", gettext_noop("wrong way"), Kind.RISK, "s"),
    Factor("intrusion", gettext_noop("intrusion into a zone"), Kind.RISK, "s", "intrusion"),
    Factor("approach", gettext_noop("approach to a line"), Kind.RISK, "m"),
    Factor("vehicle_stop", gettext_noop("vehicle stopping"), Kind.RISK, "s", "vehicle"),
    Factor("vehicle_circling", gettext_noop("vehicle circling"), Kind.RISK, "rounds", "vehicle"),
    Factor("weapon", gettext_noop("weapon"), Kind.RISK, "", "weapon"),
    Factor("fire", gettext_noop("fire or smoke"), Kind.RISK, "", "fire"),
    Factor("scream", gettext_noop("scream"), Kind.RISK, "", "quarrel"),
    Factor("glass", gettext_noop("breaking glass"), Kind.RISK, ""),
    Factor("tampering", gettext_noop("tampering with the camera"), Kind.BLIND, "s"),
    Factor("blackout", gettext_noop("no picture"), Kind.BLIND, "s"),
    Factor("too_dark", gettext_noop("too dark to see"), Kind.BLIND, "s"),
    Factor("weather", gettext_noop("rain, snow or fog before the lens"), Kind.BLIND, "s"),
    Factor("shaking", gettext_noop("camera shakes"), Kind.BLIND, "s"),
    Factor("moved", gettext_noop("camera was moved"), Kind.BLIND, "s"),
)
BY_CODE = {factor.code: factor for factor in FACTORS}
RISK_CODES = tuple(factor.code for factor in FACTORS if factor.kind is Kind.RISK)
BLIND_CODES = tuple(factor.code for factor in FACTORS if factor.kind is Kind.BLIND)
