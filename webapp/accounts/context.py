"""What every page shows of the person and the jurisdiction."""

from typing import Any

from django.http import HttpRequest

from webapp.accounts.permissions import Act, may


def jurisdiction(request: HttpRequest) -> dict[str, Any]:
    """`jurisdiction` and `allowed` (a set of act names) for the templates."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"jurisdiction": None, "allowed": set()}
    return {"jurisdiction": user.jurisdiction, "allowed": {act.value for act in Act if may(user, act)}}
