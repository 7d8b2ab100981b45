"""What the pages are told of a picture that changes, and how events become scenes. No database, no Redis."""

from dataclasses import replace

import numpy as np
import pytest

from webapp.live.services.checkpoint import entry_number
from webapp.live.services.picture import Sent, fits
from webapp.live.services.scenes import HIGH_SCORE, NEW_A_MINUTE, OPEN_AT_MOST, SCENE_S, Scenes, Spark

NOW = 1_800_000_000.0


def picture(**cells: int) -> dict[str, np.ndarray]:
    """Bytes of ten cells, 100 but for those named, in two categories."""
    row = np.full(10, 100, np.uint8)
    for name, value in cells.items():
        row[int(name[1:])] = value
    return {"": row, "theft": row.copy()}


def told(values: dict[str, np.ndarray]) -> Sent:
    sent = Sent(most=3, at_once=3)
    sent.restart(values)
    return sent


# --- What changed ---------------------------------------------------------------------------------
def test_only_cells_that_changed_are_told_and_only_once() -> None:
    sent = told(picture())
    changes = sent.changes(picture(c4=110), sweep=False)
    assert changes.cells.tolist() == [4]
    assert {code: row.tolist() for code, row in changes.values.items()} == {"": [110], "theft": [110]}
    assert sent.changes(picture(c4=110), sweep=False).cells.size == 0


def test_slow_fading_waits_for_the_sweep() -> None:
    sent = told(picture())
    assert sent.changes(picture(c2=101), sweep=False).cells.size == 0
    assert sent.changes(picture(c2=101), sweep=True).cells.tolist() == [2]


def test_a_full_message_takes_the_cells_that_changed_most_and_leaves_the_others_for_the_next() -> None:
    sent = told(picture())
    new = picture(c0=104, c1=150, c2=10, c3=120, c9=105)
    assert sent.changes(new, sweep=False).cells.tolist() == [1, 2, 3]
    assert sent.changes(new, sweep=False).cells.tolist() == [0, 9]


def test_the_whole_range_of_a_byte_is_told_apart() -> None:
    sent = told(picture(c0=0, c1=255))
    assert sent.changes(picture(c0=255, c1=0), sweep=False).values[""].tolist() == [255, 0]


def test_a_picture_of_other_cells_or_categories_does_not_fit() -> None:
    sent = told(picture())
    assert fits(sent, picture())
    assert not fits(sent, {"": picture()[""]})
    assert not fits(sent, {code: row[:5] for code, row in picture().items()})


@pytest.mark.parametrize(("first", "second"), [(b"5-0", b"5-1"), (b"9-7", b"10-0"), (b"1", b"1-1")])
def test_entries_are_in_the_order_of_their_numbers(first: bytes, second: bytes) -> None:
    assert entry_number(first) < entry_number(second)


# --- Scenes ---------------------------------------------------------------------------------------
def spark(key: str = "a", after_s: float = 0.0, *, east_m: float = 0.0, score: float = 1.0, picture: bool = False) -> Spark:
    return Spark(
        key=key,
        at_s=NOW + after_s,
        lon=127.0 + east_m / 88_800,
        lat=37.0,
        camera="A-1",
        factor="loitering",
        category="theft",
        cell=7,
        score=score,
        confidence=0.8,
        has_thumbnail=picture,
        reason={"seen": score},
    )


def test_what_happens_in_one_place_within_minutes_is_one_scene() -> None:
    scenes = Scenes()
    scenes.take([spark("a"), spark("b", 30, east_m=40, score=3.0), spark("c", 100)])
    (scene,) = scenes.open.values()
    assert (scene.first, scene.best, scene.events, scene.score) == ("a", "b", 3, 3.0)
    assert scene.last_s == NOW + 100


def test_another_place_or_a_later_time_is_another_scene() -> None:
    scenes = Scenes()
    scenes.take([spark("a"), spark("far", 1, east_m=200), spark("later", SCENE_S + 1)])
    assert list(scenes.open) == ["a", "far", "later"]


def test_a_scene_shows_the_event_that_has_a_picture() -> None:
    scenes = Scenes()
    scenes.take([spark("a", score=5.0), spark("b", 1, score=2.0, picture=True)])
    (scene,) = scenes.open.values()
    assert (scene.best, scene.has_thumbnail, scene.score) == ("b", True, 5.0)


def test_a_scene_is_due_once_and_again_when_it_went_on() -> None:
    scenes = Scenes()
    scenes.take([spark("a")])
    due = scenes.due(NOW)
    scenes.told(due, NOW)
    assert [scene.first for scene in due] == ["a"]
    assert scenes.due(NOW + 1) == []
    scenes.take([spark("b", 10)])
    assert [scene.events for scene in scenes.due(NOW + 11)] == [2]


def test_no_more_scenes_begin_in_a_minute_than_people_can_look_at_lowest_last_and_counted_once() -> None:
    scenes = Scenes(a_minute=3)
    scenes.take([spark(f"s{n}", east_m=200.0 * n, score=n / 10) for n in range(5)])
    due = scenes.due(NOW)
    scenes.told(due, NOW)
    assert [scene.first for scene in due] == ["s4", "s3", "s2"]
    assert scenes.due(NOW + 1) == []
    assert scenes.held == 2
    assert [scene.first for scene in scenes.due(NOW + 61)] == ["s1", "s0"]


def test_a_scene_that_scores_high_is_told_however_many_there_were() -> None:
    scenes = Scenes(a_minute=1)
    scenes.take([spark("low")])
    scenes.told(scenes.due(NOW), NOW)
    scenes.take([spark("next", east_m=200), spark("high", east_m=400, score=HIGH_SCORE)])
    assert [scene.first for scene in scenes.due(NOW)] == ["high"]


def test_even_of_high_scores_a_flood_is_held_back() -> None:
    scenes = Scenes(a_minute=1)
    scenes.take([spark(f"s{n}", east_m=200.0 * n, score=100.0 + n) for n in range(NEW_A_MINUTE + 5)])
    assert len(scenes.due(NOW)) == NEW_A_MINUTE


def test_scenes_of_another_version_of_the_program_are_left_out() -> None:
    scenes = Scenes()
    scenes.take([spark("a"), spark("b", east_m=500)])
    kept = scenes.to_json()
    del kept[0]["reason"]
    assert list(Scenes.from_json(kept).open) == ["b"]


def test_of_a_flood_only_so_many_scenes_are_kept_the_highest() -> None:
    scenes = Scenes()
    scenes.take([spark(f"s{n}", east_m=200.0 * n, score=float(n)) for n in range(OPEN_AT_MOST + 100)])
    assert len(scenes.open) == OPEN_AT_MOST
    assert min(scene.score for scene in scenes.open.values()) == 100.0
    assert scenes.held == 100


def test_scenes_that_are_over_are_forgotten_and_the_rest_survives_a_checkpoint() -> None:
    scenes = Scenes()
    scenes.take([spark("old"), spark("new", SCENE_S, east_m=500)])
    scenes.told(scenes.due(NOW), NOW)
    scenes.forget(NOW + SCENE_S + 5)
    again = Scenes.from_json(scenes.to_json())
    assert again.open == scenes.open
    assert list(again.open) == ["new"]
    assert again.open["new"] == replace(scenes.open["new"])
