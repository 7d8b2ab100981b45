"""Who uses Haechi, and for which jurisdiction."""

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser
from django.contrib.gis.db import models
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


def default_slot_starts() -> list[int]:
    """The three shifts of a Korean control centre: 06–14, 14–22 and 22–06 local time."""
    return [6, 14, 22]


def check_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(_("%(value)s is not a time zone. Write it like Asia/Seoul."), params={"value": value})


class Jurisdiction(models.Model):
    """One municipality or police district. Every row belongs to one, and every query is scoped to the caller's."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    time_zone = models.CharField(max_length=40, default="Asia/Seoul", validators=[check_time_zone])
    boundary = models.MultiPolygonField(srid=4326)
    h3_resolution = models.PositiveSmallIntegerField(default=10)
    slot_start_hours = ArrayField(
        models.PositiveSmallIntegerField(), default=default_slot_starts, help_text="local hours at which a slot begins"
    )
    operators = models.PositiveSmallIntegerField(default=6, help_text="operators on a shift")
    cameras_per_operator = models.PositiveSmallIntegerField(default=50, help_text="cameras one operator can watch")
    is_simulated = models.BooleanField(default=False)
    data_note = models.TextField(blank=True, help_text="where the data come from, shown on every page")
    data_note_en = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="jurisdiction_resolution", condition=models.Q(h3_resolution__range=(7, 10))),
            models.CheckConstraint(
                name="jurisdiction_watch_numbers",
                condition=models.Q(operators__range=(1, 500), cameras_per_operator__range=(1, 200)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def label(self) -> str:
        """The name in the language of the page."""
        return self.name_en if get_language() == "en" else self.name

    @property
    def note(self) -> str:
        return self.data_note_en if get_language() == "en" else self.data_note


class User(AbstractUser):
    """A person with one role in one jurisdiction."""

    class Role(models.TextChoices):
        ANALYST = "analyst", _("analyst")
        OPERATOR = "operator", _("operator")
        ADMINISTRATOR = "administrator", _("administrator")
        AUDITOR = "auditor", _("auditor")

    role = models.CharField(max_length=15, choices=Role, default=Role.OPERATOR)
    jurisdiction: Any = models.ForeignKey(Jurisdiction, null=True, blank=True, on_delete=models.PROTECT, related_name="users")

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name="user_role_known", condition=models.Q(role__in=["analyst", "operator", "administrator", "auditor"])
            ),
        ]
