"""Tables that every room shares: the jurisdiction scope and the record of long jobs."""

import uuid
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from webapp.accounts.models import Jurisdiction, User

Row = TypeVar("Row", bound=models.Model)


class ScopedQuerySet(models.QuerySet[Row]):
    """Rows of one jurisdiction. The only two doors to a scoped table."""

    def of(self, jurisdiction: "Jurisdiction") -> Self:
        """Rows of this jurisdiction; for jobs and services that already know it."""
        return self.filter(jurisdiction=jurisdiction)

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Rows this person may see: those of the person's own jurisdiction, or none."""
        jurisdiction_id = getattr(user, "jurisdiction_id", None)
        if not user.is_authenticated or jurisdiction_id is None:
            return self.none()
        return self.filter(jurisdiction_id=jurisdiction_id)


ScopedManager = models.Manager.from_queryset(ScopedQuerySet)


class ScopedModel(models.Model):
    """A row that belongs to one jurisdiction."""

    jurisdiction = models.ForeignKey("accounts.Jurisdiction", on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[ScopedManager[Self]] = ScopedManager()

    class Meta:
        abstract = True


class Job(ScopedModel):
    """One long piece of work with its progress: what a person waits for, may cancel, and can look up later.

    Progress while it runs lives in Redis (`webapp.common.services`), so that it shows although the work itself is
    one open transaction; this row holds what must not be lost.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    class Kind(models.TextChoices):
        INGEST = "ingest", _("data upload")
        CHECK = "check", _("check of an upload")
        UNDO = "undo", _("undoing an upload")
        FORECAST = "forecast", _("training and forecast")
        BACKTEST = "backtest", _("back-test")
        TRAIN = "train", _("training of a model version")
        DRIFT = "drift", _("drift watch")
        REPLAY = "replay", _("replay of a forecast")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    parameters = models.JSONField(default=dict)
    message = models.TextField(blank=True, help_text="why it failed, for a person")
    cancel_requested = models.BooleanField(default=False)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-created_at"], name="job_newest")]
        constraints = [
            models.CheckConstraint(
                name="job_state_known", condition=models.Q(state__in=["queued", "running", "succeeded", "failed", "cancelled"])
            ),
            models.CheckConstraint(
                name="job_ended_has_end",
                condition=models.Q(state__in=["queued", "running"]) | models.Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.state})"

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.SUCCEEDED, self.State.FAILED, self.State.CANCELLED)


class DisplacedRow(models.Model):
    """A row as it was before an upload changed or removed it, so that undoing the upload brings back exactly that."""

    upload = models.ForeignKey("imports.Upload", on_delete=models.CASCADE, related_name="displaced")
    table = models.CharField(max_length=63)
    row_id = models.BigIntegerField()
    before = models.JSONField(help_text="the row as PostgreSQL's to_jsonb gives it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "table", "row_id"], name="displaced_once")]

    def __str__(self) -> str:
        return f"{self.table} {self.row_id}"
