"""The pages of uploads: all of them with the form to send one, and one with what became of it."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import caller
from webapp.imports import selectors

UPLOADS_A_PAGE = 25
ROWS_SHOWN = 50


@require_safe
@login_required
def uploads(request: HttpRequest) -> HttpResponse:
    """The form and the uploads so far, newest first."""
    pages = Paginator(selectors.uploads(user=caller(request)), UPLOADS_A_PAGE)
    context = {
        "page": pages.get_page(request.GET.get("page")),
        "limit_bytes": settings.UPLOAD_MAX_BYTES,
    }
    return render(request, "imports/uploads.html", context)


@require_safe
@login_required
def upload(request: HttpRequest, upload_id: int) -> HttpResponse:
    """What became of one upload: counts by reason, warnings, rejected rows."""
    shown = selectors.upload_page(user=caller(request), upload_id=upload_id, rows=ROWS_SHOWN, request=request)
    return render(request, "imports/upload.html", {"shown": shown})
