"""Upload batches: what came in, what was taken, and every row that was not, with its reason."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class Upload(ScopedModel):
    """One file that somebody uploaded. The same content twice is one upload."""

    class State(models.TextChoices):
        RECEIVED = "received", _("to be checked")
        CHECKED = "checked", _("checked, not yet taken in")
        WAITING = "waiting", _("waiting")
        COMMITTED = "committed", _("taken in")
        REFUSED = "refused", _("refused")
        UNDONE = "undone", _("undone")
        DISCARDED = "discarded", _("discarded")

    class Kind(models.TextChoices):
        INCIDENTS = "incidents", _("incidents")
        CAMERAS = "cameras", _("cameras")
        PLACES = "places", _("places")
        AREAS = "areas", _("boundaries of areas")
        STATISTICS = "statistics", _("published figures")
        RULINGS = "rulings", _("court rulings")

    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.INCIDENTS)
    preset = models.CharField(max_length=40)
    mapping = models.JSONField(default=dict, help_text="how the file is read and understood: ingestion.mapping.ColumnMapping")
    guess = models.JSONField(default=dict, help_text="what the evidence said of the file, and its first rows")
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
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    undo_reason = models.CharField(max_length=200, blank=True)

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
    fields = models.JSONField(default=list, help_text="its fields under the file's own columns, for the download")

    class Meta:
        indexes = [models.Index(fields=["upload", "line"], name="rejected_row_line")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class MappingPreset(ScopedModel):
    """How files of one source are read, kept by a person: the next file with the same columns is understood at once."""

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=Upload.Kind)
    header_digest = models.CharField(max_length=64, help_text="SHA-256 of the column titles, by which such a file is recognised")
    mapping = models.JSONField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "name"], name="mapping_preset_name_once")]
        indexes = [models.Index(fields=["jurisdiction", "header_digest"], name="mapping_preset_header")]

    def __str__(self) -> str:
        return self.name
