"""Jurisdictions, their cells and incidents: the rules the database itself holds, and the scope of every read."""

from datetime import UTC, datetime, timedelta

import h3
import numpy as np
import pytest
import shapely
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from ingestion.places import Boundary
from tests.factories import SMALL_CITY, make_incidents, make_jurisdiction
from webapp.accounts.models import Jurisdiction
from webapp.audit.models import AuditEntry
from webapp.common.errors import HaechiError, NotAllowed
from webapp.crimes.models import Area, Category, CellGrid, Incident, Place
from webapp.crimes.selectors import boundary_shape, current_grid, incident_arrays, newest_incident_time, recent_incidents
from webapp.crimes.services import DEFAULT_TAXONOMY, PlaceRecord, make_grid, register_places, set_up_jurisdiction

pytestmark = pytest.mark.django_db


def test_a_jurisdiction_gets_its_categories(jurisdiction):
    assert list(Category.objects.of(jurisdiction).values_list("code", "name", "name_en")) == list(DEFAULT_TAXONOMY)


def test_its_cells_stand_in_order_and_hold_every_point_that_an_upload_may_bring(jurisdiction):
    cells = current_grid(jurisdiction=jurisdiction).array()
    assert np.all(np.diff(cells.astype(object)) > 0)
    accepted = Boundary.around(SMALL_CITY).shape
    west, south, east, north = accepted.bounds
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(west, east, 5000), rng.uniform(south, north, 5000)])
    points = points[shapely.contains_xy(accepted, points)]
    assert len(points) > 4000
    assert {h3.str_to_int(h3.latlng_to_cell(lat, lon, 10)) for lon, lat in points} <= set(cells.tolist())


def test_setting_up_a_jurisdiction_again_changes_nothing(jurisdiction):
    again = make_jurisdiction(name="another name")
    assert (again.pk, again.name) == (jurisdiction.pk, "시험구")
    assert CellGrid.objects.of(jurisdiction).count() == 1


def test_a_new_boundary_makes_a_new_current_grid_and_keeps_the_old(jurisdiction):
    old = current_grid(jurisdiction=jurisdiction)
    new = make_grid(jurisdiction=jurisdiction, boundary=SMALL_CITY.buffer(0.01))
    assert current_grid(jurisdiction=jurisdiction) == new
    assert new.cell_count > old.cell_count
    assert CellGrid.objects.of(jurisdiction).count() == 2


def test_an_empty_boundary_is_refused_and_leaves_nothing():
    with pytest.raises(HaechiError, match="WGS84") as caught:
        set_up_jurisdiction(code="nowhere", name="없음", name_en="Nowhere", boundary=shapely.MultiPolygon())
    assert caught.value.code == "empty_boundary"
    assert not Jurisdiction.objects.exists()


@pytest.mark.parametrize("resolution", [6, 11])
def test_cells_finer_than_the_incidents_or_coarser_than_a_town_are_refused(resolution):
    with pytest.raises(ValidationError, match="jurisdiction_resolution"):
        make_jurisdiction("extreme", h3_resolution=resolution)
    assert not Jurisdiction.objects.exists()


def test_the_boundary_comes_back_as_it_was(jurisdiction):
    assert boundary_shape(jurisdiction=jurisdiction).equals(shapely.MultiPolygon([SMALL_CITY]))


def test_incidents_come_as_arrays_in_time_order_and_never_from_the_future(jurisdiction, other_jurisdiction):
    until = datetime(2026, 3, 1, tzinfo=UTC)
    made = make_incidents(jurisdiction, 50, until=until)
    make_incidents(other_jurisdiction, 5, until=until)
    arrays = incident_arrays(jurisdiction=jurisdiction)
    rows = list(Incident.objects.of(jurisdiction).order_by("occurred_from", "pk").select_related("category"))
    assert len(arrays) == len(made) == 50
    assert arrays.cell.tolist() == [row.cell for row in rows]
    assert arrays.start_s.tolist() == [int(row.occurred_from.timestamp()) for row in rows]
    assert arrays.category.tolist() == [row.category.position for row in rows]
    assert arrays.lon.tolist() == [row.point.x for row in rows]
    assert arrays.lat.tolist() == [row.point.y for row in rows]
    assert arrays.categories == ("homicide", "robbery", "sexual_violence", "theft", "violence")

    cutoff = rows[20].occurred_from
    past = incident_arrays(jurisdiction=jurisdiction, before=cutoff)
    assert len(past) == sum(row.occurred_from < cutoff for row in rows)
    assert past.sha256 != arrays.sha256
    assert incident_arrays(jurisdiction=jurisdiction).sha256 == arrays.sha256


def test_no_incidents_come_as_empty_arrays(jurisdiction):
    assert len(incident_arrays(jurisdiction=jurisdiction)) == 0
    assert newest_incident_time(jurisdiction=jurisdiction) is None


def test_reading_incidents_leaves_a_line_and_needs_the_role(users):
    cell = make_incidents(users["analyst"].jurisdiction, 30)[0].cell
    shown = recent_incidents(user=users["analyst"], cell=cell, limit=3)
    assert [line.occurred_from for line in shown] == sorted((line.occurred_from for line in shown), reverse=True)
    entry = AuditEntry.objects.get(action="read_incidents")
    assert (entry.actor, entry.target, entry.detail) == (users["analyst"], f"cell:{cell:x}", {"rows": len(shown)})
    for role in ("operator", "auditor"):
        with pytest.raises(NotAllowed):
            recent_incidents(user=users[role], cell=cell)


def test_another_jurisdictions_incidents_are_not_shown(jurisdiction, outsider):
    cell = make_incidents(jurisdiction, 10)[0].cell
    assert recent_incidents(user=outsider, cell=cell) == []


@pytest.mark.parametrize("resolution", [10, 9, 8])
def test_recent_incidents_of_a_coarser_cell_are_those_of_all_cells_inside_it(analyst, resolution):
    made = make_incidents(analyst.jurisdiction, 60)
    parent = h3.cell_to_parent(h3.int_to_str(made[0].cell), resolution)
    inside = {row.pk for row in made if h3.cell_to_parent(h3.int_to_str(row.cell), resolution) == parent}
    shown = recent_incidents(user=analyst, cell=h3.str_to_int(parent), limit=100)
    assert {line.id for line in shown} == inside


@pytest.mark.parametrize(
    "change",
    [
        {"occurred_to": datetime(2020, 1, 1, tzinfo=UTC)},
        {"local_hour_of_week": 168},
        {"source_line": 3},
    ],
    ids=["ends before it begins", "no such hour of the week", "the same line of the same upload"],
)
def test_the_database_itself_refuses_an_impossible_incident(jurisdiction, change):
    first, second = make_incidents(jurisdiction, 2)
    assert first.source_line == 2
    row = Incident.objects.get(pk=first.pk)
    row.pk = None
    row.source_line = 99
    for name, value in change.items():
        setattr(row, name, value)
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    assert Incident.objects.of(jurisdiction).count() == 2
    assert second.occurred_to - second.occurred_from == timedelta(0)


@pytest.mark.parametrize("field", ["category", "upload"])
def test_the_database_itself_keeps_an_incident_in_the_jurisdiction_of_its_upload_and_category(
    jurisdiction, other_jurisdiction, field
):
    mine, theirs = make_incidents(jurisdiction, 1)[0], make_incidents(other_jurisdiction, 1)[0]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match=f"incident_{field}_of_jurisdiction"), transaction.atomic():
        Incident.objects.filter(pk=mine.pk).update(source_line=99, **{field: getattr(theirs, field)})


def test_places_are_replaced_as_a_whole(jurisdiction):
    station = PlaceRecord("station", "시험역", "Test", shapely.Point(127.01, 37.49))
    road = PlaceRecord("road", "시험로", "Test-ro", shapely.LineString([(127.0, 37.49), (127.02, 37.49)]))
    assert register_places(jurisdiction=jurisdiction, places=[station, road]) == 2
    assert register_places(jurisdiction=jurisdiction, places=[station]) == 1
    assert list(Place.objects.of(jurisdiction).values_list("name", flat=True)) == ["시험역"]


def test_every_scoped_table_shows_nothing_of_another_jurisdiction(jurisdiction, outsider, analyst):
    for model in (Area, Category, CellGrid):
        assert not model.objects.visible_to(outsider).filter(jurisdiction=jurisdiction).exists()
        assert model.objects.visible_to(analyst).count() == model.objects.of(jurisdiction).count() > 0
