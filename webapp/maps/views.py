"""The map page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import Act, caller, require
from webapp.common.errors import NotFound
from webapp.forecasts.wording import learner_label
from webapp.maps import selectors
from webapp.maps.serializers import map_start_json


@require_safe
@login_required
def map_page(request: HttpRequest) -> HttpResponse:
    """The map with the run named in the address (`?run=`), or the current one."""
    user = caller(request)
    require(user, Act.SEE_MAP)
    wanted = request.GET.get("run", "")
    if wanted and not wanted.isdecimal():
        raise NotFound(_("There is no such published forecast."))
    start = selectors.map_start(user=user, run_id=int(wanted) if wanted else "current")
    shown = {
        "start": map_start_json(start),
        "cutoff_text": start.run and f"{start.run.data_cutoff.astimezone(start.jurisdiction.zone):%Y-%m-%d %H:%M}",
        "learner_label": start.run and learner_label(start.run.learner),
    }
    return render(request, "maps/map.html", shown)
