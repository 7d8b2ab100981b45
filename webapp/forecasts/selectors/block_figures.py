"""Published figures as features: residents and crimes of areas, and the weather, of the tables taken in by a moment."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import shapely
from django.db.models import Q

from prediction.features.figures import Edition
from prediction.features.weather import DailyWeather
from webapp.crimes.models import Area, Statistic

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

AREAS_AT_LEAST = 2  # one figure for the whole place tells nothing of its cells
YEAR_AT_LEAST_D = 300
_PEOPLE = re.compile(r"인구|population|residents", re.IGNORECASE)
_PART = re.compile(r"당|남|여|세|외국인|한국인|밀도|per |male|density|aged", re.IGNORECASE)  # of the people, or for each of them
_ALL = re.compile(r"^(계|합계|총계|소계|total)( \(명\))?$", re.IGNORECASE)  # what a table of people calls all of them
_CRIMES = re.compile(r"발생|건수|incident|crimes|count", re.IGNORECASE)
LATEST = date(2200, 1, 1)  # a period beyond is a slip of the pen
_WEATHER = {
    "temperature": re.compile(r"기온|temperature", re.IGNORECASE),
    "rain": re.compile(r"강수|강우|rain|precip", re.IGNORECASE),
    "snow": re.compile(r"적설|강설|snow", re.IGNORECASE),
    "wind": re.compile(r"풍속|wind", re.IGNORECASE),
    "humidity": re.compile(r"습도|humid", re.IGNORECASE),
}
_NO_MEAN = re.compile(r"최고|최저|최대|최소|이슬점|확률|시각|max|min|dew|chance", re.IGNORECASE)


def editions_of(jurisdiction: "Jurisdiction", *, at: datetime) -> Iterator[Edition]:
    """Residents and published crimes of the jurisdiction's areas, by the kind of area that each table speaks of most."""
    areas = _Areas(jurisdiction)
    if len(areas.shapes) < AREAS_AT_LEAST:
        return
    rows = (
        Statistic.objects.of(jurisdiction)
        .filter(dataset__upload__committed_at__lte=at, hour_from=None, weekday=None, place_kind="")
        .exclude(area="", area_code="")
        .exclude(value=None)
        .exclude(period_to__gt=LATEST)
        .order_by("dataset_id", "period_from", "period_to", "category_code", "measure", "source_line", "id")
        .select_related("dataset__upload")
    )
    named = ((_name(row), row) for row in rows.iterator(2000))
    wanted = ((name, row) for name, row in named if name)
    for key, group in groupby(wanted, key=lambda one: (one[0], one[1].dataset_id, one[1].period_from, one[1].measure)):
        figures = [row for _name, row in group]
        first = figures[0]
        values = areas.values(figures)
        if len(values) < AREAS_AT_LEAST:
            continue
        chosen = sorted(values)
        taken_in = first.dataset.upload.committed_at
        since = (taken_in or at).astimezone(jurisdiction.zone).date() + timedelta(days=1)
        yield Edition(
            key[0],
            known_from(first.period_from, first.period_to) if first.period_from else since,
            [areas.shapes[position] for position in chosen],
            np.array([values[position] for position in chosen], dtype=np.float64),
        )


def _name(row: Statistic) -> str:
    """What the figure is as a feature; blank where it is none."""
    if row.category_code and not row.is_total and _CRIMES.search(row.measure):
        return f"published_{row.category_code}"
    if row.category or not _is_of_all_people(row.measure, row.dataset.title):
        return ""
    return "living_population" if re.search("생활|living", row.measure, re.IGNORECASE) else "population"


def _is_of_all_people(measure: str, title: str) -> bool:
    if _ALL.search(measure):
        return _PEOPLE.search(title) is not None
    return _PEOPLE.search(measure) is not None and _PART.search(measure) is None


def known_from(begin: date, end: date | None) -> date:
    """The first day on which a period's figures can be read: of a year on the next 1 January, else in the next month but one."""
    end = end or begin
    if (end - begin).days > YEAR_AT_LEAST_D:
        return date(end.year + 1, 1, 1)
    return (end.replace(day=1) + timedelta(days=63)).replace(day=1)


class _Areas:
    """The jurisdiction's areas, found by name or code."""

    def __init__(self, jurisdiction: "Jurisdiction") -> None:
        self.shapes: list[shapely.Geometry] = []
        self._kind: list[str] = []
        self._by_name: dict[str, set[int]] = {}
        self._by_code: dict[str, set[int]] = {}
        found = Area.objects.of(jurisdiction).order_by("kind", "code").values_list("kind", "code", "codes", "name", "boundary")
        for position, (kind, code, codes, name, boundary) in enumerate(found):
            self.shapes.append(shapely.from_wkb(bytes(boundary.wkb)))
            self._kind.append(kind)
            self._by_name.setdefault(name, set()).add(position)
            own = {str(value) for system, value in codes.items() if system != "gu" or kind == "gu"}
            for one in {code, *own}:
                self._by_code.setdefault(one, set()).add(position)

    def values(self, figures: Sequence[Statistic]) -> dict[int, float]:
        """Area → its figure, of the kind of area that most figures speak of. Of parts and their sum the sum counts."""
        by_area: dict[int, list[tuple[bool, float]]] = {}
        for figure in figures:
            position = self._position(figure.area, figure.area_code)
            if position is not None and figure.value is not None and np.isfinite(figure.value):
                by_area.setdefault(position, []).append((figure.is_total, figure.value))
        kinds = [self._kind[position] for position in by_area]
        if not kinds:
            return {}
        most = max(sorted(set(kinds)), key=kinds.count)
        return {position: _one(parts) for position, parts in by_area.items() if self._kind[position] == most}

    def _position(self, area: str, code: str) -> int | None:
        """The one area that is meant, or None. The code of a dong's figure may be that of its gu: its own name says more."""
        words = area.split()
        named = self._by_name.get(area) or self._by_name.get(words[-1] if words else "", set())
        coded = self._by_code.get(code, set())
        found = (named & coded or named) if named else (coded if len(words) < 2 else set())
        return next(iter(found)) if len(found) == 1 else None


def _one(parts: Sequence[tuple[bool, float]]) -> float:
    sums = [value for is_total, value in parts if is_total]
    return max(sums) if sums else sum(value for _, value in parts)


def weather_of(jurisdiction: "Jurisdiction", *, at: datetime) -> DailyWeather | None:
    """Daily weather out of tables of figures by day, or by day and hour, taken in by then; None where there is none."""
    words = Q()
    for word in (
        "기온",
        "강수",
        "강우",
        "적설",
        "강설",
        "풍속",
        "습도",
        "temperature",
        "rain",
        "precip",
        "snow",
        "wind",
        "humid",
    ):
        words |= Q(measure__icontains=word)
    rows = (
        Statistic.objects.of(jurisdiction)
        .filter(words, dataset__upload__committed_at__lte=at, category="", weekday=None, place_kind="", period_from__lt=LATEST)
        .exclude(value=None)
        .order_by("dataset_id", "source_line", "id")
        .values_list("period_from", "period_to", "hour_from", "measure", "value")
    )
    daily: dict[tuple[date, str], list[float]] = {}
    hourly: dict[tuple[date, str, int], list[float]] = {}
    for begin, end, hour, measure, value in rows.iterator():
        if begin is None or value is None:
            continue
        name = next((code for code, word in _WEATHER.items() if word.search(measure)), None)
        if name is None or _NO_MEAN.search(measure) or end not in (None, begin) or not np.isfinite(value):
            continue
        if hour is None:
            daily.setdefault((begin, name), []).append(value)
        else:
            hourly.setdefault((begin, name, hour), []).append(value)
    return _days_of(daily, hourly, jurisdiction)


def _days_of(
    daily: dict[tuple[date, str], list[float]], hourly: dict[tuple[date, str, int], list[float]], jurisdiction: "Jurisdiction"
) -> DailyWeather | None:
    """Hours become days; a day that is given as such counts before what its hours say."""
    values: dict[str, dict[int, float]] = {}
    for name in sorted({name for _, name, _ in hourly}):
        hours = sorted((day, hour) for day, other, hour in hourly if other == name)
        start = [datetime(day.year, day.month, day.day, hour % 24, tzinfo=jurisdiction.zone).timestamp() for day, hour in hours]
        read = np.array([np.mean(hourly[day, name, hour]) for day, hour in hours])
        made = DailyWeather.from_hourly(np.array(start, dtype=np.int64), {name: read}, time_zone=jurisdiction.time_zone)
        values[name] = dict(zip(made.day.tolist(), made.values[name].tolist(), strict=True))
    for (day, name), given in daily.items():
        values.setdefault(name, {})[day.toordinal()] = float(np.mean(given))
    days = sorted({day for column in values.values() for day in column})
    if not days:
        return None
    columns = {name: np.array([column.get(day, np.nan) for day in days]) for name, column in sorted(values.items())}
    return DailyWeather(np.array(days, dtype=np.int64), columns)
