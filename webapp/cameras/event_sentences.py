"""The sentences of refused events in the language of the reader."""

from django.utils.translation import gettext as _

from cctv.events_errors import SENTENCES, EventError


def sentence(error: EventError) -> str:
    """What is wrong with the event, for a person."""
    return _(SENTENCES[error.code]).format(**error.fields)
