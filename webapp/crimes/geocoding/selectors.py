"""The records of which a jurisdiction's gazetteer is made: its areas, its places with their names and addresses."""

from collections.abc import Iterator

import shapely
from django.contrib.gis.db.models.functions import PointOnSurface

from ingestion.codes import SEOUL, gu_of_address, gu_of_name
from ingestion.geocoding import AddressEntry, AreaEntry, Gazetteer, PlaceEntry
from webapp.accounts.models import Jurisdiction
from webapp.crimes.models import Area, Place

ADDRESS_KIND = "address"  # places of this kind are the lines of a road-name address file
_SEOUL_BOX = shapely.box(126.73, 37.41, 127.20, 37.72)
_LEVELS = {Area.Kind.GU: "gu", Area.Kind.DONG: "dong", Area.Kind.LEGAL_DONG: "legal_dong"}
_NOT_A_SPOT = ("road", "river")


def build_gazetteer(*, jurisdiction: Jurisdiction) -> Gazetteer:
    """The gazetteer of everything that the jurisdiction holds now. Some seconds for 100,000 places: build it once an upload."""
    home = home_sido(jurisdiction)
    return Gazetteer(areas=_areas(jurisdiction), places=_places(jurisdiction), addresses=_addresses(jurisdiction), home_sido=home)


def home_sido(jurisdiction: Jurisdiction) -> str | None:
    """The 시도 in which the jurisdiction lies, where its name or its place tells."""
    named = gu_of_address(jurisdiction.name).sido
    centre = shapely.from_wkb(bytes(jurisdiction.boundary.wkb)).centroid
    return named or (SEOUL if _SEOUL_BOX.contains(centre) else None)


def _areas(jurisdiction: Jurisdiction) -> Iterator[AreaEntry]:
    """Areas with the gu they lie in; the jurisdiction itself where it is a gu and no areas say so."""
    rows = Area.objects.of(jurisdiction).filter(kind__in=_LEVELS).values_list("kind", "name", "boundary")
    outlines = [(_LEVELS[Area.Kind(kind)], _last_word(name), shapely.from_wkb(bytes(shape.wkb))) for kind, name, shape in rows]
    gu = {name: outline for level, name, outline in outlines if level == "gu"}
    own = _last_word(jurisdiction.name)
    if not gu and (gu_of_name(own) or own.endswith("구")):
        gu = {own: shapely.from_wkb(bytes(jurisdiction.boundary.wkb))}
        yield AreaEntry("gu", own, own, gu[own])
    for outline in gu.values():
        shapely.prepare(outline)
    for level, name, outline in outlines:
        inside = outline.representative_point()
        yield AreaEntry(level, name, next((one for one, shape in gu.items() if shape.contains(inside)), ""), outline)


def _places(jurisdiction: Jurisdiction) -> Iterator[PlaceEntry]:
    rows = Place.objects.of(jurisdiction).exclude(kind__in=(*_NOT_A_SPOT, ADDRESS_KIND)).exclude(name="", address="")
    spots = rows.annotate(spot=PointOnSurface("geometry")).values_list("name", "address", "spot")
    for name, address, spot in spots.iterator(5000):
        if spot is not None:
            yield PlaceEntry(name, spot.x, spot.y, address)


def _addresses(jurisdiction: Jurisdiction) -> Iterator[AddressEntry]:
    rows = Place.objects.of(jurisdiction).filter(kind=ADDRESS_KIND).exclude(address="")
    for address, spot in rows.annotate(spot=PointOnSurface("geometry")).values_list("address", "spot").iterator(5000):
        if spot is not None:
            yield AddressEntry(address, spot.x, spot.y)


def _last_word(name: str) -> str:
    """서울특별시 서초구 서초1동 → 서초1동."""
    words = name.split()
    return words[-1] if words else name
