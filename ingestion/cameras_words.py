"""What the words of a camera register mean: purposes, directions of view, yes and no."""

import re
from dataclasses import dataclass
from functools import lru_cache

RANGE_M = 50.0
SECTOR_DEG = 90.0  # of a camera that is said to look one way, but not how wide

# Fragments of a purpose, without blanks, to a value of the camera table; the first that stands in the text counts.
_PURPOSES: tuple[tuple[str, str], ...] = (
    ("어린이", "child_safety"),
    ("스쿨존", "child_safety"),
    ("학교", "child_safety"),
    ("공원", "park"),
    ("쓰레기", "waste"),
    ("무단투기", "waste"),
    ("주정차", "parking"),
    ("그린파킹", "parking"),
    ("주차", "parking"),
    ("교통", "traffic"),
    ("차량", "traffic"),
    ("시설물", "facility"),
    ("도서관", "facility"),
    ("청사", "facility"),
    ("방범", "crime_prevention"),
    ("다목적", "crime_prevention"),
    ("안심", "crime_prevention"),
    ("재난", "other"),
    ("재해", "other"),
    ("산불", "other"),
    ("기타", "other"),
)
_CODES = frozenset({"crime_prevention", "child_safety", "park", "traffic", "parking", "facility", "waste", "other"})
_ENGLISH = {
    "crime prevention": "crime_prevention",
    "security": "crime_prevention",
    "child safety": "child_safety",
    "parking enforcement": "parking",
    "waste dumping": "waste",
}


@lru_cache(maxsize=1024)
def purpose_of(text: str) -> str | None:
    """The purpose's code. A blank means crime prevention, which most registers are about; None: not known."""
    plain = "".join(text.split())
    if not plain:
        return "crime_prevention"
    small = " ".join(text.casefold().replace("_", " ").split())
    if small.replace(" ", "_") in _CODES:
        return small.replace(" ", "_")
    if small in _ENGLISH:
        return _ENGLISH[small]
    return next((code for fragment, code in _PURPOSES if fragment in plain), None)


_DEAD = frozenset({"0", "false", "no", "n", "고장", "아니오", "아니요", "미작동", "철거", "off"})
_WORKING = frozenset({"", "1", "true", "yes", "y", "정상", "예", "작동", "운영", "on"})


def is_working(text: str) -> bool | None:
    """Whether a camera works, None where the word is neither yes nor no. Blank: it works."""
    word = text.casefold()
    return True if word in _WORKING else False if word in _DEAD else None


@dataclass(frozen=True)
class View:
    """What a text says of the view: `bearing_deg` None where it gives no compass direction."""

    bearing_deg: float | None
    angle_deg: float
    is_understood: bool


ALL_ROUND = View(None, 360.0, True)
UNKNOWN = View(None, 360.0, False)

_COMPASS = {
    "북": 0.0,
    "북북동": 22.5,
    "북동": 45.0,
    "동북": 45.0,
    "동북동": 67.5,
    "동": 90.0,
    "동남동": 112.5,
    "남동": 135.0,
    "동남": 135.0,
    "남남동": 157.5,
    "남": 180.0,
    "남남서": 202.5,
    "남서": 225.0,
    "서남": 225.0,
    "서남서": 247.5,
    "서": 270.0,
    "서북서": 292.5,
    "북서": 315.0,
    "서북": 315.0,
    "북북서": 337.5,
}
_LATIN = {"n": 0.0, "ne": 45.0, "e": 90.0, "se": 135.0, "s": 180.0, "sw": 225.0, "w": 270.0, "nw": 315.0}
_WORDS = sorted(_COMPASS, key=len, reverse=True)
_DIRECTION = re.compile(rf"(?<![가-힣])({'|'.join(_WORDS)})(?:쪽|향|방향|측|방면)?(?![가-힣])")
_LATIN_DIRECTION = re.compile(r"\b(ne|nw|se|sw|n|e|s|w)\b")
_DEGREES = re.compile(r"(?<![\d.])(\d{1,3})\s*(?:도|°|deg)")
_RADIUS = re.compile(r"반경|미터|\d\s*m\b")
_AROUND = re.compile(r"전\s*방[향위면]?|전방위|다방면|사방|회전|스피드\s*돔|ptz", re.IGNORECASE)
_FIXED = re.compile(r"고정|단방향|정면|하단|한\s*방향")
_BARE = re.compile(r"\d{1,3}(?:\.0)?")


@lru_cache(maxsize=4096)
def read_view(text: str) -> View:
    """What 촬영방면정보 says: "360도 전방면", "120도", "북서", "남동쪽 90도", "회전"; free text says nothing that can be used.

    An angle without a direction keeps a circle's bearing (None): it is not known which way the camera looks.

    >>> read_view("북서").bearing_deg, read_view("북서").angle_deg
    (315.0, 90.0)
    """
    plain = " ".join(text.split())
    if not plain or plain == "0":
        return ALL_ROUND
    bare = _BARE.fullmatch(plain)
    degrees = _DEGREES.search(plain)
    number = float(bare[0]) if bare else float(degrees[1]) if degrees else 0.0
    angle = number if 0 < number <= 360 else 0.0
    found = set(_DIRECTION.findall(plain)) if not bare else set()
    bearings = {_COMPASS[word] for word in found} | {_LATIN[word] for word in _LATIN_DIRECTION.findall(plain.casefold())}
    if len(bearings) == 1:
        return View(bearings.pop(), angle if 0 < angle < 360 else SECTOR_DEG, True)
    if len(bearings) > 1 or angle == 360 or (_AROUND.search(plain) and angle == 0):
        return ALL_ROUND
    if angle:
        return View(None, angle, True)
    if _FIXED.search(plain) or _RADIUS.search(plain):
        return ALL_ROUND
    return UNKNOWN
