"""What moves out of this room: a document, its sections, its charged events and the facts of each, with their characters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from ingestion.errors import gettext_noop


class Verdict(StrEnum):
    """What became of the charge in this ruling."""

    GUILTY = "guilty"
    ACQUITTED = "acquitted"
    PARTLY = "partly"
    DISMISSED = "dismissed"
    REMANDED = "remanded"
    UNKNOWN = "unknown"


class SectionKind(StrEnum):
    """The parts of a Korean criminal ruling."""

    HEAD = "head"
    ISSUES = "issues"
    ORDER = "order"
    REASONS = "reasons"
    FACTS = "facts"
    CHARGE = "charge"
    EVIDENCE = "evidence"
    LAW = "law"
    SENTENCING = "sentencing"
    APPEAL = "appeal"
    JUDGEMENT = "judgement"
    ACQUITTAL = "acquittal"
    CONCLUSION = "conclusion"


class Field(StrEnum):
    """What a fact can say. Values: codes of `ingestion.rulings.vocabulary` where it has a table, else the form given there."""

    CATEGORY = "category"
    OFFENCE = "offence"
    DATE = "date"
    DATE_END = "date_end"
    DATE_PRECISION = "date_precision"
    TIME = "time"
    TIME_END = "time_end"
    TIME_BAND = "time_band"
    SIDO = "sido"
    SIGUNGU = "sigungu"
    DONG = "dong"
    PLACE_KIND = "place_kind"
    MEANS = "means"
    WEAPON = "weapon"
    RELATION = "relation"
    DRINKING = "drinking"
    OFFENDERS = "offenders"
    RISK_FACTOR = "risk_factor"


@dataclass(frozen=True)
class Label:
    """One code of a closed list with its Korean and English names; the English one is marked for translation."""

    code: str
    ko: str
    en: str


VERDICTS = (
    Label("guilty", "유죄", gettext_noop("guilty")),
    Label("acquitted", "무죄", gettext_noop("acquitted")),
    Label("partly", "일부 유죄", gettext_noop("guilty in part")),
    Label("dismissed", "공소기각·면소", gettext_noop("dismissed")),
    Label("remanded", "파기환송", gettext_noop("sent back")),
    Label("unknown", "불명", gettext_noop("not clear")),
)

SECTIONS = (
    Label("head", "사건", gettext_noop("case")),
    Label("issues", "판시사항", gettext_noop("points at issue")),
    Label("order", "주문", gettext_noop("order")),
    Label("reasons", "이유", gettext_noop("reasons")),
    Label("facts", "범죄사실", gettext_noop("facts found")),
    Label("charge", "공소사실", gettext_noop("charge")),
    Label("evidence", "증거의 요지", gettext_noop("evidence")),
    Label("law", "법령의 적용", gettext_noop("law applied")),
    Label("sentencing", "양형의 이유", gettext_noop("sentencing")),
    Label("appeal", "항소·상고이유", gettext_noop("grounds of appeal")),
    Label("judgement", "판단", gettext_noop("judgement")),
    Label("acquittal", "무죄 부분", gettext_noop("acquittal")),
    Label("conclusion", "결론", gettext_noop("conclusion")),
)

FIELDS = (
    Label("category", "범죄 유형", gettext_noop("category")),
    Label("offence", "죄명", gettext_noop("offence")),
    Label("date", "범행일", gettext_noop("date")),
    Label("date_end", "범행일(끝)", gettext_noop("last date")),
    Label("date_precision", "범행일 정확도", gettext_noop("precision of the date")),
    Label("time", "시각", gettext_noop("time")),
    Label("time_end", "시각(끝)", gettext_noop("end time")),
    Label("time_band", "시간대", gettext_noop("time of day")),
    Label("sido", "시도", gettext_noop("province or city")),
    Label("sigungu", "시군구", gettext_noop("city, county or district")),
    Label("dong", "읍면동", gettext_noop("eup, myeon or dong")),
    Label("place_kind", "장소 유형", gettext_noop("kind of place")),
    Label("means", "수법", gettext_noop("means")),
    Label("weapon", "흉기", gettext_noop("weapon")),
    Label("relation", "피해자와의 관계", gettext_noop("relation to the victim")),
    Label("drinking", "음주", gettext_noop("drinking")),
    Label("offenders", "범인 수", gettext_noop("number of offenders")),
    Label("risk_factor", "위험 요인", gettext_noop("risk factor")),
)


@dataclass(frozen=True)
class Document:
    """One ruling, masked: every span of an `Extraction` counts characters of `text`.

    `source_id`: court and case number, or a hash of the text where they are unknown. `line`: line of a JSON-lines file, else 1.
    `meta`: how many of each sort were masked ("name", "phone", "lot" …).
    """

    text: str
    source_id: str
    court: str = ""
    case_no: str = ""
    case_name: str = ""
    decided_on: date | None = None
    line: int = 1
    meta: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Section:
    """A part of the ruling, heading included: characters `start` to `end` (exclusive)."""

    kind: SectionKind
    start: int
    end: int


@dataclass(frozen=True)
class Fact:
    """One thing that the text says of an event, and the characters `start` to `end` (exclusive) that say so.

    `is_allegation`: the verdict does not establish it.
    """

    field: Field
    value: str
    start: int
    end: int
    is_allegation: bool = False


@dataclass(frozen=True)
class Event:
    """One charged event; `index` from 0 in the order of the text."""

    index: int
    facts: tuple[Fact, ...]

    def value(self, name: str) -> str | None:
        """The first value of a field, None where the text is silent."""
        return next((fact.value for fact in self.facts if fact.field == name), None)

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a field, in the order of the text."""
        return tuple(fact.value for fact in self.facts if fact.field == name)


@dataclass(frozen=True)
class Extraction:
    """What one ruling says."""

    sections: tuple[Section, ...]
    events: tuple[Event, ...]
    verdict: Verdict
