"""The live picture under /api/v1/live/."""

import gzip
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.live import selectors, services
from webapp.live.wording import camera_state_label, cell_sentence, factor_label, factor_sentence, factor_unit


class CategoryQuery(serializers.Serializer[Any]):
    category = serializers.CharField(default="", allow_blank=True, max_length=40, help_text="blank: all categories together")


class EventsQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200)
    camera = serializers.IntegerField(required=False, help_text="all events of one camera; without: a sample of all")


class CameraSaysOutput(serializers.Serializer[selectors.CameraSays]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.CharField(help_text="ok, stale, blind or silent")
    state_label = serializers.SerializerMethodField()
    last_at = serializers.DateTimeField(allow_null=True)

    def get_state_label(self, camera: selectors.CameraSays) -> str:
        return camera_state_label(camera.state)


class FactorNowOutput(serializers.Serializer[selectors.FactorNow]):
    factor = serializers.CharField()
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    sentence = serializers.SerializerMethodField()
    now = serializers.FloatField(help_text="fading sum of the factor's events at the cameras that see the cell")
    usual = serializers.FloatField(help_text="what that sum usually is at this hour of the week")
    excess = serializers.FloatField(help_text="how far beyond usual, −3 to 3; 0: as usual")
    contribution = serializers.FloatField(help_text="log of what it multiplies the rate by, before the bound")
    times = serializers.FloatField(help_text="what it multiplies the rate by")
    cameras = CameraSaysOutput(many=True, help_text="the cameras that say so")

    def get_label(self, factor: selectors.FactorNow) -> str:
        return factor_label(factor.factor)

    def get_sentence(self, factor: selectors.FactorNow) -> str:
        return factor_sentence(factor)


class CellNowOutput(serializers.Serializer[selectors.CellNow]):
    index = serializers.IntegerField()
    cell = serializers.CharField(help_text="H3 index")
    at = serializers.DateTimeField(help_text="when the picture was drawn")
    category = serializers.CharField(allow_blank=True)
    usual = serializers.FloatField(help_text="expected incidents of the slot by the plain forecast")
    now = serializers.FloatField(help_text="the same with what the cameras see")
    factor = serializers.FloatField(help_text="now over usual")
    sentence = serializers.SerializerMethodField()
    factors = FactorNowOutput(many=True)
    cameras = CameraSaysOutput(many=True, help_text="all that see the cell")

    def get_sentence(self, cell: selectors.CellNow) -> str:
        return cell_sentence(cell)


class ShownEventOutput(serializers.Serializer[selectors.ShownEvent]):
    id = serializers.CharField(help_text="the event's key")
    camera_id = serializers.IntegerField()
    camera_name = serializers.CharField()
    at = serializers.DateTimeField()
    factor = serializers.CharField()
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    confidence = serializers.FloatField()
    value = serializers.FloatField(allow_null=True)
    unit = serializers.SerializerMethodField()
    has_thumbnail = serializers.BooleanField()

    def get_label(self, event: selectors.ShownEvent) -> str:
        return factor_label(event.factor)

    def get_unit(self, event: selectors.ShownEvent) -> str:
        return factor_unit(event.factor)


class EventsOutput(serializers.Serializer[Any]):
    results = ShownEventOutput(many=True)


class FactorHourOutput(serializers.Serializer[selectors.FactorHour]):
    factor = serializers.CharField()
    label = serializers.SerializerMethodField()  # type: ignore[assignment]
    kind = serializers.CharField(help_text="risk, measure or blind")
    unit = serializers.CharField(allow_blank=True)
    counts = serializers.ListField(child=serializers.IntegerField(), help_text="events of each of the 60 minutes")
    values = serializers.ListField(child=serializers.FloatField(allow_null=True), help_text="mean value of each minute")
    usual_per_hour = serializers.FloatField(allow_null=True, help_text="usual events an hour at this hour of the week")

    def get_label(self, hour: selectors.FactorHour) -> str:
        return factor_label(hour.factor)


class CameraHourOutput(serializers.Serializer[selectors.CameraHour]):
    id = serializers.IntegerField(source="camera.pk")
    name = serializers.CharField(source="camera.name")
    start = serializers.DateTimeField(help_text="of the first of the 60 minutes")
    state = serializers.CharField(help_text="ok, stale, blind, silent, or unknown where the fusion does not run")
    state_label = serializers.SerializerMethodField()
    last_at = serializers.DateTimeField(allow_null=True)
    factors = FactorHourOutput(many=True)

    def get_state_label(self, hour: selectors.CameraHour) -> str:
        return camera_state_label(hour.state)


class CameraCountsOutput(serializers.Serializer[Any]):
    ok = serializers.IntegerField()
    stale = serializers.IntegerField()
    blind = serializers.IntegerField()
    silent = serializers.IntegerField()


class LiveHealthOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    cameras = CameraCountsOutput()
    lag_s = serializers.FloatField(help_text="how long the oldest event waited that was counted in the last two seconds")
    shed = serializers.IntegerField(help_text="events left out under pressure since the stream was made")
    events_per_s = serializers.FloatField()
    is_on = serializers.BooleanField(help_text="whether the live picture is switched on")
    moves = serializers.BooleanField(help_text="whether the cameras move the map: on, with a forecast and weights")
    run = serializers.IntegerField(allow_null=True)
    slot = serializers.IntegerField(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField())


class SwitchInput(serializers.Serializer[Any]):
    is_on = serializers.BooleanField()


class SwitchOutput(serializers.Serializer[Any]):
    is_on = serializers.BooleanField()


class LiveView(APIView):
    permission_classes = [allows(Act.SEE_MAP)]


class LiveValues(LiveView):
    @extend_schema(
        operation_id="live_values",
        summary="The live picture, one byte a cell on the scale of the run",
        description="In the order of the run's grid, as `values/` of a run has them. Headers: X-Live-At (when it was drawn), "
        "X-Live-Run, X-Live-Slot. 404 `no_live` where nothing has been fused.",
        parameters=[CategoryQuery],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponse:
        query = CategoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = selectors.live_values(user=caller(request), category=query.validated_data["category"])
        packs = "gzip" in request.headers.get("Accept-Encoding", "")
        body = gzip.compress(found.values, compresslevel=1, mtime=0) if packs else found.values
        answer = HttpResponse(body, content_type="application/octet-stream")
        headers = {"X-Live-At": found.state.at.isoformat(), "X-Live-Run": found.state.run, "X-Live-Slot": found.state.slot}
        for name, value in (headers | {"Cache-Control": "private, no-store", "Vary": "Accept-Encoding, Cookie"}).items():
            answer.headers[name] = str(value)
        if packs:
            answer.headers["Content-Encoding"] = "gzip"
        return answer


class LiveCell(LiveView):
    @extend_schema(
        operation_id="live_cell",
        summary="One cell now against usual, with the factors and cameras that made it",
        parameters=[CategoryQuery],
        responses=CellNowOutput,
    )
    def get(self, request: Request, index: int) -> Response:
        query = CategoryQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        now = selectors.now_of_cell(user=caller(request), index=index, category=query.validated_data["category"])
        return Response(CellNowOutput(now).data)


class LiveEvents(LiveView):
    @extend_schema(operation_id="live_events", summary="The newest events", parameters=[EventsQuery], responses=EventsOutput)
    def get(self, request: Request) -> Response:
        query = EventsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        events = selectors.recent_events(user=caller(request), limit=wanted["limit"], camera_id=wanted.get("camera"))
        return Response(EventsOutput({"results": events}).data)


class LiveCamera(LiveView):
    @extend_schema(operation_id="live_camera", summary="The last hour of one camera", responses=CameraHourOutput)
    def get(self, request: Request, camera_id: int) -> Response:
        return Response(CameraHourOutput(selectors.camera_last_hour(user=caller(request), camera_id=camera_id)).data)


class LiveHealth(LiveView):
    @extend_schema(operation_id="live_health", summary="How cameras, stream and fusion are", responses=LiveHealthOutput)
    def get(self, request: Request) -> Response:
        return Response(LiveHealthOutput(selectors.live_health(user=caller(request))).data)


class LiveSwitchView(APIView):
    permission_classes = [allows(Act.SEE_MAP, write=Act.PROMOTE_MODEL)]

    @extend_schema(operation_id="live_switch", summary="Whether the cameras move the map", responses=SwitchOutput)
    def get(self, request: Request) -> Response:
        return Response({"is_on": selectors.is_live_on(user=caller(request))})

    @extend_schema(
        operation_id="live_switch_change",
        summary="Let the cameras move the map, or show the plain forecast",
        description="Followed within a second or so. Leaves a line in the audit trail.",
        request=SwitchInput,
        responses=SwitchOutput,
    )
    def post(self, request: Request) -> Response:
        body = SwitchInput(data=request.data)
        body.is_valid(raise_exception=True)
        user = caller(request)
        switch = services.switch_live(
            jurisdiction=user.jurisdiction, is_on=body.validated_data["is_on"], user=user, request=request._request
        )
        return Response({"is_on": switch.is_on})
