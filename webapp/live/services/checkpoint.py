"""What the fusion must not lose when its process is killed: state, last entry counted, open scenes; in Redis, in one command.

The state holds exactly the entries up to `upto`. They are acknowledged after it is written: an entry given again is known by its
number and left out, one that was not yet counted is counted. So nothing is lost and nothing counts twice.
"""

import json
import logging
from dataclasses import dataclass, field
from typing import Any

from prediction.fusion.excess import Excess
from prediction.fusion.packing import UnreadableStateError
from prediction.fusion.usual import UsualLevels
from webapp.common.channel import redis_client
from webapp.forecasts.services.live_history import half_lives
from webapp.live import keys
from webapp.live.services.material import FACTORS, Material, rows_of

logger = logging.getLogger(__name__)
EntryNumber = tuple[int, int]
NOTHING: EntryNumber = (0, 0)


@dataclass(frozen=True)
class Kept:
    """A checkpoint as read. `excess` None: there is none that can be used."""

    excess: Excess | None = None
    upto: EntryNumber = NOTHING
    hour: int = 0
    scenes: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def entry_number(entry_id: bytes) -> EntryNumber:
    """The number of a stream entry, for comparing: milliseconds and sequence."""
    milliseconds, _dash, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence or 0)


def keep(
    jurisdiction_id: int,
    *,
    excess: Excess,
    source_ids: tuple[str, ...],
    head: dict[str, Any],
    usual: bytes | None,
) -> bool:
    """Write the checkpoint: one HSET, hence whole or not at all. `usual` None: as it was. Raises `redis.RedisError`.

    False: Redis had lost the checkpoint before, so that the usual levels have to be given again.
    """
    content: dict[str, bytes] = {
        "head": json.dumps(head | {"source_ids": source_ids, "factors": FACTORS}, separators=(",", ":")).encode(),
        "state": excess.to_bytes(),
    }
    if usual is not None:
        content["usual"] = usual
    added = redis_client().hset(keys.checkpoint(jurisdiction_id), mapping=content)
    return usual is not None or not added


def read(material: Material) -> Kept:
    """The checkpoint for these cameras and cells: those gone are left out, new ones begin. Raises `redis.RedisError`."""
    found: Any = redis_client().hgetall(keys.checkpoint(material.jurisdiction.pk))
    if not found:
        return Kept()
    try:
        head = json.loads(found[b"head"])
        excess = _excess(material, head, found[b"state"], found[b"usual"])
    except (UnreadableStateError, KeyError, ValueError) as error:
        # What was acknowledged is gone with it; what comes from now on is learnt from anew.
        logger.warning("the checkpoint of jurisdiction %d cannot be used: %s", material.jurisdiction.pk, error)
        return Kept()
    return Kept(excess, (head["upto"][0], head["upto"][1]), head["hour"], head["scenes"], head["counts"])


def _excess(material: Material, head: dict[str, Any], state: bytes, usual: bytes) -> Excess:
    if tuple(head["factors"]) != FACTORS:
        raise ValueError("it is of another list of risk factors")
    before = tuple(head["source_ids"])
    levels = UsualLevels.from_bytes(usual, zone=material.jurisdiction.zone)
    half = half_lives(FACTORS)
    if before == material.cameras.source_ids:
        return Excess.from_bytes(state, coverage=material.coverage, usual=levels, half_life_s=half)
    rows = rows_of(material.cameras.source_ids, before)
    # The coverage of cameras that are gone is not known any more; it plays no part in what is carried over.
    empty = material.coverage[[0] * len(before)] * 0 if len(material.cameras) else material.coverage
    return Excess.from_bytes(state, coverage=empty, usual=levels, half_life_s=half).rearranged(rows, material.coverage)
