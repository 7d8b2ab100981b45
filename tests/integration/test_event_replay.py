"""Events sent again: from a file and from the table, as they were and as if they were new."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cctv.events import to_json
from tests.events import fresh_stream, make_event
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import Camera, CameraEvent
from webapp.cameras.services.event_replay import replay_as_if_now
from webapp.cameras.stream import EventReader, client

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(jurisdiction: Jurisdiction, cameras: Callable[..., list[Camera]]) -> Iterator[list[Camera]]:
    made = cameras(jurisdiction, 3)
    for _ in fresh_stream(jurisdiction):
        yield made


def run(*arguments: str, jurisdiction: str = "testgu") -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    call_command("replay_events", "--jurisdiction", jurisdiction, *arguments, stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def lines(path: Path, events: list[Any]) -> str:
    path.write_text("".join((event if isinstance(event, str) else json.dumps(to_json(event))) + "\n" for event in events))
    return str(path)


def write() -> None:
    call_command("write_events", "--once", stdout=io.StringIO())


def forget(jurisdiction: Jurisdiction) -> None:
    for key in client().scan_iter(f"events:{jurisdiction.pk}:seen:*"):
        client().delete(key)


def fused(jurisdiction: Jurisdiction) -> list[Any]:
    return [event for _, _, event in EventReader([jurisdiction.pk], "fusion", "test").read(1000, 10)]


def test_a_gap_is_filled_from_a_file_once_and_nothing_old_is_fused(known, jurisdiction, tmp_path):
    now = timezone.now()
    events = [make_event(known[i % 3], at=now - timedelta(days=2, seconds=i)) for i in range(20)]
    path = lines(tmp_path / "gap.jsonl", [events[0], "", "{", '{"camera": 1}', make_event("nobody"), *events[1:]])
    out, errors = run("--file", path, "--as-they-were")
    assert out == "20 events taken (20 late: stored, not fused), 0 known already, 0 shed, 3 refused\n"
    assert "Line 3: This is not JSON" in errors
    assert "Line 4: The field “at” is missing" in errors
    assert "nobody: The camera “nobody” is not in the register" in errors
    write()
    forget(jurisdiction)
    run("--file", path, "--as-they-were")
    write()
    assert set(CameraEvent.objects.of(jurisdiction).values_list("key", "at")) == {(event.key, event.at) for event in events}
    assert fused(jurisdiction) == []


def test_the_table_is_played_again_as_if_it_were_now(known, jurisdiction, tmp_path):
    now = timezone.now()
    first = now - timedelta(days=1)
    events = [make_event(known[0], at=first + timedelta(seconds=i), value=float(i), lon=127.01, lat=37.49) for i in range(30)]
    run("--file", lines(tmp_path / "day.jsonl", events), "--as-they-were")
    write()
    span = ("--start", (first - timedelta(seconds=1)).isoformat(), "--end", (first + timedelta(seconds=20)).isoformat())
    assert run(*span, "--speed", "100")[0].startswith("20 events taken (0 late")
    assert run(*span, "--speed", "1000")[0].startswith("20 events taken (0 late")
    played = fused(jurisdiction)
    assert [event.value for event in played[:20]] == [float(i) for i in range(20)]
    assert len({event.key for event in played}) == 40
    assert {event.model for event in played} == {"replay: test 1"}
    span_s = (played[19].at - played[0].at).total_seconds()
    assert span_s == pytest.approx(0.19, abs=0.1)
    assert abs((played[0].at - now).total_seconds()) < 60


def test_the_speed_is_kept(known, jurisdiction):
    now = timezone.now()
    waited: list[float] = []
    elapsed = timedelta(0)

    def sleep(seconds: float) -> None:
        nonlocal elapsed
        waited.append(seconds)
        elapsed += timedelta(seconds=seconds)

    events = [make_event(known[0], at=now - timedelta(hours=3) + timedelta(minutes=i)) for i in range(5)]
    done = replay_as_if_now(
        jurisdiction=jurisdiction, events=events, speed=60, sleep=sleep, clock=lambda: now - timedelta(seconds=9) + elapsed
    )
    assert done.accepted == 5
    assert waited == pytest.approx([1, 1, 1, 1])


def test_real_data_are_not_mixed_with_a_replay(known, jurisdiction, tmp_path):
    jurisdiction.is_simulated = False
    jurisdiction.save()
    path = lines(tmp_path / "x.jsonl", [make_event(known[0])])
    with pytest.raises(CommandError, match="--as-they-were"):
        run("--file", path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "either --file, or --start and --end"),
        (("--file", "x", "--start", "2026-01-01T00:00Z", "--end", "2026-01-02T00:00Z"), "either --file"),
        (("--start", "2026-01-02T00:00Z", "--end", "2026-01-01T00:00Z"), "--start before --end"),
        (("--start", "2026-01-01T00:00", "--end", "2026-01-02T00:00"), "with its zone"),
        (("--file", "/nowhere.jsonl"), "cannot be read: No such file"),
        (("--file", "/nowhere.jsonl", "--speed", "0"), "speed must be"),
    ],
)
def test_wrong_arguments_get_a_sentence(known, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
