"""Places whose people are counted: from stored events to the public view, and who may see it."""

import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection

from webapp.audit.models import AuditEntry
from webapp.cameras.models import CountedPlace, PlaceHour
from webapp.cameras.place_selectors import public_place, public_places
from webapp.cameras.services.event_days import ensure_days
from webapp.cameras.services.places import PlaceError, count_places, set_place, switch_public_statistics

pytestmark = pytest.mark.django_db
HOUR = datetime(2026, 3, 4, 9, tzinfo=UTC)  # Wednesday 18:00 in Seoul
NOW = HOUR + timedelta(hours=2, minutes=30)
ADDRESS = "/api/v1/statistics/places/"


@pytest.fixture
def here(jurisdiction, cameras):
    ensure_days([HOUR.date() - timedelta(days=1), HOUR.date()])
    return jurisdiction, cameras(jurisdiction, 3)


def tell(camera, factor, at, value):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cameras_cameraevent (jurisdiction_id, day, key, camera_id, at, received_at, factor, confidence, value, "
            "track, model, is_late) VALUES (%s, %s, %s, %s, %s, %s, %s, 0.9, %s, '', 'test', false)",
            [camera.jurisdiction_id, at.astimezone(UTC).date(), uuid.uuid4().hex, camera.pk, at, at, factor, value],
        )


def busy_hour(camera, hour=HOUR, *, people=3.0, stays=()):
    """A count each ten minutes, and people who left after so many seconds."""
    for minute in range(0, 60, 10):
        tell(camera, "people", hour + timedelta(minutes=minute), people)
    for number, stay in enumerate(stays):
        tell(camera, "dwell", hour + timedelta(minutes=1 + number % 58), stay)


def park(jurisdiction, *cameras, **changes):
    values = {"code": "hanbit-park", "name": "한빛공원", "name_en": "Hanbit Park", "kind": "park", "is_public": True}
    return set_place(jurisdiction=jurisdiction, source_ids=[one.source_id for one in cameras], **(values | changes))


def test_an_hour_is_counted_from_the_events_of_its_cameras(here):
    jurisdiction, (one, two, other) = here
    park(jurisdiction, one, two)
    busy_hour(one, people=2.0, stays=[10, 20, 30, 40])
    busy_hour(two, people=1.0, stays=[60, 60])
    busy_hour(other, people=50.0, stays=[999] * 9)
    assert count_places(now=NOW).hours == 1
    row = PlaceHour.objects.of(jurisdiction).get()
    assert (row.start, row.passages, row.in_view, row.observed) == (HOUR, 6, 3.0, 1.0)
    assert row.stay_median_s == pytest.approx((4 * 25 + 2 * 60) / 6)


def test_counting_twice_changes_nothing_and_late_events_are_taken_in(here):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one)
    busy_hour(one, stays=[10] * 6)
    count_places(now=NOW)
    count_places(now=NOW)
    assert [row.passages for row in PlaceHour.objects.of(jurisdiction)] == [6]
    tell(one, "dwell", HOUR + timedelta(minutes=30), 5)
    count_places(now=NOW)
    assert [row.passages for row in PlaceHour.objects.of(jurisdiction)] == [7]


def test_the_hour_that_is_on_is_not_counted_and_one_without_a_camera_is_left_out(here):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one)
    busy_hour(one, HOUR + timedelta(hours=2))
    assert count_places(now=NOW).hours == 0
    assert count_places(now=HOUR + timedelta(hours=3, minutes=5)).hours == 0  # over, but not for ten minutes
    assert count_places(now=HOUR + timedelta(hours=3, minutes=11)).hours == 1


def test_congestion_is_told_against_the_weeks_before(here):
    jurisdiction, (one, *_rest) = here
    place = park(jurisdiction, one)
    past = [
        PlaceHour(jurisdiction=jurisdiction, place=place, start=HOUR - timedelta(hours=n), passages=9, in_view=1.0, observed=1.0)
        for n in range(12, 212)
    ]
    PlaceHour.objects.bulk_create(past)
    busy_hour(one, people=4.0, stays=[10] * 9)
    count_places(now=NOW)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True)
    shown = public_place(code="hanbit-park", now=NOW)
    assert (shown.hours[0].congestion, shown.hours[0].congestion_ratio) == ("very_busy", 3.0)
    assert shown.hours[0].congestion_label == "much busier than usual"


def test_nothing_is_public_unless_place_and_jurisdiction_are_switched_on(here, client):
    jurisdiction, (one, *_rest) = here
    busy_hour(one, stays=[10] * 8)
    park(jurisdiction, one, is_public=False)
    count_places(now=NOW)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True)
    assert public_places(now=NOW) == []
    park(jurisdiction, one, is_public=True)
    assert [place.code for place in public_places(now=NOW)] == ["hanbit-park"]
    assert [place["code"] for place in client.get(ADDRESS).json()] == ["hanbit-park"]
    switch_public_statistics(jurisdiction=jurisdiction, is_on=False)
    assert public_places(now=NOW) == []
    assert client.get(ADDRESS).json() == []
    assert client.get(f"{ADDRESS}hanbit-park/").status_code == 404


def test_an_hour_is_shown_one_hour_after_its_end_and_not_before(here):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True)
    busy_hour(one, stays=[10] * 8)
    count_places(now=NOW)
    assert public_places(now=HOUR + timedelta(hours=1, minutes=59))[0].hours == []
    assert [hour.people_text for hour in public_places(now=HOUR + timedelta(hours=2))[0].hours] == ["8"]


def test_fewer_than_five_people_are_withheld(here, client):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True)
    busy_hour(one, stays=[10, 20, 30, 40])
    count_places(now=NOW)
    hour = public_places(now=NOW)[0].hours[0]
    assert hour.people_text == "<5"
    assert (hour.people_per_hour, hour.in_view, hour.dwell_median_s) == (None, None, None)


def test_the_public_view_costs_four_queries_whatever_the_places(here, django_assert_num_queries):
    jurisdiction, (one, two, three) = here
    for number, camera in enumerate((one, two, three)):
        park(jurisdiction, camera, code=f"place-{number}")
        busy_hour(camera, stays=[10] * 8)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True)
    count_places(now=NOW)
    with django_assert_num_queries(3):
        assert len(public_places(now=NOW)) == 3


def test_the_api_is_open_read_only_says_how_long_it_holds_and_is_throttled(here, client):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True)
    answer = client.get(ADDRESS, REMOTE_ADDR="203.0.113.7")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.json()[0]["title"] == "Hanbit Park"
    assert client.post(ADDRESS, REMOTE_ADDR="203.0.113.7").status_code == 405
    statuses = {client.get(ADDRESS, REMOTE_ADDR="203.0.113.7").status_code for _ in range(70)}
    assert statuses == {200, 429}
    assert client.get(ADDRESS, REMOTE_ADDR="203.0.113.8").status_code == 200
    cache.clear()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"code": "한빛"}, "is no code"),
        ({"name": " "}, "needs a name"),
        ({"kind": "moon"}, "no kind of place"),
        ({"source_ids": []}, "needs 1 to 50 cameras"),
        ({"source_ids": ["nowhere-1"]}, "no camera “nowhere-1”"),
    ],
)
def test_a_place_that_cannot_be_is_refused_whole(here, changes, sentence):
    jurisdiction, (one, *_rest) = here
    values = {"code": "x", "name": "공원", "name_en": "Park", "kind": "park", "source_ids": [one.source_id]}
    with pytest.raises(PlaceError, match=sentence):
        set_place(jurisdiction=jurisdiction, **(values | changes))
    assert not CountedPlace.objects.of(jurisdiction).exists()


def test_a_code_and_cameras_of_another_jurisdiction_cannot_be_taken(here, other_jurisdiction, cameras):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one)
    theirs = cameras(other_jurisdiction, 1)[0]
    with pytest.raises(PlaceError, match="is taken"):
        park(other_jurisdiction, theirs)
    theirs.source_id = "only-theirs"
    theirs.save()
    with pytest.raises(PlaceError, match="no camera “only-theirs”"):
        park(jurisdiction, theirs, code="second")


def test_changes_are_kept_in_the_trail(here, administrator):
    jurisdiction, (one, *_rest) = here
    park(jurisdiction, one, actor=administrator)
    switch_public_statistics(jurisdiction=jurisdiction, is_on=True, actor=administrator)
    entries = AuditEntry.objects.of(jurisdiction).filter(action="change_place").order_by("pk")
    assert [entry.target for entry in entries] == ["place:hanbit-park", "public statistics"]
    assert {entry.actor for entry in entries} == {administrator}


def test_the_commands_set_up_switch_and_count(here, client):
    jurisdiction, (one, two, _third) = here

    def command(*words):
        out = io.StringIO()
        call_command(*words, stdout=out)
        return out.getvalue().strip()

    said = command(
        *("register_place", "bridge-1", "--jurisdiction", jurisdiction.code, "--name", "다리", "--name-en", "Bridge"),
        *("--kind", "bridge", "--cameras", f"{one.source_id},{two.source_id}", "--public", "--overlap"),
    )
    assert said == "Bridge is counted with 2 cameras."
    assert (
        command("public_statistics", "on", "--jurisdiction", jurisdiction.code) == "Everybody sees the public places of Test-gu."
    )
    assert "0 hours of 1 places" in command("count_places", "--hours", "2")
    assert command("public_statistics", "off", "--jurisdiction", jurisdiction.code).startswith("Nobody outside")
    for words in (
        ["public_statistics", "on", "--jurisdiction", "nowhere"],
        ["register_place", "x", "--jurisdiction", "nowhere", "--name", "x", "--cameras", "x"],
        ["register_place", "x", "--jurisdiction", jurisdiction.code, "--name", "x", "--cameras", "nope"],
        ["count_places", "--hours", "0"],
    ):
        with pytest.raises(CommandError):
            command(*words)
