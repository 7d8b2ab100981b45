"""Text to coordinate numbers: plain decimals at full speed, and whatever else people write, one text at a time.

In: a column of texts. Out: Float64[n] and Int8[n] of OK, MISSING or NOT_A_NUMBER. What is not unmistakable is not read.
"""

import math
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
Int8Array = NDArray[np.int8]

OK, MISSING, NOT_A_NUMBER = range(3)
_PLAIN_WIDTH = 32

# What stands in a cell where there is nothing to say, case-folded.
NOTHING = frozenset(
    {"", "-", "--", "없음", "미상", "불명", "해당없음", "확인불가", "n/a", "na", "#n/a", "null", "none", "\\n", "."}
)

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3},\d+|\d{1,3}(\.\d{3})+,\d+|\d{4,},\d+)")
_HEMISPHERE = re.compile(r"^(북위|남위|동경|서경|[NSEW])?\s*(.*?)\s*([NSEW])?$", re.IGNORECASE)
_NEGATIVE = frozenset({"S", "W", "남위", "서경"})
_DMS_MARKED = re.compile(r"""(-)?(\d{1,3})[°도]\s*(?:(\d{1,2}(?:\.\d+)?)['분]\s*(?:(\d{1,2}(?:\.\d+)?)(?:"|''|초))?)?""")
_DMS_PARTED = re.compile(r"(-)?(\d{1,3})[-: ](\d{1,2})[-: ](\d{1,2}(?:\.\d+)?)")
_PRIMES = str.maketrans({"′": "'", "’": "'", "‘": "'", "`": "'", "″": '"', "”": '"', "“": '"', "º": "°", "˚": "°", "−": "-"})
_INVISIBLE = re.compile("[\u00a0\u200b\u200c\u200d\u2060\ufeff]")


def read_numbers(texts: Sequence[str], *, is_degrees: bool) -> tuple[Float64Array, Int8Array]:
    """Read a column of coordinates. `is_degrees`: whether they should be degrees, which settles what "37,483" means."""
    try:
        plain = np.array(texts, dtype=f"S{_PLAIN_WIDTH}")
        letters = plain.view(np.uint8)
        # NumPy reads 37_5 as 375, and would cut a longer text off: both go the careful way.
        if letters[_PLAIN_WIDTH - 1 :: _PLAIN_WIDTH].any() or (letters == ord("_")).any():
            raise ValueError
        values = plain.astype(np.float64)
        code = np.zeros(len(texts), np.int8)
    except (ValueError, UnicodeEncodeError):
        pairs = [read_number(text, is_degrees=is_degrees) for text in texts]
        values = np.array([value for value, _ in pairs], np.float64)
        code = np.array([code for _, code in pairs], np.int8)
    code[(code == OK) & ~np.isfinite(values)] = NOT_A_NUMBER
    return values, code


def read_number(text: str, *, is_degrees: bool) -> tuple[float, int]:
    """One coordinate as people write it.

    >>> read_number("126°58'40.6\\"E", is_degrees=True)[0]
    126.97794444444445
    """
    if "_" in text:  # float() would read 37_5 as 375
        return math.nan, NOT_A_NUMBER
    try:
        return float(text), OK
    except ValueError:
        bare = text.strip()
    if bare.casefold() in NOTHING:
        return math.nan, MISSING
    if not _THOUSANDS.fullmatch(bare):  # the rest is rare and may take its time
        # The primes first: NFKC would tear ″ into two ′.
        bare = _INVISIBLE.sub(" ", unicodedata.normalize("NFKC", text.translate(_PRIMES))).strip()
        if bare.casefold() in NOTHING:
            return math.nan, MISSING
        if "_" in bare:  # ＿ was folded into it
            return math.nan, NOT_A_NUMBER
    value = _written(bare, is_degrees=is_degrees)
    return value, NOT_A_NUMBER if math.isnan(value) else OK


def _written(text: str, *, is_degrees: bool) -> float:
    """A number with separators, a hemisphere or in degrees, minutes and seconds; NaN where it is none of these."""
    if text[0] in "+-0123456789" and text[-1].isdigit():
        return _number_or_angle(text, is_degrees=is_degrees)
    found = _HEMISPHERE.match(text)
    if found is None:
        return math.nan
    before, middle, after = found.groups()
    if before and after:
        return math.nan
    if before or after:
        value = _number_or_angle(middle, is_degrees=is_degrees)
        return -value if (before or after).upper() in _NEGATIVE and value >= 0 else value
    return _number_or_angle(text, is_degrees=is_degrees)


def _number_or_angle(text: str, *, is_degrees: bool) -> float:
    if _THOUSANDS.fullmatch(text):
        # No degree has four digits before its point, so that one comma among degrees can only be the decimal one.
        if is_degrees and text.count(",") == 1 and "." not in text:
            return float(text.replace(",", "."))
        return float(text.replace(",", ""))
    if _DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(".", "").replace(",", "."))
    angle = _DMS_MARKED.fullmatch(text) or _DMS_PARTED.fullmatch(text)
    if angle is not None:
        return _angle(*angle.groups())
    try:
        return float(text.removesuffix("°").removesuffix("도"))
    except ValueError:
        return math.nan


def _angle(sign: str | None, degrees: str, minutes: str | None, seconds: str | None) -> float:
    if float(minutes or 0) >= 60 or float(seconds or 0) >= 60:
        return math.nan
    value = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -value if sign else value
