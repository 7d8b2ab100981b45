"""What a person is told when something cannot be done: one sentence that says what, where and how to mend it.

Services raise `HaechiError` (or a subclass); the API answers with its code and fields, pages with its sentence.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.views import exception_handler


class HaechiError(Exception):
    """An error a person can act on.

    `message`: one translated sentence. `code`: a stable word for programs. `fields`: what the code refers to
    (line, column, value …). `status`: the HTTP status that fits.
    """

    code = "error"
    status = 400

    def __init__(self, message: str, *, code: str | None = None, fields: Mapping[str, Any] | None = None):
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.fields = dict(fields or {})


class NotFound(HaechiError):
    """The thing does not exist, or belongs to another jurisdiction: the caller cannot tell which."""

    code = "not_found"
    status = 404


class NotAllowed(HaechiError):
    """The caller's role does not include this act."""

    code = "not_allowed"
    status = 403


class Conflict(HaechiError):
    """The thing's present state does not allow this act."""

    code = "conflict"
    status = 409


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Render every API error in one form: `{"error": {"code", "message", "fields"}}`."""
    if isinstance(error, HaechiError):
        body = {"code": error.code, "message": error.message, "fields": error.fields}
        return Response({"error": body}, status=error.status)
    response = exception_handler(error, context)
    if response is None:
        return None
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    code = getattr(detail, "code", "invalid")
    message = str(detail) if detail else _("Some fields are missing or wrong.")
    fields = {} if detail else response.data
    response.data = {"error": {"code": code, "message": message, "fields": fields}}
    return response
