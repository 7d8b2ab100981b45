"""The page of runs and back-tests."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import caller
from webapp.forecasts.selectors import runs_page


@require_safe
@login_required
def runs(request: HttpRequest) -> HttpResponse:
    """The forecast in service, how good it is, and the ones before it; `?category=` chooses the back-test's category."""
    page = runs_page(user=caller(request), category=request.GET.get("category", ""))
    return render(request, "forecasts/runs.html", {"page": page, "weeks_choices": (8, 12, 26, 52)})
