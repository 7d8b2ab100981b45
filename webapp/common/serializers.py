"""The form of a job in every answer: `JobOutput(job_status(user=…, job_id=…)).data`."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from webapp.common.selectors import JobStatus

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
    "trial": _("trying it on past weeks"),
    "watch": _("looking at past weeks"),
    "compare": _("comparing with what is stored"),
    "commit": _("finishing"),
    "undo": _("removing the rows"),
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
