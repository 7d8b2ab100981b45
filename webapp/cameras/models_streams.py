"""The video streams of cameras: where they are read, what is watched on them, and how they are doing."""

from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class Stream(ScopedModel):
    """One stream of one camera. The last block is written by the camera worker alone, every few seconds, past `save()`."""

    class Kind(models.TextChoices):
        RTSP = "rtsp", _("network camera (RTSP)")
        HTTP = "http", _("video over HTTP")
        FILE = "file", _("clip")
        IMAGES = "images", _("folder of images")

    class State(models.TextChoices):
        OK = "ok", _("pictures come")
        WAITING = "waiting", _("waiting for a camera worker")
        RECONNECTING = "reconnecting", _("connecting again")
        SILENT = "silent", _("no pictures come")
        BLIND = "blind", _("nothing can be seen")
        REFUSED = "refused", _("cannot be opened")
        OFF = "off", _("switched off")

    camera = models.ForeignKey("cameras.Camera", on_delete=models.CASCADE, related_name="streams")
    name = models.CharField(max_length=60, blank=True, help_text="which of the camera's streams, like: main")
    kind = models.CharField(max_length=8, choices=Kind)
    address = models.CharField(max_length=2000, help_text="without user name, password and secrets of the query")
    sealed = models.TextField(blank=True, help_text="what the address leaves out, sealed")
    fps = models.FloatField(default=5.0, help_text="most pictures looked at a second")
    height = models.PositiveSmallIntegerField(default=720, help_text="taller pictures are scaled down to it")
    loop = models.BooleanField(default=False, help_text="a clip begins again at its end")
    detector = models.CharField(max_length=80, blank=True, help_text="name of a model's descriptor; blank: the built-in one")
    factors = ArrayField(models.CharField(max_length=20), default=list, blank=True, help_text="empty: all that can be watched")
    rules = models.JSONField(default=dict, help_text="zones, lines, direction, parameters: docs/factors.md")
    calibration = models.JSONField(default=dict, help_text="points of the picture and their places: docs/streams.md")
    is_on = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1, help_text="grows with each change; workers watch it")
    changed_at = models.DateTimeField(default=timezone.now)

    state = models.CharField(max_length=12, choices=State, default=State.WAITING)
    reported_at = models.DateTimeField(null=True)
    last_frame_at = models.DateTimeField(null=True)
    measured_fps = models.FloatField(default=0.0)
    dropped = models.BigIntegerField(default=0, help_text="pictures overtaken by newer ones since the worker took it up")
    broken = models.BigIntegerField(default=0, help_text="pictures that could not be decoded since then")
    clock_offset_s = models.FloatField(null=True, help_text="the camera's clock less ours")
    blind = models.CharField(max_length=20, blank=True, help_text="code of the factor that hinders seeing")
    error_code = models.CharField(max_length=40, blank=True)
    error_fields = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["camera", "address"], name="stream_once"),
            models.CheckConstraint(name="stream_fps", condition=models.Q(fps__gt=0, fps__lte=60)),
            models.CheckConstraint(name="stream_height", condition=models.Q(height__gte=120, height__lte=4352)),
        ]
        indexes = [models.Index(fields=["jurisdiction", "camera"], name="stream_camera")]

    def __str__(self) -> str:
        return f"{self.camera_id} {self.address}"
