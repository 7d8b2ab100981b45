"""Names of the live service's keys in Redis. docs/live.md tells what each holds, who writes it and how old it may be."""

PREFIX = "live"
EXPIRE_S = 24 * 3600  # a picture that nobody renewed for a day is gone


def state(jurisdiction_id: int) -> str:
    """JSON: at, run, slot, on, lag_s, events_per_s, counts."""
    return f"{PREFIX}:{jurisdiction_id}:state"


def health(jurisdiction_id: int) -> str:
    """JSON: the last health message."""
    return f"{PREFIX}:{jurisdiction_id}:health"


def values(jurisdiction_id: int, category_code: str) -> str:
    """uint8[cells] of one category, blank: all together; on the scale of the run."""
    return f"{PREFIX}:{jurisdiction_id}:values:{category_code}"


def lift(jurisdiction_id: int) -> str:
    """float32[cells]: log of fused over plain, all categories together."""
    return f"{PREFIX}:{jurisdiction_id}:lift"


def events(jurisdiction_id: int) -> str:
    """List, newest first, at most 200: the event messages that the pages were sent."""
    return f"{PREFIX}:{jurisdiction_id}:events"


def frame(jurisdiction_id: int) -> str:
    """npz: what changes seldom: cameras, coverage, factors, run and slot."""
    return f"{PREFIX}:{jurisdiction_id}:frame"


def levels(jurisdiction_id: int) -> str:
    """npz, once a second: what each camera says, and each cell's excess."""
    return f"{PREFIX}:{jurisdiction_id}:levels"


def checkpoint(jurisdiction_id: int) -> str:
    """Hash: state of the fusion with the last entry it counted, and the usual levels."""
    return f"{PREFIX}:{jurisdiction_id}:checkpoint"


def owner() -> str:
    """Which process fuses; a second one waits."""
    return f"{PREFIX}:owner"
