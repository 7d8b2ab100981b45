"""The live service: the loop that fuses events into the forecast, its switch, and usual levels from outside."""

from webapp.live.services.loop import Loop
from webapp.live.services.switching import keep_usual, seed_usual, switch_live

__all__ = ["Loop", "keep_usual", "seed_usual", "switch_live"]
