"""The streams of cameras: registered, changed, sealed, and their health as the worker reports it."""

import io
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.clips import write_clip
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Stream
from webapp.cameras.selectors import camera_still
from webapp.cameras.services.streams import (
    StreamError,
    StreamReport,
    change_stream,
    change_whole,
    register_stream,
    remove_stream,
    report_health,
    set_calibration,
    set_rules,
    whole_address,
)
from webapp.cameras.stream_selectors import count_states, still_key, streams_health, streams_to_run
from webapp.cameras.stream_sentences import SENTENCES, clock_words, stream_sentence
from webapp.common.errors import NotAllowed, NotFound

pytestmark = pytest.mark.django_db
ADDRESS = "rtsp://admin:s3cret@192.168.0.10/live?token=abc"
SQUARE = [[0.1, 0.6], [0.9, 0.6], [0.9, 0.95], [0.1, 0.95]]


@pytest.fixture
def camera(jurisdiction, cameras):
    return cameras(jurisdiction, 3)[0]


@pytest.fixture
def stream(jurisdiction, camera):
    return register_stream(jurisdiction=jurisdiction, camera="T-0000", address=ADDRESS, fps=2)


def places_before(camera):
    """Four places 10 to 20 m north of the camera, as it sees them when it looks north."""
    return [
        [camera.point.x + east * 1.1e-5, camera.point.y + north * 0.9e-5] for east, north in ((-8, 20), (8, 20), (4, 8), (-4, 8))
    ]


def test_a_stream_is_stored_without_its_secrets_and_opened_with_them(stream):
    assert (stream.kind, stream.address, stream.fps) == ("rtsp", "rtsp://192.168.0.10/live?token=***", 2)
    for secret in ("s3cret", "abc", "admin"):
        assert secret not in stream.sealed
    whole = whole_address(address=stream.address, sealed=stream.sealed)
    assert whole.url("192.168.0.10") == "rtsp://admin:s3cret@192.168.0.10:554/live?token=abc"


def test_registering_the_same_again_changes_nothing_and_another_password_does(jurisdiction, stream):
    again = register_stream(jurisdiction=jurisdiction, camera="T-0000", address=ADDRESS)
    assert (again.pk, again.revision) == (stream.pk, 1)
    other = register_stream(jurisdiction=jurisdiction, camera="T-0000", address=ADDRESS.replace("s3cret", "new"))
    assert (other.pk, other.revision) == (stream.pk, 2)
    assert Stream.objects.of(jurisdiction).count() == 1


def test_what_people_changed_is_in_the_trail_without_secrets(jurisdiction, stream, administrator):
    change_stream(stream=stream, by=administrator, password="hunter2", fps=3)
    entries = AuditEntry.objects.filter(action="change_stream").order_by("id")
    assert [(entry.actor, entry.detail["changed"]) for entry in entries] == [
        (None, "registered"),
        (administrator, "fps, password"),
    ]
    assert "hunter2" not in str([entry.detail for entry in entries])


def test_a_new_address_does_not_get_the_old_password(stream):
    changed = change_stream(stream=stream, address="rtsp://192.168.66.6/live")
    assert changed.sealed == ""
    assert not whole_address(address=changed.address, sealed=changed.sealed).secrets


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("rtsp://127.0.0.1/a", "address_forbidden", "HAECHI_STREAM_NETWORKS"),
        ("http://169.254.169.254/latest/meta-data", "address_forbidden", "outside the networks"),
        ("rtsp://no.such.invalid/a", "host_unknown", "cannot be found"),
        ("gopher://10.0.0.1/", "scheme_unknown", "gopher"),
        ("/etc/passwd", "path_forbidden", "folder of clips"),
        ("missing.mp4", "file_missing", "is not there"),
        ("rtsp://10.0.0.1/a b", "address_malformed", "Write it like rtsp://"),
    ],
)
def test_an_address_that_may_not_be_opened_is_refused_with_a_sentence(jurisdiction, camera, address, code, words):
    with pytest.raises(StreamError) as caught:
        register_stream(jurisdiction=jurisdiction, camera="T-0000", address=address)
    assert (caught.value.code, caught.value.fields["field"]) == (code, "address")
    assert words in caught.value.message
    assert not Stream.objects.of(jurisdiction).exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [({"fps": 0}, "fps"), ({"height": 10}, "height"), ({"factors": ["sins"]}, "factors"), ({"detector": "../../x"}, "detector")],
)
def test_a_value_that_does_not_fit_is_refused(jurisdiction, camera, values, field):
    with pytest.raises(StreamError) as caught:
        register_stream(jurisdiction=jurisdiction, camera="T-0000", address=ADDRESS, **values)
    assert caught.value.fields["field"] == field


def test_clips_and_folders_lie_in_the_folder_of_clips(jurisdiction, camera, settings, tmp_path):
    settings.STREAM_DIR = tmp_path
    write_clip(tmp_path / "walk.mp4", seconds=0.2)
    (tmp_path / "frames").mkdir()
    kinds = [register_stream(jurisdiction=jurisdiction, camera="T-0000", address=name).kind for name in ("walk.mp4", "frames")]
    assert kinds == ["file", "images"]


def test_a_camera_of_another_jurisdiction_is_not_found(other_jurisdiction, camera):
    with pytest.raises(NotFound):
        register_stream(jurisdiction=other_jurisdiction, camera="T-0000", address=ADDRESS)


def test_only_administrators_change_streams(stream, operator, analyst):
    for person in (operator, analyst):
        with pytest.raises(NotAllowed):
            change_stream(stream=stream, by=person, is_on=False)
        with pytest.raises(NotAllowed):
            remove_stream(stream=stream, by=person)


def test_rules_and_calibration_are_checked_and_stored(stream, camera):
    set_rules(stream=stream, rules={"zones": [{"name": "yard", "polygon": SQUARE}]})
    set_calibration(stream=stream, points=SQUARE, places=places_before(camera))
    stream.refresh_from_db()
    assert (stream.rules["zones"][0]["name"], stream.calibration["error_m"], stream.revision) == ("yard", 0.0, 3)
    with pytest.raises(StreamError, match="at least 4 pairs"):
        set_calibration(stream=stream, points=SQUARE[:3], places=places_before(camera)[:3])
    with pytest.raises(StreamError, match="polygon"):
        set_rules(stream=stream, rules={"zones": [{"name": "yard"}]})
    set_calibration(stream=stream, points=[], places=[])
    stream.refresh_from_db()
    assert stream.calibration == {}


def test_a_change_of_several_things_is_done_whole_or_not_at_all(stream):
    with pytest.raises(StreamError):
        change_whole(stream=stream, values={"fps": 9, "rules": {"nonsense": 1}})
    stream.refresh_from_db()
    assert (stream.fps, stream.revision) == (2, 1)


# --- Health -----------------------------------------------------------------------------------------
def test_the_health_of_all_streams_is_read_at_a_glance(jurisdiction, cameras, operator, django_assert_num_queries):
    cameras(jurisdiction, 6)
    made = [
        register_stream(jurisdiction=jurisdiction, camera=f"T-000{n}", address=f"rtsp://10.0.0.{n}/a", is_on=n != 5)
        for n in range(6)
    ]
    now = timezone.now()
    seen = now - timedelta(seconds=2)
    reports = [
        StreamReport(made[0].pk, "ok", seen, measured_fps=4.9, dropped=3),
        StreamReport(made[1].pk, "reconnecting", error_code="unreachable", error_fields={"host": "10.0.0.1", "port": 554}),
        StreamReport(made[2].pk, "refused", error_code="unauthorised", error_fields={"host": "10.0.0.2"}),
        StreamReport(made[3].pk, "ok", seen, clock_offset_s=32_400.0),
        StreamReport(10**9, "ok"),
    ]
    with django_assert_num_queries(1):
        report_health(reports=reports, now=now)
    with django_assert_num_queries(1):
        health = streams_health(user=operator, now=now)
    assert [one.state for one in health] == ["refused", "reconnecting", "waiting", "ok", "ok", "off"]
    by_id = {one.id: one for one in health}
    assert by_id[made[0].pk].age_s == pytest.approx(2)
    assert by_id[made[0].pk].fps == pytest.approx(4.9)
    assert "refuses the user name or password" in by_id[made[2].pk].sentence
    assert "9 h 0 min ahead" in by_id[made[3].pk].sentence
    assert count_states(health) == {"ok": 2, "waiting": 1, "reconnecting": 1, "silent": 0, "blind": 0, "refused": 1, "off": 1}


def test_a_stream_whose_worker_went_away_is_not_called_well(stream, operator):
    now = timezone.now()
    report_health(reports=[StreamReport(stream.pk, "ok", now)], now=now - timedelta(minutes=1))
    (health,) = streams_health(user=operator, now=now)
    assert (health.state, health.fps) == ("waiting", 0.0)
    assert health.last_frame_at is not None


def test_a_report_without_a_picture_keeps_the_time_of_the_last_one(stream):
    now = timezone.now()
    report_health(reports=[StreamReport(stream.pk, "ok", now)])
    report_health(reports=[StreamReport(stream.pk, "silent", error_code="silent")])
    stream.refresh_from_db()
    assert (stream.state, stream.last_frame_at) == ("silent", now)


def test_nobody_sees_the_streams_of_another_jurisdiction(stream, outsider):
    assert streams_health(user=outsider) == []


def test_workers_share_the_streams_that_are_on(jurisdiction, cameras):
    cameras(jurisdiction, 6)
    made = [register_stream(jurisdiction=jurisdiction, camera=f"T-000{n}", address=ADDRESS) for n in range(6)]
    change_stream(stream=made[0], is_on=False)
    camera = made[1].camera
    camera.is_working = False
    camera.save()
    shares = [[task.id for task in streams_to_run(part=part, parts=2)] for part in range(2)]
    assert sorted(shares[0] + shares[1]) == [one.pk for one in made[2:]]
    assert len(streams_to_run(jurisdiction_code="elsewhere")) == 0


def test_the_still_is_kept_in_memory_only(camera):
    assert camera_still(camera) is None
    cache.set(still_key(camera.pk), b"\xff\xd8jpeg", 60)
    assert camera_still(camera) == b"\xff\xd8jpeg"
    cache.delete(still_key(camera.pk))


# --- Words ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", SENTENCES)
def test_every_error_of_a_stream_is_a_sentence(code):
    fields = {"host": "cam", "name": "cam", "ip": "10.0.0.1", "port": 1, "path": "/a", "scheme": "x", "status": 500, "why": "y."}
    said = stream_sentence(code, fields | {"width": 1, "height": 1})
    assert said.endswith(".")
    assert "?" not in said
    assert "%(" not in said


def test_every_code_that_a_source_may_give_has_its_sentence():
    import re
    from pathlib import Path

    source = "".join(path.read_text() for path in Path("cctv/sources").glob("*.py"))
    codes = set(re.findall(r'SourceError\(\s*"([a-z_]+)"', source)) | {"timeout", "silent"}
    assert codes - set(SENTENCES) == set()
    assert "?" in stream_sentence("host_unknown", {})
    assert "(new_one)" in stream_sentence("new_one", {})
    assert stream_sentence("", {}) == ""


def test_a_clock_is_told_in_hours_minutes_or_seconds():
    assert "9 h 0 min behind" in clock_words(-32_400)
    assert "12 s ahead" in clock_words(12)
    assert clock_words(2) == clock_words(None) == ""


# --- Command ----------------------------------------------------------------------------------------
def command(*args, **options):
    out = io.StringIO()
    call_command("register_stream", *args, "--jurisdiction", "testgu", stdout=out, **options)
    return out.getvalue()


def test_the_command_registers_a_stream_with_a_password_from_standard_input(jurisdiction, camera, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("pass word\n"))
    said = command("T-0000", "rtsp://10.0.0.9/a", "--user", "kim", "--password-stdin", "--fps", "2", "--off")
    stream = Stream.objects.of(jurisdiction).get()
    assert said == f"Stream {stream.pk} of camera T-0000: rtsp://10.0.0.9/a\n"
    assert (stream.fps, stream.is_on) == (2, False)
    secrets = whole_address(address=stream.address, sealed=stream.sealed).secrets
    assert (secrets.user, secrets.password) == ("kim", "pass word")


def test_the_command_says_what_is_wrong(jurisdiction, camera):
    with pytest.raises(CommandError, match="outside the networks"):
        command("T-0000", "rtsp://127.0.0.1/a")
    with pytest.raises(CommandError, match="no camera with the number X-1"):
        command("X-1", "rtsp://10.0.0.1/a")
    with pytest.raises(CommandError, match="no jurisdiction"):
        call_command("register_stream", "T-0000", "rtsp://10.0.0.1/a", "--jurisdiction", "nowhere")
