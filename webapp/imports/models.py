"""Upload batches: what came in, what was taken, and every row that was not, with its reason."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class Upload(ScopedModel):
    """One file that somebody uploaded. The same content twice is one upload."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        COMMITTED = "committed", _("taken in")
        REFUSED = "refused", _("refused")

    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    preset = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    message = models.TextField(blank=True, help_text="why it was refused, for a person")
    rows_read = models.PositiveIntegerField(default=0)
    rows_accepted = models.PositiveIntegerField(default=0)
    rows_rejected = models.PositiveIntegerField(default=0)
    report = models.JSONField(default=dict, help_text="counts by reason, warnings, time span")
    job = models.ForeignKey("common.Job", null=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    committed_at = models.DateTimeField(null=True)

    already_there = False  # set on the object when the same content was uploaded before; no column

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "sha256", "preset"], condition=models.Q(state="committed"), name="upload_content_once"
            ),
            models.UniqueConstraint(fields=["id", "jurisdiction"], name="upload_of_jurisdiction"),  # for incidents to name
            models.CheckConstraint(
                name="upload_rows_add_up",
                condition=models.Q(rows_read=models.F("rows_accepted") + models.F("rows_rejected")),
            ),
        ]
        indexes = [models.Index(fields=["jurisdiction", "-created_at"], name="upload_newest")]

    def __str__(self) -> str:
        return self.file_name


class RejectedRow(models.Model):
    """One row that was not taken in, with the reason a person can act on. Reached through its upload only."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="rejected")
    line = models.PositiveIntegerField()
    column = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=40, help_text="a stable code; its sentence comes from ingestion.errors")
    value = models.CharField(max_length=200, blank=True)
    raw = models.TextField(help_text="the row as it stood in the file")

    class Meta:
        indexes = [models.Index(fields=["upload", "line"], name="rejected_row_line")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
