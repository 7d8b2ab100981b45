"""The pages of the forecasts: what is in service, how the methods compare, how the forecasts fare, how sound the data are."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import caller
from webapp.forecasts.selectors import comparison_page, data_health_page, drift_page, runs_page

WEEKS_CHOICES = (8, 12, 26, 52)


@require_safe
@login_required
def runs(request: HttpRequest) -> HttpResponse:
    """The forecast in service, the model versions, and the forecasts before."""
    return render(request, "forecasts/runs.html", {"page": runs_page(user=caller(request)), "here": "runs"})


@require_safe
@login_required
def comparison(request: HttpRequest) -> HttpResponse:
    """The newest back-test; `?category=`, `?horizon=` and `?area=` choose what is shown of it."""
    asked = {name: request.GET[name] for name in ("category", "horizon", "area") if name in request.GET}
    page = comparison_page(user=caller(request), **asked)
    return render(request, "forecasts/comparison.html", {"page": page, "here": "comparison", "weeks_choices": WEEKS_CHOICES})


@require_safe
@login_required
def drift(request: HttpRequest) -> HttpResponse:
    """How published forecasts fared week by week; `?category=` chooses one."""
    page = drift_page(user=caller(request), category=request.GET.get("category", ""))
    return render(request, "forecasts/drift.html", {"page": page, "here": "drift"})


@require_safe
@login_required
def data_health(request: HttpRequest) -> HttpResponse:
    """How sound the incidents are that forecasts learn from."""
    return render(request, "forecasts/data_health.html", {"page": data_health_page(user=caller(request)), "here": "data-health"})
