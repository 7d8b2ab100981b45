"""What can be wrong with an event: stable codes, and one English sentence template for each.

The web translates the sentences in one place (`webapp.cameras.event_sentences`). Each says what, where, and how to mend it.
"""

from collections.abc import Mapping
from types import MappingProxyType


def gettext_noop(sentence: str) -> str:
    """Mark a sentence for the translators' tools; the core itself translates nothing."""
    return sentence


SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "not_an_object": gettext_noop("An event must be a JSON object with named fields, not {value}. See docs/events.md."),
        "field_unknown": gettext_noop("Events have no field “{field}”. Correct its name or leave it out; see docs/events.md."),
        "schema_unknown": gettext_noop("Schema {value} is not known here; known is 1. Send that, or update this server."),
        "field_missing": gettext_noop("The field “{field}” is missing. Every event needs camera, at, factor and confidence."),
        "text_invalid": gettext_noop(
            "The field “{field}” must be plain text of at most {high} characters, not {value}. Shorten or correct it."
        ),
        "key_invalid": gettext_noop(
            "The key “{value}” is not 1 to 80 letters, digits or . _ : + @ = ~ -. Correct it, or leave it out and one is made."
        ),
        "not_a_number": gettext_noop("The field “{field}” is {value}, which is not a finite number. Correct it."),
        "out_of_range": gettext_noop("The field “{field}” is {value}; it must be from {low} to {high}. Correct it."),
        "factor_unknown": gettext_noop("The factor “{value}” is not known. Known are: {known}."),
        "time_unreadable": gettext_noop("The time “{value}” cannot be read. Write it in UTC, like 2026-03-01T12:34:56.789Z."),
        "time_without_zone": gettext_noop("The time “{value}” names no zone. Write it in UTC with a Z, or with +09:00."),
        "in_future": gettext_noop(
            "The time {value} lies {seconds} s in the future. Set the clock of the camera or the sender (NTP)."
        ),
        "clock_ahead": gettext_noop(
            "The time {value} lies {hours} h in the future. If it is Korean time sent as UTC, send +09:00; else set the clock."
        ),
        "clock_behind": gettext_noop(
            "The time {value} lies {hours} h in the past. If the clock is wrong or the zone is mistaken, correct it; "
            "events that are really so old go in with replay_events."
        ),
        "too_old": gettext_noop("The time {value} is older than the {days} days that events are kept. Leave such events out."),
        "box_invalid": gettext_noop(
            "The box {value} is not [x0, y0, x1, y1] in fractions of the picture, 0 to 1, left before right. Correct it."
        ),
        "position_half": gettext_noop("The field “{field}” is missing. Send lon and lat together, or neither."),
        "thumbnail_invalid": gettext_noop("The thumbnail is not a JPEG in base64. Send one, with faces masked, or none."),
        "thumbnail_too_large": gettext_noop(
            "The thumbnail has {value} bytes; at most {high} are taken. Send a smaller picture, with faces masked."
        ),
        "entry_unreadable": gettext_noop("An entry of the event stream cannot be read: {value}. Something else writes to it."),
        "unknown_camera": gettext_noop(
            "The camera “{value}” is not in the register of this jurisdiction. Register it, or correct its number."
        ),
        "stream_full": gettext_noop("The event stream is full because nothing reads it. Start write_events, then send again."),
    }
)


class EventError(ValueError):
    """An event that cannot be taken. `code`: a stable word; `fields`: what the sentence names; `str()`: the sentence."""

    def __init__(self, code: str, **fields: object) -> None:
        super().__init__(SENTENCES[code].format(**fields))
        self.code = code
        self.fields = fields
