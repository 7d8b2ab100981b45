"""Reads of replays: whether runs came out the same when they were made again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webapp.forecasts.models import ForecastRun, Replay
from webapp.forecasts.sentences import replay_sentence

if TYPE_CHECKING:
    from webapp.accounts.models import User


@dataclass(frozen=True)
class ReplayLine:
    """One replay of a run, with its outcome as a sentence."""

    replay: Replay
    sentence: str


def replay_lines(*, user: "User", run: ForecastRun) -> list[ReplayLine]:
    """The replays of a run, newest first."""
    found = Replay.objects.visible_to(user).filter(run=run).order_by("-created_at", "-pk")
    return [ReplayLine(replay, replay_sentence(replay)) for replay in found]
