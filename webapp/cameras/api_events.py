"""Events of cameras under /api/v1/: other systems send theirs, people see the counts, a thumbnail, and who may send."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.cameras import event_selectors
from webapp.cameras.services import event_intake, event_pictures, event_senders
from webapp.cameras.services.events import StreamDown
from webapp.common.errors import HaechiError

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

RETRY_AFTER_S = 5


class RefusalOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="place in the batch, from 0")
    key = serializers.CharField(allow_blank=True)
    camera = serializers.CharField()
    code = serializers.CharField(help_text="stable word; docs/events.md lists them")
    message = serializers.CharField(help_text="for a person")


class PublishedOutput(serializers.Serializer[Any]):
    """What became of a batch. The late ones are among the accepted."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="whose key came in before")
    late = serializers.IntegerField(help_text="stored, but not fused")
    shed = serializers.IntegerField(help_text="left out because the readers do not keep up")
    refused = RefusalOutput(many=True)


class GroupOutput(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="writer or fusion")
    lag = serializers.IntegerField(help_text="events it has not been given")
    pending = serializers.IntegerField(help_text="given and not acknowledged")
    idle_s = serializers.FloatField(allow_null=True, help_text="since it last asked; null: never")


class RefusedByCameraOutput(serializers.Serializer[Any]):
    camera = serializers.CharField(help_text="*: all further ones together")
    code = serializers.CharField()
    count = serializers.IntegerField()


class CountsOutput(serializers.Serializer[Any]):
    """What came into the stream since it was made, and what became of it."""

    is_up = serializers.BooleanField(help_text="false: Redis is away, all counts are 0")
    keeps = serializers.BooleanField(help_text="whether Redis keeps the stream through a restart")
    since = serializers.DateTimeField(allow_null=True)
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    late = serializers.IntegerField()
    refused = serializers.IntegerField()
    unwritten = serializers.IntegerField(help_text="left the full stream before they were stored")
    unstorable = serializers.IntegerField()
    thumbnails_left_off = serializers.IntegerField()
    shed = serializers.DictField(child=serializers.IntegerField(), help_text="by priority: measure, risk, full")
    refused_by_camera = RefusedByCameraOutput(many=True)
    length = serializers.IntegerField(help_text="events in the stream now")
    bound = serializers.IntegerField()
    groups = GroupOutput(many=True)
    writer = serializers.DictField(help_text="at (Unix s), state (ok, waiting), why; empty: it has not been heard for a minute")


class SenderInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    events_per_s = serializers.IntegerField(required=False, default=200, help_text="1 to 20,000")


class SenderOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    events_per_s = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class MadeSenderOutput(SenderOutput):
    key = serializers.CharField(help_text="shown this once")


def _header(name: str, what: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True, description=what)


class EventIntake(APIView):
    """Signed by a sender, not by a person."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(
        operation_id="events_send",
        summary="Send events of cameras",
        description="At most 500 events in one request; docs/event.schema.json describes each. The signature is the hex "
        "HMAC-SHA256, under the sender's key, of the value of X-Haechi-Time, a dot, and the body. Send a batch again until "
        "it is answered with 202: nothing is counted twice. 429 and 503 say in Retry-After when.",
        parameters=[
            _header("X-Haechi-Sender", "number of the sender"),
            _header("X-Haechi-Time", "Unix seconds when the request was signed; within five minutes"),
            _header("X-Haechi-Signature", "sha256=…"),
        ],
        request=OpenApiTypes.OBJECT,
        responses={202: PublishedOutput, 400: None, 401: None, 413: None, 429: None, 503: None},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        body = _body(request)
        sender = event_senders.recognise(
            sender_id=request.headers.get("X-Haechi-Sender", ""),
            at=request.headers.get("X-Haechi-Time", ""),
            signed=request.headers.get("X-Haechi-Signature", ""),
            body=body,
            address=request.META.get("REMOTE_ADDR", ""),
        )
        values = event_intake.read_batch(body)
        event_senders.spend(sender=sender, events=max(len(values), 1))
        done = event_intake.take_batch(jurisdiction_id=sender.jurisdiction_id, values=values, now=timezone.now())
        return Response(PublishedOutput(done).data, status=202)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, OperationalError | InterfaceError):  # the database is away; a sender need not know which service it is
            exc = StreamDown(_("The event stream cannot be written to at the moment. Send the events again."))
        response = super().handle_exception(exc)
        if isinstance(exc, event_senders.TooMany | StreamDown):
            response["Retry-After"] = str(exc.fields.get("retry_after_s", RETRY_AFTER_S))
        return response


def _body(request: Request) -> bytes:
    try:
        return request._request.body
    except RequestDataTooBig as error:
        message = _("The request is larger than 2.5 MB. Send fewer events at once, or smaller thumbnails.")
        refused = HaechiError(message, code="request_too_large")
        refused.status = 413
        raise refused from error


class EventCountsView(APIView):
    permission_classes = [allows(Act.SEE_MAP)]

    @extend_schema(operation_id="events_counts", summary="What came in and what became of it", responses=CountsOutput)
    def get(self, request: Request) -> Response:
        counts = event_selectors.event_counts(jurisdiction_id=_jurisdiction(request).pk)
        return Response(CountsOutput(counts).data)


class EventThumbnailView(APIView):
    permission_classes = [allows(Act.MAKE_PLAN)]

    @extend_schema(
        operation_id="events_thumbnail",
        summary="The masked picture of an event",
        description="Kept for hours only. Each look is kept in the audit trail.",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 404: None},
    )
    def get(self, request: Request, key: str) -> HttpResponse:
        jpeg = event_pictures.read_thumbnail(user=caller(request), key=key, request=request._request)
        return HttpResponse(jpeg, content_type="image/jpeg", headers={"Cache-Control": "no-store"})


class SenderList(APIView):
    permission_classes = [allows(Act.MANAGE_CAMERAS)]

    @extend_schema(operation_id="events_senders", summary="Systems that may send events", responses=SenderOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(SenderOutput(event_selectors.senders_for(user=request.user), many=True).data)

    @extend_schema(
        operation_id="events_sender_make",
        summary="Let a system send events",
        request=SenderInput,
        responses={201: MadeSenderOutput, 400: None, 409: None},
    )
    def post(self, request: Request) -> Response:
        given = SenderInput(data=request.data)
        given.is_valid(raise_exception=True)
        made = event_senders.make_sender(
            jurisdiction=_jurisdiction(request), **given.validated_data, user=caller(request), request=request._request
        )
        return Response(SenderOutput(made.sender).data | {"key": made.key}, status=201)


class SenderRevoke(APIView):
    permission_classes = [allows(Act.MANAGE_CAMERAS)]

    @extend_schema(
        operation_id="events_sender_revoke",
        summary="Let it send no longer",
        request=None,
        responses={200: SenderOutput, 404: None, 409: None},
    )
    def post(self, request: Request, sender_id: int) -> Response:
        user = caller(request)
        sender = event_senders.sender_of(user=user, sender_id=sender_id)
        return Response(SenderOutput(event_senders.revoke_sender(sender=sender, user=user, request=request._request)).data)


def _jurisdiction(request: Request) -> "Jurisdiction":
    jurisdiction = caller(request).jurisdiction
    assert jurisdiction is not None  # noqa: S101  # the permission saw to it
    return jurisdiction
