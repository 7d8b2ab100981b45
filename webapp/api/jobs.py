"""Jobs: how far a long piece of work is, and how to stop it."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, caller, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.models import Job
from webapp.common.selectors import job_status
from webapp.common.serializers import JobOutput
from webapp.common.services import request_cancel

NEEDED_TO_CANCEL = {
    Job.Kind.INGEST: Act.UPLOAD,
    Job.Kind.CHECK: Act.UPLOAD,
    Job.Kind.UNDO: Act.UPLOAD,
    Job.Kind.FORECAST: Act.START_RUN,
    Job.Kind.BACKTEST: Act.START_RUN,
    Job.Kind.TRAIN: Act.START_RUN,
    Job.Kind.DRIFT: Act.START_RUN,
    Job.Kind.REPLAY: Act.START_RUN,
}


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
