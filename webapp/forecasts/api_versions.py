"""The API of model versions, the drift watch and replays."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.common.models import Job
from webapp.common.selectors import job_status
from webapp.common.serializers import JobOutput
from webapp.forecasts import selectors, services
from webapp.forecasts.models import ModelVersion, Replay
from webapp.forecasts.sentences import replay_sentence, verdict_sentence
from webapp.forecasts.wording import learner_label

MAY_READ_MAY_START = (allows(Act.SEE_MAP, write=Act.START_RUN),)


def _accepted(request: Request, job: Job) -> Response:
    return Response(JobOutput(job_status(user=caller(request), job_id=job.pk)).data, status=202)


# --- Versions -------------------------------------------------------------------------------------
class VersionOutput(serializers.ModelSerializer[ModelVersion]):
    """One trained model: all that makes it what it is, and why it was put into service or not."""

    learner_label = serializers.SerializerMethodField()
    state_label = serializers.CharField(source="get_state_display")
    cell_count = serializers.IntegerField(source="grid.cell_count")
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    promoted_by = serializers.CharField(source="promoted_by.username", default=None, allow_null=True)
    verdict = serializers.CharField(help_text="better, as_good, not_better …, see docs/registry.md; blank: not judged yet")
    verdict_sentence = serializers.SerializerMethodField(help_text="blank where nobody has judged it yet")

    class Meta:
        model = ModelVersion
        fields: tuple[str, ...] = (
            "id",
            "state",
            "state_label",
            "learner",
            "learner_label",
            "data_cutoff",
            "incident_count",
            "cell_count",
            "data_sha256",
            "code_version",
            "seed",
            "blocks_signature",
            "model_sha256",
            "verdict",
            "verdict_sentence",
            "comparison",
            "created_at",
            "created_by",
            "promoted_at",
            "promoted_by",
            "promoted_over",
            "promotion_reason",
        )

    @extend_schema_field(serializers.CharField())
    def get_learner_label(self, version: ModelVersion) -> str:
        return learner_label(version.learner)

    @extend_schema_field(serializers.CharField())
    def get_verdict_sentence(self, version: ModelVersion) -> str:
        return verdict_sentence(version)


class VersionDetailOutput(VersionOutput):
    class Meta(VersionOutput.Meta):
        fields = (*VersionOutput.Meta.fields, "category_codes", "parameters", "metrics")


class TrainInput(serializers.Serializer[Any]):
    learner = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="a learner's code; blank: the main model"
    )


class VersionList(generics.ListAPIView[ModelVersion]):
    serializer_class = VersionOutput
    permission_classes = MAY_READ_MAY_START

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return ModelVersion.objects.none()
        return selectors.version_list(user=caller(self.request))

    @extend_schema(operation_id="model_versions_list", summary="Model versions, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="model_versions_train",
        summary="Train a candidate, try it against the version in service and promote it where it wins, as a job",
        request=TrainInput,
        responses={202: JobOutput},
    )
    def post(self, request: Request) -> Response:
        data = TrainInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = caller(request)
        job = services.start_training(
            jurisdiction=user.jurisdiction, user=user, learner=data.validated_data["learner"], request=request
        )
        return _accepted(request, job)


class VersionDetail(APIView):
    permission_classes = (allows(Act.SEE_MAP),)

    @extend_schema(
        operation_id="model_versions_detail",
        summary="One model version with its parameters and the figures of its trial",
        responses=VersionDetailOutput,
    )
    def get(self, request: Request, version_id: int) -> Response:
        version = selectors.version_for(user=caller(request), version_id=version_id)
        return Response(VersionDetailOutput(version).data)


class PromoteInput(serializers.Serializer[Any]):
    reason = serializers.CharField(min_length=3, max_length=200, help_text="kept with the version and in the audit trail")


class Promote(APIView):
    permission_classes = (allows(Act.PROMOTE_MODEL),)

    @extend_schema(
        operation_id="model_versions_promote",
        summary="Put a version into service whatever its verdict; a forecast with it is started",
        request=PromoteInput,
        responses=VersionDetailOutput,
    )
    def post(self, request: Request, version_id: int) -> Response:
        data = PromoteInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = caller(request)
        version = selectors.version_for(user=user, version_id=version_id)
        promoted = services.promote(version=version, user=user, reason=data.validated_data["reason"], request=request)
        return Response(VersionDetailOutput(promoted).data)


class RollBackInput(serializers.Serializer[Any]):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class RollBack(APIView):
    permission_classes = (allows(Act.PROMOTE_MODEL),)

    @extend_schema(
        operation_id="model_versions_roll_back",
        summary="Put the version back into service that was there before; a forecast with it is started",
        request=RollBackInput,
        responses=VersionDetailOutput,
    )
    def post(self, request: Request) -> Response:
        data = RollBackInput(data=request.data)
        data.is_valid(raise_exception=True)
        user = caller(request)
        version = services.roll_back(
            jurisdiction=user.jurisdiction, user=user, reason=data.validated_data["reason"], request=request
        )
        return Response(VersionDetailOutput(version).data)


# --- Drift ----------------------------------------------------------------------------------------
class WatchedFigureOutput(serializers.Serializer[Any]):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="of the band that holds 95 % of weeks without drift")
    high = serializers.FloatField(allow_null=True)
    is_outside = serializers.BooleanField()


class WatchedCategoryOutput(serializers.Serializer[Any]):
    category = serializers.CharField(help_text="blank: all together")
    expected = serializers.FloatField(help_text="incidents that the published forecasts expected")
    incidents = WatchedFigureOutput(help_text="reported, beside what is usual where so many are expected")
    calibration = WatchedFigureOutput(help_text="expected / reported")
    capture = WatchedFigureOutput(help_text="share of the incidents in the 5 % of cells with the highest rates")
    is_outside = serializers.BooleanField()
    is_alert = serializers.BooleanField(help_text="outside for two weeks running, or far outside once")


class WatchedWeekOutput(serializers.Serializer[Any]):
    week_start = serializers.DateTimeField()
    week_end = serializers.DateTimeField()
    computed_at = serializers.DateTimeField()
    version_id = serializers.IntegerField(allow_null=True, help_text="the model version whose band it is")
    rows = WatchedCategoryOutput(many=True, help_text="all together first")


class DriftAlertOutput(serializers.Serializer[Any]):
    week_start = serializers.DateTimeField()
    week_end = serializers.DateTimeField()
    category = serializers.CharField(help_text="blank: all together")
    sentence = serializers.CharField()


class DriftOutput(serializers.Serializer[Any]):
    alerts = DriftAlertOutput(many=True, help_text="of the newest watched week")
    weeks = WatchedWeekOutput(many=True, help_text="newest first")


class Drift(APIView):
    permission_classes = MAY_READ_MAY_START

    @extend_schema(
        operation_id="drift", summary="How published forecasts fared week by week, and what is drifting", responses=DriftOutput
    )
    def get(self, request: Request) -> Response:
        user = caller(request)
        weeks, alerts = selectors.drift_weeks(user=user), selectors.drift_alerts(jurisdiction=user.jurisdiction)
        return Response(DriftOutput({"weeks": weeks, "alerts": alerts}).data)

    @extend_schema(
        operation_id="drift_watch",
        summary="Lay the forecasts of the last weeks beside what was reported since, as a job",
        request=None,
        responses={202: JobOutput},
    )
    def post(self, request: Request) -> Response:
        user = caller(request)
        return _accepted(request, services.start_drift_watch(jurisdiction=user.jurisdiction, user=user, request=request))


# --- Replays --------------------------------------------------------------------------------------
class ReplayOutput(serializers.ModelSerializer[Replay]):
    sentence = serializers.SerializerMethodField(help_text="the outcome, with the reasons where it is not identical")

    class Meta:
        model = Replay
        fields = (
            "id",
            "run",
            "is_identical",
            "is_same_data",
            "vectors",
            "vectors_different",
            "largest_difference",
            "causes",
            "code_version",
            "created_at",
            "sentence",
        )

    @extend_schema_field(serializers.CharField())
    def get_sentence(self, replay: Replay) -> str:
        return replay_sentence(replay)


class Replays(APIView):
    permission_classes = MAY_READ_MAY_START

    @extend_schema(operation_id="runs_replays", summary="The replays of a run, newest first", responses=ReplayOutput(many=True))
    def get(self, request: Request, run_id: int) -> Response:
        user = caller(request)
        lines = selectors.replay_lines(user=user, run=selectors.run_for(user=user, run_id=run_id))
        return Response(ReplayOutput([line.replay for line in lines], many=True).data)

    @extend_schema(
        operation_id="runs_replay",
        summary="Make a run again from its stored model and the incidents of then, and compare bit by bit, as a job",
        request=None,
        responses={202: JobOutput},
    )
    def post(self, request: Request, run_id: int) -> Response:
        user = caller(request)
        run = selectors.run_for(user=user, run_id=run_id)
        return _accepted(request, services.start_replay(run=run, user=user, request=request))
