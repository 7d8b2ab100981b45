"""The public statistics under /api/v1/: the one part of the API that asks for no sign-in."""

from typing import Any

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from webapp.cameras import place_selectors
from webapp.common.errors import NotFound

CACHE_S = 300  # hours change once an hour: hardly anybody waits, and no flood of callers reaches the database


class PublicThrottle(AnonRateThrottle):
    """Per address; an own scope, so that nobody else's calls count."""

    scope = "public_statistics"
    rate = "60/min"


class HourOutput(serializers.Serializer[Any]):
    start = serializers.DateTimeField(help_text="UTC; the hour from here on")
    people_per_hour = serializers.FloatField(allow_null=True, help_text="null: not known, or fewer than five people passed")
    people_low = serializers.FloatField(allow_null=True, help_text="95 % interval")
    people_high = serializers.FloatField(allow_null=True)
    people_text = serializers.CharField(help_text='"<5" where fewer than five passed; empty where the hour was not watched')
    in_view = serializers.FloatField(allow_null=True, help_text="mean people in view at once")
    dwell_median_s = serializers.FloatField(allow_null=True, help_text="time in one camera's view, seconds")
    dwell_low_s = serializers.FloatField(allow_null=True, help_text="lower quartile")
    dwell_high_s = serializers.FloatField(allow_null=True, help_text="upper quartile")
    congestion = serializers.ChoiceField(choices=["quiet", "usual", "busy", "very_busy", "unknown"])
    congestion_label = serializers.CharField()
    congestion_ratio = serializers.FloatField(
        allow_null=True, help_text="people in view against the usual of this hour of the week"
    )
    observed_share = serializers.FloatField(help_text="share of the hour that was watched")


class PublicPlaceOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    title = serializers.CharField(source="label", help_text="name in the language asked for")
    jurisdiction = serializers.CharField(source="jurisdiction.label")
    kind = serializers.CharField()
    kind_label = serializers.CharField()
    is_simulated = serializers.BooleanField()
    point = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="longitude, latitude (WGS84)")
    hours = HourOutput(many=True, help_text="newest first")


class _Public(APIView):
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [PublicThrottle]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if answer.status_code == 200:
            answer["Cache-Control"] = f"public, max-age={CACHE_S}"
        return answer


class PublicPlaceList(_Public):
    @extend_schema(
        operation_id="public_places",
        summary="People counted at public places",
        description="The last 24 whole hours of every place that its jurisdiction shows to everybody, each at least an hour "
        "after its end. Nothing about fewer than five people. No sign-in; 60 calls a minute and address.",
        responses=PublicPlaceOutput(many=True),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        return Response(_cached("all", _list))


class PublicPlaceDetail(_Public):
    @extend_schema(
        operation_id="public_place", summary="One public place, seven days of hours", responses=PublicPlaceOutput, auth=[]
    )
    def get(self, request: Request, code: str) -> Response:
        found = _cached(f"one:{code}", lambda: _one(code))
        if found is None:
            raise NotFound(_("There is no such public place."))
        return Response(found)


def _list() -> Any:
    return PublicPlaceOutput(place_selectors.public_places(now=timezone.now()), many=True).data


def _one(code: str) -> Any:
    place = place_selectors.public_place(code=code, now=timezone.now())
    return None if place is None else PublicPlaceOutput(place).data


def _cached(name: str, make: Any) -> Any:
    """Kept per language for as long as the answer says; a change of a place or of the switch begins a new version."""
    key = f"public_statistics:{cache.get(place_selectors.CACHE_VERSION, 0)}:{get_language()}:{name}"
    found = cache.get(key)
    if found is None and (found := make()) is not None:
        cache.set(key, found, CACHE_S)
    return found
