"""The commands that make a jurisdiction and its users on an empty server."""

import io
import json

import pytest
import shapely
from django.core.management import CommandError, call_command

from tests.factories import SMALL_CITY
from webapp.accounts.models import Jurisdiction, User
from webapp.crimes.selectors import current_grid

pytestmark = pytest.mark.django_db


@pytest.fixture
def outline(tmp_path):
    path = tmp_path / "outline.geojson"
    path.write_text(shapely.to_geojson(SMALL_CITY))
    return path


def add_jurisdiction(boundary, code="newgu"):
    out = io.StringIO()
    call_command("add_jurisdiction", code, "--name", "새구", "--name-en", "New-gu", "--boundary", str(boundary), stdout=out)
    return out.getvalue()


def add_user(monkeypatch, password, jurisdiction="newgu"):
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("add_user", "kim", "--role", "operator", "--jurisdiction", jurisdiction, stdout=io.StringIO())


def test_an_outline_becomes_a_jurisdiction_with_cells(outline):
    said = add_jurisdiction(outline)
    grid = current_grid(jurisdiction=Jurisdiction.objects.get(code="newgu"))
    assert said == f"newgu: {grid.cell_count} cells at resolution 10\n"
    assert add_jurisdiction(outline) == said


def test_features_are_joined_to_one_outline(tmp_path, outline):
    west, south, east, north = SMALL_CITY.bounds
    halves = [shapely.box(west, south, 127.009, north), shapely.box(127.009, south, east, north)]
    features = [{"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(half))} for half in halves]
    path = tmp_path / "features.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert add_jurisdiction(path).split(": ")[1] == add_jurisdiction(outline, "whole").split(": ")[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("no json", "is not GeoJSON"),
        (shapely.to_geojson(shapely.Point(127, 37)), "not an area"),
        (shapely.to_geojson(shapely.box(200000, 540000, 210000, 550000)), "not in degrees"),
        (shapely.to_geojson(shapely.Polygon()), "is empty"),
    ],
)
def test_a_bad_outline_gets_a_sentence_and_leaves_nothing(tmp_path, content, sentence):
    path = tmp_path / "bad.geojson"
    path.write_text(content)
    with pytest.raises(CommandError, match=sentence):
        add_jurisdiction(path)
    assert not Jurisdiction.objects.exists()


def test_a_missing_outline_gets_a_sentence(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        add_jurisdiction(tmp_path / "nowhere.geojson")


def test_a_user_is_made_and_renewed(outline, monkeypatch):
    add_jurisdiction(outline)
    add_user(monkeypatch, "long enough words")
    add_user(monkeypatch, "other long words")
    user = User.objects.get()
    assert (user.username, user.role, user.jurisdiction.code) == ("kim", "operator", "newgu")
    assert user.check_password("other long words")


def test_a_short_password_and_an_unknown_jurisdiction_get_a_sentence(outline, monkeypatch):
    add_jurisdiction(outline)
    with pytest.raises(CommandError, match="at least 10 characters"):
        add_user(monkeypatch, "short")
    with pytest.raises(CommandError, match="Known: newgu"):
        add_user(monkeypatch, "long enough words", "oldgu")
    assert not User.objects.exists()
