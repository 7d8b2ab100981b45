"""What the live service keeps for good: whether it is on, and what is usual at each camera."""

from django.db import models

from webapp.common.models import ScopedModel


class LiveSwitch(ScopedModel):
    """Whether the cameras move the map of a jurisdiction. No row: on. Off: everyone sees the plain forecast, bit for bit."""

    is_on = models.BooleanField(default=True)
    changed_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction"], name="live_switch_once")]
        verbose_name_plural = "live switches"

    def __str__(self) -> str:
        return "on" if self.is_on else "off"


class UsualRecord(ScopedModel):
    """The usual levels as last kept, daily: Redis holds newer ones, but may lose them."""

    source_ids = models.JSONField(help_text="the cameras' numbers in the register, in the order of the levels")
    factors = models.JSONField(help_text="codes of the risk factors, in the order of the levels")
    levels = models.BinaryField(help_text="as prediction.fusion.usual packs them")
    saved_at = models.DateTimeField()
    is_seed = models.BooleanField(default=False, help_text="given from outside and not yet taken up: it replaces what was learnt")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction"], name="usual_record_once")]

    def __str__(self) -> str:
        return f"usual levels of {self.saved_at:%Y-%m-%d}"
