"""Live weights: a prior from rulings, hours kept by the live service, learning, and what may go into service."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from cctv.factors import RISK_CODES
from tests.factories import cell_point, cells_of, make_published_run, make_upload
from tests.rulings import make_ruling
from webapp.audit.models import AuditEntry
from webapp.common.errors import Conflict, HaechiError, NotAllowed
from webapp.crimes.models import Category, Incident
from webapp.forecasts.models import LiveHour, LiveWeights, Rates
from webapp.forecasts.selectors import live_weights_in_service, live_weights_list, weight_lines
from webapp.forecasts.sentences import live_verdict_sentence
from webapp.forecasts.services.live_history import ENTRIES_AT_MOST, half_lives, keep_live_hour, read_history
from webapp.forecasts.services.live_weights import (
    give_live_weights,
    learn_due_weights,
    learn_live_weights,
    make_prior,
    prior_from_rulings,
    promote_live_weights,
)

START = datetime(2026, 1, 5, 21, tzinfo=UTC)  # Tuesday 06:00 in Seoul: a slot begins
HOUR = timedelta(hours=1)
RUNNING = RISK_CODES.index("running")
DAYS = 40
TRUTH = 0.8


@pytest.fixture
def run(jurisdiction):
    return make_published_run(jurisdiction, first_slot=START)


def keep(jurisdiction, run, at, excess, seen=None):
    seen = np.ones(run.grid.cell_count, dtype=np.float32) if seen is None else seen
    slot = int((at - START) / (8 * HOUR)) % len(run.slot_starts)
    return keep_live_hour(
        jurisdiction=jurisdiction, run=run, slot=slot, at=at, factors=RISK_CODES, excess=excess.astype(np.float32), seen=seen
    )


def live_weeks(jurisdiction, run, *, weight, seed=3, factor=RUNNING):
    """Forty days of hours in which one factor is unusual in a tenth of the cells, and incidents follow it with `weight`."""
    rng = np.random.default_rng(seed)
    cells = cells_of(jurisdiction)
    upload = make_upload(jurisdiction, rows=1, seed=seed)
    categories = list(Category.objects.of(jurisdiction).order_by("position"))
    by_slot = {(r.slot, r.category.code): r.array() for r in Rates.objects.filter(run=run).select_related("category")}
    hours, incidents = [], []
    for number in range(24 * DAYS):
        at = START + number * HOUR
        excess = np.zeros((len(RISK_CODES), len(cells)))
        excess[factor] = np.where(rng.random(len(cells)) < 0.1, rng.uniform(0.5, 3, len(cells)), 0)
        hours.append(keep(jurisdiction, run, at, excess))
        for category in categories:
            rates = by_slot[hours[-1].slot, category.code] / 8
            happened = rng.poisson(rates * np.exp(weight * excess[factor]))
            for cell in np.repeat(cells, happened):
                moment = at + timedelta(minutes=int(rng.integers(60)))
                incidents.append(
                    Incident(
                        jurisdiction=jurisdiction,
                        upload=upload,
                        category=category,
                        occurred_from=moment,
                        occurred_to=moment,
                        local_hour_of_week=0,
                        point=cell_point(int(cell)),
                        cell=int(cell),
                        cell_parent=0,
                        source_line=len(incidents) + 2,
                    )
                )
    Incident.objects.bulk_create(incidents)
    return START + DAYS * 24 * HOUR + timedelta(days=3)


def test_the_prior_follows_the_rulings_and_says_nothing_where_they_are_silent(jurisdiction):
    for number in range(40):
        category, factor = (("robbery", "following"), ("violence", "quarrel"))[number % 2]
        make_ruling(jurisdiction, [(0, "category", category, ""), (0, "risk_factor", factor, ""), (0, "time", "23:40", "")])
    prior = prior_from_rulings(jurisdiction=jurisdiction)
    weight = dict(zip(prior.categories, prior.mean[:, RISK_CODES.index("following")], strict=True))
    assert weight["robbery"] > 0.1
    assert weight["violence"] < 0
    assert weight["homicide"] == 0
    assert not prior.mean[:, RISK_CODES.index("glass")].any()  # no ruling has a word for it
    assert prior.sd.min() >= 0.15
    row = make_prior(jurisdiction=jurisdiction)
    assert (row.state, row.origin, row.verdict) == ("in_service", "prior", "first")
    assert make_prior(jurisdiction=jurisdiction).pk == row.pk
    found = live_weights_in_service(jurisdiction=jurisdiction)
    assert found.pk == row.pk
    assert found.weights().mean == pytest.approx(prior.mean)


def test_new_rulings_change_the_prior_in_service(jurisdiction):
    first = make_prior(jurisdiction=jurisdiction)
    assert not any(first.mean)
    for number in range(20):
        factor = ("following", "weapon")[number % 2]
        make_ruling(jurisdiction, [(0, "category", ("robbery", "theft")[number % 2], ""), (0, "risk_factor", factor, "")])
    second = make_prior(jurisdiction=jurisdiction)
    assert second.pk != first.pk
    assert second.verdict == "new_rulings"
    first.refresh_from_db()
    assert first.state == "retired"


def test_a_simulated_city_may_be_given_weights_and_a_real_one_not(jurisdiction):
    make_prior(jurisdiction=jurisdiction)
    row = give_live_weights(jurisdiction=jurisdiction, weights={"theft": {"loitering": 0.5}})
    assert (row.state, row.origin, row.verdict) == ("in_service", "given", "given")
    assert live_verdict_sentence(row).startswith("Simulated")
    assert {line.mean for line in weight_lines(row)} == {0.0, 0.5}
    assert give_live_weights(jurisdiction=jurisdiction, weights={"theft": {"loitering": 0.5}}).pk == row.pk
    assert make_prior(jurisdiction=jurisdiction).pk == row.pk
    with pytest.raises(HaechiError, match="no risk factor"):
        give_live_weights(jurisdiction=jurisdiction, weights={"theft": {"sneezing": 0.5}})
    jurisdiction.is_simulated = False
    with pytest.raises(HaechiError, match="these are real"):
        give_live_weights(jurisdiction=jurisdiction, weights={})


def test_a_kept_hour_comes_back_as_it_was_and_only_once(jurisdiction, run):
    cells = run.grid.cell_count
    excess = np.zeros((len(RISK_CODES), cells))
    excess[RUNNING, 3], excess[0, 3], excess[1, 7] = 1.5, -0.5, 2.98
    seen = np.ones(cells, dtype=np.float32)
    seen[7] = 0.2
    kept = keep(jurisdiction, run, START + timedelta(minutes=7), excess, seen)
    again = keep(jurisdiction, run, START, excess * 0)
    assert kept.pk == again.pk
    assert LiveHour.objects.get().entry_count == 3
    upload = make_upload(jurisdiction, rows=2)
    theft = Category.objects.of(jurisdiction).get(code="theft")
    for line, (cell, minutes, lasts) in enumerate([(3, 10, 0), (5, 59, 0), (7, 20, 0), (3, 60, 0), (3, 20, 600)]):
        at = START + timedelta(minutes=minutes)
        place = int(cells_of(jurisdiction)[cell])
        Incident.objects.create(
            jurisdiction=jurisdiction,
            upload=upload,
            category=theft,
            occurred_from=at,
            occurred_to=at + timedelta(minutes=lasts),
            local_hour_of_week=0,
            point=cell_point(place),
            cell=place,
            cell_parent=0,
            source_line=line + 2,
        )
    codes = tuple(run.category_codes)
    history = read_history(jurisdiction=jurisdiction, grid=run.grid, categories=codes, factors=RISK_CODES, until=START + 2 * HOUR)
    assert history.hours.tolist() == [int(START.timestamp())]
    assert history.cells.tolist() == [3]  # cell 7 was not seen
    row = history.excess.toarray()[0]
    assert row[[RUNNING, 0]] == pytest.approx([1.5, -0.5])
    column = codes.index("theft")
    assert history.counts[0, column] == 1  # not the one an hour later, nor the one whose hour nobody knows
    assert history.rest_counts[0, column] == 1
    rates = Rates.objects.get(run=run, slot=0, category=theft).array() / 8
    assert history.rates[0, column] == pytest.approx(rates[3])
    assert history.rest_rates[0, column] == pytest.approx(rates.sum() - rates[3] - rates[7], rel=1e-5)


def test_an_hour_is_bounded_and_of_the_runs_cells(jurisdiction, run):
    cells = run.grid.cell_count
    full = np.full((len(RISK_CODES), cells), 2.0)
    assert keep(jurisdiction, run, START, full).entry_count == min(ENTRIES_AT_MOST, full.size)
    with pytest.raises(HaechiError, match="not of the forecast's cells"):
        keep(jurisdiction, run, START, np.zeros((len(RISK_CODES), cells - 1)))


def test_weights_are_learnt_from_hours_and_go_into_service_where_they_do_better(jurisdiction, run, analyst):
    now = live_weeks(jurisdiction, run, weight=TRUTH)
    row = learn_live_weights(jurisdiction=jurisdiction, now=now)
    assert (row.state, row.origin, row.verdict) == ("in_service", "learnt", "better")
    assert row.hour_count == 24 * DAYS
    assert row.comparison["low"] > 0
    lines = {(line.category, line.factor): line for line in weight_lines(row)}
    theft = lines["theft", "running"]
    assert theft.low < TRUTH < theft.high
    assert abs(lines["theft", "fall"].mean) < 0.15
    assert live_weights_list(user=analyst).first().pk == row.pk
    assert LiveWeights.objects.filter(state="in_service").count() == 1
    entry = AuditEntry.objects.get(target=f"live-weights:{row.pk}")
    assert entry.detail["reason"] == "better"
    # A day later nothing is due; a week later the same hours do no better than themselves.
    assert learn_due_weights(now=row.created_at + timedelta(days=1)) == 0
    assert learn_live_weights(jurisdiction=jurisdiction, now=now).verdict == "not_better"
    assert live_weights_in_service(jurisdiction=jurisdiction).pk == row.pk


def test_a_signal_without_meaning_leaves_the_prior_in_service(jurisdiction, run):
    now = live_weeks(jurisdiction, run, weight=0.0, seed=4)
    row = learn_live_weights(jurisdiction=jurisdiction, now=now)
    assert (row.state, row.verdict) == ("refused", "not_better")
    assert live_weights_in_service(jurisdiction=jurisdiction).row.origin == "prior"


def test_too_few_hours_teach_nothing_and_say_so(jurisdiction, run):
    keep(jurisdiction, run, START, np.ones((len(RISK_CODES), run.grid.cell_count)))
    out = io.StringIO()
    call_command("learn_live_weights", jurisdiction=jurisdiction.code, stdout=out)
    assert "Too little to learn from" in out.getvalue()
    assert LiveWeights.objects.get(state="refused").verdict == "too_little"


def test_the_command_makes_the_prior_alone_and_names_an_unknown_jurisdiction(jurisdiction):
    out = io.StringIO()
    call_command("learn_live_weights", jurisdiction=jurisdiction.code, prior_only=True, stdout=out)
    assert "what court rulings say" in out.getvalue()
    with pytest.raises(CommandError, match="There is no jurisdiction"):
        call_command("learn_live_weights", jurisdiction="nowhere")


def test_a_person_puts_other_weights_into_service_with_a_reason(jurisdiction, run, analyst, operator):
    prior = make_prior(jurisdiction=jurisdiction)
    keep(jurisdiction, run, START, np.ones((len(RISK_CODES), run.grid.cell_count)))
    refused = learn_live_weights(jurisdiction=jurisdiction, now=START + timedelta(days=5))
    with pytest.raises(NotAllowed):
        promote_live_weights(weights=refused, reason="because I may not", user=operator)
    with pytest.raises(HaechiError, match="Give a reason"):
        promote_live_weights(weights=refused, reason=" ", user=analyst)
    promoted = promote_live_weights(weights=refused, reason="we trust the cameras", user=analyst)
    assert (promoted.state, promoted.verdict, promoted.promoted_by) == ("in_service", "by_person", analyst)
    assert AuditEntry.objects.get(target=f"live-weights:{promoted.pk}").detail["before"] == prior.pk
    with pytest.raises(Conflict):
        promote_live_weights(weights=promoted, reason="once more", user=analyst)


def test_a_factors_half_life_is_the_same_for_service_and_learning():
    assert half_lives(["fight", "glass", "unheard_of"]).tolist() == [600.0, 900.0, 1_800.0]


def test_hours_older_than_a_year_are_forgotten(jurisdiction, run):
    keep(jurisdiction, run, START, np.zeros((len(RISK_CODES), run.grid.cell_count)))
    keep(jurisdiction, run, START + timedelta(days=300), np.zeros((len(RISK_CODES), run.grid.cell_count)))
    learn_live_weights(jurisdiction=jurisdiction, now=START + timedelta(days=370))
    assert [hour.at for hour in LiveHour.objects.all()] == [START + timedelta(days=300)]
