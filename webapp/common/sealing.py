"""Secrets at rest: sealed before they are stored, opened only where they are used.

Fernet (AES-128-CBC with HMAC-SHA256) under the key of `HAECHI_STREAM_KEY`, or one derived from the site's secret key.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.translation import gettext as _

from webapp.common.errors import HaechiError


class SealBroken(HaechiError):
    """The sealed value was made with another key, or was changed."""

    code = "seal_broken"
    status = 500


def seal(text: str) -> str:
    """The text in a form that only this site can open."""
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text again. Raises `SealBroken`."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        message = _("A stored secret cannot be opened: HAECHI_STREAM_KEY or HAECHI_SECRET_KEY was changed. Set it back.")
        raise SealBroken(message) from error


def _fernet() -> Fernet:
    key = settings.STREAM_KEY or "sealing:" + settings.SECRET_KEY
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
