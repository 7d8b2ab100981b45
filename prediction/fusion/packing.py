"""Arrays as bytes and back, for checkpoints: NumPy's own format, lightly compressed. Never unpickles."""

import io
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from prediction.errors import PredictionError


class UnreadableStateError(PredictionError):
    """A stored state is damaged, or of another version, or of other cameras and factors."""

    def __init__(self, what: str, why: str) -> None:
        self.what, self.why = what, why
        super().__init__(f"The stored {what} cannot be read ({why}). Start it anew: it learns again from the events that follow.")


def packed(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """The arrays under their names, as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return zlib.compress(buffer.getvalue(), 1)


def unpacked(content: bytes, *, what: str, version: int) -> dict[str, npt.NDArray[np.generic]]:
    """What `packed` was given, which held "version". Raises `UnreadableStateError`."""
    try:
        with np.load(io.BytesIO(zlib.decompress(content)), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found = int(arrays["version"])
    except (zlib.error, ValueError, KeyError, OSError, EOFError, TypeError) as error:
        raise UnreadableStateError(what, str(error) or type(error).__name__) from error
    if found != version:
        raise UnreadableStateError(what, f"version {found} instead of {version}")
    return arrays
