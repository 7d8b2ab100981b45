"""The pages of rulings, of what they say about risk factors, and of published figures."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import caller
from webapp.crimes.figures import selectors as figures
from webapp.crimes.models import Ruling
from webapp.crimes.rulings import priors, selectors
from webapp.crimes.rulings.wording import FIELD_LABELS, GROUPS, choices, field_label

RULINGS_A_PAGE = 25
FILTERS = ("q", *selectors.FACT_FILTERS, "verdict", "facts")


@require_safe
@login_required
def ruling_list(request: HttpRequest) -> HttpResponse:
    """Rulings, the latest decision first; the address holds the filters."""
    user = caller(request)
    query = {name: request.GET.get(name, "") for name in FILTERS}
    pages = Paginator(selectors.rulings(user=user, query=query), RULINGS_A_PAGE)
    page = pages.get_page(request.GET.get("page"))
    given = {name: value for name, value in query.items() if value}
    context = {
        "page": page,
        "lines": selectors.ruling_lines(rows=list(page.object_list)),
        "options": [(name, field_label(name), found) for name, found in selectors.filter_options(user=user).items()],
        "verdicts": Ruling.Verdict.choices,
        "chosen": query,
        "filtered": bool(given),
        "query": f"&{urlencode(given)}" if given else "",
    }
    return render(request, "crimes/rulings.html", context)


@require_safe
@login_required
def ruling(request: HttpRequest, ruling_id: int) -> HttpResponse:
    """One ruling: its text with the facts marked, the facts side by side, and the means to correct them."""
    page = selectors.ruling_page(user=caller(request), ruling_id=ruling_id, request=request)
    fields = [{"code": code, "label": field_label(code), "choices": choices(code)} for code in FIELD_LABELS]
    return render(request, "crimes/ruling.html", {"page": page, "groups": GROUPS, "fields": fields})


@require_safe
@login_required
def risk_factors(request: HttpRequest) -> HttpResponse:
    """What the rulings say of risk factors, places and hours; `?category=` chooses the category of the second table."""
    page = priors.priors_page(user=caller(request), category=request.GET.get("category", ""))
    return render(request, "crimes/risk_factors.html", {"page": page})


@require_safe
@login_required
def figure_sets(request: HttpRequest) -> HttpResponse:
    """The tables of published figures."""
    return render(request, "crimes/figure_sets.html", {"sets": figures.figure_sets(user=caller(request))})


@require_safe
@login_required
def figure_set(request: HttpRequest, set_id: int) -> HttpResponse:
    """One table of published figures; the address says what makes the rows and columns, and what the rest is held at."""
    page = figures.figure_page(user=caller(request), set_id=set_id, query=request.GET.dict())
    return render(request, "crimes/figure_set.html", {"page": page})
