"""Why a source gives no pictures: one code for programs, one sentence for a person."""

from collections.abc import Mapping
from typing import Any

# Trying again soon will not mend these; somebody has to change the address, the password or the camera.
LASTING = frozenset(
    {
        "address_malformed",
        "scheme_unknown",
        "address_forbidden",
        "redirect_forbidden",
        "path_forbidden",
        "file_missing",
        "unauthorised",
        "not_found",
        "no_pictures",
        "too_large",
        "track_unreadable",
    }
)


class SourceError(Exception):
    """A source that cannot be opened or read on. `code`: a stable word; `sentence`: what, where and how to mend it, in
    English; `fields`: what the sentence names, never a secret.
    """

    def __init__(self, code: str, sentence: str, **fields: Any):
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.fields: Mapping[str, Any] = fields

    @property
    def is_lasting(self) -> bool:
        """Whether the same attempt will fail again until a person changes something."""
        return self.code in LASTING
