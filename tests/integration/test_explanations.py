"""Why a cell: what the panel and the API say of one cell, before and after a worker has asked the model again."""

import hashlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from scipy.stats import poisson

from prediction.engine import EngineSettings, train
from prediction.learners.boosting import BoostingSettings
from tests.factories import cells_of, make_incidents, make_published_run
from webapp.common.errors import HaechiError
from webapp.crimes.models import Incident
from webapp.forecasts.models import ForecastRun, Reasons
from webapp.forecasts.selectors.explained import folder_of, waiting_key
from webapp.forecasts.selectors.material import material_until
from webapp.forecasts.services.explaining import explain_run, make_explanations

QUICK = EngineSettings(
    boosting=BoostingSettings(trees=10, origins_at_most=8, least_incidents=50), learner="lightgbm", calibrate=False
)


@pytest.fixture
def run(jurisdiction) -> ForecastRun:
    return publish_with_model(jurisdiction)


def publish_with_model(jurisdiction) -> ForecastRun:
    """A published run whose model and incidents are real ones."""
    published = make_published_run(jurisdiction)
    make_incidents(jurisdiction, 600, until=published.data_cutoff - timedelta(hours=1))
    material = material_until(jurisdiction=jurisdiction, cutoff=published.data_cutoff)
    model = train(
        material.incidents,
        material.core_grid,
        scheme=material.scheme,
        categories=material.categories,
        cutoff=published.data_cutoff,
        settings=QUICK,
        blocks=material.blocks,
        seed=1,
    )
    content = model.to_bytes()
    published.model_sha256 = hashlib.sha256(content).hexdigest()
    published.model_file = f"{published.model_sha256}.model"
    published.data_sha256, published.data_read_at = material.sha256, timezone.now()
    Path(settings.MODEL_DIR).mkdir(parents=True, exist_ok=True)
    (Path(settings.MODEL_DIR) / published.model_file).write_bytes(content)
    published.save()
    cache.delete(waiting_key(published))
    return published


def busiest(jurisdiction) -> str:
    """The first cells hold half of all incidents."""
    return f"{int(cells_of(jurisdiction)[0]):x}"


def address(run: ForecastRun, cell: str, **query: str) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return f"/api/v1/runs/{run.pk}/cells/{cell}/explanation/?{asked}"


def test_before_any_worker_the_stored_reasons_add_up_and_the_rest_is_missing(api, operator, jurisdiction, run):
    body = api(operator).get(address(run, busiest(jurisdiction), category="theft")).json()
    assert body["state"] == "missing"
    assert body["base"] == pytest.approx(np.exp(-6.0))
    assert body["rate"] == pytest.approx(body["base"] * np.prod([part["factor"] for part in body["parts"]]))
    assert [(part["group"], round(part["log_part"], 2)) for part in body["parts"]] == [
        ("here_recent", 0.5),
        ("around_recent", 0.25),
        ("season", -0.1),
    ]
    assert body["parts"][0]["sentence"] == "Many incidents in this cell in the last 4 weeks (×1.6)"
    assert (body["changes"], body["similar"]) == ([], [])


def test_the_count_comes_with_the_interval_of_the_runs_spread(api, operator, jurisdiction, run):
    asked = address(run, busiest(jurisdiction), category="theft")
    body = api(operator).get(asked).json()
    assert (body["low"], body["high"]) == (None, None)  # this run recorded no spread
    run.parameters = {"dispersion": {"theft": {"cell": 0.0, "level": 0.0}}}
    run.save()
    body = api(operator).get(asked).json()
    assert (body["low"], body["high"]) == tuple(poisson.interval(0.95, body["rate"]))


def test_all_crimes_together_add_up_before_any_worker_too(api, operator, jurisdiction, run):
    body = api(operator).get(address(run, busiest(jurisdiction))).json()
    assert body["rate"] == pytest.approx(5 * np.exp(-5.35), rel=2e-3)  # five categories, each exp(−6 + 0.65)
    assert body["rate"] == pytest.approx(body["base"] * np.prod([part["factor"] for part in body["parts"]]))


def test_made_by_the_worker_it_tells_what_would_change_the_rate_and_which_cells_are_alike(api, analyst, jurisdiction, run):
    explain_run(run_id=run.pk)
    body = api(analyst).get(address(run, busiest(jurisdiction))).json()
    assert body["state"] == "ready"
    assert body["message"] == ""
    assert body["rate"] == pytest.approx(body["base"] * np.prod([part["factor"] for part in body["parts"]]), rel=1e-3)
    answers = {change["code"]: change for change in body["changes"]}
    assert list(answers) == ["history", "calendar", "place", "live"]
    assert answers["history"]["rate"] == pytest.approx(body["rate"] * answers["history"]["factor"])
    assert answers["live"]["factor"] is None
    assert answers["live"]["why"] == "No live risk reaches the forecast yet."
    assert len(body["similar"]) == 5
    assert busiest(jurisdiction) not in [one["cell"] for one in body["similar"]]
    assert body["similar"][0]["area"] in ("Seo 1-dong", "Dong 1-dong", "서1동", "동1동")
    since = run.slot_starts[0] - timedelta(days=28)
    for told in (body, *body["similar"]):
        recorded = Incident.objects.of(jurisdiction).filter(cell=int(told["cell"], 16), occurred_from__gte=since)
        assert told["recent"] == recorded.count()


def test_counts_of_single_cells_are_for_those_who_may_read_incidents(api, operator, jurisdiction, run):
    make_explanations(run=run)
    body = api(operator).get(address(run, busiest(jurisdiction))).json()
    assert body["recent"] is None
    assert {one["recent"] for one in body["similar"]} == {None}


def test_it_is_explained_as_of_the_runs_cutoff_whatever_came_in_since(api, analyst, jurisdiction, run):
    make_explanations(run=run)
    first = {path.name: path.read_bytes() for path in folder_of(run).iterdir()}
    make_incidents(jurisdiction, 200, seed=9, until=run.data_cutoff + timedelta(days=5), days=4)
    make_explanations(run=run)
    assert {path.name: path.read_bytes() for path in folder_of(run).iterdir()} == first


def test_a_lost_model_is_a_sentence_and_the_reasons_stay(api, analyst, jurisdiction, run):
    (Path(settings.MODEL_DIR) / run.model_file).unlink()
    with pytest.raises(HaechiError, match="its file is not there"):
        make_explanations(run=run)
    explain_run(run_id=run.pk)
    body = api(analyst).get(address(run, busiest(jurisdiction))).json()
    assert body["state"] == "failed"
    assert "Train a new one" in body["message"]
    assert body["parts"]
    assert not folder_of(run).exists()


def test_a_half_written_explanation_is_as_good_as_none(api, analyst, jurisdiction, run):
    make_explanations(run=run)
    (folder_of(run) / "changes.npy").write_bytes(b"")
    assert api(analyst).get(address(run, busiest(jurisdiction))).json()["state"] == "missing"


def test_asking_twice_sends_one_task(api, operator, run, monkeypatch):
    sent = []
    monkeypatch.setattr("webapp.forecasts.services.asking.app.send_task", lambda name, args: sent.append((name, args)))
    for _again in range(2):
        assert api(operator).post(f"/api/v1/runs/{run.pk}/explanations/").status_code == 202
    assert sent == [("webapp.forecasts.tasks.explain_run", [run.pk])]


@pytest.mark.parametrize("cell", ["zz", "8a30e1d8d2affff", "0", "ffffffffffffffffffff"])
def test_an_unknown_cell_or_category_is_not_found(api, operator, jurisdiction, run, cell):
    assert api(operator).get(address(run, cell)).status_code == 404
    assert api(operator).get(address(run, busiest(jurisdiction), category="arson")).status_code == 404


def test_another_jurisdiction_has_no_such_run(api, outsider, jurisdiction, run):
    assert api(outsider).get(address(run, busiest(jurisdiction))).status_code == 404
    assert api(outsider).post(f"/api/v1/runs/{run.pk}/explanations/").status_code == 404


def test_a_run_without_reasons_says_nothing_rather_than_something_wrong(api, operator, jurisdiction, run):
    Reasons.objects.filter(run=run).delete()
    body = api(operator).get(address(run, busiest(jurisdiction))).json()
    assert (body["parts"], body["rate"]) == ([], 0.0)
    assert body["state"] == "missing"


def test_only_the_newest_runs_keep_their_files(jurisdiction, run, monkeypatch):
    monkeypatch.setattr("webapp.forecasts.services.explaining.KEPT", 1)
    make_explanations(run=run)
    older = folder_of(run)
    run.pk, run.id = None, None
    run.save()
    make_explanations(run=run)
    assert folder_of(run).exists()
    assert not older.exists()
