"""What happened and where: categories, incidents, areas, places, and the jurisdiction's cells."""

from typing import Any

import numpy as np
from django.contrib.gis.db import models
from django.contrib.postgres.indexes import BrinIndex
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from webapp.common.models import ScopedModel


class Category(ScopedModel):
    """One entry of the jurisdiction's offence taxonomy."""

    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "code"], name="category_code_once"),
            models.UniqueConstraint(fields=["jurisdiction", "position"], name="category_position_once"),
            models.UniqueConstraint(fields=["id", "jurisdiction"], name="category_of_jurisdiction"),  # for incidents to name
        ]
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.code

    @property
    def label(self) -> str:
        return self.name_en if get_language() == "en" else self.name


class CellGrid(ScopedModel):
    """The jurisdiction's cells in their fixed order (ascending H3 index). Never changed: another set is another row."""

    resolution = models.PositiveSmallIntegerField()
    cell_count = models.PositiveIntegerField()
    cells = models.BinaryField(help_text="little-endian uint64 H3 indexes, ascending")
    digest = models.CharField(max_length=64, help_text="SHA-256 of `cells`, hexadecimal")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "digest"], name="cell_grid_once"),
            models.UniqueConstraint(fields=["jurisdiction"], condition=models.Q(is_current=True), name="cell_grid_one_current"),
            models.CheckConstraint(name="cell_grid_has_cells", condition=models.Q(cell_count__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.cell_count} cells at resolution {self.resolution}"

    def array(self) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
        """The H3 indexes: UInt64[cells], ascending."""
        return np.frombuffer(bytes(self.cells), dtype="<u8")


class Incident(ScopedModel):
    """One recorded crime. Its time is an interval; where the moment is known, both ends are equal."""

    # Indexes: (jurisdiction, cell) and (upload, source_line) serve these two. Foreign keys: the third migration sets
    # (upload, jurisdiction) and (category, jurisdiction), which also keep the rows of one jurisdiction together.
    jurisdiction = models.ForeignKey(
        "accounts.Jurisdiction", on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    upload = models.ForeignKey(
        "imports.Upload", on_delete=models.PROTECT, related_name="incidents", db_index=False, db_constraint=False
    )
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    occurred_from = models.DateTimeField()
    occurred_to = models.DateTimeField()
    local_hour_of_week = models.PositiveSmallIntegerField(help_text="0 = Monday 00:00–00:59 local, of the interval's middle")
    point = models.PointField(srid=4326)
    cell = models.BigIntegerField(help_text="H3 index at resolution 10")
    cell_parent = models.BigIntegerField(help_text="its parent at resolution 9")
    source_line = models.PositiveIntegerField(help_text="line in the uploaded file, the header being line 1")
    source_id = models.CharField(max_length=80, null=True, help_text="the source's own identifier, where it has one")

    class Meta:
        indexes = [
            # 400 times smaller than a B-tree at the same speed: rows arrive roughly in time order.
            BrinIndex(fields=["occurred_from"], name="incident_time"),
            models.Index(fields=["jurisdiction", "cell"], name="incident_cell"),
        ]
        constraints = [
            models.CheckConstraint(
                name="incident_interval_order", condition=models.Q(occurred_to__gte=models.F("occurred_from"))
            ),
            models.CheckConstraint(name="incident_hour_of_week", condition=models.Q(local_hour_of_week__lt=168)),
            models.UniqueConstraint(
                fields=["jurisdiction", "source_id"], condition=models.Q(source_id__isnull=False), name="incident_source_id_once"
            ),
            models.UniqueConstraint(fields=["upload", "source_line"], name="incident_line_once"),
        ]

    def __str__(self) -> str:
        return f"incident {self.pk}"


class Area(ScopedModel):
    """A named polygon of the jurisdiction or round it: gu, dong, beat, precinct."""

    class Kind(models.TextChoices):
        GU = "gu", _("district (gu)")
        DONG = "dong", _("dong")
        LEGAL_DONG = "legal_dong", _("legal dong")
        BEAT = "beat", _("beat")
        PRECINCT = "precinct", _("precinct")
        NEIGHBOURHOOD = "neighbourhood", _("neighbourhood")

    kind = models.CharField(max_length=15, choices=Kind)
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    codes = models.JSONField(default=dict, help_text="the same area in other code systems: statistics, administrative, legal")
    boundary = models.MultiPolygonField(srid=4326)
    upload = models.ForeignKey("imports.Upload", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "kind", "code"], name="area_code_once")]

    def __str__(self) -> str:
        return self.name


class PlaceKind(ScopedModel):
    """A kind of place that this jurisdiction keeps. New kinds are rows, not code."""

    code = models.SlugField(max_length=30)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "code"]
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "code"], name="place_kind_once")]

    def __str__(self) -> str:
        return self.code

    @property
    def label(self) -> str:
        return self.name_en if get_language() == "en" else self.name


class Place(ScopedModel):
    """Something on the ground that bears on risk or helps to read the map: a station, a park, a road, a river."""

    kind = models.CharField(max_length=30, help_text="station, bar_street, school, park, river, forest, road …")
    name = models.CharField(max_length=80, blank=True)
    name_en = models.CharField(max_length=80, blank=True)
    geometry: Any = models.GeometryField(srid=4326)
    source_id = models.CharField(max_length=80, null=True, help_text="what identifies it in its source, or a hash of its content")
    address = models.CharField(max_length=200, blank=True)
    count = models.PositiveIntegerField(default=1, help_text="lamps on one pole, bells at one place")
    opened_on = models.DateField(null=True, help_text="null: always there")
    closed_on = models.DateField(null=True, help_text="first day on which it is no longer there; null: still open")
    details = models.JSONField(default=dict, help_text="what else the source says of it")
    upload = models.ForeignKey("imports.Upload", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "kind"], name="place_kind")]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "kind", "source_id"],
                condition=models.Q(source_id__isnull=False),
                name="place_source_id_once",
            ),
            models.CheckConstraint(
                name="place_open_order",
                condition=models.Q(opened_on__isnull=True)
                | models.Q(closed_on__isnull=True)
                | models.Q(closed_on__gte=models.F("opened_on")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class StatisticSet(ScopedModel):
    """One table of published figures: crimes by gu and year, by hours, by kind of place; population; weather. Never incidents."""

    upload = models.OneToOneField("imports.Upload", on_delete=models.PROTECT, related_name="statistics")
    title = models.CharField(max_length=200)
    measures = models.JSONField(default=list, help_text="what is counted, in the order of the file")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.title


class Statistic(ScopedModel):
    """One figure. What a column of the table leaves open is null or blank."""

    dataset = models.ForeignKey(StatisticSet, on_delete=models.CASCADE, related_name="figures")
    area = models.CharField(max_length=80, blank=True, help_text="as the source names it; 합계 and 소계 are kept as totals")
    area_code = models.CharField(max_length=20, blank=True, help_text="administrative code, where the name could be told")
    is_total = models.BooleanField(default=False, help_text="a sum of other figures of this set")
    period_from = models.DateField(null=True)
    period_to = models.DateField(null=True, help_text="last day of the period")
    category = models.CharField(max_length=80, blank=True, help_text="as the source names it")
    category_code = models.CharField(
        max_length=40, blank=True, help_text="of the jurisdiction's taxonomy, where it could be told"
    )
    hour_from = models.PositiveSmallIntegerField(null=True)
    hour_to = models.PositiveSmallIntegerField(null=True, help_text="first hour after the band, 1–24")
    weekday = models.PositiveSmallIntegerField(null=True, help_text="0 = Monday")
    place_kind = models.CharField(max_length=80, blank=True, help_text="as the source names it")
    measure = models.CharField(max_length=80)
    value = models.FloatField(null=True, help_text="null: the source gives none; “-” for nil is 0")
    source_line = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["dataset", "area", "period_from"], name="statistic_area")]

    def __str__(self) -> str:
        return f"{self.measure} {self.area} {self.period_from}"


class Ruling(ScopedModel):
    """One criminal ruling, its text with names and numbers of persons masked."""

    class Verdict(models.TextChoices):
        GUILTY = "guilty", _("guilty")
        ACQUITTED = "acquitted", _("acquitted")
        PARTLY = "partly", _("guilty in part")
        DISMISSED = "dismissed", _("dismissed")
        REMANDED = "remanded", _("sent back")
        UNKNOWN = "unknown", _("not clear")

    upload = models.ForeignKey("imports.Upload", on_delete=models.PROTECT, related_name="rulings")
    source_id = models.CharField(max_length=80, help_text="court and case number, or a hash of the text")
    court = models.CharField(max_length=80, blank=True)
    case_no = models.CharField(max_length=80, blank=True)
    case_name = models.CharField(max_length=200, blank=True)
    decided_on = models.DateField(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict, default=Verdict.UNKNOWN)
    text = models.TextField(help_text="masked; every span counts characters of this text")
    sections = models.JSONField(default=list, help_text="[kind, start, end] in order")
    source_line = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "source_id"], name="ruling_once")]
        indexes = [models.Index(fields=["upload"], name="ruling_upload")]

    def __str__(self) -> str:
        return f"{self.court} {self.case_no}"


class RulingFact(ScopedModel):
    """One fact of one charged event, with the characters that say so. A correction is a new row; the old one is superseded."""

    class Origin(models.TextChoices):
        EXTRACTED = "extracted", _("found by the program")
        PERSON = "person", _("set by a person")

    ruling = models.ForeignKey(Ruling, on_delete=models.CASCADE, related_name="facts")
    event = models.PositiveSmallIntegerField(help_text="charged events of a ruling are numbered from 0")
    field = models.CharField(max_length=30, help_text="category, date, time, sigungu, place_kind, risk_factor …")
    value = models.CharField(max_length=120, help_text="normalised: a code, an ISO date, HH:MM; blank: there is no such fact")
    start = models.PositiveIntegerField(null=True, help_text="first character of the evidence in the ruling's text")
    end = models.PositiveIntegerField(null=True, help_text="character after the evidence")
    is_allegation = models.BooleanField(default=False, help_text="the verdict does not establish it")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.EXTRACTED)
    superseded_by = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="supersedes")
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "field", "value"], name="ruling_fact_value")]
        constraints = [
            models.CheckConstraint(
                name="ruling_fact_span",
                condition=models.Q(start__isnull=True, end__isnull=True) | models.Q(end__gt=models.F("start")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.field} = {self.value}"
