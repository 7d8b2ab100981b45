"""What the work of both kinds of job needs: the core's errors as sentences, values as JSON."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from prediction.errors import NoIncidentsError, PredictionError, TooLittleHistoryError
from webapp.common.errors import HaechiError


@contextmanager
def core_errors_as_sentences() -> Iterator[None]:
    """Turn an error of the prediction core into one for a person, in the person's language where it is a known one."""
    try:
        yield
    except NoIncidentsError as error:
        raise HaechiError(
            _("There are no incidents to learn from before the cut-off. Upload older data."), code="no_incidents"
        ) from error
    except TooLittleHistoryError as error:
        raise HaechiError(
            _("A back-test of %(weeks)s weeks needs %(needed)s days of incidents, but the data reach back only %(got)s days.")
            % {"weeks": error.weeks, "needed": error.needed_days, "got": error.got_days},
            code="history_too_short",
        ) from error
    except PredictionError as error:
        raise HaechiError(_("The forecast could not be computed: %(why)s") % {"why": error}, code="prediction_error") from error


def plain(value: Any) -> Any:
    """A value as PostgreSQL's JSON can hold it: numpy's numbers as Python's, what is no number (NaN) as null."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
