"""The pages of cameras: one camera, its fitting to the ground, all streams at a glance; and the public counts of places."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from webapp.accounts.permissions import caller
from webapp.live import pages
from webapp.live.weights_page import weights_page


@require_safe
@login_required
def camera(request: HttpRequest, camera_id: int) -> HttpResponse:
    """One camera: its last hour, its still, its events, its streams, its place."""
    return render(request, "live/camera.html", {"page": pages.camera_page(user=caller(request), camera_id=camera_id)})


@require_safe
@login_required
def calibration(request: HttpRequest, camera_id: int) -> HttpResponse:
    """Fitting a camera's stream to the ground, and drawing on it; `?stream=` chooses one of several."""
    wanted = request.GET.get("stream", "")
    stream_id = int(wanted) if wanted.isdecimal() else None
    page = pages.calibration_page(user=caller(request), camera_id=camera_id, stream_id=stream_id)
    return render(request, "live/calibration.html", {"page": page})


@require_safe
@login_required
def streams(request: HttpRequest) -> HttpResponse:
    """All cameras with the state of their streams; `?state=` filters."""
    return render(request, "live/streams.html", {"start": pages.streams_start(user=caller(request))})


@require_safe
@login_required
def streams_now(request: HttpRequest) -> JsonResponse:
    """The rows of that page alone, for its script."""
    return JsonResponse({"cameras": pages.cameras_now(user=caller(request))})


@require_safe
@login_required
def weights(request: HttpRequest) -> HttpResponse:
    """What risk factors beyond their usual level do to each category; `?category=` chooses one."""
    page = weights_page(user=caller(request), category=request.GET.get("category", ""))
    return render(request, "live/weights.html", {"page": page})


@require_safe
@cache_control(public=False, max_age=300)
def places(request: HttpRequest) -> HttpResponse:
    """Counts of people at the places that their jurisdictions show to everybody. No sign-in: numbers of hours, no persons."""
    return render(request, "live/places.html", {"places": pages.places_page(now=timezone.now())})
