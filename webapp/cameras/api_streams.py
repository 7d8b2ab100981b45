"""The video streams under /api/v1/cameras/: health at a glance, registering, drawing, calibrating, and the masked still."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.cameras import stream_selectors as selectors
from webapp.cameras.models import Stream
from webapp.cameras.services import streams as services


class StreamHealthOutput(serializers.Serializer[Any]):
    """One stream at a glance."""

    id = serializers.IntegerField()
    camera = serializers.IntegerField(source="camera_id")
    camera_name = serializers.CharField()
    name = serializers.CharField(help_text="which of the camera's streams")
    kind = serializers.ChoiceField(choices=Stream.Kind.choices)
    state = serializers.CharField(help_text="ok, waiting (no worker looks at it), reconnecting, silent, blind, refused or off")
    state_label = serializers.CharField()
    last_frame_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.FloatField(allow_null=True, help_text="seconds since the last picture")
    fps = serializers.FloatField(help_text="pictures a second that are looked at")
    budget_fps = serializers.FloatField(help_text="most that are")
    dropped = serializers.IntegerField(help_text="pictures overtaken by newer ones since the worker took the stream up")
    broken = serializers.IntegerField(help_text="pictures that could not be decoded since then")
    clock_offset_s = serializers.FloatField(allow_null=True, help_text="the camera's clock less ours; null: it does not tell")
    blind = serializers.CharField(help_text="code of the factor that hinders seeing; blank: none")
    sentence = serializers.CharField(help_text="the last error or a wrong clock; blank where all is well")
    is_calibrated = serializers.BooleanField(help_text="whether points of its picture are known on the ground")
    is_simulated = serializers.BooleanField()


class StreamsOutput(serializers.Serializer[Any]):
    """All streams of the jurisdiction, those in trouble first."""

    counts = serializers.DictField(child=serializers.IntegerField(), help_text="streams by state")
    streams = StreamHealthOutput(many=True)


class CalibrationInput(serializers.Serializer[Any]):
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        max_length=50,
        help_text="x, y as fractions of the picture; empty: forget the calibration",
    )
    places = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        max_length=50,
        help_text="longitude, latitude of each point, in the same order",
    )


class StreamInput(serializers.Serializer[Any]):
    """A stream to be registered. Addresses of networks outside HAECHI_STREAM_NETWORKS are refused."""

    camera = serializers.CharField(max_length=80, help_text="number of the camera in the register (source_id)")
    address = serializers.CharField(max_length=2000, help_text="rtsp://, http://, https://, or a clip in the folder of clips")
    user = serializers.CharField(max_length=200, required=False, allow_blank=True)
    password = serializers.CharField(max_length=200, required=False, allow_blank=True, trim_whitespace=False)
    name = serializers.CharField(max_length=60, required=False, allow_blank=True)
    fps = serializers.FloatField(required=False, min_value=0.01, max_value=60)
    height = serializers.IntegerField(required=False, min_value=120, max_value=4352)
    loop = serializers.BooleanField(required=False)
    detector = serializers.CharField(max_length=80, required=False, allow_blank=True)
    factors = serializers.ListField(child=serializers.CharField(max_length=20), required=False, max_length=50)
    is_on = serializers.BooleanField(required=False)


class StreamChange(StreamInput):
    """What of a stream is to be changed. A new address without user name and password has none."""

    camera = None  # type: ignore[assignment]
    address = serializers.CharField(max_length=2000, required=False)
    rules = serializers.JSONField(required=False, help_text="zones, lines, direction, parameters: docs/factors.md")
    calibration = CalibrationInput(required=False)


class StreamOutput(StreamHealthOutput):
    """One stream with what is set for it; never its secrets."""

    address = serializers.CharField(help_text="without user name, password and other secrets")
    has_password = serializers.BooleanField()
    height = serializers.IntegerField()
    loop = serializers.BooleanField()
    detector = serializers.CharField()
    factors = serializers.ListField(child=serializers.CharField())
    rules = serializers.JSONField()
    calibration = serializers.JSONField()
    is_on = serializers.BooleanField()


def _shown(stream: Stream) -> dict[str, Any]:
    health = StreamHealthOutput(selectors.health_of(stream, timezone.now())).data
    names = ("address", "height", "loop", "detector", "factors", "rules", "calibration", "is_on")
    return {**health, "has_password": bool(stream.sealed), **{name: getattr(stream, name) for name in names}}


class StreamList(APIView):
    permission_classes = [allows(Act.SEE_MAP, write=Act.MANAGE_CAMERAS)]

    @extend_schema(operation_id="streams_list", summary="Health of all video streams", responses=StreamsOutput)
    def get(self, request: Request) -> Response:
        streams = selectors.streams_health(user=request.user)
        return Response(StreamsOutput({"counts": selectors.count_states(streams), "streams": streams}).data)

    @extend_schema(
        operation_id="streams_create",
        summary="Register a video stream, or change the one of the same camera and address",
        request=StreamInput,
        responses={201: StreamOutput},
    )
    def post(self, request: Request) -> Response:
        body = StreamInput(data=request.data)
        body.is_valid(raise_exception=True)
        person = caller(request)
        values = dict(body.validated_data)
        stream = services.register_stream(jurisdiction=person.jurisdiction, by=person, **values)
        return Response(_shown(stream), status=201)


class StreamDetail(APIView):
    permission_classes = [allows(Act.MANAGE_CAMERAS)]

    @extend_schema(operation_id="streams_read", summary="One video stream with its settings", responses=StreamOutput)
    def get(self, request: Request, stream_id: int) -> Response:
        return Response(_shown(selectors.stream_for(user=request.user, stream_id=stream_id)))

    @extend_schema(
        operation_id="streams_change", summary="Change a video stream", request=StreamChange, responses={200: StreamOutput}
    )
    def patch(self, request: Request, stream_id: int) -> Response:
        body = StreamChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        values, person = dict(body.validated_data), caller(request)
        stream = selectors.stream_for(user=person, stream_id=stream_id)
        services.change_whole(stream=stream, by=person, values=values)
        return Response(_shown(selectors.stream_for(user=person, stream_id=stream_id)))

    @extend_schema(operation_id="streams_remove", summary="Forget a video stream", responses={204: None})
    def delete(self, request: Request, stream_id: int) -> Response:
        services.remove_stream(stream=selectors.stream_for(user=request.user, stream_id=stream_id), by=caller(request))
        return Response(status=204)


class CameraStill(APIView):
    permission_classes = [allows(Act.SEE_MAP)]

    @extend_schema(
        operation_id="cameras_still",
        summary="The last masked still of a camera",
        description="A JPEG in which people are pixelated, at most a minute old. Looking at it is written to the audit trail.",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 404: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, camera_id: int) -> HttpResponse:
        camera = selectors.camera_for(user=request.user, camera_id=camera_id)
        still = services.look_at_still(camera=camera, by=caller(request), request=request._request)
        return HttpResponse(still, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})
