"""Model versions, forecast runs with their rates, back-tests, and how forecasts fared week by week."""

import numpy as np
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel
from webapp.forecasts.models_live import LiveHour, LiveWeights

__all__ = [
    "Backtest",
    "BacktestScore",
    "DriftWeek",
    "ForecastRun",
    "LiveHour",
    "LiveWeights",
    "ModelVersion",
    "Rates",
    "Reasons",
    "Replay",
]


class ModelVersion(ScopedModel):
    """One trained model and all that makes it what it is: data, code, parameters, seed. At most one is in service."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        IN_SERVICE = "in_service", _("in service")
        RETIRED = "retired", _("retired")
        REFUSED = "refused", _("not better")

    class Verdict(models.TextChoices):
        """Why a version was put into service or not; docs/registry.md has the rule, `wording.verdict_sentence` the words."""

        PENDING = "", _("not judged yet")
        FIRST = "first", _("first version")
        UNUSABLE = "unusable", _("the one in service can no longer be used")
        BETTER = "better", _("better")
        AS_GOOD = "as_good", _("as good, and newer")
        NOT_BETTER = "not_better", _("not better")
        WORSE = "worse", _("worse")
        TOO_SHORT = "too_short", _("too little data to compare")
        FOR_THE_PAST = "for_the_past", _("made for a forecast of the past")
        BY_PERSON = "by_person", _("put into service by a person")
        ROLLED_BACK = "rolled_back", _("gone back to")

    job = models.ForeignKey("common.Job", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=State, default=State.CANDIDATE)
    learner = models.CharField(max_length=40)
    grid = models.ForeignKey("crimes.CellGrid", on_delete=models.PROTECT, related_name="+")
    category_codes = ArrayField(models.CharField(max_length=40), help_text="fixed order of the categories")
    data_cutoff = models.DateTimeField(help_text="nothing recorded at or after this instant was learnt from")
    incident_count = models.PositiveIntegerField(help_text="incidents the model learnt from")
    data_sha256 = models.CharField(max_length=64)
    code_version = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    seed = models.BigIntegerField()
    blocks_signature = models.CharField(max_length=64, blank=True, help_text="of the data that the feature blocks carry")
    model_file = models.CharField(max_length=255, help_text="relative to MODEL_DIR")
    model_sha256 = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict, help_text="of its trial: figures by week, expected bands; see docs/registry.md")
    verdict = models.CharField(max_length=20, choices=Verdict, default=Verdict.PENDING, blank=True)
    comparison = models.JSONField(default=dict, help_text="against the version then in service, on the same weeks")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_over = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    promoted_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    promoted_at = models.DateTimeField(null=True)
    promotion_reason = models.CharField(max_length=200, blank=True, help_text="what the person gave who promoted it")

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-created_at"], name="version_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction"], condition=models.Q(state="in_service"), name="version_one_in_service"
            ),
            models.UniqueConstraint(fields=["jurisdiction", "model_sha256", "code_version"], name="version_once"),
            models.CheckConstraint(
                name="version_in_service_has_time",
                condition=~models.Q(state="in_service") | models.Q(promoted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"model version {self.pk}"


class ForecastRun(ScopedModel):
    """One forecast: all rates of cells × slots × categories, and everything needed to make it again."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        PUBLISHED = "published", _("published")
        FAILED = "failed", _("failed")

    job = models.ForeignKey("common.Job", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    grid = models.ForeignKey("crimes.CellGrid", on_delete=models.PROTECT, related_name="+")
    model_version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="runs")
    learner = models.CharField(max_length=40)
    data_cutoff = models.DateTimeField(help_text="nothing recorded at or after this instant was used")
    data_read_at = models.DateTimeField(null=True, help_text="when the incidents were read: what was taken in later is not in it")
    slot_starts = ArrayField(models.DateTimeField(), help_text="start of each slot, ascending; the last ends at `horizon_end`")
    horizon_end = models.DateTimeField()
    category_codes = ArrayField(models.CharField(max_length=40), help_text="fixed order of the categories")
    incident_count = models.PositiveIntegerField(help_text="incidents known before the cut-off")
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
    parameters = models.JSONField(default=dict, help_text="what was asked for: horizons, learners, settings")
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
    """The scores of one learner for one category (blank = all together) and horizon. Reached through its back-test only."""

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="scores")
    learner = models.CharField(max_length=40)
    category_code = models.CharField(max_length=40, blank=True)
    horizon = models.CharField(max_length=10, default="week", help_text="shift, day, week or month")
    incidents = models.PositiveIntegerField(help_text="incidents in the test windows: the denominator of every share")
    metrics = models.JSONField(help_text="the measures of docs/methods.md by name; null where nothing could be measured")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["backtest", "learner", "category_code", "horizon"], name="backtest_score_once")
        ]

    def __str__(self) -> str:
        return f"{self.learner} {self.category_code or 'all'} {self.horizon}"


class DriftWeek(ScopedModel):
    """How the published forecasts of one past week fared for one category (blank = all together), against what was to be
    expected of the model version that made them. Written again when the week's incidents change."""

    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+", help_text="whose band")
    week_start = models.DateTimeField(help_text="start of the week's first slot")
    week_end = models.DateTimeField()
    category_code = models.CharField(max_length=40, blank=True)
    incidents = models.PositiveIntegerField(help_text="reported in the week, in the run's cells")
    expected = models.FloatField(help_text="incidents that the forecasts expected")
    incidents_low = models.PositiveIntegerField(help_text="of the band: as few are reported in 2.5 % of weeks without drift")
    incidents_high = models.PositiveIntegerField()
    calibration_ratio = models.FloatField(null=True, help_text="expected / reported; null where none was reported")
    capture_rate = models.FloatField(null=True, help_text="share of the incidents in the 5 % of cells with the highest rates")
    capture_low = models.FloatField(null=True)
    capture_high = models.FloatField(null=True)
    is_outside = models.BooleanField(default=False, help_text="outside the band that holds 95 % of weeks without drift")
    is_alert = models.BooleanField(default=False, help_text="outside for two weeks running, or far outside once")
    data_sha256 = models.CharField(max_length=64, help_text="of the week's forecasts and incidents, to tell late reports")
    computed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "week_start", "category_code"], name="drift_week_once"),
            models.CheckConstraint(name="drift_week_order", condition=models.Q(week_end__gt=models.F("week_start"))),
        ]

    def __str__(self) -> str:
        return f"week of {self.week_start:%Y-%m-%d} {self.category_code or 'all'}"


class Replay(ScopedModel):
    """One run made again from its stored model and exactly the incidents of then, and compared bit by bit."""

    run = models.ForeignKey(ForecastRun, on_delete=models.CASCADE, related_name="replays")
    job = models.ForeignKey("common.Job", null=True, on_delete=models.PROTECT, related_name="+")
    is_identical = models.BooleanField()
    is_same_data = models.BooleanField(help_text="whether the incidents of then could be put together again")
    vectors = models.PositiveIntegerField(help_text="vectors of rates and reasons compared")
    vectors_different = models.PositiveIntegerField(default=0)
    largest_difference = models.FloatField(default=0.0, help_text="of all rates, relative to the stored one")
    causes = models.JSONField(default=list, help_text="why not identical: [{code, …}], said by `wording.replay_causes`")
    code_version = models.CharField(max_length=64)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "-created_at"], name="replay_newest")]

    def __str__(self) -> str:
        return f"replay of forecast run {self.run_id}"
