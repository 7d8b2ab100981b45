"""Writes of the crime room: a jurisdiction with its taxonomy and cells, its areas and its places."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon
from django.db import transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from ingestion.places import Boundary
from prediction.grid import cells_covering
from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError
from webapp.crimes.models import Area, Category, CellGrid, Place
from webapp.crimes.services.place_kinds import ensure_place_kinds

# Korea's five: code, Korean, English; the order of the police's yearly tables.
DEFAULT_TAXONOMY: tuple[tuple[str, str, str], ...] = (
    ("homicide", "살인", "Homicide"),
    ("robbery", "강도", "Robbery"),
    ("sexual_violence", "성폭력", "Sexual violence"),
    ("theft", "절도", "Theft"),
    ("violence", "폭력", "Violence"),
)


@dataclass(frozen=True)
class AreaRecord:
    """A named polygon (WGS84) inside the jurisdiction."""

    code: str
    name: str
    name_en: str
    boundary: BaseGeometry


@dataclass(frozen=True)
class PlaceRecord:
    """A thing on the ground (WGS84): any geometry, with its kind."""

    kind: str
    name: str
    name_en: str
    geometry: BaseGeometry


@transaction.atomic
def set_up_jurisdiction(
    *,
    code: str,
    name: str,
    name_en: str,
    boundary: BaseGeometry,
    taxonomy: Sequence[tuple[str, str, str]] = DEFAULT_TAXONOMY,
    time_zone: str = "Asia/Seoul",
    slot_start_hours: Sequence[int] = (6, 14, 22),
    h3_resolution: int = 10,
    is_simulated: bool = False,
    data_note: str = "",
    data_note_en: str = "",
) -> Jurisdiction:
    """Make a jurisdiction with its categories and cells, or return the one that already has this code, untouched.

    `boundary`: polygon or multipolygon in WGS84. `taxonomy`: (code, Korean, English) in the fixed order of the rates.
    Raises `HaechiError` if the boundary holds no cell.
    """
    existing = Jurisdiction.objects.filter(code=code).first()
    if existing is not None:
        return existing
    jurisdiction = Jurisdiction(
        code=code,
        name=name,
        name_en=name_en,
        boundary=as_multipolygon(boundary),
        time_zone=time_zone,
        slot_start_hours=sorted(slot_start_hours),
        h3_resolution=h3_resolution,
        is_simulated=is_simulated,
        data_note=data_note,
        data_note_en=data_note_en,
    )
    jurisdiction.full_clean(exclude=["boundary"])
    jurisdiction.save()
    Category.objects.bulk_create(
        Category(jurisdiction=jurisdiction, code=entry[0], name=entry[1], name_en=entry[2], position=position)
        for position, entry in enumerate(taxonomy)
    )
    ensure_place_kinds(jurisdiction=jurisdiction)
    make_grid(jurisdiction=jurisdiction, boundary=boundary)
    return jurisdiction


@transaction.atomic
def make_grid(*, jurisdiction: Jurisdiction, boundary: BaseGeometry) -> CellGrid:
    """Lay the jurisdiction's cells and make them the current grid.

    They cover the boundary with the slack that uploads allow at its edge, so that every incident taken in has its cell.
    """
    if boundary.is_empty:
        raise HaechiError(
            _("The boundary of %(name)s is empty. Check that it is a polygon in WGS84 (longitude, latitude).")
            % {"name": jurisdiction.name},
            code="empty_boundary",
        )
    cells = cells_covering(Boundary.around(boundary).shape, jurisdiction.h3_resolution).astype("<u8")
    content = cells.tobytes()
    digest = hashlib.sha256(content).hexdigest()
    CellGrid.objects.of(jurisdiction).filter(is_current=True).exclude(digest=digest).update(is_current=False)
    grid, _made = CellGrid.objects.update_or_create(
        jurisdiction=jurisdiction,
        digest=digest,
        defaults={"resolution": jurisdiction.h3_resolution, "cell_count": len(cells), "cells": content, "is_current": True},
    )
    return grid


@transaction.atomic
def register_areas(*, jurisdiction: Jurisdiction, kind: str, areas: Sequence[AreaRecord]) -> int:
    """Add or renew areas by their code; returns how many."""
    Area.objects.bulk_create(
        [
            Area(
                jurisdiction=jurisdiction,
                kind=kind,
                code=area.code,
                name=area.name,
                name_en=area.name_en,
                boundary=as_multipolygon(area.boundary),
            )
            for area in areas
        ],
        update_conflicts=True,
        unique_fields=["jurisdiction", "kind", "code"],
        update_fields=["name", "name_en", "boundary"],
    )
    return len(areas)


@transaction.atomic
def register_places(*, jurisdiction: Jurisdiction, places: Sequence[PlaceRecord]) -> int:
    """Replace the places that the jurisdiction's map is drawn from by these; returns how many. Uploaded ones stay."""
    Place.objects.of(jurisdiction).filter(upload__isnull=True).delete()
    Place.objects.bulk_create(
        Place(
            jurisdiction=jurisdiction,
            kind=place.kind,
            name=place.name,
            name_en=place.name_en,
            geometry=GEOSGeometry(memoryview(place.geometry.wkb), srid=4326),
        )
        for place in places
    )
    return len(places)


def as_multipolygon(geometry: BaseGeometry) -> MultiPolygon:
    """A shapely polygon or multipolygon in WGS84 as GeoDjango's multipolygon."""
    shape = GEOSGeometry(memoryview(geometry.wkb), srid=4326)
    return shape if isinstance(shape, MultiPolygon) else MultiPolygon(shape, srid=4326)
