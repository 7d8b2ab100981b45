"""Watch plans: made from a run, published, replaced, final."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import h3
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone, translation

from cctv.coverage import captured_risk
from cctv.views import look
from tests import factories
from webapp.audit.models import AuditEntry
from webapp.cameras.models import Camera
from webapp.cameras.selectors import working_cameras
from webapp.common.errors import Conflict, HaechiError, NotAllowed, NotFound
from webapp.forecasts.models import Reasons
from webapp.forecasts.selectors import rates_by_category, rates_vector
from webapp.watch.models import WatchItem, WatchPlan
from webapp.watch.selectors import past_counts, plain_cell, plan_page, slot_to_plan, watch_list_csv
from webapp.watch.services import ensure_plan, make_plan, publish_plan
from webapp.watch.tasks import plan_next_slots
from webapp.watch.wording import reason_sentence


@pytest.fixture
def run(jurisdiction, cameras, published_run):
    """A published run of a city with 40 cameras."""
    cameras(jurisdiction, 40)
    return published_run(jurisdiction)


def draft(run, **changes):
    values = {"slot_start": run.slot_starts[0], "operators": 2, "cameras_per_operator": 5} | changes
    return make_plan(jurisdiction=run.jurisdiction, run=run, **values)


def test_a_plan_holds_the_best_cameras_in_order_of_choice(run):
    plan = draft(run)
    items = list(plan.items.all())
    assert plan.state == WatchPlan.State.DRAFT
    assert [item.rank for item in items] == list(range(1, 11))
    gains = [item.expected_captured for item in items]
    assert gains == sorted(gains, reverse=True)
    assert plan.expected_captured == pytest.approx(sum(gains))
    assert plan.camera_count == 40
    assert plan.expected_captured <= plan.upper_bound < plan.expected_captured * 1.2


def test_the_expected_captured_incidents_are_those_of_the_union_of_the_views(run):
    plan = draft(run, slot_start=run.slot_starts[4], category_code="theft")
    arrays = working_cameras(jurisdiction=run.jurisdiction)
    views = look(arrays.lon, arrays.lat, arrays.bearing_deg, arrays.angle_deg, arrays.range_m, cell_ids=run.grid.array())
    chosen = np.searchsorted(arrays.id, sorted(plan.items.values_list("camera_id", flat=True)))
    risk = rates_vector(run=run, slot=4, category_code="theft")
    assert plan.expected_captured == pytest.approx(captured_risk(views, risk, chosen))
    assert plan.expected_incidents == pytest.approx(float(risk.sum()), rel=1e-5)


def test_expected_incidents_add_up_over_all_categories(run):
    total = sum(float(vector.sum()) for vector in rates_by_category(run=run, slot=0).values())
    assert draft(run).expected_incidents == pytest.approx(total, rel=1e-5)


def test_each_operator_gets_no_more_cameras_than_asked_for(run):
    plan = draft(run, operators=3, cameras_per_operator=4)
    seats = plan_page(plan=plan).seats
    assert [seat.operator for seat in seats] == [1, 2, 3]
    assert [seat.cameras for seat in seats] == [4, 4, 4]
    assert sum(seat.expected_captured for seat in seats) == pytest.approx(plan.expected_captured)


def test_the_numbers_default_to_those_of_the_jurisdiction(run):
    plan = make_plan(jurisdiction=run.jurisdiction, run=run, slot_start=run.slot_starts[0])
    assert (plan.operators, plan.cameras_per_operator) == (6, 50)
    assert plan.items.count() == 40


def test_the_last_slot_ends_with_the_forecast(run):
    assert draft(run).slot_end == run.slot_starts[1]
    assert draft(run, slot_start=run.slot_starts[-1]).slot_end == run.horizon_end


def test_dead_cameras_are_left_out(run):
    dead = draft(run).items.first().camera
    Camera.objects.filter(pk=dead.pk).update(is_working=False)
    plan = draft(run)
    assert plan.camera_count == 39
    assert not plan.items.filter(camera=dead).exists()


def test_the_same_plan_comes_out_twice(run):
    first, second = draft(run), draft(run)
    fields = ("rank", "operator", "camera_id", "expected_captured", "reason")
    assert list(first.items.values_list(*fields)) == list(second.items.values_list(*fields))


def test_the_plan_is_no_worse_than_the_choice_by_past_counts(run, incidents):
    incidents(run.jurisdiction, 300, until=run.data_cutoff)  # half of them in the tenth of the cells that is forecast lowest
    plan = draft(run)
    assert 0 < plan.expected_by_count < plan.expected_captured


def test_past_counts_are_those_of_the_cells_before_the_cut_off(jurisdiction, incidents):
    rows = incidents(jurisdiction, 60)
    grid = factories.CellGrid.objects.of(jurisdiction).get(is_current=True)
    cutoff = sorted(row.occurred_from for row in rows)[30]
    expected = np.zeros(grid.cell_count)
    for row in rows:
        expected[np.searchsorted(grid.array(), row.cell)] += row.occurred_from < cutoff
    assert past_counts(jurisdiction=jurisdiction, grid=grid, before=cutoff).tolist() == expected.tolist()
    theft = past_counts(jurisdiction=jurisdiction, grid=grid, before=timezone.now(), category_code="theft")
    assert theft.sum() == sum(row.category.code == "theft" for row in rows)


@pytest.mark.parametrize("resolution", [9, 11])
def test_past_counts_follow_a_coarser_or_finer_grid(jurisdiction, incidents, resolution):
    rows = incidents(jurisdiction, 60)
    grid = factories.CellGrid.objects.of(jurisdiction).get(is_current=True)
    other = sorted(
        {
            int(child, 16)
            for cell in grid.array()
            for child in ([h3.cell_to_parent(f"{cell:x}", 9)] if resolution == 9 else h3.cell_to_children(f"{cell:x}", 11))
        }
    )
    grid.resolution, grid.cells, grid.cell_count = resolution, np.array(other, "<u8").tobytes(), len(other)
    counts = past_counts(jurisdiction=jurisdiction, grid=grid, before=timezone.now())
    assert counts.sum() == pytest.approx(len(rows))
    assert counts.max() >= 1 if resolution == 9 else counts.max() > 0


def test_the_reason_names_category_cell_and_what_raises_it(run):
    item = draft(run).items.first()
    assert item.reason["category"] == "violence"  # the factory's highest rate
    assert item.reason["share"] == pytest.approx(5 / 15, abs=1e-3)
    assert item.reason["group"] == "here_recent"
    assert item.reason["factor"] == pytest.approx(np.exp(0.5), abs=2e-3)
    assert item.reason["vs_mean"] > 1.5
    cell = int(item.reason["cell"], 16)
    assert cell in run.grid.array().tolist()
    camera = item.camera.point
    assert h3.great_circle_distance((camera.y, camera.x), h3.cell_to_latlng(item.reason["cell"]), unit="m") < 60 + 80


def test_a_plan_for_one_category_gives_reasons_of_that_category(run):
    assert {item.reason["category"] for item in draft(run, category_code="theft").items.all()} == {"theft"}


def test_a_reason_is_a_sentence_in_the_language_of_the_page(run):
    plan = draft(run)
    with translation.override("en"):
        sentence = plan_page(plan=plan).lines[0].reason["sentence"]
    assert sentence.startswith("The risk of Violence in its view is ")
    assert "times the jurisdiction's mean." in sentence
    assert "×1.6" in sentence


def test_nothing_is_said_of_a_factor_too_small_to_notice():
    reason = {"category": "theft", "vs_mean": 6.2, "group": "place", "factor": 1.02}
    with translation.override("en"):
        assert (
            reason_sentence(reason, {"theft": "Theft"}) == "The risk of Theft in its view is 6.2 times the jurisdiction's mean."
        )


def test_a_run_without_reasons_still_gives_a_plan(run):
    Reasons.objects.filter(run=run).delete()
    item = draft(run).items.first()
    assert (item.reason["group"], item.reason["factor"]) == ("", 1.0)


def test_a_city_without_cameras_says_how_to_register_them(jurisdiction, published_run):
    with translation.override("en"), pytest.raises(HaechiError, match=r"No working camera is registered for Test-gu\. Register"):
        draft(published_run(jurisdiction))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"operators": 0}, "operators_out_of_bounds"),
        ({"operators": 501}, "operators_out_of_bounds"),
        ({"cameras_per_operator": 0}, "cameras_per_operator_out_of_bounds"),
        ({"cameras_per_operator": 201}, "cameras_per_operator_out_of_bounds"),
        ({"operators": 500, "cameras_per_operator": 200}, "plan_too_large"),
        ({"category_code": "arson"}, "not_found"),
    ],
)
def test_numbers_out_of_bounds_are_refused(run, changes, code):
    with pytest.raises(HaechiError) as caught:
        draft(run, **changes)
    assert caught.value.code == code
    assert not WatchPlan.objects.exists()


def test_a_slot_that_the_run_does_not_have_is_refused(run):
    with pytest.raises(NotFound):
        draft(run, slot_start=run.slot_starts[0] + timedelta(hours=1))


def test_a_run_of_another_jurisdiction_is_not_there(run, other_jurisdiction):
    with pytest.raises(NotFound):
        make_plan(jurisdiction=other_jurisdiction, run=run, slot_start=run.slot_starts[0])


def test_publishing_leaves_a_line_in_the_audit_trail(run, operator):
    plan = publish_plan(plan=draft(run), user=operator)
    assert (plan.state, plan.published_by) == (WatchPlan.State.PUBLISHED, operator)
    entry = AuditEntry.objects.get(action=AuditEntry.Action.PUBLISH_PLAN)
    assert (entry.actor, entry.target, entry.detail["replaced"]) == (operator, f"plan:{plan.pk}", [])


def test_publishing_twice_is_publishing_once(run, operator):
    plan = publish_plan(plan=draft(run), user=operator)
    at = plan.published_at
    assert publish_plan(plan=plan, user=operator).published_at == at
    assert AuditEntry.objects.filter(action=AuditEntry.Action.PUBLISH_PLAN).count() == 1


def test_a_new_plan_takes_the_place_of_the_published_one(run, operator):
    first, second = publish_plan(plan=draft(run), user=operator), draft(run, operators=1)
    publish_plan(plan=second, user=operator)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (WatchPlan.State.REPLACED, WatchPlan.State.PUBLISHED)
    assert AuditEntry.objects.order_by("-pk").first().detail["replaced"] == [first.pk]
    with pytest.raises(Conflict):
        publish_plan(plan=first, user=operator)


def test_plans_of_other_slots_and_categories_stay_in_force(run, operator):
    plans = [draft(run), draft(run, slot_start=run.slot_starts[1]), draft(run, category_code="theft")]
    for plan in plans:
        publish_plan(plan=plan, user=operator)
    assert WatchPlan.objects.filter(state=WatchPlan.State.PUBLISHED).count() == 3


def test_an_analyst_may_make_but_not_publish_a_plan(run, analyst, auditor):
    plan = draft(run, user=analyst)
    assert plan.created_by == analyst
    with pytest.raises(NotAllowed):
        publish_plan(plan=plan, user=analyst)
    with pytest.raises(NotAllowed):
        draft(run, user=auditor)


def test_nobody_publishes_the_plan_of_another_jurisdiction(run, outsider):
    with pytest.raises(NotFound):
        publish_plan(plan=draft(run), user=outsider)


@pytest.mark.django_db(transaction=True)
def test_of_two_plans_published_at_the_same_moment_one_is_in_force(cameras, published_run):
    jurisdiction = factories.make_jurisdiction()
    operator = factories.make_user(jurisdiction, "operator")
    cameras(jurisdiction, 12)
    run = published_run(jurisdiction)
    plans = [draft(run), draft(run)]

    def publish(plan):
        try:
            return publish_plan(plan=plan, user=operator).state
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(publish, plans)) == ["published", "published"]
    assert sorted(WatchPlan.objects.values_list("state", flat=True)) == ["published", "replaced"]
    assert AuditEntry.objects.filter(action=AuditEntry.Action.PUBLISH_PLAN).count() == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: WatchPlan.objects.filter(pk=plan.pk).update(operators=9),
        lambda plan: WatchPlan.objects.filter(pk=plan.pk).update(state="draft"),
        lambda plan: WatchPlan.objects.filter(pk=plan.pk).update(state="replaced", expected_captured=9),
        lambda plan: plan.items.update(operator=9),
        lambda plan: plan.items.all().delete(),
        lambda plan: WatchItem.objects.bulk_create(
            [WatchItem(plan=plan, rank=99, operator=1, camera=Camera.objects.last(), expected_captured=0, reason={})]
        ),
    ],
    ids=["numbers", "back to draft", "numbers while replaced", "seats", "items deleted", "items added"],
)
def test_the_database_keeps_a_published_plan_as_it_was(run, operator, change):
    plan = publish_plan(plan=draft(run), user=operator)
    with pytest.raises(IntegrityError, match=r"final"), transaction.atomic():
        change(plan)
    assert WatchPlan.objects.get(pk=plan.pk).operators == 2
    assert plan.items.count() == 10


def test_a_draft_can_be_thrown_away(run):
    draft(run).delete()
    assert not WatchItem.objects.exists()


def test_the_slot_to_plan_is_the_one_that_is_on(run):
    starts = run.slot_starts
    assert slot_to_plan(run=run, now=starts[3] + timedelta(hours=2)) == starts[3]
    assert slot_to_plan(run=run, now=starts[3]) == starts[3]
    assert slot_to_plan(run=run, now=starts[0] - timedelta(hours=2)) == starts[0]
    assert slot_to_plan(run=run, now=run.horizon_end + timedelta(days=900)) == starts[0]  # a week of the past


def test_the_command_publishes_a_plan_once(run, capsys):
    call_command("plan_watch", jurisdiction="testgu")
    first = capsys.readouterr().out
    call_command("plan_watch", jurisdiction="testgu")
    plan = WatchPlan.objects.get()
    assert (plan.state, plan.slot_start, plan.published_by) == (WatchPlan.State.PUBLISHED, run.slot_starts[0], None)
    assert "40" in first
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert AuditEntry.objects.get(action=AuditEntry.Action.PUBLISH_PLAN).actor_name == "haechi"


def test_the_command_says_what_is_missing(jurisdiction, cameras):
    with translation.override("en"):
        with pytest.raises(CommandError, match="no jurisdiction with the code nowhere"):
            call_command("plan_watch", jurisdiction="nowhere")
        with pytest.raises(CommandError, match="There is no published forecast yet"):
            call_command("plan_watch", jurisdiction="testgu")


def test_a_newer_run_gets_its_own_plan_but_never_takes_back_what_a_person_published(run, published_run, operator):
    now = run.slot_starts[0]
    _first, made = ensure_plan(jurisdiction=run.jurisdiction, now=now)
    assert made
    newer = published_run(run.jurisdiction, first_slot=run.slot_starts[0])
    second, made = ensure_plan(jurisdiction=run.jurisdiction, now=now)
    assert (made, second.run_id) == (True, newer.pk)
    own = publish_plan(plan=draft(newer), user=operator)
    published_run(run.jurisdiction, first_slot=run.slot_starts[0])
    assert ensure_plan(jurisdiction=run.jurisdiction, now=now) == (own, False)


def test_the_recurring_task_goes_on_where_one_city_has_no_forecast(run, other_jurisdiction):
    plan_next_slots()
    assert WatchPlan.objects.get().jurisdiction == run.jurisdiction


def test_the_watch_list_as_a_file_opens_in_a_spreadsheet_and_runs_nothing(run):
    Camera.objects.of(run.jurisdiction).update(name='=HYPERLINK("http://x")')
    text = watch_list_csv(plan=draft(run))
    lines = text.split("\r\n")
    assert text.startswith("\ufeff")
    assert len(lines) == 12  # heading, ten cameras, the last line's end
    assert "\"'=HYPERLINK(" in lines[1]
    assert [line.split(",")[0] for line in lines[1:11]] == ["1"] * 5 + ["2"] * 5


@pytest.mark.parametrize("text", ["=1+1", "+82", "-1", "@x", "\t=1", "  =1", "\r=1"])
def test_text_that_looks_like_a_formula_is_shown_as_text(text):
    assert plain_cell(text) == "'" + text
    assert plain_cell("절도 위험") == "절도 위험"
