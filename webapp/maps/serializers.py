"""What the map's API takes and gives."""

from typing import Any

from rest_framework import serializers

from webapp.maps.selectors import MapStart, Scale


class StepInput(serializers.Serializer[Any]):
    slot = serializers.IntegerField(default=0, min_value=0, help_text="index into the run's slot_starts")
    category = serializers.CharField(default="", allow_blank=True, max_length=40, help_text="blank: all categories together")


class TopCellsInput(StepInput):
    limit = serializers.IntegerField(default=20, min_value=1, max_value=100)


class ScaleOutput(serializers.Serializer[Scale]):
    minimum = serializers.FloatField(help_text="least rate shown: expected incidents per cell and slot")
    maximum = serializers.FloatField(help_text="rate from which on all cells have the last colour")
    breaks = serializers.ListField(child=serializers.FloatField())


class TopCellOutput(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    cell = serializers.CharField(help_text="H3 index, hexadecimal")
    rate = serializers.FloatField(help_text="expected incidents in the slot")
    probability = serializers.FloatField(help_text="of at least one incident in the slot")
    longitude = serializers.FloatField()
    latitude = serializers.FloatField()
    area = serializers.CharField()


class PlaceLayerOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField(help_text="in the language of the page")  # type: ignore[assignment]  # a field of this name
    places = serializers.IntegerField()
    count = serializers.IntegerField(help_text="things at them, like lamps on a pole")


class DayInput(serializers.Serializer[Any]):
    on = serializers.DateField(required=False, help_text="places that are there on this day; default: today, local")


class MapCategoryOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField(source="label")


class GridOutput(serializers.Serializer[Any]):
    digest = serializers.CharField()
    cell_count = serializers.IntegerField()
    resolution = serializers.IntegerField()


class JurisdictionOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField(source="label")
    time_zone = serializers.CharField()
    slot_start_hours = serializers.ListField(child=serializers.IntegerField())
    operators = serializers.IntegerField()
    cameras_per_operator = serializers.IntegerField()
    is_simulated = serializers.BooleanField()
    note = serializers.CharField()


class RunStartOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    tag = serializers.CharField(help_text="names the run's values for caches")
    is_current = serializers.BooleanField()
    is_past = serializers.BooleanField(help_text="the forecast ends before now, because the data end then")
    learner = serializers.CharField()
    data_cutoff = serializers.DateTimeField()
    published_at = serializers.DateTimeField()
    incident_count = serializers.IntegerField()
    slot_starts = serializers.ListField(child=serializers.DateTimeField())
    horizon_end = serializers.DateTimeField()
    grid_digest = serializers.CharField()
    cell_count = serializers.IntegerField()
    totals = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), help_text="expected incidents by slot and category"
    )
    scale = serializers.DictField(child=ScaleOutput())


class MapStartOutput(serializers.Serializer[MapStart]):
    jurisdiction = JurisdictionOutput()
    bounds = serializers.ListField(child=serializers.FloatField(), help_text="west, south, east, north")
    boundary = serializers.DictField(help_text="GeoJSON geometry")
    grid = GridOutput(allow_null=True)
    categories = MapCategoryOutput(many=True)
    run = RunStartOutput(allow_null=True)
    allowed = serializers.ListField(child=serializers.CharField(), help_text="acts that the person's role includes")


def map_start_json(start: MapStart) -> dict[str, Any]:
    """The bootstrap as plain values, for the API and for the page."""
    return dict(MapStartOutput(start).data)
