"""The fusion of one jurisdiction on a real Redis and database, stepped by the tests' clock."""

import json
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from tests import factories
from tests.events import JPEG, make_event, make_events
from tests.live import Page, Service, fresh_live, make_weights
from webapp.accounts.models import Jurisdiction
from webapp.cameras.camera_ids import forget_camera_ids
from webapp.cameras.models import Camera
from webapp.cameras.services.events import publish
from webapp.cameras.stream import Group, stream_state
from webapp.common.channel import redis_client
from webapp.forecasts.models import ForecastRun, LiveHour
from webapp.forecasts.selectors.values import value_bytes
from webapp.live import keys
from webapp.live.models import UsualRecord
from webapp.live.services import Loop, seed_usual, switch_live
from webapp.live.services.material import FACTORS
from webapp.watch.models import Alert

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(jurisdiction: Jurisdiction) -> Iterator[None]:
    yield from fresh_live(jurisdiction)


@pytest.fixture
def seen(jurisdiction: Jurisdiction) -> list[Camera]:
    """Twelve cameras, each of which sees most of its cell."""
    made = factories.make_cameras(jurisdiction, 12)
    Camera.objects.of(jurisdiction).update(bearing_deg=None, angle_deg=360.0, range_m=70.0)
    return made


@pytest.fixture
def run(jurisdiction: Jurisdiction, seen: list[Camera]) -> ForecastRun:
    made = factories.make_published_run(jurisdiction, first_slot=timezone.now() - timedelta(hours=2))
    make_weights(jurisdiction)
    return made


def send(jurisdiction: Jurisdiction, *events: object) -> None:
    done = publish(jurisdiction_id=jurisdiction.pk, events=list(events))  # type: ignore[arg-type]
    assert done.accepted == len(events)


def values(jurisdiction: Jurisdiction, code: str = "") -> np.ndarray:
    kept = redis_client().get(keys.values(jurisdiction.pk, code))
    assert isinstance(kept, bytes)
    return np.frombuffer(kept, np.uint8)


def plain(run: ForecastRun, code: str = "") -> np.ndarray:
    import gzip

    return np.frombuffer(gzip.decompress(value_bytes(run=run, slot=0, category_code=code)), np.uint8)


# --- What moves the map ---------------------------------------------------------------------------
def test_before_any_event_everyone_sees_the_plain_forecast_bit_for_bit(jurisdiction: Jurisdiction, run: ForecastRun) -> None:
    page = Page(jurisdiction)
    Service(jurisdiction)
    (told,) = page.messages("reload")
    assert (told["run"], told["slot"]) == (run.pk, 0)
    for code in ("", "theft", "violence"):
        assert np.array_equal(values(jurisdiction, code), plain(run, code))


def test_an_event_raises_the_cells_that_its_camera_sees_and_no_other(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step()
    (told,) = page.messages("cells")
    picture = service.fuser.picture
    assert picture is not None
    in_view = set(picture.material.coverage[[picture.material.cameras.index["T-0009"]]].indices.tolist())
    assert set(told["cells"]) <= in_view
    assert told["cells"]
    before = plain(run)[told["cells"]]
    assert (np.array(told["values"][""]) > before).all()
    assert set(told["values"]) == {"", "homicide", "robbery", "sexual_violence", "theft", "violence"}
    rest = np.setdiff1d(np.arange(len(before)), told["cells"])
    assert np.array_equal(values(jurisdiction)[rest], plain(run)[rest])


def test_the_picture_fades_back_to_the_plain_forecast(jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step()
    assert not np.array_equal(values(jurisdiction), plain(run))
    for _minute in range(60):
        service.step(120)
    assert np.array_equal(values(jurisdiction), plain(run))


def test_measures_never_move_the_map_and_a_blind_camera_is_not_believed(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    send(jurisdiction, *make_events(seen, 24, factor="people", value=9.0))
    send(jurisdiction, make_event(seen[9], factor="blackout"), make_event(seen[9]))
    service.step(2.5)
    assert page.messages("cells") == []
    assert np.array_equal(values(jurisdiction), plain(run))
    health = json.loads(redis_client().get(keys.health(jurisdiction.pk)))  # type: ignore[arg-type]
    assert health["cameras"] == {"ok": 11, "stale": 0, "blind": 1, "silent": 0}


def test_switched_off_it_is_the_plain_forecast_bit_for_bit_and_on_again_it_moves(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step()
    moved = values(jurisdiction).copy()
    switch_live(jurisdiction=jurisdiction, is_on=False)
    service.step(1.5)
    assert page.messages("reload")
    assert np.array_equal(values(jurisdiction), plain(run))
    switch_live(jurisdiction=jurisdiction, is_on=True)
    service.step(1.5)
    assert np.abs(values(jurisdiction).astype(int) - moved).max() <= 1
    assert not np.array_equal(values(jurisdiction), plain(run))


# --- What changes in the database -----------------------------------------------------------------
def test_a_newly_published_run_is_followed_at_once_and_the_cameras_still_lift_it(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step()
    newer = factories.make_published_run(jurisdiction, first_slot=timezone.now() - timedelta(hours=9))
    service.step(1.5)
    told = page.messages("reload")[-1]
    assert (told["run"], told["slot"]) == (newer.pk, 1)
    assert not np.array_equal(values(jurisdiction), plain(newer))


def test_the_next_slot_takes_over_when_its_time_comes(jurisdiction: Jurisdiction, run: ForecastRun) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    service.step(6.5 * 3600)
    assert page.messages("reload")[-1]["slot"] == 1


def test_a_forecast_of_a_week_of_the_past_shows_the_same_hour_of_its_week(jurisdiction: Jurisdiction, seen: list[Camera]) -> None:
    old = factories.make_published_run(jurisdiction, first_slot=timezone.now() - timedelta(days=30, hours=9))
    service = Service(jurisdiction)
    picture = service.fuser.picture
    assert picture is not None
    assert picture.material.slot is not None
    # 30 days and 9 hours after the start it is the 57th hour of its week: the eighth slot.
    assert (picture.material.slot.run, picture.material.slot.index, picture.material.slot.is_past) == (old.pk, 7, True)


def test_new_weights_in_service_are_followed(jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, make_event(seen[9], factor="running"))
    service.step()
    assert np.array_equal(values(jurisdiction), plain(run))
    make_weights(jurisdiction, running=0.9)
    service.step(1.5)
    assert not np.array_equal(values(jurisdiction), plain(run))


def test_a_new_camera_is_taken_up_and_the_others_keep_what_they_said(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step()
    moved = values(jurisdiction).copy()
    new = Camera.objects.create(jurisdiction=jurisdiction, source_id="A-new", name="새", point=seen[11].point)
    forget_camera_ids()
    service.step(16)
    send(jurisdiction, make_event(new, at=timezone.now()))
    service.step()
    assert service.fuser.counts["unknown"] == 0
    now = values(jurisdiction)
    assert (now.astype(int) - moved).max() > 20
    fallen = moved != plain(run)
    assert np.abs(now[fallen].astype(int) - moved[fallen]).max() <= 6


def test_without_a_forecast_or_cells_nothing_breaks_and_events_are_let_go(jurisdiction: Jurisdiction, seen: list[Camera]) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, *make_events(seen, 5))
    for _second in range(3):
        service.step(1.0)
    assert stream_state(jurisdiction.pk).groups[Group.FUSION].pending == 0
    assert redis_client().get(keys.values(jurisdiction.pk, "")) is None


# --- Nothing lost, nothing twice ------------------------------------------------------------------
def test_after_a_kill_the_state_is_that_of_every_event_once(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    """Killed between checkpoint and acknowledgement, and once more before the checkpoint: both kinds of entry come again."""
    first = Service(jurisdiction)
    send(jurisdiction, *make_events(seen[:4], 8))
    first.step(2.5, acknowledge=False)
    send(jurisdiction, *make_events(seen[4:8], 8))
    first.step(0.1)
    second = Service(jurisdiction, first.now_s)
    second.step(0.25)
    assert (second.fuser.counts["events"], second.fuser.counts["again"]) == (16, 8)
    assert first.fuser.picture is not None
    assert second.fuser.picture is not None
    first.fuser.picture.excess.advance(second.now_s)
    assert np.allclose(second.fuser.picture.excess.now, first.fuser.picture.excess.now, atol=1e-9)
    second.step(2.5)
    assert stream_state(jurisdiction.pk).groups[Group.FUSION].pending == 0
    assert Alert.objects.count() == len(set(Alert.objects.values_list("scene", flat=True)))


def test_a_damaged_checkpoint_is_said_and_begun_anew(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera], caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step(2.5)
    redis_client().hset(keys.checkpoint(jurisdiction.pk), "state", "nonsense")
    again = Service(jurisdiction, service.now_s)
    assert "cannot be used" in caplog.text
    assert again.fuser.picture is not None
    assert not again.fuser.picture.excess.now.any()


def test_a_jurisdiction_that_fails_begins_anew_and_the_others_go_on(
    jurisdiction: Jurisdiction, other_jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    loop = Loop(should_stop=lambda: False)
    loop._find_jurisdictions()
    failing, going_on = loop.fusers[jurisdiction.pk], loop.fusers[other_jurisdiction.pk]
    loop._turn()
    loop.fusers[jurisdiction.pk].picture.material.slot.plain[""] = np.zeros(3, np.uint8)  # type: ignore[index]
    send(jurisdiction, make_event(seen[9]))
    loop._turn()
    loop._turn()
    assert jurisdiction.pk not in loop.fusers
    assert loop.fusers[other_jurisdiction.pk] is going_on
    loop._due["jurisdictions"] = 0.0
    loop._find_jurisdictions()
    for _turn in range(3):
        loop._turn()
    again = loop.fusers[jurisdiction.pk]
    assert again is not failing
    assert again.counts["events"] == 1
    assert again.picture is not None
    assert again.picture.excess.now.sum() > 0.7


def test_a_redis_that_lost_everything_is_given_the_whole_picture_again(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step(2.5)
    moved = values(jurisdiction).copy()
    page.messages()
    for key in redis_client().scan_iter(f"live:{jurisdiction.pk}:*"):
        redis_client().delete(key)
    for _step in range(6):
        service.step(1.0)
    assert page.messages("reload")
    assert np.abs(values(jurisdiction).astype(int) - moved).max() <= 2
    assert redis_client().exists(keys.frame(jurisdiction.pk), keys.levels(jurisdiction.pk), keys.state(jurisdiction.pk)) == 3
    again = Service(jurisdiction, service.now_s)
    assert service.fuser.picture is not None
    assert again.fuser.picture is not None
    assert np.allclose(again.fuser.picture.excess.now, service.fuser.picture.excess.now, rtol=0.01)


def test_the_hour_is_kept_once_for_the_weights_to_learn_from(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, make_event(seen[9]))
    service.step()
    to_the_hour_s = 3600 - service.now_s % 3600
    service.step(to_the_hour_s + 2)
    service.step(10)
    kept = LiveHour.objects.get()
    assert kept.run_id == run.pk
    assert kept.at.timestamp() == service.now_s // 3600 * 3600
    assert kept.factor_codes == list(FACTORS)
    service.step(3600 + 600)
    assert LiveHour.objects.count() == 1, "ten minutes into an hour the excess knows too much of it"


# --- What is usual --------------------------------------------------------------------------------
def test_usual_levels_from_outside_make_a_busy_camera_usual(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    counts = np.zeros((len(seen), len(FACTORS), 168))
    counts[9, FACTORS.index("fall")] = 200.0 * 8
    names = [camera.source_id for camera in seen]
    seed_usual(jurisdiction=jurisdiction, source_ids=names, factors=FACTORS, counts=counts, weeks=8)
    service = Service(jurisdiction)
    service.step(1.0)
    assert not UsualRecord.objects.get().is_seed
    for _minute in range(20):
        send(jurisdiction, *make_events([seen[9]], 3))
        service.step(60)
    send(jurisdiction, make_event(seen[8]))
    service.step()
    assert service.fuser.picture is not None
    levels = service.fuser.picture.excess.levels()
    column = FACTORS.index("fall")
    assert levels[9, column] <= 0 < levels[8, column]


def test_usual_levels_are_kept_in_the_database_and_taken_up_when_redis_has_lost_them(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service = Service(jurisdiction)
    send(jurisdiction, *make_events(seen, 24))
    service.step()
    service.step(3600)
    service.step(10)
    assert service.fuser.picture is not None
    assert UsualRecord.objects.get().source_ids == [f"T-{n:04d}" for n in range(12)]
    redis_client().delete(keys.checkpoint(jurisdiction.pk))
    again = Service(jurisdiction, service.now_s)
    assert again.fuser.picture is not None
    assert np.array_equal(again.fuser.picture.excess.usual.own, service.fuser.picture.excess.usual.own)


def test_usual_levels_of_a_wrong_shape_are_refused(jurisdiction: Jurisdiction) -> None:
    from webapp.common.errors import HaechiError

    with pytest.raises(HaechiError, match="168 hours"):
        seed_usual(jurisdiction=jurisdiction, source_ids=["a"], factors=["fall"], counts=np.zeros((1, 1, 24)), weeks=1)
    assert not UsualRecord.objects.exists()


# --- Alerts ---------------------------------------------------------------------------------------
def test_an_unusual_event_raises_one_alert_with_its_reason_and_the_pages_hear_of_it(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    event = make_event(seen[9], thumbnail=JPEG)
    send(jurisdiction, event)
    service.step(0.6)
    send(jurisdiction, make_event(seen[9]), make_event(seen[9]))
    for _step in range(12):
        service.step(0.5)
    alert = Alert.objects.get()
    assert (alert.scene, alert.event_key, alert.has_thumbnail, alert.factor) == (event.key, event.key, True, "fall")
    assert (alert.camera_id, alert.event_count, alert.state) == (seen[9].pk, 3, "new")
    assert alert.reason["seen"] > alert.reason["usual"]
    assert alert.score > 0
    told = page.messages("alert")
    assert [one["alert"]["count"] for one in told] == [1, 3]
    assert told[0]["alert"]["reason"]["place"] > 0


def test_the_same_event_scores_more_where_crime_is_likely(
    jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]
) -> None:
    """The factory's rates rise with the number of the cell, and its cameras stand in that order."""
    service = Service(jurisdiction)
    send(jurisdiction, make_event(seen[1]), make_event(seen[10]))
    for _step in range(4):
        service.step(1.0)
    low, high = (Alert.objects.get(camera=camera) for camera in (seen[1], seen[10]))
    assert high.score > 2 * low.score


def test_a_page_hears_of_a_few_events_and_of_the_health(jurisdiction: Jurisdiction, run: ForecastRun, seen: list[Camera]) -> None:
    service, page = Service(jurisdiction), Page(jurisdiction)
    send(jurisdiction, *make_events(seen, 60))
    service.step()
    shown = page.messages()
    events = [one["event"] for one in shown if one["type"] == "event"]
    assert 1 <= len(events) <= 4
    assert set(events[0]) == {
        "id", "camera_id", "camera_name", "at", "factor", "confidence", "value", "has_thumbnail",
    }  # fmt: skip
    service.step(2.0)
    assert page.messages("health")[-1]["cameras"]["ok"] == 12
