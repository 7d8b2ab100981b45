"""What became of the charge: read off the order first, then off the words of the reasons."""

import re
from collections.abc import Sequence

from ingestion.rulings.model import Section, SectionKind, Verdict

_GUILTY = re.compile(r"징역|금고|벌금|사형|무기|구류|과료|집행을? ?유예|선고를 유예|소년부|형을 면제|치료감호")
_ACQUITTED = re.compile(r"무죄")
_DISMISSED = re.compile(r"공소를 (?:모두 )?기각|면소")
_REMANDED = re.compile(r"환송|이송|파기(?:하여|하고)[^.\n]{0,60}사건을 [^.\n]{0,30}법원")
_UPHELD = re.compile(r"(?:상고|항소)를? ?(?:모두 |각 )?기각")
_LOWER_ACQUITTED = re.compile(r"무죄(?:를|의 판결을|로)? ?(?:선고|판단|인정|판결)")
_LOWER_GUILTY = re.compile(
    r"유죄로 (?:인정(?!하지|할 수)|판단(?!하지|할 수))|유죄를 인정|징역 ?\d|벌금 ?[\d금]|범죄사실을 (?:인정|유죄)|선고한 형"
)
_BY_PROSECUTOR = re.compile(r"검사의 (?:피고인[^.\n]{0,30})?(?:상고|항소)")
_DISMISSED_BELOW = re.compile(r"면소를? ?(?:선고|판결)|면소로")
_ACQUITTING_END = re.compile(r"무죄를 선고(?:하기로|하고|한다|하는|함|하여)|무죄로? 판결")


def read_verdict(text: str, sections: Sequence[Section]) -> Verdict:
    """The verdict of the ruling as a whole."""
    order = "\n".join(text[one.start : one.end] for one in sections if one.kind is SectionKind.ORDER)
    reasons = text[next((one.end for one in sections if one.kind is SectionKind.ORDER), 0) :]
    said = _by_order(order)
    if said is not None and not (said is Verdict.GUILTY and _partly(order, sections)):
        return said
    if said is Verdict.GUILTY:
        return Verdict.PARTLY
    return _by_reasons(order, reasons, sections)


def _by_order(order: str) -> Verdict | None:
    guilty, acquitted, dismissed = _GUILTY.search(order), _ACQUITTED.search(order), _DISMISSED.search(order)
    if guilty and (acquitted or dismissed) and "무죄 부분" not in order:
        return Verdict.PARTLY
    if _REMANDED.search(order):
        return Verdict.REMANDED
    if guilty:
        return Verdict.GUILTY
    if acquitted and not re.search(r"무죄 ?부분", order):
        return Verdict.ACQUITTED
    return Verdict.DISMISSED if dismissed else None


def _partly(order: str, sections: Sequence[Section]) -> bool:
    return bool(_ACQUITTED.search(order)) or any(one.kind is SectionKind.ACQUITTAL for one in sections)


def _by_reasons(order: str, reasons: str, sections: Sequence[Section]) -> Verdict:
    end = reasons[-600:]
    has_facts = any(one.kind in (SectionKind.FACTS, SectionKind.LAW) for one in sections)
    if _UPHELD.search(order) or (not order and _UPHELD.search(end)):
        return _upheld(order, reasons)
    if _REMANDED.search(end):
        return Verdict.REMANDED
    if _DISMISSED.search(end):
        return Verdict.DISMISSED
    is_guilty = has_facts or ("파기" in order and _GUILTY.search(reasons) is not None)
    if _ACQUITTING_END.search(reasons):
        return Verdict.PARTLY if has_facts and _GUILTY.search(reasons) else Verdict.ACQUITTED
    return Verdict.GUILTY if is_guilty else Verdict.UNKNOWN


def _upheld(order: str, reasons: str) -> Verdict:
    """The verdict of the court below, where the appeal against it fails."""
    if _DISMISSED_BELOW.search(reasons):
        return Verdict.DISMISSED
    acquitted, guilty = _LOWER_ACQUITTED.search(reasons), _LOWER_GUILTY.search(reasons)
    by_prosecutor = _BY_PROSECUTOR.search(order + reasons[:1500])
    if acquitted and guilty:
        return Verdict.ACQUITTED if by_prosecutor else Verdict.PARTLY
    if acquitted or (not guilty and by_prosecutor and "양형" not in reasons):
        return Verdict.ACQUITTED
    return Verdict.GUILTY if reasons.strip() else Verdict.UNKNOWN
