"""What a check or a commit found, made ready to be looked at: the quality score with its parts, the months, the map."""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from webapp.imports.models import Upload

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

LEFT_OUT = "left_out"  # the reason of rows whose category was left out by choice
THIN_MONTH = 0.2  # a month with fewer rows than this share of the median month counts as a gap
DOUBLES = ("same_again", "same_place_again", "duplicate_rows")

# Part of the score: weight, label, what it says.
PARTS: dict[str, tuple[float, str, str]] = {
    "accepted": (3, gettext_noop("Rows that can be taken in"), gettext_noop("of all rows but those left out on purpose")),
    "located": (3, gettext_noop("Located"), gettext_noop("rows with a place inside the jurisdiction")),
    "timed": (2, gettext_noop("Dated"), gettext_noop("rows with a date that can be read")),
    "time_of_day": (2, gettext_noop("With a time of day"), gettext_noop("rows taken in that give more than the day")),
    "to_the_minute": (1, gettext_noop("To the minute"), gettext_noop("times that are not rounded to the full hour")),
    "complete": (2, gettext_noop("Months without a gap"), gettext_noop("months that hold at least a fifth of a usual month")),
    "unique": (1, gettext_noop("No doubles"), gettext_noop("rows that do not repeat another exactly")),
}
# A ruling is a case wherever it happened, and its months are those of the courts: it is judged by what it tells.
RULING_PARTS: dict[str, tuple[float, str, str]] = {
    "accepted": PARTS["accepted"],
    "located": (2, gettext_noop("Area named"), gettext_noop("rulings that name a district or dong")),
    "timed": (2, gettext_noop("Hour named"), gettext_noop("rulings that name a time of day")),
}


@dataclass(frozen=True)
class QualityPart:
    """One part of the score: share 0–1, its weight, and what it means."""

    name: str
    label: str
    meaning: str
    share: float
    weight: float


@dataclass(frozen=True)
class Quality:
    """The score 0–100 as the weighted mean of its parts; `gaps`: months ("YYYY-MM") with few or no rows."""

    score: int
    parts: list[QualityPart]
    gaps: list[str]


def quality_of(upload: Upload) -> Quality | None:
    """How good the data of an upload are, or None before it was checked."""
    report = upload.report
    rows = report.get("rows") or upload.rows_read
    if not rows or "refusal" in report:
        return None
    accepted = report.get("accepted", upload.rows_accepted)
    shares = {"accepted": accepted / max(rows - left_out_of(upload), 1)}
    shares |= {name: float(share) for name, share in report.get("quality", {}).items() if share is not None}
    gaps = _gaps(report.get("months", {})) if upload.kind == Upload.Kind.INCIDENTS else None
    if gaps is not None:
        months = _span(report["months"])
        shares["complete"] = 1 - len(gaps) / len(months)
    day_only = sum(one["count"] for one in report.get("warnings", []) if one["code"] == "day_only")
    if accepted and upload.kind == Upload.Kind.INCIDENTS:
        shares["time_of_day"] = 1 - day_only / accepted
        if day_only >= accepted:
            shares.pop("to_the_minute", None)
    doubles = sum(one["count"] for one in report.get("warnings", []) if one["code"] in DOUBLES)
    if accepted and upload.kind == Upload.Kind.INCIDENTS:
        shares["unique"] = max(1 - doubles / accepted, 0.0)
    parts = [
        QualityPart(name, _(label), _(meaning), min(max(shares[name], 0.0), 1.0), weight)
        for name, (weight, label, meaning) in (RULING_PARTS if upload.kind == Upload.Kind.RULINGS else PARTS).items()
        if name in shares
    ]
    total = sum(part.weight for part in parts)
    return Quality(round(100 * sum(part.share * part.weight for part in parts) / total), parts, gaps or [])


def left_out_of(upload: Upload) -> int:
    """Rows that a person chose to leave out: rejected, yet no fault of the data."""
    return int((upload.report.get("reasons") or {}).get(LEFT_OUT, 0))


def _span(months: dict[str, int]) -> list[str]:
    """Every month from the first to the last."""
    first, last = min(months), max(months)
    year, month = int(first[:4]), int(first[5:7])
    found: list[str] = []
    while (key := f"{year:04d}-{month:02d}") <= last and len(found) < 2400:
        found.append(key)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def _gaps(months: dict[str, int]) -> list[str] | None:
    """Months with few or no rows, without the first and the last, which need not be whole; None without months."""
    if not months:
        return None
    usual = statistics.median(months.values())
    inner = _span(months)[1:-1]
    return [month for month in inner if months.get(month, 0) < usual * THIN_MONTH]


# --- The small map ------------------------------------------------------------------------------------
WIDTH, HEIGHT, MARGIN = 560, 400, 18
LINES_KEPT = 400  # areas drawn; more would be a grey cloth


@dataclass(frozen=True)
class SmallMap:
    """Outline, areas and points in the pixels of a drawing `width` × `height`; `points`: x, y, 1 where taken in.

    `outside`: points of the sample that lie beyond the drawing and are set on its edge.
    """

    width: int
    height: int
    outline: str
    areas: str
    points: list[tuple[float, float, int]]
    outside: int


def small_map_of(upload: Upload) -> SmallMap | None:
    """The sample of points over the jurisdiction's outline and areas, or None where there is nothing to draw."""
    points = upload.report.get("points") or []
    if not points:
        return None
    frame = _Frame(upload.jurisdiction)
    drawn, outside = [], 0
    for longitude, latitude, is_good in points:
        x, y = frame.place(longitude, latitude)
        if not (0 <= x <= WIDTH and 0 <= y <= frame.height):
            outside += 1
        x, y = min(max(x, 2), WIDTH - 2), min(max(y, 2), frame.height - 2)
        drawn.append((round(x, 1), round(y, 1), int(bool(is_good))))
    return SmallMap(WIDTH, frame.height, frame.outline(), frame.areas(), drawn, outside)


class _Frame:
    """Degrees to pixels: equal steps on the ground in both directions at the jurisdiction's middle."""

    def __init__(self, jurisdiction: "Jurisdiction"):
        import math  # noqa: PLC0415

        self.jurisdiction = jurisdiction
        west, south, east, north = jurisdiction.boundary.extent
        self.shrink = math.cos(math.radians((south + north) / 2))
        wide, high = (east - west) * self.shrink, north - south
        self.scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
        self.height = round(high * self.scale + 2 * MARGIN)
        self.left = (WIDTH - wide * self.scale) / 2
        self.west, self.north = west, north

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = self.left + (longitude - self.west) * self.shrink * self.scale
        return x, MARGIN + (self.north - latitude) * self.scale

    def outline(self) -> str:
        return self._path(self.jurisdiction.boundary)

    def areas(self) -> str:
        from webapp.crimes.models import Area  # noqa: PLC0415

        inner = (Area.Kind.DONG, Area.Kind.BEAT, Area.Kind.NEIGHBOURHOOD, Area.Kind.PRECINCT)
        for kind in inner:
            rows = Area.objects.of(self.jurisdiction).filter(kind=kind).values_list("boundary", flat=True)[:LINES_KEPT]
            if rows:
                return "".join(self._path(boundary) for boundary in rows)
        return ""

    def _path(self, boundary: Any) -> str:
        """A multipolygon as an SVG path, thinned to about half a pixel."""
        thin = boundary.simplify(0.6 / self.scale, preserve_topology=False)
        polygons = thin if thin.geom_type == "MultiPolygon" else [thin]
        pieces = []
        for polygon in polygons:
            if polygon.empty or polygon.geom_type != "Polygon":
                continue
            for ring in polygon.coords:
                placed = (self.place(*point[:2]) for point in ring)
                pieces.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed) + "Z")
        return "".join(pieces)
