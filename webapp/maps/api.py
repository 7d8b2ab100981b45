"""The map's part of the API: bootstrap, geometry once, one byte a cell and step, layers."""

import gzip
import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.accounts.permissions import Act, allows, caller
from webapp.forecasts import selectors as forecasts
from webapp.maps import selectors
from webapp.maps.serializers import (
    DayInput,
    MapStartOutput,
    PlaceLayerOutput,
    ScaleOutput,
    StepInput,
    TopCellOutput,
    TopCellsInput,
    map_start_json,
)

IMMUTABLE = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


class MapView(APIView):
    permission_classes = [allows(Act.SEE_MAP)]


def packed_answer(
    request: Request, packed_bytes: Callable[[], bytes], *, content_type: str, tag: str, cache_control: str
) -> HttpResponse:
    """Answer with bytes that are already compressed; 304 where the browser has them; plain for a client without gzip."""
    accepts_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f'"{tag}{"-gz" if accepts_gzip else ""}"'
    if etag in [part.strip() for part in request.headers.get("If-None-Match", "").split(",")]:
        answer = HttpResponse(status=304)
    else:
        packed = packed_bytes()
        answer = HttpResponse(packed if accepts_gzip else gzip.decompress(packed), content_type=content_type)
        if accepts_gzip:
            answer.headers["Content-Encoding"] = "gzip"
    for name, value in {"ETag": etag, "Cache-Control": cache_control, "Vary": "Accept-Encoding, Cookie"}.items():
        answer.headers[name] = value
    return answer


class MapStart(MapView):
    @extend_schema(operation_id="map", summary="What the map page starts from", responses=MapStartOutput)
    def get(self, request: Request) -> Response:
        return Response(map_start_json(selectors.map_start(user=caller(request))))


class GridCells(MapView):
    @extend_schema(
        operation_id="grid_cells",
        summary="Geometry of all cells in one immutable block of bytes (format HXG1)",
        description=selectors.cells.__doc__,
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, digest: str) -> HttpResponse:
        packed = selectors.grid_cells(user=caller(request), digest=digest)
        tag = f"{selectors.CELLS_VERSION}-{digest}"
        return packed_answer(request, lambda: packed, content_type="application/octet-stream", tag=tag, cache_control=IMMUTABLE)


class RunValues(MapView):
    @extend_schema(
        operation_id="run_values",
        summary="Rates of one slot, one byte a cell in the grid's order, on the run's log scale",
        description=selectors.values.__doc__,
        parameters=[StepInput],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, run_id: int) -> HttpResponse:
        step = _checked(StepInput(data=request.query_params))
        run = selectors.run_of_values(user=caller(request), run_id=run_id)
        tag = f"{selectors.values_tag(run=run)}-{step['slot']}-{step['category']}"
        return packed_answer(
            request,
            lambda: selectors.value_bytes(run=run, slot=step["slot"], category_code=step["category"]),
            content_type="application/octet-stream",
            tag=tag,
            cache_control=IMMUTABLE,
        )


class RunScale(MapView):
    @extend_schema(
        operation_id="run_scale",
        summary="The log scale of a run's values by category (blank code: all together)",
        responses={200: {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/ScaleOutput"}}},
    )
    def get(self, request: Request, run_id: int) -> Response:
        run = forecasts.run_for(user=caller(request), run_id=run_id)
        answer = Response({code: ScaleOutput(scale).data for code, scale in selectors.run_scales(run=run).items()})
        answer.headers["Cache-Control"] = IMMUTABLE
        return answer


class TopCells(MapView):
    @extend_schema(
        operation_id="run_top_cells",
        summary="The cells with the highest rates of a slot",
        parameters=[TopCellsInput],
        responses=TopCellOutput(many=True),
    )
    def get(self, request: Request, run_id: int) -> Response:
        step = _checked(TopCellsInput(data=request.query_params))
        run = forecasts.run_for(user=caller(request), run_id=run_id)
        cells = selectors.top_cells(run=run, slot=step["slot"], category_code=step["category"], limit=step["limit"])
        return Response(TopCellOutput(cells, many=True).data)


class Areas(MapView):
    @extend_schema(
        operation_id="areas", summary="Named areas as GeoJSON", responses={(200, "application/geo+json"): OpenApiTypes.OBJECT}
    )
    def get(self, request: Request) -> HttpResponse:
        return _geojson(request, selectors.areas_geojson(user=caller(request)))


class Places(MapView):
    @extend_schema(
        operation_id="places", summary="Base map as GeoJSON", responses={(200, "application/geo+json"): OpenApiTypes.OBJECT}
    )
    def get(self, request: Request) -> HttpResponse:
        return _geojson(request, selectors.places_geojson(user=caller(request)))


class PlaceLayers(MapView):
    @extend_schema(
        operation_id="place_layers",
        summary="Kinds of uploaded places that are there on a day",
        parameters=[DayInput],
        responses=PlaceLayerOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        user = caller(request)
        return Response(PlaceLayerOutput(selectors.place_layers(user=user, day=_day(request)), many=True).data)


class PlaceTile(MapView):
    @extend_schema(
        operation_id="place_tile",
        summary="Places of one kind as a Mapbox vector tile with the layer “places”",
        parameters=[DayInput],
        responses={(200, "application/vnd.mapbox-vector-tile"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, kind: str, zoom: int, column: int, row: int) -> HttpResponse:
        content = selectors.place_tile(user=caller(request), kind=kind, tile=(zoom, column, row), day=_day(request))
        return _packed(request, content, "application/vnd.mapbox-vector-tile")


def _day(request: Request) -> date:
    asked: date | None = _checked(DayInput(data=request.query_params)).get("on")
    return asked or selectors.today_of(user=caller(request))


def _geojson(request: Request, text: str) -> HttpResponse:
    return _packed(request, text.encode(), "application/geo+json")


def _packed(request: Request, body: bytes, content_type: str) -> HttpResponse:
    tag = hashlib.sha256(body).hexdigest()[:20]
    packed = gzip.compress(body, compresslevel=5, mtime=0)
    return packed_answer(request, lambda: packed, content_type=content_type, tag=tag, cache_control=ASK_AGAIN)


def _checked(serializer: "serializers.Serializer[Any]") -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
