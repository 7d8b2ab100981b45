"""Live weights, versioned, and the hours that they are learnt from."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class LiveHour(ScopedModel):
    """What was unusual when an hour began, beside the forecast that was in service: sparse, at most 20,000 entries."""

    at = models.DateTimeField(help_text="start of the hour")
    run = models.ForeignKey("forecasts.ForecastRun", on_delete=models.CASCADE, related_name="+")
    slot = models.PositiveSmallIntegerField(help_text="index into run.slot_starts")
    factor_codes = ArrayField(models.CharField(max_length=40), help_text="fixed order of the factors")
    entries = models.BinaryField(
        help_text="zlib of (cell uint32, factor uint8, excess int8 in 1/40) little-endian, one after the other"
    )
    entry_count = models.PositiveIntegerField()
    seen = models.BinaryField(help_text="zlib of one bit a cell: whether cameras saw most of it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "at"], name="live_hour_once")]

    def __str__(self) -> str:
        return f"live hour of {self.at:%Y-%m-%d %H:%M}"


class LiveWeights(ScopedModel):
    """How much an excess of each factor means for each category: a prior from rulings, or learnt from hours."""

    class State(models.TextChoices):
        IN_SERVICE = "in_service", _("in service")
        RETIRED = "retired", _("retired")
        REFUSED = "refused", _("not better")

    class Origin(models.TextChoices):
        PRIOR = "prior", _("from court rulings")
        LEARNT = "learnt", _("learnt from live hours")
        GIVEN = "given", _("given with simulated data")

    class Verdict(models.TextChoices):
        """Why weights went into service or not; docs/methods/fusion.md has the rule."""

        FIRST = "first", _("first weights")
        NEW_RULINGS = "new_rulings", _("the rulings have changed")
        BETTER = "better", _("better on later hours")
        NOT_BETTER = "not_better", _("not better on later hours")
        TOO_LITTLE = "too_little", _("too few hours or incidents to learn from")
        GIVEN = "given", _("simulated")
        BY_PERSON = "by_person", _("put into service by a person")

    state = models.CharField(max_length=12, choices=State)
    origin = models.CharField(max_length=8, choices=Origin)
    verdict = models.CharField(max_length=12, choices=Verdict)
    category_codes = ArrayField(models.CharField(max_length=40), help_text="fixed order of the categories")
    factor_codes = ArrayField(models.CharField(max_length=40), help_text="fixed order of the factors")
    mean = ArrayField(models.FloatField(), help_text="categories × factors: log of the rate's change per unit of excess")
    sd = ArrayField(models.FloatField(), help_text="categories × factors: posterior standard deviation")
    prior_mean = ArrayField(models.FloatField(), help_text="categories × factors: what court rulings say")
    prior_sd = ArrayField(models.FloatField())
    centre = ArrayField(models.FloatField(), help_text="categories: what keeps the total of seen cells right")
    scale = models.FloatField(default=0.0, help_text="how far weights may leave the prior, chosen by the evidence")
    rho = models.FloatField(default=1.0, help_text="how much of the rulings' prior the evidence believes")
    hours_from = models.DateTimeField(null=True, help_text="first hour learnt from")
    hours_to = models.DateTimeField(null=True, help_text="end of the last hour learnt from")
    hour_count = models.PositiveIntegerField(default=0)
    incident_count = models.PositiveIntegerField(default=0, help_text="incidents in seen cells in these hours")
    comparison = models.JSONField(default=dict, help_text="gain over the weights in service on held-out later hours")
    code_version = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True)
    promoted_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    promotion_reason = models.CharField(max_length=200, blank=True, help_text="what the person gave who promoted them")

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-created_at"], name="live_weights_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction"], condition=models.Q(state="in_service"), name="live_weights_one_in_service"
            ),
            models.CheckConstraint(
                name="live_weights_in_service_has_time",
                condition=~models.Q(state="in_service") | models.Q(promoted_at__isnull=False),
            ),
        ]
        verbose_name_plural = "live weights"

    def __str__(self) -> str:
        return f"live weights {self.pk}"
