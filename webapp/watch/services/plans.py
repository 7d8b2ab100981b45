"""Writes of watch plans: make one from a run, publish it, keep one in force for the slot that is on."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.cameras.selectors import working_cameras
from webapp.common.errors import Conflict, HaechiError, NotFound
from webapp.forecasts.models import ForecastRun
from webapp.forecasts.selectors import current_run, rates_by_category, reasons_by_category, slot_index
from webapp.watch.choosing import CellReasons, WatchList, make_watch_list
from webapp.watch.models import WatchItem, WatchPlan
from webapp.watch.selectors.plans import past_counts, slot_to_plan

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

OPERATORS_AT_MOST = 500
CAMERAS_PER_OPERATOR_AT_MOST = 200
ITEMS_AT_MOST = 30_000


@transaction.atomic
def make_plan(
    *,
    jurisdiction: Jurisdiction,
    run: ForecastRun,
    slot_start: datetime,
    user: "User | None" = None,
    operators: int | None = None,
    cameras_per_operator: int | None = None,
    category_code: str = "",
) -> WatchPlan:
    """Make a draft plan for one slot of a published run: cameras, their order, their seats and their reasons.

    The numbers default to the jurisdiction's. Raises `NotFound` where the run has no such slot or category, `HaechiError` where
    the numbers are out of bounds or there is no camera to choose from.
    """
    if user is not None:
        require(user, Act.MAKE_PLAN)
    operators = jurisdiction.operators if operators is None else operators
    per_operator = jurisdiction.cameras_per_operator if cameras_per_operator is None else cameras_per_operator
    _check_run(jurisdiction, run, category_code)
    _check_numbers(operators, per_operator)
    slot = slot_index(run=run, slot_start=slot_start)
    cameras = working_cameras(jurisdiction=jurisdiction)
    if not len(cameras):
        raise HaechiError(
            _(
                "No working camera is registered for %(name)s. Register its cameras first "
                "(./run manage register_cameras FILE --jurisdiction %(code)s), then make the plan."
            )
            % {"name": jurisdiction.label, "code": jurisdiction.code},
            code="no_cameras",
        )
    rates = rates_by_category(run=run, slot=slot)
    chosen = make_watch_list(
        cameras=cameras,
        cells=run.grid.array(),
        rates=rates,
        reasons=_cell_reasons(run),
        past_counts=past_counts(jurisdiction=jurisdiction, grid=run.grid, before=run.data_cutoff, category_code=category_code),
        category_code=category_code,
        operators=operators,
        cameras_per_operator=per_operator,
    )
    plan = WatchPlan.objects.create(
        jurisdiction=jurisdiction,
        run=run,
        slot_start=slot_start,
        slot_end=run.slot_starts[slot + 1] if slot + 1 < len(run.slot_starts) else run.horizon_end,
        operators=operators,
        cameras_per_operator=per_operator,
        category_code=category_code,
        expected_incidents=sum(float(rates[code].sum(dtype="f8")) for code in rates if category_code in ("", code)),
        expected_captured=chosen.captured,
        expected_by_count=chosen.captured_by_count,
        upper_bound=chosen.upper_bound,
        camera_count=len(cameras),
        created_by=user,
    )
    _store_items(plan, chosen)
    return plan


@transaction.atomic
def publish_plan(*, plan: WatchPlan, user: "User | None", request: "HttpRequest | None" = None) -> WatchPlan:
    """Put a draft in force for its slot; the plan that was in force is marked as replaced. Published twice, it stays as it is.

    `user` None: the system itself, for the slot that is on. Raises `Conflict` where the plan was already replaced.
    """
    if user is not None:
        require(user, Act.PUBLISH_PLAN)
        if user.jurisdiction_id != plan.jurisdiction_id:
            raise NotFound(_("There is no such watch plan."))
    # Two people who publish for the same slot do so one after the other.
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=plan.jurisdiction_id)
    plan.refresh_from_db()
    if plan.state == WatchPlan.State.PUBLISHED:
        return plan
    if plan.state == WatchPlan.State.REPLACED:
        raise Conflict(_("A newer plan has taken this plan's place. Make a new plan for this slot and publish that."))
    plans = WatchPlan.objects.of(plan.jurisdiction)
    in_force = plans.filter(slot_start=plan.slot_start, category_code=plan.category_code, state=WatchPlan.State.PUBLISHED)
    replaced = list(in_force.values_list("pk", flat=True))
    in_force.update(state=WatchPlan.State.REPLACED)
    draft = plans.filter(pk=plan.pk, state=WatchPlan.State.DRAFT)
    if not draft.update(state=WatchPlan.State.PUBLISHED, published_by=user, published_at=timezone.now()):
        raise Conflict(_("Someone else has just changed this plan. Reload the page and look again."))
    record(
        action=AuditEntry.Action.PUBLISH_PLAN,
        actor=user,
        jurisdiction=plan.jurisdiction,
        target=f"plan:{plan.pk}",
        detail={"slot_start": plan.slot_start.isoformat(), "category": plan.category_code, "replaced": replaced},
        request=request,
        actor_name="" if user else "haechi",
    )
    plan.refresh_from_db()
    return plan


def ensure_plan(*, jurisdiction: Jurisdiction, now: datetime) -> tuple[WatchPlan, bool]:
    """The published plan for the slot that is on (or the next), made now from the current run where there is none yet.

    Returns the plan and whether it was made now. A plan of an earlier run gives way to a new one, unless a person published it.
    Raises `NotFound` where there is no published forecast yet.
    """
    run = current_run(jurisdiction=jurisdiction)
    if run is None:
        raise NotFound(_("There is no published forecast yet. Make a forecast first, then the watch plan."))
    slot_start = slot_to_plan(run=run, now=now)
    with transaction.atomic():
        Jurisdiction.objects.select_for_update(no_key=True).get(pk=jurisdiction.pk)
        in_force = WatchPlan.objects.of(jurisdiction).filter(slot_start=slot_start, category_code="")
        there = in_force.filter(state=WatchPlan.State.PUBLISHED).first()
        # What a person has published is not taken back by the system, even where a newer run is there.
        if there is not None and (there.run_id == run.pk or there.published_by_id is not None):
            return there, False
        plan = make_plan(jurisdiction=jurisdiction, run=run, slot_start=slot_start)
        return publish_plan(plan=plan, user=None), True


def _check_run(jurisdiction: Jurisdiction, run: ForecastRun, category_code: str) -> None:
    if run.jurisdiction_id != jurisdiction.pk or run.state != ForecastRun.State.PUBLISHED:
        raise NotFound(_("There is no such published forecast."))
    if category_code and category_code not in run.category_codes:
        raise NotFound(_("The forecast has no such category."), fields={"category": category_code})


def _check_numbers(operators: int, per_operator: int) -> None:
    if not 1 <= operators <= OPERATORS_AT_MOST:
        raise HaechiError(
            _("The number of operators must be from 1 to %(most)d.") % {"most": OPERATORS_AT_MOST},
            code="operators_out_of_bounds",
            fields={"operators": operators},
        )
    if not 1 <= per_operator <= CAMERAS_PER_OPERATOR_AT_MOST:
        raise HaechiError(
            _("The number of cameras per operator must be from 1 to %(most)d.") % {"most": CAMERAS_PER_OPERATOR_AT_MOST},
            code="cameras_per_operator_out_of_bounds",
            fields={"cameras_per_operator": per_operator},
        )
    if operators * per_operator > ITEMS_AT_MOST:
        raise HaechiError(
            _("A plan holds at most %(most)d cameras. Take fewer operators or fewer cameras for each.") % {"most": ITEMS_AT_MOST},
            code="plan_too_large",
            fields={"operators": operators, "cameras_per_operator": per_operator},
        )


def _cell_reasons(run: ForecastRun) -> dict[str, CellReasons]:
    found = reasons_by_category(run=run)
    return {code: CellReasons(tuple(reasons.groups), reasons.array()) for code, reasons in found.items()}


def _store_items(plan: WatchPlan, chosen: WatchList) -> None:
    rows = zip(chosen.camera_ids.tolist(), chosen.seats.tolist(), chosen.gains.tolist(), chosen.reasons, strict=True)
    WatchItem.objects.bulk_create(
        (
            WatchItem(plan=plan, rank=rank, operator=seat, camera_id=camera_id, expected_captured=gain, reason=reason)
            for rank, (camera_id, seat, gain, reason) in enumerate(rows, start=1)
        ),
        batch_size=2000,
    )
