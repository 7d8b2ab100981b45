"""Trained models, forecast runs with their rates, and back-tests."""

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class ForecastRun(ScopedModel):
    """One forecast: all rates of cells × slots × categories, and everything needed to make it again."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PUBLISHED = "published", _("published")
        FAILED = "failed", _("failed")

    job = models.ForeignKey("common.Job", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    grid = models.ForeignKey("crimes.CellGrid", on_delete=models.PROTECT, related_name="+")
    learner = models.CharField(max_length=40)
    data_cutoff = models.DateTimeField(help_text="nothing recorded at or after this instant was used")
    slot_starts = ArrayField(models.DateTimeField(), help_text="start of each slot, ascending; the last ends at `horizon_end`")
    horizon_end = models.DateTimeField()
    category_codes = ArrayField(models.CharField(max_length=40), help_text="fixed order of the categories")
    incident_count = models.PositiveIntegerField(help_text="incidents the model learnt from")
    parameters = models.JSONField(default=dict)
    seed = models.BigIntegerField()
    code_version = models.CharField(max_length=64)
    data_sha256 = models.CharField(max_length=64)
    model_file = models.CharField(max_length=255, blank=True, help_text="relative to MODEL_DIR")
    model_sha256 = models.CharField(max_length=64, blank=True)
    metrics = models.JSONField(default=dict)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-published_at"], name="run_newest")]
        constraints = [
            models.CheckConstraint(
                name="run_published_has_time", condition=~models.Q(state="published") | models.Q(published_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"forecast run {self.pk}"


class Rates(models.Model):
    """The rates of one slot and category: one vector in the fixed order of the run's grid. Reached through its run only."""

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="rates")
    slot = models.PositiveSmallIntegerField(help_text="index into run.slot_starts")
    category = models.ForeignKey("crimes.Category", on_delete=models.PROTECT, related_name="+")
    vector = models.BinaryField(help_text="little-endian float32[cells], expected incidents per cell")
    total = models.FloatField(help_text="sum of the vector: expected incidents in the jurisdiction")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "slot", "category"], name="rates_once"),
            models.CheckConstraint(name="rates_total_positive", condition=models.Q(total__gte=0)),
        ]
        verbose_name_plural = "rates"

    def array(self) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        """Float32[cells]: expected incidents."""
        return np.frombuffer(bytes(self.vector), dtype="<f4")


class Reasons(models.Model):
    """Why the rates are what they are: grouped contributions that add up to the log of the week's rate."""

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="reasons")
    category = models.ForeignKey("crimes.Category", on_delete=models.PROTECT, related_name="+")
    groups = ArrayField(models.CharField(max_length=30), help_text="codes of the feature groups, in the order of the columns")
    contributions = models.BinaryField(help_text="little-endian float16[cells, groups], in log rate")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "category"], name="reasons_once")]
        verbose_name_plural = "reasons"

    def array(self) -> "np.ndarray[tuple[int, int], np.dtype[np.float16]]":
        """Float16[cells, groups]."""
        return np.frombuffer(bytes(self.contributions), dtype="<f2").reshape(-1, len(self.groups))


class Backtest(ScopedModel):
    """One rolling-origin back-test: the learners of one run of it, on the same windows of the same data."""

    job = models.ForeignKey("common.Job", null=True, on_delete=models.PROTECT, related_name="+")
    grid = models.ForeignKey("crimes.CellGrid", on_delete=models.PROTECT, related_name="+")
    first_window_start = models.DateTimeField()
    last_window_end = models.DateTimeField()
    windows = models.PositiveSmallIntegerField()
    window_hours = models.PositiveSmallIntegerField()
    active_cell_share = models.FloatField(help_text="share of the cells that ever held any incident before the test")
    seed = models.BigIntegerField()
    code_version = models.CharField(max_length=64)
    data_sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-created_at"], name="backtest_newest")]

    def __str__(self) -> str:
        return f"back-test {self.pk}"


class BacktestScore(models.Model):
    """The scores of one learner for one category (blank = all categories together). Reached through its back-test only."""

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="scores")
    learner = models.CharField(max_length=40)
    category_code = models.CharField(max_length=40, blank=True)
    incidents = models.PositiveIntegerField(help_text="incidents in the test windows: the denominator of every share")
    metrics = models.JSONField(
        help_text="capture_rate {1,2,5,10,20}, capture_rate_5_interval [low, high], pai_1, pei_1, pei_5, auc, "
        "log_likelihood, calibration_ratio, calibration_bands"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["backtest", "learner", "category_code"], name="backtest_score_once")]

    def __str__(self) -> str:
        return f"{self.learner} {self.category_code or 'all'}"
