"""The API of runs, cells and back-tests: addresses in, serializers out; the work is done in services and selectors."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.common.selectors import job_status
from webapp.common.serializers import JobOutput
from webapp.forecasts import selectors, services
from webapp.forecasts.models import Backtest, BacktestScore, ForecastRun
from webapp.forecasts.wording import learner_label

MAY_READ_MAY_START = (allows(Act.SEE_MAP, write=Act.START_RUN),)


# --- Runs -----------------------------------------------------------------------------------------
class CategoryOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField(help_text="in the language of the page")


class RunOutput(serializers.ModelSerializer[ForecastRun]):
    """What a forecast covers and what stands behind it."""

    learner_label = serializers.SerializerMethodField()
    slot_starts = serializers.ListField(child=serializers.DateTimeField(), help_text="start of each slot, UTC, ascending")
    categories = serializers.SerializerMethodField(help_text="in the order of `totals`")
    cell_count = serializers.IntegerField(source="grid.cell_count")
    grid_digest = serializers.CharField(source="grid.digest", help_text="names the cells' geometry")

    _known_labels: dict[str, str] | None = None

    class Meta:
        model = ForecastRun
        fields: tuple[str, ...] = (
            "id",
            "learner",
            "learner_label",
            "model_version",
            "data_cutoff",
            "slot_starts",
            "horizon_end",
            "categories",
            "published_at",
            "incident_count",
            "cell_count",
            "grid_digest",
            "seed",
            "code_version",
            "data_sha256",
            "model_sha256",
        )

    @extend_schema_field(serializers.CharField())
    def get_learner_label(self, run: ForecastRun) -> str:
        return learner_label(run.learner)

    @extend_schema_field(CategoryOutput(many=True))
    def get_categories(self, run: ForecastRun) -> list[dict[str, str]]:
        labels = self._labels(run)
        return [{"code": code, "name": labels.get(code, code)} for code in run.category_codes]

    def _labels(self, run: ForecastRun) -> dict[str, str]:
        """The names, read once a request: all runs of a list belong to the caller's jurisdiction."""
        if self._known_labels is None:
            self._known_labels = selectors.category_labels(jurisdiction=run.jurisdiction)
        return self._known_labels


class RunDetailOutput(RunOutput):
    totals = serializers.SerializerMethodField(help_text="expected incidents in the jurisdiction: [slot][category]")

    class Meta(RunOutput.Meta):
        fields = (*RunOutput.Meta.fields, "parameters", "metrics", "totals")

    @extend_schema_field(serializers.ListField(child=serializers.ListField(child=serializers.FloatField())))
    def get_totals(self, run: ForecastRun) -> list[list[float]]:
        return selectors.slot_totals(run=run)


class StartRunInput(serializers.Serializer[Any]):
    cutoff = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="nothing recorded at or after this instant is used; default: the start of the slot in progress, "
        "or the first slot after the newest incident where that is older than 14 days",
    )


class RunList(generics.ListAPIView[ForecastRun]):
    serializer_class = RunOutput
    permission_classes = MAY_READ_MAY_START

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ForecastRun.objects.none()
        return selectors.run_list(user=caller(self.request))

    @extend_schema(operation_id="runs_list", summary="Published forecasts, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="runs_start",
        summary="Forecast with the model version in service, as a job; trains one first where none can be used",
        request=StartRunInput,
        responses={202: JobOutput},
    )
    def post(self, request: Request) -> Response:
        data = StartRunInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = caller(request)
        job = services.start_forecast(
            jurisdiction=user.jurisdiction, user=user, cutoff=data.validated_data.get("cutoff"), request=request
        )
        return Response(JobOutput(job_status(user=user, job_id=job.pk)).data, status=202)


class CurrentRun(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(operation_id="runs_current", summary="The forecast in service", responses=RunDetailOutput)
    def get(self, request: Request) -> Response:
        run = selectors.run_for(user=caller(request), run_id="current")
        return Response(RunDetailOutput(run).data)


class RunDetail(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(
        operation_id="runs_detail",
        summary="One forecast: what it covers, what stands behind it, its totals",
        responses=RunDetailOutput,
    )
    def get(self, request: Request, run_id: int) -> Response:
        run = selectors.run_for(user=caller(request), run_id=run_id)
        return Response(RunDetailOutput(run).data)


# --- One cell -------------------------------------------------------------------------------------
class CellInput(serializers.Serializer[Any]):
    slot = serializers.IntegerField(required=False, default=0, min_value=0, help_text="index into `slot_starts`")
    category = serializers.CharField(required=False, default="", allow_blank=True, help_text="blank: all together")


class CellRateOutput(serializers.Serializer[Any]):
    category = serializers.CharField()
    name = serializers.CharField()
    rate = serializers.FloatField(help_text="expected incidents in the slot")
    week = serializers.FloatField(help_text="expected incidents in all slots of the run")
    probability = serializers.FloatField(help_text="of at least one incident in the slot: 1 − exp(−rate)")


class ReasonOutput(serializers.Serializer[Any]):
    group = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the field's own name, not its caption
    factor = serializers.FloatField(help_text="how many times the rate is raised (> 1) or lowered (< 1) by this group")
    sentence = serializers.CharField()


class IncidentLineOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    category = serializers.CharField(help_text="name in the language of the page")
    category_code = serializers.CharField()
    occurred_from = serializers.DateTimeField()
    occurred_to = serializers.DateTimeField()
    source = serializers.CharField(help_text="name of the uploaded file")  # type: ignore[assignment]  # as above
    source_line = serializers.IntegerField()


class CellDetailOutput(serializers.Serializer[Any]):
    cell = serializers.CharField(help_text="H3 index, hexadecimal")
    slot = serializers.IntegerField()
    category = serializers.CharField(help_text="what by_slot, city_mean, rank and reasons are of; blank: all together")
    area_km2 = serializers.FloatField()
    dong = serializers.CharField(help_text="name of the area that holds the centre; blank where none does")
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
    rates = CellRateOutput(many=True)
    by_slot = serializers.ListField(child=serializers.FloatField(), help_text="expected incidents of each slot")
    city_mean = serializers.FloatField(help_text="expected incidents of the mean cell in the slot")
    rank = serializers.IntegerField(help_text="1 = highest rate of all cells in the slot")
    cell_count = serializers.IntegerField()
    reasons = ReasonOutput(many=True)
    incidents = IncidentLineOutput(many=True, allow_null=True)
    incidents_hidden = serializers.CharField(help_text="why `incidents` is null; blank otherwise")


class CellDetail(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(
        operation_id="runs_cell",
        summary="One cell: rates, rank, reasons in words, recent incidents (reading these is logged)",
        parameters=[CellInput],
        responses=CellDetailOutput,
    )
    def get(self, request: Request, run_id: int, cell: str) -> Response:
        query = CellInput(data=request.query_params)
        query.is_valid(raise_exception=True)
        user = caller(request)
        run = selectors.run_for(user=user, run_id=run_id)
        detail = selectors.cell_detail(user=user, run=run, cell=cell, request=request, **query.validated_data)
        return Response(CellDetailOutput(detail).data)


# --- Back-tests -----------------------------------------------------------------------------------
class ScoreOutput(serializers.ModelSerializer[BacktestScore]):
    label = serializers.SerializerMethodField()  # type: ignore[assignment]  # as above
    category = serializers.CharField(source="category_code", help_text="blank: all categories together")

    class Meta:
        model = BacktestScore
        fields = ("learner", "label", "category", "horizon", "incidents", "metrics")

    @extend_schema_field(serializers.CharField())
    def get_label(self, score: BacktestScore) -> str:
        return learner_label(score.learner)


class BacktestOutput(serializers.ModelSerializer[Backtest]):
    cell_count = serializers.IntegerField(source="grid.cell_count")
    scores = ScoreOutput(many=True)

    class Meta:
        model = Backtest
        fields = (
            "id",
            "created_at",
            "first_window_start",
            "last_window_end",
            "windows",
            "window_hours",
            "active_cell_share",
            "parameters",
            "cell_count",
            "seed",
            "code_version",
            "data_sha256",
            "scores",
        )


class StartBacktestInput(serializers.Serializer[Any]):
    weeks = serializers.IntegerField(required=False, default=26, help_text="4–52; fewer are taken where the data are short")
    horizons = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="among shift, day, week, month; empty: week"
    )
    learners = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="codes of learners; empty: the usual ones"
    )


class BacktestList(generics.ListAPIView[Backtest]):
    serializer_class = BacktestOutput
    permission_classes = MAY_READ_MAY_START

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Backtest.objects.none()
        return selectors.backtest_list(user=caller(self.request))

    @extend_schema(operation_id="backtests_list", summary="Back-tests with their scores, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="backtests_start",
        summary="Score all learners on past weeks, as a job",
        request=StartBacktestInput,
        responses={202: JobOutput},
    )
    def post(self, request: Request) -> Response:
        data = StartBacktestInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = caller(request)
        job = services.start_backtest(jurisdiction=user.jurisdiction, user=user, request=request, **data.validated_data)
        return Response(JobOutput(job_status(user=user, job_id=job.pk)).data, status=202)


class BacktestDetail(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(operation_id="backtests_detail", summary="One back-test with its scores", responses=BacktestOutput)
    def get(self, request: Request, backtest_id: int) -> Response:
        return Response(BacktestOutput(selectors.backtest_for(user=caller(request), backtest_id=backtest_id)).data)
