"""The audit page."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import caller
from webapp.audit.models import AuditEntry
from webapp.audit.selectors import trail

LINES_A_PAGE = 50


@require_safe
@login_required
def audit_trail(request: HttpRequest) -> HttpResponse:
    """Who did or saw what, newest first, filtered by act and person."""
    action, actor = request.GET.get("action", ""), request.GET.get("actor", "")
    lines = Paginator(trail(user=caller(request), action=action, actor_name=actor), LINES_A_PAGE)
    context = {
        "page": lines.get_page(request.GET.get("page")),
        "actions": AuditEntry.Action.choices,
        "action": action,
        "actor": actor,
        "filtered": bool(action or actor),
        "query": "&" + urlencode({"action": action, "actor": actor}),
    }
    return render(request, "audit/trail.html", context)
