"""The watch room: which cameras are watched in a slot and why, and the alerts that the live picture raises."""

from django.contrib.gis.db import models
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class WatchPlan(ScopedModel):
    """The plan of one slot, made from one run. Published plans are never changed; a new one takes their place."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        REPLACED = "replaced", _("replaced")

    run = models.ForeignKey("forecasts.ForecastRun", on_delete=models.PROTECT, related_name="watch_plans")
    slot_start = models.DateTimeField()
    slot_end = models.DateTimeField()
    operators = models.PositiveSmallIntegerField()
    cameras_per_operator = models.PositiveSmallIntegerField()
    category_code = models.CharField(max_length=40, blank=True, help_text="blank: all categories")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    expected_incidents = models.FloatField(help_text="expected incidents of the slot in the whole jurisdiction")
    expected_captured = models.FloatField(help_text="expected incidents in the views of the chosen cameras")
    expected_by_count = models.FloatField(help_text="the same for the cameras chosen by past counts alone: the baseline")
    upper_bound = models.FloatField(null=True, help_text="no choice of as many cameras can capture more expected incidents")
    camera_count = models.PositiveIntegerField(help_text="working cameras the plan could choose from")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-slot_start"], name="plan_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "slot_start", "category_code"],
                condition=models.Q(state="published"),
                name="plan_one_published",
            ),
            models.CheckConstraint(name="plan_slot_order", condition=models.Q(slot_end__gt=models.F("slot_start"))),
            models.CheckConstraint(
                name="plan_published_has_time", condition=models.Q(state="draft") | models.Q(published_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"watch plan {self.pk}"


class WatchItem(models.Model):
    """One camera of a plan, in the order of choice. Reached through its plan only."""

    plan = models.ForeignKey(WatchPlan, on_delete=models.CASCADE, related_name="items")
    rank = models.PositiveSmallIntegerField(help_text="1 = chosen first")
    operator = models.PositiveSmallIntegerField(help_text="1 = first seat")
    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, related_name="+")
    expected_captured = models.FloatField(help_text="expected incidents that this camera adds to those chosen before it")
    reason = models.JSONField(help_text="top category, share, strongest cell, reason group and its factor")

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "rank"], name="watch_item_rank_once"),
            models.UniqueConstraint(fields=["plan", "camera"], name="watch_item_camera_once"),
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.camera_id}"


class Alert(ScopedModel):
    """One scene that is worth a look: what a camera saw, more than usual there, where and when crime is likely.

    The live service writes it (one row a scene, however many events), people mark it as seen and close it.
    """

    class State(models.TextChoices):
        NEW = "new", _("new")
        SEEN = "seen", _("seen")
        CLOSED = "closed", _("closed")

    scene = models.CharField(max_length=80, help_text="key of the scene's first event: the same scene is never two rows")
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField(help_text="when the scene's newest event was seen")
    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, related_name="+")
    point = models.PointField(srid=4326)
    cell = models.BigIntegerField(help_text="H3 index of the cell that raised it")
    factor = models.CharField(max_length=40, help_text="code of the risk factor")
    category = models.CharField(max_length=40, help_text="code of the category whose risk the scene raises most")
    score = models.FloatField(help_text="risk of place and hour against the mean × confidence × part beyond usual: the rank")
    confidence = models.FloatField(help_text="the detector's, highest of the scene, 0 to 1")
    event_count = models.PositiveIntegerField(default=1)
    event_key = models.CharField(max_length=80, help_text="the event of highest confidence; its thumbnail is the alert's")
    has_thumbnail = models.BooleanField(default=False)
    reason = models.JSONField(default=dict, help_text="why, as numbers; `wording.alert_sentence` makes the sentence")
    state = models.CharField(max_length=6, choices=State, default=State.NEW)
    is_false = models.BooleanField(null=True, help_text="what the person said who closed it: a false alarm, or not")
    seen_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    seen_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["jurisdiction", "-last_at"], name="alert_newest"),
            models.Index(fields=["jurisdiction"], condition=~models.Q(state="closed"), name="alert_open"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "scene"], name="alert_scene_once"),
            models.CheckConstraint(name="alert_order", condition=models.Q(last_at__gte=models.F("opened_at"))),
            models.CheckConstraint(name="alert_score", condition=models.Q(score__gte=0)),
            models.CheckConstraint(name="alert_confidence", condition=models.Q(confidence__gte=0, confidence__lte=1)),
            models.CheckConstraint(
                name="alert_closed_has_time", condition=~models.Q(state="closed") | models.Q(closed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"alert {self.pk}: {self.factor} at camera {self.camera_id}"
