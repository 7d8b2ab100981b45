"""Geocoding end to end: own records from the database, then services that a local server speaks for, with all their faults."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import shapely
from django.contrib.gis.geos import Point
from django.core.cache import cache
from django.test import override_settings
from pyproj import Transformer

from ingestion.geocoding import GeocoderRefused, Precision
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from tests.factories import OTHER_CITY, SMALL_CITY, make_jurisdiction
from webapp.common.intake import Intake, taker_of
from webapp.common.services import no_progress
from webapp.crimes.geocoding.clients import asked_today, configured_clients
from webapp.crimes.geocoding.services import JurisdictionGeocoder, geocode
from webapp.crimes.models import Place
from webapp.crimes.services import AreaRecord, register_areas
from webapp.crimes.services.place_kinds import ensure_place_kinds
from webapp.imports.models import Upload

pytestmark = pytest.mark.django_db

ROAD = "서울특별시 서초구 서초대로 100"
POINT = (127.0101, 37.4901)


class Provider(ThreadingHTTPServer):
    """Answers as VWorld, Kakao and Juso do; `mood` makes it stumble: the moods are used up one a request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.moods: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query, self.headers.get("Authorization", "")))
        mood = self.server.moods.pop(0) if self.server.moods else ""
        if mood == "slow":
            time.sleep(1.0)
        if mood == "hang up":
            self.connection.close()
            return
        if mood == "elsewhere":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/stolen")
            self.end_headers()
            return
        status, body = (500, b"oops") if mood == "broken" else self._answer(parts.path, query)
        if mood == "malformed":
            body = body[: len(body) // 2]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        status, answer = {"/req/address": _vworld, "/v2/local/search/address.json": self._kakao}.get(path, _juso)(query)
        return status, json.dumps(answer).encode()

    def _kakao(self, query):
        if self.headers.get("Authorization") != "KakaoAK right":
            return 401, {"errorType": "AccessDeniedError", "message": "cannot find appKey"}
        found = [{"address_name": ROAD, "address_type": "ROAD_ADDR", "x": str(POINT[0]), "y": str(POINT[1])}]
        documents = found if "서초대로 100" in query["query"] else []
        return 200, {"meta": {"total_count": len(documents), "pageable_count": 1, "is_end": True}, "documents": documents}

    def log_message(self, *_: object) -> None:
        pass


def _vworld(query):
    if query["key"] != "right":
        return 200, {"response": {"status": "ERROR", "error": {"level": "1", "code": "INVALID_KEY", "text": "…"}}}
    if query["type"] != "road" or "서초대로 100" not in query["address"]:
        return 200, {"response": {"status": "NOT_FOUND"}}
    refined = {"text": ROAD, "structure": {"level4L": "서초대로", "level5": "100"}}
    result = {"crs": "EPSG:4326", "point": {"x": str(POINT[0]), "y": str(POINT[1])}}
    return 200, {"response": {"status": "OK", "refined": refined, "result": result}}


def _juso(query):
    common = {"errorCode": "0", "errorMessage": "정상", "totalCount": "1"}
    if query["confmKey"] != "right":
        return 200, {"results": {"common": common | {"errorCode": "E0001"}, "juso": None}}
    if "admCd" in query:
        x, y = Transformer.from_crs("EPSG:4326", "EPSG:5179", always_xy=True).transform(*POINT)
        return 200, {"results": {"common": common, "juso": [{"entX": str(x), "entY": str(y)}]}}
    found = {
        "roadAddr": ROAD,
        "roadAddrPart1": ROAD,
        "jibunAddr": "",
        "admCd": "1",
        "rnMgtSn": "2",
        "udrtYn": "0",
        "buldMnnm": "100",
    }
    return 200, {"results": {"common": common, "juso": [found] if "서초대로 100" in query["keyword"] else []}}


@pytest.fixture
def provider(settings):
    """Juso at a local server, with the right key and an empty memory."""
    cache.clear()
    server = Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.JUSO_KEY = settings.JUSO_COORDINATE_KEY = "right"
    settings.JUSO_URL = settings.VWORLD_URL = settings.KAKAO_URL = server.url
    settings.GEOCODING_TIMEOUT_S = 0.3
    yield server
    server.shutdown()
    server.server_close()
    cache.clear()


@pytest.fixture
def seocho():
    jurisdiction = make_jurisdiction(name="서초구", name_en="Seocho-gu")
    west, south, east, north = SMALL_CITY.bounds
    south_part = AreaRecord("1165010800", "서초동", "Seocho-dong", shapely.box(west, south, east, (south + north) / 2))
    register_areas(jurisdiction=jurisdiction, kind="legal_dong", areas=[south_part])
    return jurisdiction


def place(jurisdiction, name="", address="", kind="station", point=(127.012, 37.487)):
    return Place.objects.create(
        jurisdiction=jurisdiction, kind=kind, name=name, address=address, geometry=Point(*point, srid=4326)
    )


def hasty(geocoder: JurisdictionGeocoder) -> JurisdictionGeocoder:
    """Without the pauses between tries."""
    for client in geocoder.clients:
        client.pause = lambda _: None
    return geocoder


def test_without_a_key_no_service_is_asked(seocho, provider, settings):
    settings.JUSO_KEY = ""
    answer = geocode(jurisdiction=seocho, text=ROAD)
    assert provider.asked == []
    assert [hit.precision for hit in answer.hits] == [Precision.GU]
    assert answer.place() is None


def test_own_records_are_enough_where_they_know_the_address(seocho, provider):
    place(seocho, "서초역", "서울특별시 서초구 서초대로 지하233")
    place(seocho, kind="address", address="서울특별시 서초구 서초동 1337-20", point=(127.011, 37.488))
    geocoder = JurisdictionGeocoder(seocho)
    found = geocoder.find_all(["서초역", "서초구 서초대로 지하 233", "서초구 서초동 1337번지 20호", "", "서초구 서초동"])
    assert [hit and hit.precision for hit in found] == [Precision.EXACT, Precision.LOT, Precision.EXACT, None, None]
    assert (found[2].longitude, found[2].latitude) == (127.011, 37.488)
    assert [path for path, _, _ in provider.asked] == []
    assert geocoder.find("서초구 서초동").hits[0].precision == Precision.DONG


def test_another_jurisdictions_records_are_not_seen(seocho):
    other = make_jurisdiction("other", OTHER_CITY, name="다른구")
    place(other, "비밀역", point=(126.905, 37.505))
    assert geocode(jurisdiction=seocho, text="비밀역").hits == ()


def test_an_unknown_address_is_asked_of_juso_and_kept_as_its_terms_allow(seocho, provider):
    first = geocode(jurisdiction=seocho, text=ROAD).place()
    assert (first.source, first.precision) == ("juso", Precision.EXACT)
    assert (first.longitude, first.latitude) == pytest.approx(POINT, abs=1e-8)
    assert len(provider.asked) == asked_today("juso") == 2
    assert geocode(jurisdiction=seocho, text=f"  {ROAD} ").place() == first
    assert len(provider.asked) == 2


@pytest.mark.parametrize(("name", "key"), [("vworld", "VWORLD_KEY"), ("kakao", "KAKAO_KEY")])
def test_services_whose_terms_forbid_keeping_are_asked_for_a_look_but_not_for_an_upload(seocho, provider, settings, name, key):
    settings.JUSO_KEY = ""
    setattr(settings, key, "right")
    assert geocode(jurisdiction=seocho, text=ROAD).place() is None
    assert provider.asked == []
    for asked in (1, 2):
        assert geocode(jurisdiction=seocho, text=ROAD, for_storing=False).place().source == name
        assert len(provider.asked) == asked  # nothing was cached
    settings.GEOCODING_STORE = [name]
    assert geocode(jurisdiction=seocho, text=ROAD).place().source == name


def test_the_next_service_is_asked_when_one_knows_nothing_or_refuses(seocho, provider, settings):
    settings.JUSO_KEY = "wrong"
    settings.VWORLD_KEY = "wrong"
    settings.KAKAO_KEY = "right"
    geocoder = JurisdictionGeocoder(seocho, for_storing=False)
    answer = geocoder.find(ROAD)
    assert answer.place().source == "kakao"
    assert [(one.source, one.code) for one in answer.refused] == [("juso", "geocoder_key"), ("vworld", "geocoder_key")]
    geocoder.find("서초구 서초대로 999")
    assert [path for path, _, _ in provider.asked].count("/req/address") == 1  # a wrong key is not tried again
    assert {one.source for one in geocoder.refusals()} == {"juso", "vworld"}


def test_the_daily_quota_holds_over_all_processes(seocho, provider, settings):
    settings.JUSO_DAILY = 2
    assert geocode(jurisdiction=seocho, text=ROAD).place() is not None
    answer = geocode(jurisdiction=seocho, text="서초구 서초대로 999")
    assert [one.code for one in answer.refused] == ["geocoder_quota"]
    assert len(provider.asked) == 2


@pytest.mark.parametrize("mood", ["broken", "slow", "hang up"])
def test_a_service_that_stumbles_is_asked_again(seocho, provider, mood):
    provider.moods = [mood]
    assert hasty(JurisdictionGeocoder(seocho)).find(ROAD).place().source == "juso"
    assert len(provider.asked) == 3


@pytest.mark.parametrize(
    ("mood", "code"),
    [
        ("broken", "geocoder_down"),
        ("slow", "geocoder_down"),
        ("hang up", "geocoder_down"),
        ("malformed", "geocoder_unreadable"),
    ],
)
def test_a_service_that_stays_away_leaves_what_the_own_records_know(seocho, provider, mood, code):
    provider.moods = [mood] * 3
    answer = hasty(JurisdictionGeocoder(seocho)).find(ROAD)
    assert [one.code for one in answer.refused] == [code]
    assert [hit.precision for hit in answer.hits] == [Precision.GU]


def test_a_service_that_fails_three_times_in_a_row_is_left_alone(seocho, provider):
    provider.moods = ["broken"] * 100
    geocoder = hasty(JurisdictionGeocoder(seocho))
    for number in range(10):
        geocoder.find(f"서초구 서초대로 {number}")
    assert len(provider.asked) == 9
    assert geocoder.refusals()[0].code == "geocoder_down"


def test_a_server_that_is_not_there_is_an_answer_too(seocho, provider, settings):
    settings.JUSO_URL = "http://127.0.0.1:9"
    answer = hasty(JurisdictionGeocoder(seocho)).find(ROAD)
    assert answer.refused[0].code == "geocoder_down"


def test_a_key_does_not_follow_a_redirect(seocho, provider):
    provider.moods = ["elsewhere"]
    answer = geocode(jurisdiction=seocho, text=ROAD)
    assert answer.refused
    assert [path for path, _, _ in provider.asked] == ["/addrlink/addrLinkApi.do"]


def test_what_cannot_be_counted_is_not_asked(seocho, provider, settings):
    away = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    with override_settings(CACHES=away):
        answer = geocode(jurisdiction=seocho, text=ROAD)
    assert (answer.refused[0].code, answer.refused[0].fields["value"]) == ("geocoder_down", "Redis")
    assert provider.asked == []


def test_a_hit_inside_the_jurisdiction_goes_before_one_outside(seocho):
    place(seocho, "중앙공원", point=(127.012, 37.487))
    place(seocho, "중앙공원", point=(127.9, 37.9))
    assert geocode(jurisdiction=seocho, text="중앙공원").place().longitude == 127.012


def test_the_pauses_between_tries_grow(provider):
    provider.moods = ["broken"] * 3
    pauses: list[float] = []
    client = configured_clients(for_storing=True)[0]
    client.pause = pauses.append
    with pytest.raises(GeocoderRefused):
        client.find(ROAD)
    assert pauses == [0.5, 2.0]


# --- an upload of places without coordinates ------------------------------------------------------------------------

LIGHTS = {"name": "위치명", "address": "도로명주소", "lot_address": "지번주소", "latitude": "위도", "longitude": "경도"}
LIGHTS_CSV = f"""위치명,도로명주소,지번주소,위도,경도
가,{ROAD},서울특별시 서초구 서초동 1,,
나,,서울특별시 서초구 서초동 1337-20,37.4870,
다,,서울특별시 서초구 서초동 9999,,
라,없음,서울특별시 서초구,,
마,,서울특별시 서초구 서초동 1337-20,37.4880,127.0100
"""


def take_lights(jurisdiction, path, *mends):
    upload = Upload.objects.create(
        jurisdiction=jurisdiction, file_name="lights.csv", sha256=f"{len(mends):064x}", size_bytes=1, kind="places", preset=""
    )
    path.write_text(LIGHTS_CSV, encoding="utf-8")
    mapping = ColumnMapping(Kind.PLACES, columns=LIGHTS, place_kind="lane_lamp", mends=frozenset(mends))
    intake = Intake(
        jurisdiction=jurisdiction,
        upload_id=upload.pk,
        path=path,
        file_name="lights.csv",
        mapping=mapping,
        max_content_bytes=1_000_000,
        now=datetime(2026, 3, 1, tzinfo=UTC),
        progress=no_progress,
    )
    return taker_of("places").take(intake)


def test_rows_without_coordinates_are_proposed_their_address_and_placed_when_a_person_accepts(seocho, provider, tmp_path):
    ensure_place_kinds(jurisdiction=seocho)
    place(seocho, kind="address", address="서울특별시 서초구 서초동 1337-20", point=(127.011, 37.488))
    proposed = take_lights(seocho, tmp_path / "lights.csv")
    assert (proposed.rows, proposed.accepted) == (5, 1)
    assert {code: (one.count, one.mend) for code, one in proposed.reasons.items()} == {
        "address_only": (2, "geocode"),
        "coordinate_missing": (2, ""),  # of the lot 9999 and of the bare district nothing is known
    }
    assert proposed.mendable == 2
    assert f"{ROAD} (exact, juso)" in proposed.reasons["address_only"].values
    accepted = take_lights(seocho, tmp_path / "lights.csv", "geocode")
    assert (accepted.rows, accepted.accepted) == (5, 3)
    assert accepted.warnings["mended_geocode"].lines == [2, 3]
    lamps = Place.objects.of(seocho).filter(kind="lane_lamp")
    assert sorted((one.name, round(one.geometry.x, 4), round(one.geometry.y, 4)) for one in lamps) == [
        ("가", *POINT),
        ("나", 127.011, 37.488),
        ("마", 127.01, 37.488),
    ]
