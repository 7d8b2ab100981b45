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
    """A named polygon inside the jurisdiction: dong, beat, precinct."""

    class Kind(models.TextChoices):
        DONG = "dong", _("dong")
        BEAT = "beat", _("beat")

    kind = models.CharField(max_length=10, choices=Kind)
    code = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    boundary = models.MultiPolygonField(srid=4326)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["jurisdiction", "kind", "code"], name="area_code_once")]

    def __str__(self) -> str:
        return self.name


class Place(ScopedModel):
    """Something on the ground that bears on risk or helps to read the map: a station, a park, a road, a river."""

    kind = models.CharField(max_length=30, help_text="station, bar_street, school, park, river, forest, road …")
    name = models.CharField(max_length=80, blank=True)
    name_en = models.CharField(max_length=80, blank=True)
    geometry: Any = models.GeometryField(srid=4326)

    class Meta:
        indexes = [models.Index(fields=["jurisdiction", "kind"], name="place_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
