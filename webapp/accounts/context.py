"""What every page shows of the person and the jurisdiction."""

from typing import Any

from django.http import HttpRequest

from webapp.accounts.permissions import Act, may
from webapp.common.live import live_stream


def jurisdiction(request: HttpRequest) -> dict[str, Any]:
    """`jurisdiction`, `allowed` (a set of act names) and `live_stream` (blank: no live channel) for the templates."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"jurisdiction": None, "allowed": set(), "live_stream": ""}
    allowed = {act.value for act in Act if may(user, act)}
    return {"jurisdiction": user.jurisdiction, "allowed": allowed, "live_stream": live_stream(request) if allowed else ""}
