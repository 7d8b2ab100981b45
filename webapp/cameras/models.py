"""The camera registry."""

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from webapp.cameras.models_events import CameraEvent, EventSender, EventThumbnail
from webapp.cameras.models_places import CountedPlace, PlaceHour, PublicStatistics
from webapp.cameras.models_streams import Stream
from webapp.common.models import ScopedModel

__all__ = [
    "Camera",
    "CameraEvent",
    "CountedPlace",
    "EventSender",
    "EventThumbnail",
    "PlaceHour",
    "PublicStatistics",
    "Stream",
]


class Camera(ScopedModel):
    """One camera, or one site of `count` cameras where the source lists sites."""

    class Purpose(models.TextChoices):
        CRIME_PREVENTION = "crime_prevention", _("crime prevention")
        CHILD_SAFETY = "child_safety", _("child safety")
        PARK = "park", _("park")
        TRAFFIC = "traffic", _("traffic")
        PARKING = "parking", _("parking enforcement")
        FACILITY = "facility", _("facility")
        WASTE = "waste", _("waste dumping")
        OTHER = "other", _("other")

    source_id = models.CharField(max_length=80)
    name = models.CharField(max_length=120)
    point = models.PointField(srid=4326)
    bearing_deg = models.FloatField(null=True, help_text="clockwise from north; null: unknown or all round")
    angle_deg = models.FloatField(default=360.0, help_text="horizontal field of view")
    range_m = models.FloatField(default=50.0, help_text="how far a person can be recognised as such")
    count = models.PositiveSmallIntegerField(default=1)
    purpose = models.CharField(max_length=20, choices=Purpose, default=Purpose.CRIME_PREVENTION)
    is_working = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False, help_text="placed by the simulation, not by a register")
    details = models.JSONField(default=dict, help_text="what else the register says: agency, resolution, days kept, address …")
    upload = models.ForeignKey("imports.Upload", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "source_id"], name="camera_source_id_once"),
            models.CheckConstraint(
                name="camera_bearing",
                condition=models.Q(bearing_deg__isnull=True) | models.Q(bearing_deg__gte=0, bearing_deg__lt=360),
            ),
            models.CheckConstraint(name="camera_angle", condition=models.Q(angle_deg__gt=0, angle_deg__lte=360)),
            models.CheckConstraint(name="camera_range", condition=models.Q(range_m__gt=0, range_m__lte=2000)),
            models.CheckConstraint(name="camera_count", condition=models.Q(count__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name
