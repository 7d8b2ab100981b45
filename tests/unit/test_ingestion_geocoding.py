"""The gazetteer never claims more than it knows; the services are asked and understood as they document themselves."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from ingestion.errors import REFUSALS
from ingestion.geocoding import (
    AddressEntry,
    AreaEntry,
    Gazetteer,
    GeocoderRefused,
    Hit,
    Juso,
    Kakao,
    PlaceEntry,
    Precision,
    Response,
    VWorld,
    only_hit,
    parse_address,
)
from ingestion.geocoding.gazetteer import lot_dong

SEOUL = "서울특별시"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("서울특별시 강남구 언주로 548, 지하1층 (역삼동)", {"road": "언주로", "building": (548, 0), "dong": "역삼동"}),
        ("서울특별시 서초구 방배동  777번지 20호  ", {"dong": "방배동", "lot": (777, 20)}),
        ("서울 강남구 강남대로 102길 30-1", {"road": "강남대로102길", "building": (30, 1)}),
        ("봉은사로 지하102", {"road": "봉은사로", "building": (102, 0), "under": True}),
        ("서초구 양재동 산12-3", {"dong": "양재동", "lot": (12, 3), "san": True}),
        ("서울 중구 을지로3가 123-4", {"dong": "을지로3가", "lot": (123, 4), "road": ""}),
        ("강동구 강동구 명일로 248", {"sigungu": "강동구", "road": "명일로", "building": (248, 0)}),
        ("서울특별시 서초구 서초동 서초대로 1", {"road": "서초대로", "dong": "서초동", "building": (1, 0)}),
        ("서울특별시 강동구 천호대로 1291(길동생태공원) ", {"road": "천호대로", "rest": "길동생태공원"}),
        ("경기도 가평군 청평면 청평리 123", {"sido": "경기도", "dong": "청평면 청평리", "lot": (123, 0)}),
        ("서울특별시 서초구 양재1동 09월 13일", {"dong": "양재1동", "lot": (9, 13)}),
        ("강남역", {"rest": "강남역"}),
        ("서초구 서초대로", {"road": "서초대로", "building": None}),
    ],
)
def test_an_address_is_taken_apart(text, parts):
    address = parse_address(text)
    assert {name: getattr(address, name) for name in parts} == parts


@pytest.mark.parametrize("text", ["", " ", "-", "없음", "()"])
def test_what_is_no_address_is_blank(text):
    assert parse_address(text).is_blank


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_raises(text):
    parse_address(text)
    GAZETTEER.find(text)


@pytest.mark.parametrize(
    ("name", "legal"), [("장안2동", "장안동"), ("성수1가2동", "성수동1가"), ("방배본동", "방배동"), ("당산동3가", "당산동3가")]
)
def test_lots_are_numbered_by_the_legal_dong(name, legal):
    assert lot_dong(name) == legal


AREAS = [
    AreaEntry("gu", "서초구", "서초구", shapely.box(127.00, 37.46, 127.05, 37.50)),
    AreaEntry("gu", "강남구", "강남구", shapely.box(127.05, 37.46, 127.10, 37.52)),
    AreaEntry("legal_dong", "서초동", "서초구", shapely.box(127.00, 37.48, 127.03, 37.50)),
    AreaEntry("dong", "신사동", "강남구", shapely.box(127.05, 37.50, 127.07, 37.52)),
    AreaEntry("dong", "신사동", "서초구", shapely.box(127.00, 37.46, 127.01, 37.47)),
]
AREAS += [
    AreaEntry("dong", "서초1동", "서초구", shapely.box(127.00, 37.48, 127.02, 37.50)),
    AreaEntry("dong", "양재2동", "서초구", shapely.box(127.03, 37.46, 127.05, 37.48)),
    AreaEntry("legal_dong", "양재동", "서초구", shapely.box(127.03, 37.47, 127.05, 37.48)),
    AreaEntry("legal_dong", "원지동", "서초구", shapely.box(127.03, 37.46, 127.05, 37.47)),
]
ADDRESSES = [
    AddressEntry("서울특별시 서초구 양재동 375", 127.045, 37.475),
    AddressEntry("서울특별시 서초구 서초대로 100", 127.010, 37.490),
    AddressEntry("서울특별시 서초구 서초대로 200", 127.020, 37.491),
    AddressEntry("서울특별시 서초구 서초동 1337-20", 127.025, 37.492),
]
PLACES = [
    PlaceEntry("강남역", 127.0276, 37.4979),
    PlaceEntry("서초경찰서", 127.012, 37.485, "서울특별시 서초구 반포대로 179"),
    PlaceEntry("중앙공원", 127.01, 37.47),
    PlaceEntry("중앙공원", 127.08, 37.51),
    PlaceEntry("가로등", 127.02, 37.47, "서울특별시 서초구 양재동 1-1"),
    PlaceEntry("가로등", 127.04, 37.47, "서울특별시 서초구 양재동 1-1"),
]
GAZETTEER = Gazetteer(areas=AREAS, places=PLACES, addresses=ADDRESSES, home_sido=SEOUL)


@pytest.mark.parametrize(
    ("text", "precision", "point"),
    [
        ("서초구 서초대로 100 2층", Precision.EXACT, (127.010, 37.490)),
        ("서울 서초구 서초1동 1337번지 20호", Precision.EXACT, (127.025, 37.492)),
        ("서초구 반포대로 179 (서초동)", Precision.LOT, (127.012, 37.485)),
        ("강남역", Precision.EXACT, (127.0276, 37.4979)),
        ("강남 역", Precision.EXACT, (127.0276, 37.4979)),
        ("서초구 서초대로 110", Precision.ROAD, (127.010, 37.490)),
        ("서초구 서초동 9999", Precision.DONG, (127.015, 37.490)),
        ("서초구 서초동", Precision.DONG, (127.015, 37.490)),
        ("서초구", Precision.GU, (127.025, 37.480)),
        ("서초구 없는로 1", Precision.GU, (127.025, 37.480)),
    ],
)
def test_each_text_is_found_as_exactly_as_the_records_allow(text, precision, point):
    hit = GAZETTEER.find(text)[0]
    assert (hit.precision, (hit.longitude, hit.latitude)) == (precision, pytest.approx(point, abs=1e-6))
    assert hit.source == "gazetteer"


def test_a_middle_of_a_dong_has_the_radius_of_the_dong_and_stands_for_no_incident():
    hits = GAZETTEER.find("서초구 서초동 9999")
    assert hits[0].radius_m > 1000
    assert only_hit(hits, least=Precision.LOT) is None
    assert only_hit(hits, least=Precision.DONG) == hits[0]


@pytest.mark.parametrize("text", ["신사동", "중앙공원"])
def test_a_name_that_two_districts_have_gives_both(text):
    hits = GAZETTEER.find(text)
    assert len(hits) == 2
    assert only_hit(hits, least=Precision.GU) is None


def test_the_gu_settles_which_one_is_meant():
    assert [hit.matched for hit in GAZETTEER.find("강남구 신사동")] == ["강남구 신사동"]


@pytest.mark.parametrize("text", ["부산광역시 중구 서초대로 100", "부산 서초동", "아무데도", ""])
def test_another_city_and_unknown_names_are_not_found(text):
    assert list(GAZETTEER.find(text)) == []


def test_a_lot_of_a_dong_with_several_legal_dong_is_none_that_the_records_know():
    """양재2동 375 may as well be 원지동 375: 3 km off in the real world."""
    assert GAZETTEER.find("서초구 양재동 375")[0].precision == Precision.EXACT
    assert GAZETTEER.find("서초구 양재2동 375")[0].precision == Precision.DONG


def test_records_that_contradict_each_other_prove_no_place():
    assert GAZETTEER.find("서초구 양재동 1-1")[0].precision == Precision.DONG


class Answers:
    """Answers requests in turn and keeps them."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Response) else Response(200, json.dumps(answer).encode())

    def query(self, place=0):
        return {name: values[0] for name, values in parse_qs(urlsplit(self.asked[place].url).query).items()}


def vworld(status="OK", text="서울특별시 서초구 서초대로 100", number="100", **error):
    if status != "OK":
        return {"response": {"status": status, **({"error": error} if error else {})}}
    structure = {"level0": "대한민국", "level1": SEOUL, "level2": "서초구", "level4L": "서초대로", "level5": number}
    point = {"x": "127.0101", "y": "37.4901"}
    refined = {"text": text, "structure": structure}
    return {"response": {"status": "OK", "refined": refined, "result": {"crs": "EPSG:4326", "point": point}}}


def test_vworld_is_asked_for_a_road_address_first_and_for_a_lot_when_there_is_none():
    ask = Answers(vworld("NOT_FOUND"), vworld(text="서울특별시 서초구 서초동 100"))
    hits = VWorld("key").find("서초구 서초대로 100", ask)
    assert [ask.query(place)["type"] for place in (0, 1)] == ["road", "parcel"]
    assert ask.query() | {"type": ""} == {
        "service": "address", "request": "getcoord", "version": "2.0", "crs": "epsg:4326", "address": "서초구 서초대로 100",
        "refine": "true", "simple": "false", "format": "json", "type": "", "key": "key",
    }  # fmt: skip
    assert ask.asked[0].url.startswith("https://api.vworld.kr/req/address?")
    assert hits == ()  # the lot that it offers is not what was asked for


def test_vworld_gives_the_building():
    assert VWorld("key").find("서초구 서초대로 100", Answers(vworld())) == [
        Hit(127.0101, 37.4901, Precision.EXACT, "서울특별시 서초구 서초대로 100", "vworld", 30.0)
    ]
    road = VWorld("key").find("서초구 서초대로 100", Answers(vworld(number="")))
    assert road[0].precision == Precision.ROAD


@pytest.mark.parametrize(
    ("code", "refusal"),
    [("INVALID_KEY", "geocoder_key"), ("OVER_REQUEST_LIMIT", "geocoder_quota"), ("SYSTEM_ERROR", "geocoder_down")],
)
def test_vworld_says_what_is_wrong(code, refusal):
    with pytest.raises(GeocoderRefused) as refused:
        VWorld("key").find("서초구 서초대로 100", Answers(vworld("ERROR", level="1", code=code, text="…")))
    assert (refused.value.code, refused.value.fields["value"]) == (refusal, code)
    assert "vworld" in str(refused.value)


def kakao(*documents):
    return {"meta": {"total_count": len(documents), "pageable_count": len(documents), "is_end": True}, "documents": documents}


def document(kind="ROAD_ADDR", name="서울 서초구 서초대로 100", **parts):
    return {"address_name": name, "address_type": kind, "x": "127.0101", "y": "37.4901", **parts}


def test_kakao_is_asked_with_its_key_in_the_header_and_gives_the_building():
    ask = Answers(kakao(document()))
    hits = Kakao("secret").find("서초구 서초대로 100", ask)
    assert ask.asked[0].headers == {"Authorization": "KakaoAK secret"}
    assert "secret" not in ask.asked[0].url
    assert ask.query() == {"query": "서초구 서초대로 100", "analyze_type": "exact", "size": "5"}
    assert [(hit.precision, hit.longitude, hit.latitude) for hit in hits] == [(Precision.EXACT, 127.0101, 37.4901)]


@pytest.mark.parametrize(
    ("one", "precisions"),
    [
        (document(name="서울 서초구 서초대로 102"), []),
        (document("REGION_ADDR", "서울 서초구 서초동 1337-20"), []),
        (
            document("REGION_ADDR", "서울 서초구 서초동 1", road_address={"address_name": "서울 서초구 서초대로 100"}),
            [Precision.LOT],
        ),
        (document("ROAD", "서울 서초구 서초대로"), [Precision.ROAD]),
        (document("REGION", "서울 서초구 서초동", address={"region_3depth_name": "서초동"}), [Precision.DONG]),
        (document("REGION", "서울 서초구", address={"region_3depth_name": ""}), [Precision.GU]),
        (document("SOMETHING NEW"), []),
    ],
)
def test_kakaos_answer_is_never_taken_for_more_than_it_is(one, precisions):
    hits = Kakao("key").find("서초구 서초대로 100", Answers(kakao(one)))
    assert [hit.precision for hit in hits] == precisions


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (401, {"errorType": "AccessDeniedError", "message": "wrong appKey"}, "geocoder_key"),
        (400, {"msg": "API limit has been exceeded.", "code": -10}, "geocoder_quota"),
        (429, {"errorType": "RequestThrottled", "message": "API limit has been exceeded."}, "geocoder_quota"),
        (400, {"msg": "server busy", "code": -1}, "geocoder_down"),
    ],
)
def test_kakaos_errors_are_told_apart(status, body, refusal):
    with pytest.raises(GeocoderRefused) as refused:
        Kakao("key").find("서초구", Answers(Response(status, json.dumps(body).encode())))
    assert refused.value.code == refusal


def juso(*records, code="0"):
    return {
        "results": {"common": {"errorCode": code, "errorMessage": "", "totalCount": str(len(records))}, "juso": list(records)}
    }


FOUND = {
    "roadAddr": "서울특별시 서초구 서초대로 100 (서초동)", "roadAddrPart1": "서울특별시 서초구 서초대로 100",
    "jibunAddr": "서울특별시 서초구 서초동 1337-20", "admCd": "1165010800", "rnMgtSn": "116503121007", "udrtYn": "0",
    "buldMnnm": "100", "buldSlno": "0",
}  # fmt: skip


def test_juso_is_asked_twice_and_its_metres_become_degrees():
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:5179", always_xy=True).transform(127.0101, 37.4901)
    nearby = FOUND | {"roadAddr": "서울특별시 서초구 서초대로 102", "roadAddrPart1": "", "jibunAddr": ""}
    ask = Answers(juso(nearby, FOUND), juso({"entX": str(x), "entY": str(y), "bdNm": ""}))
    hits = Juso("one", "two").find("서초구 서초대로 100 (서초동)", ask)
    assert len(ask.asked) == 2  # the neighbour that the search offers too is not looked up
    assert (ask.query(0)["confmKey"], ask.query(0)["keyword"]) == ("one", "서초구 서초대로 100 서초동")
    assert ask.query(1) == {
        "admCd": "1165010800", "rnMgtSn": "116503121007", "udrtYn": "0", "buldMnnm": "100", "buldSlno": "0",
        "confmKey": "two", "resultType": "json",
    }  # fmt: skip
    assert (hits[0].longitude, hits[0].latitude) == pytest.approx((127.0101, 37.4901), abs=1e-8)
    assert hits[0].precision == Precision.EXACT


@pytest.mark.parametrize(("code", "refusal"), [("E0001", "geocoder_key"), ("E0014", "geocoder_key"), ("-999", "geocoder_down")])
def test_jusos_errors_are_told_apart(code, refusal):
    with pytest.raises(GeocoderRefused) as refused:
        Juso("one", "two").find("서초구 서초대로 100", Answers(juso(code=code)))
    assert refused.value.code == refusal


def test_a_search_word_that_juso_refuses_is_simply_not_found():
    assert Juso("one", "two").find("서", Answers(juso(code="E0008"))) == []


@pytest.mark.parametrize("service", [VWorld("key"), Kakao("key"), Juso("one", "two")])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"response": 1}', b'{"results": {}}', b"\xff\xfe"])
def test_an_answer_that_cannot_be_read_is_said_to_be_so(service, body):
    with pytest.raises(GeocoderRefused) as refused:
        service.find("서초구 서초대로 100", Answers(Response(200, body)))
    assert refused.value.code == "geocoder_unreadable"


@pytest.mark.parametrize("x", ["", None, "nan", "1e9", "abc"])
def test_a_point_that_is_none_is_not_taken(x):
    with pytest.raises(GeocoderRefused):
        Kakao("key").find("서초구 서초대로 100", Answers(kakao(document() | {"x": x})))


def test_every_refusal_has_its_sentence():
    for code in ("geocoder_key", "geocoder_quota", "geocoder_down", "geocoder_unreadable"):
        assert REFUSALS[code].format(source="vworld", value="x")
