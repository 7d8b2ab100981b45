"""Events of cameras as they are kept, their thumbnails, and who may send them.

Both event tables are partitioned by UTC day (migration 0003_events); a day is dropped whole when it is old enough.
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField

from webapp.common.models import ScopedManager, ScopedModel, ScopedQuerySet


class DayQuerySet(ScopedQuerySet[models.Model]):
    """Rows of a table that is partitioned by day."""

    def between(self, start: datetime, end: datetime) -> Self:
        """start ≤ at < end; reads only the partitions of these days. Aware datetimes."""
        days = (start.astimezone(UTC).date(), (end - timedelta(microseconds=1)).astimezone(UTC).date())
        return self.filter(day__range=days, at__gte=start, at__lt=end)


DayManager = models.Manager.from_queryset(DayQuerySet)


class CameraEvent(ScopedModel):
    """One observation of one camera. A key stands for one event of a jurisdiction and day: it is never stored twice.

    No foreign key is checked by the database but that the writer looked the camera up: 4,000 rows a second come in.
    """

    pk = models.CompositePrimaryKey("jurisdiction", "day", "key")
    jurisdiction = models.ForeignKey("accounts.Jurisdiction", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    day = models.DateField(help_text="UTC day of `at`; the partition")
    key = models.CharField(max_length=80)
    camera = models.ForeignKey("cameras.Camera", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    at = models.DateTimeField(help_text="when it was seen")
    received_at = models.DateTimeField(help_text="when the stream took it in")
    factor = models.CharField(max_length=20, help_text="code of cctv.factors")
    confidence = models.FloatField()
    value = models.FloatField(null=True, help_text="in the factor's unit")
    box = ArrayField(models.FloatField(), size=4, null=True, help_text="x0, y0, x1, y1 as fractions of the picture")
    track = models.CharField(max_length=64, blank=True)
    point = models.PointField(srid=4326, null=True, help_text="on the ground, where the camera is calibrated")
    model = models.CharField(max_length=80, blank=True, help_text="detector and version")
    is_late = models.BooleanField(default=False, help_text="came too late to be fused")

    objects: ClassVar[DayManager[Self]] = DayManager()

    class Meta:
        indexes = [models.Index(fields=["camera", "at"], name="cameraevent_camera_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.factor} {self.key}"


class EventThumbnail(ScopedModel):
    """The masked picture of an event, kept for hours only (`HAECHI_THUMBNAIL_HOURS`)."""

    pk = models.CompositePrimaryKey("jurisdiction", "day", "key")
    jurisdiction = models.ForeignKey("accounts.Jurisdiction", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    day = models.DateField()
    key = models.CharField(max_length=80)
    at = models.DateTimeField()
    jpeg = models.BinaryField()

    objects: ClassVar[DayManager[Self]] = DayManager()

    class Meta:
        indexes = [models.Index(fields=["at"], name="eventthumbnail_at")]

    def __str__(self) -> str:
        return f"thumbnail of {self.key}"


class EventSender(ScopedModel):
    """Another system (a VMS, an edge box) that may send events over HTTP, with the key that it signs with."""

    name = models.CharField(max_length=80)
    sealed_key = models.TextField(help_text="webapp.common.sealing")
    events_per_s = models.PositiveIntegerField(default=200, help_text="more than this on average over ten seconds is turned away")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar[ScopedManager[Self]] = ScopedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "name"], condition=models.Q(revoked_at__isnull=True), name="event_sender_name_once"
            ),
            models.CheckConstraint(name="event_sender_rate", condition=models.Q(events_per_s__gte=1, events_per_s__lte=20_000)),
        ]

    def __str__(self) -> str:
        return self.name
