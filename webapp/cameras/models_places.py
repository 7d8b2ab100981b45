"""Places whose people are counted: a park, a playground, a bridge; the hours that were counted; who may see them.

Only numbers of an hour are kept here: no event, no track, no person.
"""

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class CountedPlace(ScopedModel):
    """A place with the cameras that look at it. Public only if it and its jurisdiction's `PublicStatistics` are switched on."""

    class Kind(models.TextChoices):
        PARK = "park", _("park")
        PLAYGROUND = "playground", _("playground")
        BRIDGE = "bridge", _("bridge")
        SQUARE = "square", _("square")
        STREET = "street", _("street")
        OTHER = "other", _("other")

    code = models.SlugField(max_length=60, unique=True, help_text="in public addresses; unique over all jurisdictions")
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.OTHER)
    cameras = models.ManyToManyField("cameras.Camera", related_name="places")
    views_overlap = models.BooleanField(default=False, help_text="the cameras see the same people: the busiest counts for all")
    is_public = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.code

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if get_language() == "en" else self.name


class PlaceHour(ScopedModel):
    """One whole hour of one place, as counted; what is withheld from the public is decided on reading (cctv.statistics)."""

    place = models.ForeignKey(CountedPlace, on_delete=models.CASCADE, related_name="hours")
    start = models.DateTimeField()
    passages = models.PositiveIntegerField(help_text="people who left a camera's view")
    in_view = models.FloatField(null=True, help_text="mean number of people in view at once")
    stay_low_s = models.FloatField(null=True, help_text="lower quartile of the time in view")
    stay_median_s = models.FloatField(null=True)
    stay_high_s = models.FloatField(null=True, help_text="upper quartile")
    observed = models.FloatField(help_text="share of the hour that was watched, 0 to 1")
    usual_in_view = models.FloatField(null=True, help_text="usual for this hour of the week, from the weeks before")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["place", "start"], name="placehour_once"),
            models.CheckConstraint(name="placehour_observed", condition=models.Q(observed__gte=0, observed__lte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.place_id} {self.start:%Y-%m-%d %H}"


class PublicStatistics(models.Model):
    """Whether a jurisdiction shows its public places to everybody. No row: it does not."""

    jurisdiction = models.OneToOneField("accounts.Jurisdiction", on_delete=models.CASCADE, related_name="public_statistics")
    is_on = models.BooleanField(default=False)
    changed_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "public statistics"

    def __str__(self) -> str:
        return f"{self.jurisdiction_id} {'on' if self.is_on else 'off'}"
