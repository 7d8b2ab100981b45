"""The feature blocks of a jurisdiction out of its tables, and forecasts that learn from them."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from django.contrib.gis.geos import GEOSGeometry, Point
from django.utils import timezone

from prediction.features import FeatureMaker
from prediction.grid import Grid
from prediction.panel import Incidents, Panel
from tests.factories import CENTRE, SMALL_CITY, cell_point, cells_of, make_incidents, make_jurisdiction, make_upload
from webapp.common.intake import keep_before, undo_rows
from webapp.crimes.models import Category, Place, Ruling, RulingFact, Statistic, StatisticSet
from webapp.crimes.services.place_kinds import ensure_place_kinds
from webapp.forecasts.models import ModelVersion
from webapp.forecasts.selectors.block_figures import known_from
from webapp.forecasts.selectors.blocks import blocks_of
from webapp.forecasts.sentences import replay_sentence
from webapp.forecasts.services.explaining import make_explanations
from webapp.forecasts.services.forecasting import forecast_slot, make_forecast
from webapp.forecasts.services.learning import read_model
from webapp.forecasts.services.replay import replay_run
from webapp.forecasts.services.versions import train_version
from webapp.imports.models import Upload

PAST = datetime(2024, 6, 3, 3, 30, tzinfo=UTC)
CUTOFF = datetime(2024, 6, 3, 5, tzinfo=UTC)  # 14:00 in Seoul
CATEGORIES = ("theft", "violence")


@pytest.fixture
def grid(jurisdiction) -> Grid:
    return Grid.from_h3(cells_of(jurisdiction))


def blocks(jurisdiction, at=None, categories=CATEGORIES):
    grid = Grid.from_h3(cells_of(jurisdiction))
    return {block.name: block for block in blocks_of(jurisdiction, grid, at=at or timezone.now(), categories=categories)}


def said(block, grid, origin=CUTOFF, target=0):
    """Name → column of a block at an origin, for all cells."""
    seconds = int(origin.timestamp()) - np.arange(1, 100) * 86_400
    incidents = Incidents.at(np.zeros(99, dtype=np.int32), seconds, seconds, np.zeros(99, dtype=np.int16))
    panel = Panel.build(incidents, cells=len(grid), categories=2, anchor=origin)
    moment = FeatureMaker(grid, 2).moment(panel, 0)
    values = np.broadcast_to(block.read(moment, target), (len(grid), len(block.columns(target))))
    return {name: values[:, place] for place, (_, name) in enumerate(block.columns(target))}


def add_places(jurisdiction, cells, *, kind="bar", seed=100, taken_in=None, **columns) -> Upload:
    """Places in the middle of the given cells, by an upload of their own."""
    upload = make_upload(jurisdiction, Upload.Kind.PLACES, seed=seed)
    if taken_in is not None:
        Upload.objects.filter(pk=upload.pk).update(committed_at=taken_in)
    chosen = cells_of(jurisdiction)[list(cells)]
    Place.objects.bulk_create(
        Place(jurisdiction=jurisdiction, kind=kind, geometry=cell_point(cell), upload=upload, **columns) for cell in chosen
    )
    return upload


def add_figures(jurisdiction, rows, *, title="population", seed=200) -> Upload:
    """Published figures: (area, first day, last day, measure, value, hour)."""
    upload = make_upload(jurisdiction, Upload.Kind.STATISTICS, seed=seed)
    table = StatisticSet.objects.create(jurisdiction=jurisdiction, upload=upload, title=title, measures=[])
    Statistic.objects.bulk_create(
        Statistic(
            jurisdiction=jurisdiction,
            dataset=table,
            area=area,
            period_from=begin,
            period_to=end,
            measure=measure,
            value=value,
            hour_from=hour,
            hour_to=None if hour is None else hour + 1,
            source_line=line,
        )
        for line, (area, begin, end, measure, value, hour) in enumerate(rows, start=2)
    )
    return upload


def add_rulings(jurisdiction, told, *, seed=300) -> Upload:
    """One ruling an entry: (decided on, category, kind of place, hour)."""
    upload = make_upload(jurisdiction, Upload.Kind.RULINGS, seed=seed)
    for number, (decided, category, kind, hour) in enumerate(told):
        ruling = Ruling.objects.create(
            jurisdiction=jurisdiction, upload=upload, source_id=f"{seed}-{number}", decided_on=decided, text="-"
        )
        facts = {"category": category, "place_kind": kind, "time": f"{hour:02d}:00"}
        RulingFact.objects.bulk_create(
            RulingFact(jurisdiction=jurisdiction, ruling=ruling, event=0, field=name, value=value)
            for name, value in facts.items()
        )
    return upload


# --- what there is -------------------------------------------------------------------------------


def test_without_any_data_there_is_the_calendar_of_the_country_alone(jurisdiction):
    ensure_place_kinds(jurisdiction=jurisdiction)  # kinds without any place give nothing
    made = blocks(jurisdiction)
    assert set(made) == {"calendar"}
    assert (made["calendar"].country, made["calendar"].terms is not None) == ("KR", True)


def test_a_place_whose_country_is_not_known_has_weekdays_and_no_holidays(db):
    made = blocks(make_jurisdiction("farland", time_zone="Europe/Paris"))
    assert [name for _, name in made["calendar"].columns(0)] == ["first_weekday", "weekend_share", "friday_share"]


def test_american_cities_have_american_holidays_and_no_school_terms(db):
    made = blocks(make_jurisdiction("chicago", time_zone="America/Chicago"))
    assert (made["calendar"].country, made["calendar"].terms) == ("US", None)


# --- places --------------------------------------------------------------------------------------


def test_places_count_on_the_days_on_which_they_were_open(jurisdiction, grid):
    add_places(jurisdiction, [3], seed=101)
    add_places(jurisdiction, [3, 7], seed=102, opened_on=date(2024, 6, 3), count=2)
    add_places(jurisdiction, [7], seed=103, closed_on=date(2024, 6, 3))
    here = said(blocks(jurisdiction)["places"], grid)["bar_here"]
    assert (here[3], here[7], here.sum()) == (3, 2, 5)
    before = said(blocks(jurisdiction)["places"], grid, CUTOFF - timedelta(days=1))["bar_here"]
    assert (before[3], before[7], before.sum()) == (1, 1, 2)


def test_places_that_are_no_points_count_at_a_point_on_them(jurisdiction, grid):
    west, south, east, north = SMALL_CITY.bounds
    Place.objects.create(jurisdiction=jurisdiction, kind="park", geometry=GEOSGeometry(SMALL_CITY.wkt, srid=4326))
    Place.objects.create(jurisdiction=jurisdiction, kind="park", geometry=GEOSGeometry("POLYGON EMPTY", srid=4326))
    Place.objects.create(jurisdiction=jurisdiction, kind="park", geometry=Point(500.0, 37.0, srid=4326))  # nowhere
    places = blocks(jurisdiction)["places"]
    assert said(places, grid)["park_here"].sum() == 1
    assert (places.kinds[0].lon[0], places.kinds[0].lat[0]) == pytest.approx(((west + east) / 2, (south + north) / 2), abs=0.002)


def test_places_of_another_jurisdiction_are_not_seen(jurisdiction, other_jurisdiction):
    Place.objects.create(jurisdiction=other_jurisdiction, kind="bar", geometry=Point(*CENTRE, srid=4326))
    add_rulings(other_jurisdiction, [(date(2020, 1, 1), "theft", "bar", 3)])
    add_figures(other_jurisdiction, [("", date(2024, 1, 1), date(2024, 1, 1), "기온", 3.0, None)])
    assert set(blocks(jurisdiction)) == {"calendar"}


def test_time_that_passes_changes_no_signature_and_an_upload_does(jurisdiction):
    add_places(jurisdiction, [3], seed=101, opened_on=date(2024, 1, 1), closed_on=date(2030, 1, 1))
    add_rulings(jurisdiction, [(date(2020, 5, 1), "theft", "bar", 3)])
    now = timezone.now()
    first, later = blocks(jurisdiction, now), blocks(jurisdiction, now + timedelta(days=900))
    assert {name: block.signature for name, block in first.items()} == {name: block.signature for name, block in later.items()}
    add_places(jurisdiction, [4], seed=102)
    changed = blocks(jurisdiction)
    assert changed["places"].signature != first["places"].signature
    assert changed["calendar"].signature == first["calendar"].signature


def test_places_are_those_of_a_moment_also_where_they_were_renewed_since(jurisdiction):
    then = timezone.now()
    add_places(jurisdiction, [3, 4], seed=101, taken_in=then - timedelta(days=1))
    before = blocks(jurisdiction, then)["places"].signature
    later = add_places(jurisdiction, [9], seed=102, taken_in=then + timedelta(minutes=1))
    first = Place.objects.of(jurisdiction).order_by("pk")[0]
    keep_before(upload_id=later.pk, table="crimes_place", row_ids=[first.pk])
    Place.objects.filter(pk=first.pk).update(closed_on=date(2020, 1, 1), upload=later)
    assert blocks(jurisdiction, then)["places"].signature == before
    assert blocks(jurisdiction, then + timedelta(minutes=2))["places"].signature != before


# --- figures -------------------------------------------------------------------------------------

YEAR = (date(2022, 1, 1), date(2022, 12, 31))


def test_residents_of_a_year_are_known_from_the_next_one_on(jurisdiction, grid):
    add_figures(
        jurisdiction,
        [
            ("시험구 서1동", *YEAR, "인구수", 6000.0, None),
            ("시험구 동1동", *YEAR, "인구수", 12000.0, None),
            ("합계", *YEAR, "인구수", 18000.0, None),
            ("시험구 서1동", *YEAR, "세대당인구 (명)", 2.0, None),
            ("시험구 동1동", *YEAR, "한국인 (명) 남자", 2.0, None),
        ],
    )
    block = blocks(jurisdiction)["area figures"]
    assert [name for _, name in block.columns(0)] == ["population"]
    density = said(block, grid, datetime(2023, 1, 1, 5, tzinfo=UTC))["population"]
    west = grid.centres_m[:, 0] < -100
    assert np.nanmean(density[~west]) / np.nanmean(density[west]) == pytest.approx(2, rel=0.1)
    assert np.nansum(density * grid.areas_km2) == pytest.approx(18000, rel=0.15)  # cells cut by the outline reach beyond it
    assert np.isnan(said(block, grid, datetime(2022, 12, 31, 5, tzinfo=UTC))["population"]).all()


def test_residents_by_sex_are_added_up_unless_their_sum_is_given(jurisdiction, grid):
    rows = [(area, *YEAR, "계 (명)", value, None) for area in ("서1동", "동1동") for value in (3000.0, 4000.0)]
    add_figures(jurisdiction, rows, title="seoul_gu_population_2022")
    parts = said(blocks(jurisdiction)["area figures"], grid)["population"]
    Statistic.objects.of(jurisdiction).filter(value=4000).update(is_total=True)
    whole = said(blocks(jurisdiction)["area figures"], grid)["population"]
    assert np.nanmean(parts) / np.nanmean(whole) == pytest.approx(7 / 4)


def test_residents_of_other_areas_or_of_one_area_alone_tell_nothing(jurisdiction):
    add_figures(
        jurisdiction, [(area, *YEAR, "인구수", 5.0, None) for area in ("종로구 사직동", "종로구 삼청동", "서1동", "시험구")]
    )
    assert "area figures" not in blocks(jurisdiction)


def test_published_crimes_of_areas_are_features_by_category_once_their_year_is_over(jurisdiction, grid):
    add_figures(
        jurisdiction, [(area, *YEAR, "발생", value, None) for area, value in (("서1동", 30.0), ("동1동", 90.0))], title="crimes"
    )
    Statistic.objects.of(jurisdiction).update(category="절도", category_code="theft")
    add_figures(jurisdiction, [(area, *YEAR, "검거", 1.0, None) for area in ("서1동", "동1동")], title="arrests", seed=201)
    block = blocks(jurisdiction)["area figures"]
    assert [name for _, name in block.columns(0)] == ["published_theft"]
    values = said(block, grid)["published_theft"]
    assert np.nanmax(values) / np.nanmin(values) == pytest.approx(3, rel=0.01)
    assert np.isnan(said(block, grid, datetime(2022, 12, 31, 5, tzinfo=UTC))["published_theft"]).all()


@pytest.mark.parametrize(
    ("begin", "end", "known"),
    [
        (date(2022, 1, 1), date(2022, 12, 31), date(2023, 1, 1)),
        (date(2025, 1, 1), date(2025, 1, 31), date(2025, 3, 1)),
        (date(2025, 12, 1), date(2025, 12, 31), date(2026, 2, 1)),
        (date(2025, 1, 15), None, date(2025, 3, 1)),
    ],
)
def test_a_period_is_known_once_its_figures_can_be_out(begin, end, known):
    assert known_from(begin, end) == known


def test_weather_comes_out_of_tables_by_day_and_by_hour(jurisdiction, grid):
    day = date(2024, 6, 2)
    add_figures(jurisdiction, [("", day, day, "기온(°C)", float(hour), hour) for hour in range(24)], title="weather")
    add_figures(
        jurisdiction,
        [
            ("서울", day, day, "일강수량(mm)", 30.0, None),
            ("서울", day, day, "최고기온", 99.0, None),
            ("", *YEAR, "강수량", 1.0, None),
        ],
        title="rain",
        seed=201,
    )
    weather = said(blocks(jurisdiction)["weather"], grid)
    assert weather["temperature_1d"][0] == pytest.approx(11.5)
    assert weather["rain_1d"][0] == 30
    assert np.isnan(weather["rain_7d"]).all()
    assert np.isnan(said(blocks(jurisdiction)["weather"], grid, CUTOFF - timedelta(days=1))["rain_1d"]).all()  # not over yet


# --- rulings -------------------------------------------------------------------------------------


def test_rulings_count_once_decided_and_where_their_kinds_of_place_lie(jurisdiction, grid):
    add_places(jurisdiction, [3], kind="karaoke_bar", seed=101)
    add_places(jurisdiction, [80], kind="subway", seed=102)
    add_rulings(jurisdiction, [(date(2023, 5, 1), "theft", "station", 9)] * 30 + [(date(2023, 8, 1), "violence", "bar", 23)] * 30)
    block = blocks(jurisdiction)["ruling priors"]
    assert [table.known_from for table in block.tables] == [date(2023, 10, 1)]
    theft, violence = (said(block, grid, target=target)["ruling_prior"] for target in (0, 1))
    assert (theft.argmax(), violence.argmax()) == (80, 3)
    assert said(block, grid, target=1)["ruling_prior_night"][3] > 0.8
    assert np.isnan(said(block, grid, datetime(2023, 9, 30, 5, tzinfo=UTC))["ruling_prior"]).all()


def test_without_a_place_of_any_kind_rulings_tell_nothing_of_cells(jurisdiction):
    add_rulings(jurisdiction, [(date(2023, 5, 1), "theft", "station", 9)])
    assert set(blocks(jurisdiction)) == {"calendar"}


def test_facts_are_those_of_a_moment_also_where_a_person_corrected_them_since(jurisdiction):
    add_places(jurisdiction, [3], seed=101)
    add_rulings(jurisdiction, [(date(2021, 5, 1), "theft", "bar", 9), (date(2023, 5, 1), "violence", "bar", 9)])
    then = timezone.now()
    before = blocks(jurisdiction, then)["ruling priors"]
    assert [table.known_from for table in before.tables] == [date(2022, 1, 1), date(2023, 1, 1), date(2023, 7, 1)]
    fact = RulingFact.objects.of(jurisdiction).filter(field="time")[0]
    mended = RulingFact.objects.create(
        jurisdiction=jurisdiction, ruling=fact.ruling, event=0, field="time", value="23:00", origin=RulingFact.Origin.PERSON
    )
    fact.superseded_by = mended
    fact.save()
    assert blocks(jurisdiction, then)["ruling priors"].signature == before.signature
    assert blocks(jurisdiction)["ruling priors"].signature != before.signature


# --- forecasts -----------------------------------------------------------------------------------


def test_new_places_make_the_version_in_service_unusable_and_a_replay_still_comes_out_the_same(jurisdiction):
    make_incidents(jurisdiction, 600, until=PAST)
    add_places(jurisdiction, [3, 9], seed=101)
    add_rulings(jurisdiction, [(date(2023, 5, 1), "theft", "bar", 9)])
    Upload.objects.update(committed_at=timezone.now() - timedelta(hours=1))
    first = train_version(jurisdiction=jurisdiction, cutoff=CUTOFF - timedelta(weeks=1), learner="count")
    run = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    assert run.model_version == first
    add_places(jurisdiction, [20], seed=102, taken_in=timezone.now())
    second = train_version(jurisdiction=jurisdiction, cutoff=CUTOFF, learner="count")
    assert second.blocks_signature != first.blocks_signature
    assert (second.state, second.verdict) == (ModelVersion.State.IN_SERVICE, "unusable")
    replay = replay_run(run=run)
    assert (replay.is_identical, replay.causes) == (True, [])


def test_the_main_model_learns_from_every_block_and_comes_out_the_same_again(jurisdiction):
    make_incidents(jurisdiction, 1500, until=PAST)
    add_places(jurisdiction, range(0, 60, 3), seed=101)
    add_figures(jurisdiction, [(area, *YEAR, "인구수", value, None) for area, value in (("서1동", 9.0), ("동1동", 5.0))])
    day = date(2024, 5, 1)
    add_figures(jurisdiction, [("", day, day, "기온", 12.0, None)], title="weather", seed=201)
    add_rulings(jurisdiction, [(date(2022, 5, 1), "theft", "bar", 9)])
    assert set(blocks(jurisdiction)) == {"calendar", "weather", "places", "area figures", "ruling priors"}
    first, second = (make_forecast(jurisdiction=jurisdiction, seed=3) for _ in range(2))
    assert first.model_sha256 == second.model_sha256
    codes = Category.objects.of(jurisdiction).count()
    assert len(read_model(first).categories) == codes
    assert replay_run(run=first).is_identical
    everything = make_explanations(run=first).everything
    assert {"history", "calendar", "place"} <= set(everything.codes)
    assert np.isfinite(everything.changes).all()  # what it were without its calendar and with the surroundings of others
    assert np.isfinite(everything.contributions).all()


def test_a_forecast_after_new_places_trains_anew_and_a_replay_after_their_undoing_says_so(jurisdiction):
    make_incidents(jurisdiction, 600, until=PAST)
    add_places(jurisdiction, [3, 9], seed=101)
    Upload.objects.update(committed_at=timezone.now() - timedelta(hours=1))
    version = train_version(jurisdiction=jurisdiction, cutoff=CUTOFF - timedelta(weeks=1), learner="count")
    run = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    upload = add_places(jurisdiction, [20], seed=102)
    after = forecast_slot(jurisdiction=jurisdiction, cutoff=CUTOFF)
    assert run.model_version == version
    assert after.model_version.blocks_signature != version.blocks_signature
    undo_rows(upload_id=upload.pk, tables=["crimes_place"])
    assert replay_run(run=run).is_identical
    replay = replay_run(run=after)
    assert not replay.is_identical
    assert replay.causes[0] == {"code": "model", "why": "blocks"}
    assert "the data about places, weather or calendar have changed" in replay_sentence(replay)
