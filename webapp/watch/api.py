"""Watch plans under /api/v1/."""

from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows
from webapp.common.pagination import Pages
from webapp.forecasts.selectors import run_for
from webapp.watch import selectors, services
from webapp.watch.models import WatchPlan

if TYPE_CHECKING:
    from webapp.accounts.models import User


class PlanQuery(serializers.Serializer[Any]):
    slot_start = serializers.DateTimeField(required=False)
    category = serializers.CharField(required=False, allow_blank=True)
    state = serializers.ChoiceField(choices=WatchPlan.State.choices, required=False)


class PlanInput(serializers.Serializer[Any]):
    slot_start = serializers.DateTimeField(help_text="start of a slot of the forecast in service")
    operators = serializers.IntegerField(required=False, help_text="1 to 500; default: the jurisdiction's")
    cameras_per_operator = serializers.IntegerField(required=False, help_text="1 to 200; default: the jurisdiction's")
    category = serializers.CharField(required=False, allow_blank=True, default="", help_text="code; blank: all categories")


class PlanOutput(serializers.Serializer[Any]):
    """A plan without its cameras."""

    id = serializers.IntegerField()
    state = serializers.CharField()
    state_label = serializers.CharField(source="get_state_display")
    run = serializers.IntegerField(source="run_id")
    slot_start = serializers.DateTimeField()
    slot_end = serializers.DateTimeField()
    operators = serializers.IntegerField()
    cameras_per_operator = serializers.IntegerField()
    category = serializers.CharField(source="category_code", help_text="code; blank: all categories")
    expected_incidents = serializers.FloatField(help_text="expected incidents of the slot in the whole jurisdiction")
    expected_captured = serializers.FloatField(help_text="expected incidents in the views of the chosen cameras")
    expected_by_count = serializers.FloatField(help_text="the same for as many cameras chosen by past counts alone")
    upper_bound = serializers.FloatField(
        allow_null=True, help_text="no choice of as many cameras can capture more: how near the choice is to the best one"
    )
    camera_count = serializers.IntegerField(help_text="working cameras the plan could choose from")
    created_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField(allow_null=True)


class PlanPageOutput(serializers.Serializer[Any]):
    """One page of plans."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = PlanOutput(many=True)


class CameraOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    longitude = serializers.FloatField(source="point.x")
    latitude = serializers.FloatField(source="point.y")
    bearing_deg = serializers.FloatField(allow_null=True)
    angle_deg = serializers.FloatField()
    range_m = serializers.FloatField()
    count = serializers.IntegerField()
    is_simulated = serializers.BooleanField()


class WatchReasonOutput(serializers.Serializer[Any]):
    sentence = serializers.CharField(help_text="in the language of the page")
    category = serializers.CharField(help_text="the category with most expected incidents in the view")
    share = serializers.FloatField(help_text="its part of all incidents expected in the view, 0 to 1")
    vs_mean = serializers.FloatField(help_text="its rate in the view as a multiple of the jurisdiction's mean cell")
    cell = serializers.CharField(help_text="H3 index of the cell that contributes most")
    group = serializers.CharField(allow_blank=True, help_text="group of features that raises that cell's rate most")
    factor = serializers.FloatField(help_text="by how much")


class ItemOutput(serializers.Serializer[Any]):
    rank = serializers.IntegerField(help_text="1: chosen first")
    operator = serializers.IntegerField(help_text="seat, from 1")
    camera = CameraOutput()
    expected_captured = serializers.FloatField(help_text="expected incidents this camera adds to those chosen before it")
    reason = WatchReasonOutput()


class SeatOutput(serializers.Serializer[Any]):
    operator = serializers.IntegerField()
    cameras = serializers.IntegerField()
    expected_captured = serializers.FloatField()


class PlanDetailOutput(PlanOutput):
    """A plan with its cameras in order of choice."""

    cameras_simulated = serializers.IntegerField(help_text="how many of its cameras were placed by the simulation")
    seats = SeatOutput(many=True)
    items = ItemOutput(many=True)


def _detail(plan: Any) -> dict[str, Any]:
    page = selectors.plan_page(plan=plan)
    extra = {
        "cameras_simulated": page.cameras_simulated,
        "seats": SeatOutput(page.seats, many=True).data,
        "items": ItemOutput(page.lines, many=True).data,
    }
    return {**PlanOutput(plan).data, **extra}


class PlanList(APIView):
    permission_classes = [allows(Act.SEE_MAP, write=Act.MAKE_PLAN)]

    @extend_schema(
        operation_id="watch_plans_list",
        summary="Watch plans, newest slot first",
        parameters=[PlanQuery, OpenApiParameter("page", int), OpenApiParameter("page_size", int)],
        responses=PlanPageOutput,
    )
    def get(self, request: Request) -> Response:
        query = PlanQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        plans = selectors.plans_for(
            user=request.user,
            slot_start=wanted.get("slot_start"),
            category_code=wanted.get("category"),
            state=wanted.get("state"),
        )
        pages = Pages()
        page = pages.paginate_queryset(plans, request, view=self)
        return pages.get_paginated_response(PlanOutput(page, many=True).data)

    @extend_schema(
        operation_id="watch_plans_create",
        summary="Make a draft plan from the forecast in service",
        request=PlanInput,
        responses={201: PlanDetailOutput},
    )
    def post(self, request: Request) -> Response:
        body = PlanInput(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        user = cast("User", request.user)
        plan = services.make_plan(
            jurisdiction=user.jurisdiction,
            run=run_for(user=user, run_id="current"),
            slot_start=wanted["slot_start"],
            user=user,
            operators=wanted.get("operators"),
            cameras_per_operator=wanted.get("cameras_per_operator"),
            category_code=wanted["category"],
        )
        return Response(_detail(plan), status=201)


class PlanDetail(APIView):
    permission_classes = [allows(Act.SEE_MAP)]

    @extend_schema(operation_id="watch_plan", summary="A watch plan with its cameras and reasons", responses=PlanDetailOutput)
    def get(self, request: Request, plan_id: int) -> Response:
        return Response(_detail(selectors.plan_for(user=request.user, plan_id=plan_id)))


class PlanPublish(APIView):
    permission_classes = [allows(Act.PUBLISH_PLAN)]

    @extend_schema(
        operation_id="watch_plan_publish",
        summary="Put a plan in force for its slot",
        description="The plan in force before is marked as replaced. Publishing a published plan changes nothing.",
        request=None,
        responses=PlanDetailOutput,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        user = cast("User", request.user)
        plan = selectors.plan_for(user=user, plan_id=plan_id)
        published = services.publish_plan(plan=plan, user=user, request=request._request)
        return Response(_detail(published))


class WatchListFile(APIView):
    permission_classes = [allows(Act.SEE_MAP)]

    @extend_schema(
        operation_id="watch_plan_csv",
        summary="The watch list as a file for a spreadsheet",
        description="CSV in UTF-8 with a byte-order mark, ordered by seat, headings in the language of the page.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, plan_id: int) -> HttpResponse:
        plan = selectors.plan_for(user=request.user, plan_id=plan_id)
        local = plan.slot_start.astimezone(plan.jurisdiction.zone)
        response = HttpResponse(selectors.watch_list_csv(plan=plan).encode(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="watch-list-{local:%Y-%m-%d-%H%M}.csv"'
        return response
