"""Names and numbers of persons go before anything is kept: each becomes a token that stays the same through a document.

The courts' own forms (피고인 A, 공소외 1, 김○○) stay as they are. What is found: plain Korean names beside a role, resident,
telephone, account, card and car numbers, e-mail addresses, lot and house numbers below the dong.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ingestion.rulings.tokens import tokens


@dataclass(frozen=True)
class Masked:
    """The text as it may be kept, and how many of each sort were masked."""

    text: str
    counts: Mapping[str, int]


_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구나민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부가복태목형두감음빈동온호범좌팽승간견당화"
)
_ROLES = (
    r"피\s?고\s?인|피의자|피해자|피\s?해\s?자|증인|원심증인|공소외|"
    r"원심공동피고인|공동피고인|고소인|고발인|참고인|목격자|변\s?호\s?인|"
    r"담당변호사|변호사|법무법인|"
    r"검\s?사|판\s?사|대법관|대법원판사|재판장|의사|경찰관|경감|경위|"
    r"경사|경장|순경|의경|상경|경정|검찰주사보?|사법경찰리|사법경찰관|"
    r"수사관|"
    r"동거녀|동거남|남편|처|아들|딸|친구|선배|후배|애인|성명|망|원장|"
    r"사장|대표이사|주임|과장|직원|종업원|제보자|신고인|신고자|운전자|"
    r"행인|소유자|명의자"
)
_AFTER = r"검사|판사|변호사|대법관|경사|경위|경장|순경|씨|군|양|기자"
_PARTICLE = (
    r"(?:이라는|이라고|에게서|로부터|으로부터|한테서|에게|한테|으로|"
    r"이가|이는|이를|이의|이와|이랑|은|는|이|가|을|를|의|와|과|로|도|"
    r"에|께|씨|만|외)?"
)
_NAME_AT = re.compile(rf"(?<![가-힣])(?:{_ROLES})(?:인|측)?\s*[:：]?\s+(?=([가-힣]{{2,6}})(?![가-힣]))")
_NAME_BEFORE = re.compile(rf"(?<![가-힣])([가-힣]{{3}})\s?(?:{_AFTER})(?![가-힣])")
_NEXT_WORD = re.compile(r"(?:\([가-힣, ]{1,12}\))?[,·\s]\s*([가-힣]{2,6})(?![가-힣])")
_WORD = re.compile(rf"([가-힣]{{2,4}}?){_PARTICLE}$")

# units that make a number after "리" or "로" a count and not a lot
_UNITS = (
    r"\s?(?:명|개|회|층|시|세|월|일|년|원|대|차|km|m|미터|장|건|점|"
    r"여|억|만|백|천|번(?!지)|인|군데|차례|cm|가지|등|항|조|호선|주|"
    r"분|초|동|단지|중|잔|병)"
)
_LOT = (
    rf"(?<=[가-힣](?:동|리) )산? ?\d{{1,4}}(?!\d)(?:(?:\s?-\s?|의 ?|번지의 ?)\d{{1,4}}|번지)(?!\d)"
    rf"|(?<=[가-힣\d](?:동|리|가) )산? ?\d{{1,4}}(?!\d)(?!{_UNITS})(?= ?(?:소재|에 |에서|앞|호|,|\)|[‘'“\"(]|$))"
    rf"|(?<=[가-힣](?:동|리) )\d{{3,4}}(?!\d)(?!{_UNITS})(?= [가-힣○◯]{{2,}})"
    r"|(?<=[가-힣\d](?:로|길) )(?<!으로 )(?<!칼로 )\d{1,4}(?:-\d{1,4})?"
    r"(?= ?(?:소재|에 있는|에서|에 위치|앞|지하|[‘'“\"(]|[가-힣]{1,10}(?:역|아파트|빌딩|빌라|은행|호텔|모텔|주점|센터)))"
    r"|\d{1,4}(?:-\d{1,4})?번지(?:의 ?\d+)?|(?<=[\s(])\d{1,4}동\s?\d{2,5}호|"
    r"(?<=[가-힣] )\d{2,5}호(?= ?(?:에|의|앞|내|소재|안))"
)
_REGION = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_PLATE_LETTER = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호바사아자배"
# a case number looks like a plate ("98나7116"): a province, three digits or a vehicle must stand beside it
_PLATE = (
    rf"(?<![\d가-힣])(?:{_REGION})\s?\d{{1,2}}\s?[{_PLATE_LETTER}]\s?\d{{4}}(?!\d)"
    rf"|(?<!\d)\d{{3}}[{_PLATE_LETTER}]\s?\d{{4}}(?!\d)"
    rf"|(?<!\d)(?<!사건 )\d{{2}}\s?[{_PLATE_LETTER}]\s?\d{{4}}(?=\s?호?\s?(?:[가-힣A-Za-z]{{1,8}}\s?){{0,2}}(?:승용차|"
    rf"차량|화물차|승합차|택시|오토바이))"
)
_NUMBERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,10}")),
    (
        "resident",
        re.compile(
            r"(?<!\d)\d{6}\s?[-–]\s?[\d*○●]{0,7}(?!\d)(?!-)|(?<!\d)\d{2}(?:0[1-9]|"
            r"1[0-2])(?:0[1-9]|[12]\d|3[01])[1-4]\d{6}(?!\d)"
        ),
    ),
    ("card", re.compile(r"(?<!\d)\d{4}[- ]\d{4}[- ]\d{4}[- ]\d{3,4}(?!\d)")),
    ("phone", re.compile(r"(?<!\d)(?:\+82[- ]?)?0\d{1,2}[-.) ]{1,2}\d{3,4}[-. ]\d{4}(?!\d)|(?<!\d)01[016789]\d{7,8}(?!\d)")),
    (
        "account",
        re.compile(
            r"(?<![\d-])(?!(?:19|20)\d\d-\d{1,2}-\d{1,2}(?!\d))\d{2,6}-\d{2,6}-\d{2,8}(?:-\d{1,6})?(?![\d-])|"
            r"(?<=계좌번호 )\d{9,16}|(?<=계좌\()\d{9,16}"
        ),
    ),
    ("plate", re.compile(_PLATE)),
    ("lot", re.compile(_LOT)),
)
_TOKEN = {
    "email": "전자우편",
    "resident": "주민번호",
    "card": "카드번호",
    "phone": "전화번호",
    "account": "계좌번호",
    "plate": "차량번호",
    "lot": "지번",
}
_SURE_PARTICLES = "은는을를의과와에로으"  # no name ends in these, but for a very few
_BODIES = re.compile(r"(?:은행|회사|병원|학교|법인|조합|공사|협회|경찰서|경찰|법원|검찰|시장|구청|재단|교회|상사|건설|산업)")
# words that follow a role and begin like a surname
_NOT_NAME_WORDS = """
이름 소정 동녀 정씨 편철 가지급 유류품 소유 소유의 경영 경영의 운영 점유 명의 본인 전원 모두 일행
이외 이외의 이하 이상 이전 이후 인도 안면 성명 성명불상 성명불상자 주거 주소 주장 신고 신고를 진술
진술의 조사 조서 변호 변론 강도 강간 상해 손괴 정당 정당한 정도 정상 전부 전체 전항 최초 최종 여러
여성 남성 남자 여자 여인 노인 아동 청소년 소년 고소 고발 구속 기소 공소 선고 선임 유죄 무죄 작성
작성의 제출 제출의 제시 지위 지정 지시 차량 현장 현행범 주식회사 회사 조합 법인 도주 도망 방문 방실
사망 사용 사이 서로 손님 신체 신분 심문 안내 양측 양쪽 양인 연령 원심 위치 유족 인근 임의 자신
자신의 장소 주택 중국 일본 한국 미국 진행 추가 추행 태도 표시 피해 하여 하여금 한편 함께 합의 행위
현금 형사 호소 황급히 유일 유일한 이라고 이라는 인상착의 전화 기재 기타 여부 여하 남편 모친 부친
소속 소속의 소지 소지의 소재 강제 강제로 공동 공모 기타의 나머지 나이 남매 노상 도로 동거 동행 마을
명예 문제 문을 문신 방법 배우자 백화점 변경 사건 사람 사무실 사이에 선배 설치 성기 성별 안방 양손
어깨 여관 여행 오른손 오른쪽 왼손 왼쪽 옷을 우측 원고 인적사항 임무 장모 장인 재물 재산 정신 조카
종업원 주먹 주변 지갑 지나 진단서 채권자 채무자 천장 표정 하고 하나 하는 하였 허벅지 현관 형제
화장실
"""
_NOT_NAMES = frozenset(_NOT_NAME_WORDS.split())


_HOUSE = re.compile(r"\[지번\](?:,?\s?\d{1,4}동)?(?:,?\s?\d{1,5}호)?")


def mask(text: str) -> Masked:
    """The same text with every name and number of a person replaced. Masking a masked text changes nothing."""
    counts: Counter[str] = Counter()
    for sort, pattern in _NUMBERS:
        text = _numbered(text, sort, pattern, counts)
    text = _HOUSE.sub("[지번]", text)
    names = _names(text)
    if names:
        text = _replace_names(text, names, counts)
    return Masked(text, dict(counts))


def _numbered(text: str, sort: str, pattern: re.Pattern[str], counts: Counter[str]) -> str:
    """The same number gets the same token; lot numbers are only taken out, for they are no key to anything."""
    seen: dict[str, str] = {}

    def token(found: re.Match[str]) -> str:
        counts[sort] += 1
        if sort == "lot":
            return "[지번]"
        key = re.sub(r"\W", "", found[0])
        return seen.setdefault(key, f"[{_TOKEN[sort]}{len(seen) + 1}]")

    return pattern.sub(token, text)


def _names(text: str) -> list[str]:
    """The names that stand beside a role, in the order of the text."""
    found: dict[str, None] = {}
    for match in _NAME_AT.finditer(text):
        at = match.end()
        word: str | None = match[1]
        while word and (name := plain_name(word)):
            found[name] = None
            after = _NEXT_WORD.match(text, at + len(word)) if word == name else None
            word, at = (after[1], after.start(1)) if after else (None, at)
    for match in _NAME_BEFORE.finditer(text):
        if match[1][0] in _SURNAMES and match[1][2] not in _SURE_PARTICLES and match[1] not in _NOT_NAMES and _is_name(match[1]):
            found[match[1]] = None
    return list(found)


@lru_cache(maxsize=65_536)
def plain_name(word: str) -> str | None:
    """The personal name that a word begins with, None where it is another word."""
    if word[0] not in _SURNAMES or word in _NOT_NAMES or _BODIES.search(word):
        return None
    stem = _WORD.match(word)
    name = stem[1] if stem else word[:3]
    if name in _NOT_NAMES or word[:2] in _NOT_NAMES:
        return None
    if len(word) == 3 and word[2] in _SURE_PARTICLES:
        return name if len(name) == 2 and _is_name(name) else None
    for candidate in dict.fromkeys((word[:3], name, word)):
        if len(candidate) > 2 and candidate[-1] in _SURE_PARTICLES:
            continue
        rest = word[len(candidate) :]
        if 2 <= len(candidate) <= 4 and re.fullmatch(_PARTICLE, rest) and candidate not in _NOT_NAMES and _is_name(candidate):
            return candidate
    return None


@lru_cache(maxsize=65_536)
def _is_name(word: str) -> bool:
    """Whether the analyser takes the word for a name of a person in a sentence where one belongs."""
    if word in _PLACES:
        return False
    particle = "은" if (ord(word[-1]) - ord("가")) % 28 else "는"
    read = [one for one in tokens(f"증인 {word}{particle} 진술하였다.") if 3 <= one.start < 3 + len(word)]
    if not read or (read[0].tag != "NNP" and read[0].length > 1):
        return False
    if len(word) == 2:
        return read[0].tag == "NNP" and _whole_name(word) and word[1] not in "동구시군읍면리산천강"
    # a rare name falls apart into single syllables or behind its surname; a common word does not
    return read[0].tag == "NNP" or all(one.length == 1 for one in read) or _whole_name(word)


def _whole_name(word: str) -> bool:
    first = tokens(f"{word} 씨가 진술하였다.")[0]
    return first.tag == "NNP" and first.length == len(word)


_PLACE_WORDS = """
서울 부산 대구 인천 광주 대전 울산 경기 강원 충북 충남 전북 전남 경북 경남 제주 수원 성남 안양
안산 전주 청주 천안 창원 마산 진주 진해 포항 경주 여수 순천 목포 강릉 원주 서울역 강남역 이태원
신촌 명동 한국 미국 중국 일본 한강
"""
_PLACES = frozenset(_PLACE_WORDS.split())


def _replace_names(text: str, names: list[str], counts: Counter[str]) -> str:
    order = {name: number for number, name in enumerate(names, 1)}
    pattern = re.compile(
        "(?<![가-힣])(?:"
        + "|".join(sorted(map(re.escape, names), key=len, reverse=True))
        + rf")(?={_PARTICLE}(?![가-힣])|(?:{_AFTER})(?![가-힣]))"
    )

    def token(found: re.Match[str]) -> str:
        counts["name"] += 1
        return f"[이름{order[found[0]]}]"

    return pattern.sub(token, text)
