"""What everybody may read of a place: whole hours, an hour late, nothing about fewer than five people."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Prefetch, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cctv.statistics import Congestion, HourCounts, published
from webapp.accounts.models import Jurisdiction
from webapp.cameras.models import CountedPlace, PlaceHour

DELAY = timedelta(hours=1)  # after its end, so that nobody is looked for by what is shown
CACHE_VERSION = "public_statistics:version"  # in the cache; raised when a place or the switch changes
LIST_HOURS, PLACE_HOURS = 24, 7 * 24
CONGESTION_LABELS = {
    Congestion.QUIET: _("quieter than usual"),
    Congestion.USUAL: _("as usual"),
    Congestion.BUSY: _("busier than usual"),
    Congestion.VERY_BUSY: _("much busier than usual"),
    Congestion.UNKNOWN: _("not known"),
}


@dataclass(frozen=True)
class PublicHour:
    """One hour as shown. start: aware UTC. None: not known or withheld. people_text: "<5" where fewer than five passed.

    people_low, people_high: 95 % interval. dwell: time in one camera's view, seconds; low and high are quartiles.
    congestion_ratio: people in view against the usual of this hour of the week. observed_share: of the hour, watched.
    """

    start: datetime
    people_per_hour: float | None
    people_low: float | None
    people_high: float | None
    people_text: str
    in_view: float | None
    dwell_median_s: float | None
    dwell_low_s: float | None
    dwell_high_s: float | None
    congestion: str
    congestion_label: str
    congestion_ratio: float | None
    observed_share: float


@dataclass(frozen=True)
class PublicPlace:
    """A place that its jurisdiction shows to everybody. point: longitude, latitude of the middle of its cameras."""

    code: str
    name: str
    name_en: str
    jurisdiction: Jurisdiction
    kind: str
    kind_label: str
    is_simulated: bool
    point: tuple[float, float] | None
    hours: list[PublicHour]

    @property
    def label(self) -> str:
        return self.name_en if get_language() == "en" else self.name


def public_places(*, now: datetime) -> list[PublicPlace]:
    """All public places with their last 24 hours, newest first; three queries."""
    return [_public(place) for place in _open(now, LIST_HOURS)]


def public_place(*, code: str, now: datetime) -> PublicPlace | None:
    """One public place with its last seven days; None where there is none that everybody may see."""
    return next((_public(place) for place in _open(now, PLACE_HOURS).filter(code=code)), None)


def _open(now: datetime, hours: int) -> QuerySet[CountedPlace]:
    """Places that are switched on in jurisdictions that are: the one door that asks for nobody's jurisdiction."""
    end = (now.astimezone(UTC) - DELAY).replace(minute=0, second=0, microsecond=0)
    shown = PlaceHour.objects.filter(start__gte=end - timedelta(hours=hours), start__lt=end).order_by("-start")
    return (
        CountedPlace.objects.filter(is_public=True, jurisdiction__public_statistics__is_on=True)
        .select_related("jurisdiction")
        .prefetch_related("cameras", Prefetch("hours", queryset=shown, to_attr="shown_hours"))
        .order_by("jurisdiction__code", "code")
    )


def _public(place: CountedPlace) -> PublicPlace:
    cameras = list(place.cameras.all())
    points = [camera.point for camera in cameras]
    middle = (
        (round(sum(one.x for one in points) / len(points), 4), round(sum(one.y for one in points) / len(points), 4))
        if points
        else None
    )
    return PublicPlace(
        code=place.code,
        name=place.name,
        name_en=place.name_en,
        jurisdiction=place.jurisdiction,
        kind=place.kind,
        kind_label=place.get_kind_display(),
        is_simulated=place.jurisdiction.is_simulated or any(camera.is_simulated for camera in cameras),
        point=middle,
        hours=[_hour(one) for one in _shown(place)],
    )


def _shown(place: CountedPlace) -> Iterable[PlaceHour]:
    return getattr(place, "shown_hours", ())


def _hour(row: PlaceHour) -> PublicHour:
    stay = None
    if row.stay_low_s is not None and row.stay_median_s is not None and row.stay_high_s is not None:
        stay = row.stay_low_s, row.stay_median_s, row.stay_high_s
    shown = published(HourCounts(row.passages, row.in_view, stay, row.observed), row.usual_in_view)
    low, middle, high = shown.stay_s or (None, None, None)
    return PublicHour(
        start=row.start,
        people_per_hour=shown.people_per_hour,
        people_low=shown.people_low,
        people_high=shown.people_high,
        people_text=shown.people_text,
        in_view=shown.in_view,
        dwell_median_s=middle,
        dwell_low_s=low,
        dwell_high_s=high,
        congestion=shown.congestion.value,
        congestion_label=str(CONGESTION_LABELS[shown.congestion]),
        congestion_ratio=shown.ratio,
        observed_share=shown.observed,
    )
