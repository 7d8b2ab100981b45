"""The cameras through the API."""

import pytest


def test_cameras_come_as_geojson(api, operator, jurisdiction, cameras):
    made = cameras(jurisdiction, 3)
    response = api(operator).get("/api/v1/cameras/")
    body = response.json()
    assert response["Content-Type"] == "application/geo+json"
    assert (body["type"], len(body["features"])) == ("FeatureCollection", 3)
    feature = body["features"][0]
    assert feature["geometry"]["type"] == "Point"
    assert feature["geometry"]["coordinates"] == pytest.approx(list(made[0].point.coords), abs=1e-7)
    assert feature["properties"] == {
        "id": made[0].pk,
        "source_id": "T-0000",
        "name": "시험 카메라 0",
        "bearing_deg": made[0].bearing_deg,
        "angle_deg": 90.0,
        "range_m": 60.0,
        "count": 1,
        "purpose": "crime_prevention",
        "is_working": True,
        "is_simulated": True,
    }


def test_a_city_without_cameras_gives_an_empty_collection(api, operator):
    assert api(operator).get("/api/v1/cameras/").json() == {"type": "FeatureCollection", "features": []}


def test_unchanged_cameras_are_not_sent_again(api, operator, jurisdiction, cameras):
    made = cameras(jurisdiction, 3)
    client = api(operator)
    etag = client.get("/api/v1/cameras/")["ETag"]
    again = client.get("/api/v1/cameras/", HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    made[0].name = "새 이름"
    made[0].save()
    assert client.get("/api/v1/cameras/", HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_the_cameras_of_another_jurisdiction_are_not_shown(api, outsider, jurisdiction, cameras):
    cameras(jurisdiction, 3)
    assert api(outsider).get("/api/v1/cameras/").json()["features"] == []


def test_nobody_sees_cameras_without_signing_in(api, jurisdiction):
    assert api(None).get("/api/v1/cameras/").status_code == 403


def test_the_cameras_take_one_query_whatever_their_number(api, operator, jurisdiction, cameras, django_assert_max_num_queries):
    cameras(jurisdiction, 50)
    client = api(operator)
    with django_assert_max_num_queries(4):  # session, person, jurisdiction, cameras
        client.get("/api/v1/cameras/")


def test_the_cameras_are_sent_compressed_and_still_answer_not_modified(api, analyst, cameras):
    cameras(analyst.jurisdiction, 50)
    client = api(analyst)
    packed = client.get("/api/v1/cameras/", HTTP_ACCEPT_ENCODING="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < 0.4 * len(client.get("/api/v1/cameras/").content)
    again = client.get("/api/v1/cameras/", HTTP_ACCEPT_ENCODING="gzip", HTTP_IF_NONE_MATCH=packed.headers["ETag"])
    assert again.status_code == 304
