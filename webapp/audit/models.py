"""The append-only trail: who saw or did what, when, and why. The database itself refuses to change it."""

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.audit.wording import details
from webapp.common.models import ScopedManager


class AuditEntry(models.Model):
    """One act. Rows are only ever added; a trigger (see the first migration) refuses UPDATE, DELETE and TRUNCATE."""

    class Action(models.TextChoices):
        SIGN_IN = "sign_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("failed to sign in")
        SIGN_OUT = "sign_out", _("signed out")
        UPLOAD = "upload", _("uploaded data")
        UNDO_UPLOAD = "undo_upload", _("undid an upload")
        DISCARD_UPLOAD = "discard_upload", _("discarded an upload")
        SAVE_PRESET = "save_preset", _("kept a mapping preset")
        DELETE_PRESET = "delete_preset", _("deleted a mapping preset")
        READ_INCIDENTS = "read_incidents", _("read incidents")
        READ_RULING = "read_ruling", _("read a ruling")
        CORRECT_RULING = "correct_ruling", _("corrected a ruling")
        START_RUN = "start_run", _("started a run")
        PROMOTE_VERSION = "promote_version", _("put a model version into service")
        ROLL_BACK_VERSION = "roll_back_version", _("went back to an earlier model version")
        DRIFT_ALERT = "drift_alert", _("forecasts drifted from what was reported")
        PUBLISH_PLAN = "publish_plan", _("published a watch plan")
        CANCEL_JOB = "cancel_job", _("cancelled a job")
        READ_THUMBNAIL = "read_thumbnail", _("looked at an event's picture")
        CHANGE_ALERT = "change_alert", _("judged an alert")
        CHANGE_STREAM = "change_stream", _("changed a camera's video stream")
        MAKE_SENDER = "make_sender", _("let a system send events")
        REVOKE_SENDER = "revoke_sender", _("let a system send events no longer")
        CHANGE_PLACE = "change_place", _("changed a counted place")
        SWITCH_LIVE = "switch_live", _("switched the live picture")

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
    jurisdiction = models.ForeignKey("accounts.Jurisdiction", null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True, help_text="as typed, where no account matched")
    action = models.CharField(max_length=20, choices=Action)
    target = models.CharField(max_length=120, blank=True, help_text="what it was done to, like upload:12 or cell:8a30…")
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)

    objects: ClassVar[ScopedManager[Self]] = ScopedManager()

    class Meta:
        indexes = [
            models.Index(fields=["jurisdiction", "-at"], name="audit_newest"),
            models.Index(fields=["actor", "-at"], name="audit_actor"),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_name} {self.action} {self.target}"

    def details(self) -> list[tuple[str, str]]:
        """(label, value) of each detail, in the language of the page."""
        return details(self.detail)
