"""Outlines of gu, dong, beats and precincts as a table to area records in WGS84.

An outline that crosses itself is taken apart where that leaves its size as it was; else only where a person accepts the mend.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ingestion.codes import CodeSystem, gu_of_code, gu_of_name
from ingestion.coordinates_shapes import SHAPE_REASONS, parse_shapes, shapes_to_wgs84
from ingestion.errors import FileRefused
from ingestion.mapping import ColumnMapping, Evidence
from ingestion.places import Boundary
from ingestion.readers.table import Table
from ingestion.records import Batch, Seen, Sheet, layout_of, row_digest, tidy

AREA_KINDS = ("gu", "dong", "legal_dong", "beat", "precinct", "neighbourhood")
CODE_MAX_LENGTH = 20
NAME_MAX_LENGTH = 80
SAME_SIZE = 0.001  # a mend that changes an outline's size by less than this share is only a clean-up
INSIDE_SHARE = 0.1  # an area belongs here if so much of it lies here, or if it holds so much of the jurisdiction


@dataclass(frozen=True)
class AreaRow:
    """One area. `boundary`: valid multipolygon, longitude and latitude in degrees WGS84; `codes`: other code systems."""

    line: int
    kind: str
    code: str
    name: str
    name_en: str
    boundary: MultiPolygon
    codes: Mapping[str, str] = field(default_factory=dict)


def read_areas(table: Table, mapping: ColumnMapping, outline: Boundary) -> Iterator[Batch[AreaRow]]:
    """Yield the table's areas, chunk by chunk. `outline`: the jurisdiction's own, without slack. Raises `FileRefused`.

    `mapping.options["area_kind"]` says what the areas are, one of `AREA_KINDS`.
    """
    kind = str(mapping.options.get("area_kind", ""))
    if kind not in AREA_KINDS:
        raise FileRefused("area_kind_missing", file=table.name)
    layout = layout_of(table, mapping)
    seen = Seen()
    for chunk in table.chunks():
        sheet = Sheet(chunk, layout)
        shapes, repaired = _outlines(sheet, mapping, outline)
        reader = _RowReader(sheet, kind, seen, str(mapping.options.get("code_system", "")))
        reader.check()
        made = [reader.record(place, shapes[place]) for place in sheet.good()]
        batch = sheet.batch(made)
        for place in repaired:
            if sheet.is_good(place):
                batch.warn("outline_cleaned", sheet.line(place))
        centres = [(one.boundary.representative_point(), True) for one in made]
        batch.points = [(round(point.x, 6), round(point.y, 6), good) for point, good in centres]
        yield batch


def _outlines(sheet: Sheet, mapping: ColumnMapping, outline: Boundary) -> tuple[NDArray[np.object_], list[int]]:
    """Outlines of the readable rows in WGS84, and which of them were taken apart; rows without a usable one are rejected."""
    texts = sheet.text("geometry") or []
    shapes, reason = parse_shapes(texts)
    repaired: list[int] = []
    for place in range(len(sheet)):
        if reason[place]:
            sheet.reject(place, "geometry", SHAPE_REASONS[reason[place]], texts[place][:60])
            continue
        shape, is_same = _polygons(shapes[place])
        if shape is None:
            sheet.reject(place, "geometry", "not_an_area", shapes[place].geom_type)
        elif not shapely.is_valid(shapes[place]):
            if is_same or "make_valid" in mapping.mends:
                repaired.append(place)
            else:
                sheet.reject(place, "geometry", "geometry_invalid", shapely.is_valid_reason(shapes[place]), "make_valid")
        shapes[place] = shape
    good = np.array(list(sheet.good()), np.int64)
    if good.size:
        shapes[good] = shapes_to_wgs84(shapes[good], mapping.crs, is_swapped=mapping.swapped)
        _judge(sheet, shapes, good, outline)
    return shapes, repaired


def _polygons(shape: BaseGeometry) -> tuple[MultiPolygon | None, bool]:
    """The polygons of a shape, made valid, and whether they are as large as the shape was; None where there are none."""
    whole = shape if shapely.is_valid(shape) else shapely.make_valid(shape)
    parts = [part for part in shapely.get_parts(whole) if isinstance(part, Polygon | MultiPolygon)]
    polygons = [part for one in parts for part in shapely.get_parts(one)]
    if not polygons:
        return None, False
    made = MultiPolygon(polygons)
    return made, abs(made.area - shape.area) <= SAME_SIZE * max(shape.area, made.area)


def _judge(sheet: Sheet, shapes: NDArray[np.object_], good: NDArray[np.int64], outline: Boundary) -> None:
    """Reject areas that lie elsewhere. Neighbours share a border that no two sources draw alike, hence the share."""
    here = outline.shape
    inside = shapely.area(shapely.intersection(shapes[good], here))
    needed = INSIDE_SHARE * np.minimum(shapely.area(shapes[good]), here.area)
    for place in good[~(inside >= needed)].tolist():
        middle = shapely.centroid(shapes[place])
        sheet.reject(place, "geometry", "outside", f"{middle.y:.5f}, {middle.x:.5f}")


class _RowReader:
    """Makes the records of a sheet's good rows."""

    def __init__(self, sheet: Sheet, kind: str, seen: Seen, system: str):
        self.sheet, self.kind, self.seen, self.system = sheet, kind, seen, system
        self.text = {name: sheet.texts(name) for name in ("code", "name", "name_en")}

    def check(self) -> None:
        """Reject rows that say neither code nor name, or a code that stood in an earlier row."""
        for place in range(len(self.sheet)):
            if not self.sheet.is_good(place):
                continue
            code = self._code(place)
            if not code:
                self.sheet.reject(place, "code", "area_unnamed")
            elif len(code) > CODE_MAX_LENGTH:
                self.sheet.reject(place, "code", "area_code_long", code)
            elif self.seen.meet(row_digest([code])):
                self.sheet.reject(place, "code", "duplicate_in_file", code)

    def record(self, place: int, shape: Any) -> AreaRow:
        """The record of one row."""
        code, name = self._code(place), self.text["name"][place]
        return AreaRow(
            line=self.sheet.line(place),
            kind=self.kind,
            code=code,
            name=tidy(_own_name(name, self.kind) or code, NAME_MAX_LENGTH),
            name_en=tidy(self.text["name_en"][place], NAME_MAX_LENGTH),
            boundary=shape,
            codes=self._codes(code, name),
        )

    def _codes(self, code: str, name: str) -> dict[str, str]:
        """The area in other code systems: a gu of Seoul in all three, a dong in its own and with its gu."""
        gu = gu_of_name(name) if self.kind == "gu" else None
        if gu is not None and code in (gu.statistics, gu.administrative, gu.licence):
            return {str(system): gu.code(system) for system in CodeSystem}
        if self.system not in set(CodeSystem) or self.kind not in ("dong", "legal_dong"):
            return {}
        gu = gu_of_code(code, CodeSystem(self.system))
        return {self.system: code} | ({"gu": gu.administrative} if gu else {})

    def _code(self, place: int) -> str:
        return self.text["code"][place].removesuffix(".0") or self.text["name"][place]


def _own_name(name: str, kind: str) -> str:
    """ "서울특별시 종로구 사직동" is 사직동 on the map of its own gu."""
    return name.rsplit(maxsplit=1)[-1] if kind in ("gu", "dong", "legal_dong") and re.search(r"[가-힣]", name) else name


_BY_TITLE: tuple[tuple[str, str], ...] = (
    ("emdcd", "legal_dong"),
    ("emdkornm", "legal_dong"),
    ("법정동", "legal_dong"),
    ("admcd", "dong"),
    ("admnm", "dong"),
    ("행정동", "dong"),
    ("sigcd", "gu"),
    ("sigkornm", "gu"),
    ("시군구", "gu"),
    ("자치구", "gu"),
    ("beat", "beat"),
    ("precinct", "precinct"),
    ("community", "neighbourhood"),
    ("neighborhood", "neighbourhood"),
    ("neighbourhood", "neighbourhood"),
    ("district", "precinct"),
)
_BY_DIGITS = {5: "gu", 7: "dong", 8: "legal_dong"}


def guess_area_kind(name: str, header: Sequence[str], sample: Sequence[Sequence[str]]) -> tuple[str, Evidence] | None:
    """What the areas of a file are: by a column's title, else by how its codes and names end; None if nothing says so."""
    plain = ["".join(title.casefold().replace("_", "").split()) for title in header]
    for word, kind in _BY_TITLE:
        for title, given in zip(plain, header, strict=True):
            if word in title:
                return kind, Evidence("area_kind", "area_kind_by_title", {"value": given, "kind": kind})
    for place, title in enumerate(plain):
        values = [row[place].strip() for row in sample if len(row) == len(header)]
        lengths = {len(value) if value.isdigit() else 0 for value in values}
        by_code = _BY_DIGITS.get(lengths.pop()) if "code" in title and len(lengths) == 1 else None
        if by_code is not None:
            return by_code, Evidence("area_kind", "area_kind_by_code", {"value": values[0], "kind": by_code})
    for word, kind in _BY_TITLE:
        if word in "".join(name.casefold().replace("_", "").split()):
            return kind, Evidence("area_kind", "area_kind_by_title", {"value": name, "kind": kind})
    return None
