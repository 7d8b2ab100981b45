"""Jobs: how far a long piece of work is, and how to stop it."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, caller, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.models import Job
from webapp.common.selectors import JobStatus, job_status
from webapp.common.services import request_cancel

NEEDED_TO_CANCEL = {Job.Kind.INGEST: Act.UPLOAD, Job.Kind.FORECAST: Act.START_RUN, Job.Kind.BACKTEST: Act.START_RUN}

STEP_LABELS = {
    "start": _("starting"),
    "check": _("checking the file"),
    "read": _("reading the rows"),
    "write": _("writing to the database"),
    "load": _("loading the incidents"),
    "panel": _("counting by cell and slot"),
    "features": _("computing the features"),
    "fit": _("training the model"),
    "forecast": _("computing the forecast"),
    "explain": _("computing the reasons"),
    "store": _("storing the result"),
    "backtest": _("testing on past weeks"),
    "commit": _("finishing"),
}


class JobOutput(serializers.Serializer[JobStatus]):
    id = serializers.UUIDField(source="job.id")
    kind = serializers.CharField(source="job.kind")
    kind_label = serializers.CharField(source="job.get_kind_display")
    state = serializers.CharField(source="job.state")
    state_label = serializers.CharField(source="job.get_state_display")
    fraction = serializers.FloatField(help_text="share done, 0 to 1")
    step = serializers.CharField()
    step_label = serializers.SerializerMethodField()
    remaining_s = serializers.FloatField(allow_null=True, help_text="estimated seconds to go")
    message = serializers.CharField(source="job.message", help_text="why it failed, for a person")
    created_at = serializers.DateTimeField(source="job.created_at")
    finished_at = serializers.DateTimeField(source="job.finished_at", allow_null=True)

    def get_step_label(self, status: JobStatus) -> str:
        return str(STEP_LABELS.get(status.step, status.step))


class JobDetail(APIView):
    @extend_schema(operation_id="job", responses=JobOutput, summary="State and progress of a long job")
    def get(self, request: Request, job_id: UUID) -> Response:
        return Response(JobOutput(job_status(user=caller(request), job_id=job_id)).data)


class JobCancel(APIView):
    @extend_schema(operation_id="job_cancel", request=None, responses={202: JobOutput}, summary="Ask a job to stop")
    def post(self, request: Request, job_id: UUID) -> Response:
        job = job_status(user=caller(request), job_id=job_id).job
        require(caller(request), NEEDED_TO_CANCEL[Job.Kind(job.kind)])
        request_cancel(job=job)
        record(action=AuditEntry.Action.CANCEL_JOB, actor=caller(request), target=f"job:{job.pk}", request=request)
        return Response(JobOutput(job_status(user=caller(request), job_id=job_id)).data, status=202)
