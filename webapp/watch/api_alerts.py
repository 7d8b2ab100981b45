"""The alerts under /api/v1/alerts/."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.common.pagination import Pages
from webapp.forecasts.selectors import category_labels
from webapp.watch import selectors, services
from webapp.watch.models import Alert
from webapp.watch.wording import alert_sentence, factor_label


class AlertQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        choices=["open", "new", "seen", "closed", "all"],
        default="open",
        help_text="open: new and seen, highest score first; closed and all: newest first",
    )
    camera = serializers.IntegerField(required=False)


class AlertInput(serializers.Serializer[Any]):
    state = serializers.RegexField("^(seen|closed)$", help_text="seen or closed")
    is_false = serializers.BooleanField(required=False, allow_null=True, default=None, help_text="on closing: a false alarm")


class AlertOutput(serializers.Serializer[Alert]):
    """One scene that is worth a look."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField(source="last_at", help_text="when its newest event was seen")
    opened_at = serializers.DateTimeField()
    camera_id = serializers.IntegerField()
    camera_name = serializers.CharField(source="camera.name")
    lon = serializers.FloatField(source="point.x")
    lat = serializers.FloatField(source="point.y")
    cell = serializers.SerializerMethodField(help_text="H3 index")
    factor = serializers.CharField(help_text="code of the risk factor")
    label = serializers.SerializerMethodField(help_text="name of the factor in the page's language")  # type: ignore[assignment]
    category = serializers.CharField(help_text="code of the category whose risk it raises most")
    sentence = serializers.SerializerMethodField(help_text="why, in the language of the page")
    score = serializers.FloatField(help_text="risk of place and hour against the mean × confidence × part beyond usual")
    confidence = serializers.FloatField(help_text="the detector's, 0 to 1")
    count = serializers.IntegerField(source="event_count", help_text="events of the scene so far")
    state = serializers.CharField()
    state_label = serializers.CharField(source="get_state_display")
    is_false = serializers.BooleanField(allow_null=True, help_text="said by the person who closed it")
    has_thumbnail = serializers.BooleanField()
    thumbnail = serializers.SerializerMethodField(help_text="address of the masked picture, or null")
    reason = serializers.DictField(help_text="the numbers behind the sentence; see docs/live.md")

    def get_cell(self, alert: Alert) -> str:
        return f"{alert.cell:x}"

    def get_label(self, alert: Alert) -> str:
        return factor_label(alert.factor)

    def get_sentence(self, alert: Alert) -> str:
        return alert_sentence(alert.factor, alert.category, alert.reason, self.context.get("labels", {}))

    def get_thumbnail(self, alert: Alert) -> str | None:
        return f"/api/v1/alerts/{alert.pk}/thumbnail/" if alert.has_thumbnail else None


class AlertPageOutput(serializers.Serializer[Any]):
    """One page of alerts."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AlertOutput(many=True)


def _context(request: Request) -> dict[str, Any]:
    jurisdiction = caller(request).jurisdiction
    return {"labels": category_labels(jurisdiction=jurisdiction) if jurisdiction else {}}


class AlertList(APIView):
    permission_classes = [allows(Act.MAKE_PLAN)]

    @extend_schema(
        operation_id="alerts_list",
        summary="Alerts, ranked by the risk of place and hour",
        parameters=[AlertQuery, OpenApiParameter("page", int), OpenApiParameter("page_size", int)],
        responses=AlertPageOutput,
    )
    def get(self, request: Request) -> Response:
        query = AlertQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        state = "" if wanted["state"] == "all" else wanted["state"]
        alerts = selectors.alerts_for(user=caller(request), state=state, camera_id=wanted.get("camera"))
        pages = Pages()
        page = pages.paginate_queryset(alerts, request, view=self)
        shown = AlertOutput(page, many=True, context=_context(request))  # type: ignore[arg-type]
        return pages.get_paginated_response(shown.data)


class AlertDetail(APIView):
    permission_classes = [allows(Act.MAKE_PLAN)]

    @extend_schema(operation_id="alert", summary="One alert", responses=AlertOutput)
    def get(self, request: Request, alert_id: int) -> Response:
        alert = selectors.alert_for(user=caller(request), alert_id=alert_id)
        return Response(AlertOutput(alert, context=_context(request)).data)

    @extend_schema(
        operation_id="alert_change",
        summary="Mark an alert as seen, or close it",
        description="Marking twice changes nothing. Each change leaves a line in the audit trail.",
        request=AlertInput,
        responses=AlertOutput,
    )
    def post(self, request: Request, alert_id: int) -> Response:
        body = AlertInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        user, plain = caller(request), request._request
        if wanted["state"] == "seen":
            alert = services.mark_seen(user=user, alert_id=alert_id, request=plain)
        else:
            alert = services.close_alert(user=user, alert_id=alert_id, is_false=wanted["is_false"], request=plain)
        return Response(AlertOutput(alert, context=_context(request)).data)


class AlertThumbnail(APIView):
    permission_classes = [allows(Act.MAKE_PLAN)]

    @extend_schema(
        operation_id="alert_thumbnail",
        summary="The masked picture of an alert's best event",
        description="JPEG with people made unrecognisable. Each look leaves a line in the audit trail.",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, alert_id: int) -> HttpResponse:
        picture = services.read_thumbnail(user=caller(request), alert_id=alert_id, request=request._request)
        return HttpResponse(picture, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})
