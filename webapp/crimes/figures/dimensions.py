"""What a published table is divided by, and what each of its values is called on a page."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext


@dataclass(frozen=True)
class Dimension:
    """One thing that figures are divided by. `key`: SQL over `crimes_statistic s` giving the value as text, blank for none."""

    name: str
    label: Any
    key: str
    order: str = "min(s.source_line), min(s.id)"


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension("area", gettext_lazy("area"), "s.area"),
    Dimension("place", gettext_lazy("kind of place"), "s.place_kind"),
    Dimension("category", gettext_lazy("category"), "s.category"),
    Dimension(
        "hour",
        gettext_lazy("hours"),
        "coalesce(s.hour_from || '-' || s.hour_to, '')",
        "min(s.hour_from) NULLS LAST, min(s.hour_to)",
    ),
    Dimension("weekday", gettext_lazy("day of the week"), "coalesce(s.weekday::text, '')", "min(s.weekday) NULLS LAST"),
    Dimension(
        "period",
        gettext_lazy("period"),
        "coalesce(s.period_from || '/' || coalesce(s.period_to, s.period_from), '')",
        "min(s.period_from) NULLS LAST, min(s.period_to)",
    ),
    Dimension("measure", gettext_lazy("what is counted"), "s.measure"),
)
BY_NAME = {one.name: one for one in DIMENSIONS}


def label(dimension: str, key: str) -> str:
    """What a value is called: text stays as the source writes it; hours, days of the week and periods are said."""
    if key == "":
        return pgettext("figures", "not divided")
    if dimension == "hour":
        start, _dash, end = key.partition("-")
        return _("%(from)s–%(to)s h") % {"from": start, "to": end}
    if dimension == "weekday":
        return str(WEEKDAYS[int(key)])
    if dimension == "period":
        start, _slash, end = key.partition("/")
        return period_label(date.fromisoformat(start), date.fromisoformat(end))
    return key


def period_label(first: date, last: date) -> str:
    """A whole year as “2024”, years as “2015–2024”, a month as “2024-03”, a quarter as “2024 Q1”, else its first and last day."""
    after = last + timedelta(days=1)
    if first == last:
        return first.isoformat()
    if (first.month, first.day, after.month, after.day) == (1, 1, 1, 1):
        return str(first.year) if after.year == first.year + 1 else f"{first.year}–{last.year}"
    if first.day == 1 and after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        if months == 1:
            return f"{first:%Y-%m}"
        if months == 3 and first.month % 3 == 1:
            return f"{first.year} Q{first.month // 3 + 1}"
    return f"{first.isoformat()} – {last.isoformat()}"
