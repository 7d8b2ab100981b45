"""Area codes and addresses: which system, which gu, which dong; ambiguous is said to be ambiguous."""

import pytest

from ingestion.codes import (
    SEOUL,
    SEOUL_GU,
    CodeLevel,
    CodeSystem,
    DongLinks,
    dong_stem,
    gu_of_address,
    gu_of_code,
    gu_of_name,
    level_of_code,
    recognise_codes,
    same_dong,
    seoul_gu,
)
from ingestion.errors import EVIDENCE


def test_all_25_gu_have_one_code_in_each_system():
    assert len(SEOUL_GU) == 25
    for system in CodeSystem:
        assert len({gu.code(system) for gu in SEOUL_GU}) == 25
    east = gu_of_name("강동구 ")
    assert (east.statistics, east.administrative, east.licence) == ("11250", "11740", "3240000")


def test_the_same_number_means_another_gu_in_another_system():
    assert gu_of_code("11110", CodeSystem.ADMINISTRATIVE).name == "종로구"
    assert gu_of_code("11110", CodeSystem.STATISTICS).name == "노원구"


@pytest.mark.parametrize("system", list(CodeSystem))
def test_a_column_of_gu_codes_is_recognised(system):
    guess = recognise_codes([gu.code(system) for gu in SEOUL_GU])
    assert (guess.system, guess.level, guess.decided, guess.matched) == (system, CodeLevel.GU, True, 25)
    assert "25" in EVIDENCE[guess.evidence[0].code].format(**guess.evidence[0].fields)


def test_numbers_that_both_systems_know_stay_open_unless_names_stand_beside_them():
    codes = ["11110", "11140", "11170", "11200"]
    assert not recognise_codes(codes).decided
    assert recognise_codes(codes, ["종로구", "중구", "용산구", "성동구"]).system == CodeSystem.ADMINISTRATIVE
    named = recognise_codes(codes, ["노원구", "마포구", "구로구", "동작구"])
    assert (named.system, named.decided) == (CodeSystem.STATISTICS, True)


@pytest.mark.parametrize(
    ("codes", "system", "level"),
    [
        (["1101053", "1125074", "1123052"], CodeSystem.STATISTICS, CodeLevel.DONG),
        (["11680660", "11680670", "11740590"], CodeSystem.ADMINISTRATIVE, CodeLevel.DONG),
        (["11680103", "11680114", "11740101"], CodeSystem.ADMINISTRATIVE, CodeLevel.LEGAL_DONG),
        (["1168066000", "1174059000"], CodeSystem.ADMINISTRATIVE, CodeLevel.DONG),
        (["1168010300", "1174010100.0"], CodeSystem.ADMINISTRATIVE, CodeLevel.LEGAL_DONG),
        (["1168000000", "1174000000"], CodeSystem.ADMINISTRATIVE, CodeLevel.GU),
        (["3220000", "3210000"], CodeSystem.LICENCE, CodeLevel.GU),
    ],
)
def test_the_level_of_a_column_is_told_by_its_digits(codes, system, level):
    guess = recognise_codes(codes)
    assert (guess.system, guess.level, guess.decided) == (system, level, True)


def test_text_that_is_no_code_is_not_taken_for_one():
    assert recognise_codes(["a", "", "-"]).system is None
    assert recognise_codes(["99999", "12345"]).system is None
    assert level_of_code("11680", CodeSystem.ADMINISTRATIVE) is CodeLevel.GU


@pytest.mark.parametrize(
    ("text", "sido", "sigungu", "rest"),
    [
        ("서울특별시 서초구 서초동 1337-20", SEOUL, "서초구", "서초동 1337-20"),
        ("서울시 서초구 서초동", SEOUL, "서초구", "서초동"),
        ("서울 서초구", SEOUL, "서초구", ""),
        ("서울특별시서초구서초동 1", SEOUL, "서초구", "서초동 1"),
        ("강동구 강동구 명일로 248", SEOUL, "강동구", "명일로 248"),
        ("서울특별시 중구  을지로 234", SEOUL, "중구", "을지로 234"),
        ("부산광역시 강서구 명지동", "부산광역시", "강서구", "명지동"),
        ("경기도 수원시 팔달구 인계동 1", "경기도", "수원시 팔달구", "인계동 1"),
        ("경기도 가평군 청평면", "경기도", "가평군", "청평면"),
        ("경상남도 고성군 고성읍", "경상남도", "고성군", "고성읍"),
        ("해운대구 우동", None, "해운대구", "우동"),
        ("역삼동 123", None, None, "역삼동 123"),
        ("", None, None, ""),
    ],
)
def test_the_gu_of_an_address_is_found(text, sido, sigungu, rest):
    found = gu_of_address(text)
    assert (found.sido, found.sigungu, found.rest, found.is_ambiguous) == (sido, sigungu, rest, False)


def test_a_name_that_several_cities_share_is_ambiguous_until_the_city_is_known():
    found = gu_of_address("중구 을지로 234")
    assert (found.sido, found.sigungu, found.is_ambiguous) == (None, "중구", True)
    assert seoul_gu("강서구 화곡동") == ""
    assert gu_of_address("강서구 화곡동", home_sido=SEOUL).sido == SEOUL
    assert seoul_gu("서울 강서구 화곡동") == "강서구"
    assert seoul_gu("경기도 성남시 분당구") == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("역삼1동", "역삼동", True),
        ("성수1가2동", "성수동1가", True),
        ("면목3.8동", "면목동", True),
        ("상계6·7동", "상계동", True),
        ("방배본동", "방배동", True),
        ("청운효자동", "효자동", True),
        ("제기동", "제기동", True),
        ("길동", "둔촌동", False),
        ("개포2동", "일원동", False),
    ],
)
def test_hdong_and_bdong_are_matched_by_name(one, other, same):
    assert same_dong(one, other) is same
    assert same_dong(other, one) is same


def test_a_stem_is_never_blank():
    assert dong_stem("동") == "동"
    assert dong_stem("1동")


def test_links_between_hdong_and_bdong_go_both_ways():
    links = DongLinks.from_records(
        [("강남구", "개포2동", "개포동"), ("강남구", "개포2동", "일원동"), ("강남구", "일원1동", "일원동")]
    )
    assert links.legal_of["강남구", "개포2동"] == ("개포동", "일원동")
    assert links.dong_of["강남구", "일원동"] == ("개포2동", "일원1동")
