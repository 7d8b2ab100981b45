"""The work of the drift watch: lay the published forecasts of past weeks beside what was reported since.

Weeks begin with Monday's first slot. Each slot of a week counts with the forecast that was in service for it: the newest run
whose data end before the slot. A week is looked at once reports have gone on for some days after its end, and again whenever
its incidents or forecasts change. docs/registry.md has the rule of the alerts.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from prediction.drift import Expectation, Watched, watch
from prediction.grid import Grid
from prediction.panel import Incidents
from prediction.slots import SlotScheme
from prediction.weeks import WeekFigures, week_figures
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.models import Job
from webapp.common.services import Progress, claimed_job, no_progress
from webapp.crimes.selectors import IncidentArrays, incident_arrays, newest_incident_time
from webapp.forecasts.models import DriftWeek, ForecastRun, ModelVersion, Rates
from webapp.forecasts.selectors.material import incidents_on, scheme_of
from webapp.forecasts.services.versions import stop_if_cancelled

WEEKS_WATCHED = 8  # late reports of older weeks are not waited for
LEAST_SLOTS = 0.5  # of a week's slots must have had a forecast


@dataclass(frozen=True, eq=False)
class ForecastWeek:
    """A week and the forecasts that were in service in it: (run, index of the slot) of each slot that had one."""

    start: datetime
    end: datetime
    chosen: list[tuple[ForecastRun, int]]

    @property
    def run(self) -> ForecastRun:
        """The last one: its grid, categories and version speak for the week."""
        return self.chosen[-1][0]

    @property
    def version(self) -> ModelVersion | None:
        """The version that made most of the week's forecasts."""
        counts = Counter(run.model_version_id for run, _slot in self.chosen)
        most = counts.most_common(1)[0][0]
        return next(run.model_version for run, _slot in self.chosen if run.model_version_id == most)


def run_drift_job(*, job_id: UUID) -> list[DriftWeek] | None:
    """The work of a drift watch; None where another worker has it or it is over."""
    with claimed_job(job_id) as claim:
        if claim is None:
            return None
        job, progress = claim
        return watch_drift(jurisdiction=job.jurisdiction, progress=progress, job=job)


def watch_drift(
    *, jurisdiction: Jurisdiction, now: datetime | None = None, progress: Progress = no_progress, job: Job | None = None
) -> list[DriftWeek]:
    """Look at the last weeks; the rows that are new or have changed. New alerts leave a line in the audit trail."""
    progress(0.0, "load")
    weeks = forecast_weeks(jurisdiction, now=now or timezone.now())
    if not weeks:
        return []
    arrays = incident_arrays(jurisdiction=jurisdiction, before=weeks[-1].end)
    stored = _stored(jurisdiction, since=weeks[0].start - timedelta(days=8))
    rows: list[DriftWeek] = []
    for number, week in enumerate(weeks):
        progress(0.1 + 0.85 * number / len(weeks), "watch")
        rows += _watch_week(jurisdiction, week, arrays, stored)
    progress(0.95, "store")
    return _store(jurisdiction, rows, job)


def forecast_weeks(jurisdiction: Jurisdiction, *, now: datetime) -> list[ForecastWeek]:
    """The weeks to look at, oldest first."""
    newest = newest_incident_time(jurisdiction=jurisdiction)
    if newest is None:
        return []
    scheme = scheme_of(jurisdiction=jurisdiction)
    grace = timedelta(days=settings.DRIFT_GRACE_DAYS)
    edges = _week_edges(scheme, newest)
    runs = _runs(jurisdiction, since=edges[0])
    found = []
    for start, end in pairwise(edges):
        if end > newest or end + grace > now:
            continue
        starts = [moment for moment in scheme.starts(start, scheme.per_week + 1) if moment < end]
        chosen = [choice for moment in starts if (choice := _in_service(runs, moment)) is not None]
        if chosen:
            last = chosen[-1][0]
            chosen = [(run, slot) for run, slot in chosen if _like(run) == _like(last)]
        if len(chosen) >= LEAST_SLOTS * len(starts) and chosen:
            found.append(ForecastWeek(start, end, chosen))
    return found


def _week_edges(scheme: SlotScheme, newest: datetime) -> list[datetime]:
    """Starts of Monday's first slots up to the newest incident, the earliest `WEEKS_WATCHED` + 1 weeks before."""
    starts = scheme.starts(newest - timedelta(weeks=WEEKS_WATCHED + 1), (WEEKS_WATCHED + 1) * scheme.per_week)
    seconds = np.array([int(start.timestamp()) for start in starts], dtype=np.int64)
    return [start for start, slot in zip(starts, scheme.slot_of_week(seconds), strict=True) if slot == 0 and start <= newest]


def _runs(jurisdiction: Jurisdiction, *, since: datetime) -> list[ForecastRun]:
    """Published runs that reach beyond `since`; the grid's cells and the figures of versions are read with those chosen."""
    runs = ForecastRun.objects.of(jurisdiction).filter(state=ForecastRun.State.PUBLISHED, horizon_end__gt=since)
    return list(runs.select_related("grid", "model_version").defer("grid__cells").order_by("data_cutoff", "-published_at", "-pk"))


def _in_service(runs: list[ForecastRun], moment: datetime) -> tuple[ForecastRun, int] | None:
    """The run that stood for the slot that starts then: the newest data, and of the same data the one published first."""
    for run in reversed(runs):
        if run.data_cutoff <= moment and moment in run.slot_starts:
            return run, list(run.slot_starts).index(moment)
    return None


def _like(run: ForecastRun) -> tuple[int, list[str]]:
    return run.grid_id, run.category_codes


def _watch_week(
    jurisdiction: Jurisdiction,
    week: ForecastWeek,
    arrays: IncidentArrays,
    stored: dict[tuple[datetime, str], DriftWeek],
) -> list[DriftWeek]:
    """The rows of one week that are new or differ from those stored; `stored` is brought up to date."""
    happened = _happened(week, arrays)
    codes = (*week.run.category_codes, "")
    start_before = _week_before(stored, week.start)
    before = {code: row for code in codes if start_before and (row := stored.get((start_before, code))) is not None}
    digest = _digest(week, happened, before)
    known = [stored.get((week.start, code)) for code in codes]
    if all(row is not None and row.data_sha256 == digest for row in known):
        return []
    figures = week_figures(_rates(week), happened)
    rows = []
    for target, code in enumerate(codes):
        row, seen = _row(week, code, figures, target)
        row.jurisdiction, row.data_sha256 = jurisdiction, digest
        row.is_alert = seen.is_far or (code in before and _drifts_on(seen, before[code]))
        stored[week.start, code] = row
        rows.append(row)
    return rows


def _happened(week: ForecastWeek, arrays: IncidentArrays) -> Incidents:
    """The incidents of the slots that had a forecast, on the week's grid and in the order of its categories."""
    grid = week.run.grid
    all_of_them = incidents_on(Grid.from_h3(grid.array()), arrays, resolution=grid.resolution)
    middle = (all_of_them.start_s + all_of_them.end_s) // 2
    within = np.zeros(len(all_of_them), dtype=bool)
    for run, slot in week.chosen:
        end = run.slot_starts[slot + 1] if slot + 1 < len(run.slot_starts) else run.horizon_end
        within |= (middle >= int(run.slot_starts[slot].timestamp())) & (middle < int(end.timestamp()))
    position = {code: place for place, code in enumerate(week.run.category_codes)}
    places = np.array([position.get(code, -1) for code in arrays.categories], dtype=np.int16)
    happened = all_of_them.take(within)
    category = places[happened.category]
    kept = category >= 0
    return Incidents(happened.cell_index[kept], happened.start_s[kept], happened.end_s[kept], category[kept])


def _digest(week: ForecastWeek, happened: Incidents, before: dict[str, DriftWeek]) -> str:
    """Names everything that the week's rows are made of: forecasts, incidents, and how the week before lay."""
    chosen = [(run.pk, slot) for run, slot in week.chosen]
    digest = hashlib.sha256(repr((chosen, [(code, _sides(row)) for code, row in before.items()])).encode())
    for column in (happened.cell_index, happened.start_s, happened.end_s, happened.category):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _rates(week: ForecastWeek) -> npt.NDArray[np.float64]:
    """Float64[cells, categories]: expected incidents of the week's slots, read slot by slot."""
    rates = np.zeros((week.run.grid.cell_count, len(week.run.category_codes)))
    position = {code: place for place, code in enumerate(week.run.category_codes)}
    for run, slot in week.chosen:
        for row in Rates.objects.filter(run=run, slot=slot).select_related("category").iterator():
            rates[:, position[row.category.code]] += row.array()
    return rates


def _row(week: ForecastWeek, code: str, figures: WeekFigures, target: int) -> tuple[DriftWeek, Watched]:
    """One category of the week beside what is usual for the version that forecast it."""
    reported, expected = round(float(figures.reported[target])), float(figures.expected[target])
    captured = float(figures.captured[target])
    usual = (week.version.metrics if week.version else {}).get("usual", {}).get(code)
    expectation = Expectation(**usual) if usual else Expectation()
    seen = watch(expectation, reported=reported, expected=expected, captured=captured)
    low, high = seen.capture_band or (None, None)
    row = DriftWeek(
        version=week.version,
        week_start=week.start,
        week_end=week.end,
        category_code=code,
        incidents=reported,
        expected=expected,
        incidents_low=seen.reported_band[0],
        incidents_high=seen.reported_band[1],
        calibration_ratio=expected / reported if reported else None,
        capture_rate=captured / reported if reported else None,
        capture_low=low,
        capture_high=high,
        is_outside=seen.is_outside,
        computed_at=timezone.now(),
    )
    return row, seen


def _drifts_on(seen: Watched, before: DriftWeek) -> bool:
    """Whether the week before lay outside on the same side of the same measure."""
    reported_side, capture_side = _sides(before)
    is_same_count = seen.reported_side != 0 and seen.reported_side == reported_side
    return is_same_count or (seen.capture_side != 0 and seen.capture_side == capture_side)


def _sides(row: DriftWeek) -> tuple[int, int]:
    """−1 below, 1 above, 0 within the band: of the reported incidents and of the capture rate."""
    capture = row.capture_rate
    if capture is None or row.capture_low is None or row.capture_high is None:
        side = 0
    else:
        side = int(capture > row.capture_high) - int(capture < row.capture_low)
    return int(row.incidents > row.incidents_high) - int(row.incidents < row.incidents_low), side


def _week_before(stored: dict[tuple[datetime, str], DriftWeek], start: datetime) -> datetime | None:
    """The start of the week right before this one, where it was watched; a changed clock may move it by an hour."""
    near = [begun for begun, _code in stored if abs(start - begun - timedelta(weeks=1)) <= timedelta(hours=2)]
    return near[0] if near else None


def _stored(jurisdiction: Jurisdiction, *, since: datetime) -> dict[tuple[datetime, str], DriftWeek]:
    rows = DriftWeek.objects.of(jurisdiction).filter(week_start__gte=since)
    return {(row.week_start, row.category_code): row for row in rows}


@transaction.atomic
def _store(jurisdiction: Jurisdiction, rows: list[DriftWeek], job: Job | None) -> list[DriftWeek]:
    """Replace the rows of the weeks that have changed; one line in the audit trail for each week with new alerts."""
    stop_if_cancelled(job)
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=jurisdiction.pk)
    starts = sorted({row.week_start for row in rows})
    old = DriftWeek.objects.of(jurisdiction).filter(week_start__in=starts)
    alerted = set(old.filter(is_alert=True).values_list("week_start", "category_code"))
    old.delete()
    DriftWeek.objects.bulk_create(rows)
    for start in starts:
        fresh = [row for row in rows if row.week_start == start and row.is_alert and (start, row.category_code) not in alerted]
        if fresh:
            record(
                action=AuditEntry.Action.DRIFT_ALERT,
                actor=None,
                actor_name="drift watch",
                jurisdiction=jurisdiction,
                target=f"week:{start.astimezone(jurisdiction.zone):%Y-%m-%d}",
                detail={"category": ", ".join(row.category_code or "*" for row in fresh)},
            )
    return rows
