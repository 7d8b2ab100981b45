"""The site as it is served, with one more address: a slot as a GeoJSON FeatureCollection built anew for each request.

The baseline of `bench/page.py`. Run by gunicorn as `bench._page_site:application`.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

import h3.api.numpy_int as h3
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

application = get_wsgi_application()
settings.ROOT_URLCONF = __name__


def slot_as_geojson(request: HttpRequest, run_id: int, slot: int) -> HttpResponse:
    """All cells of a slot as polygons with their rate, as a plain serializer would do it."""
    from webapp.accounts.permissions import caller  # noqa: PLC0415
    from webapp.forecasts import selectors  # noqa: PLC0415

    run = selectors.run_for(user=caller(request), run_id=run_id)
    rates = selectors.rates_vector(run=run, slot=slot)
    features = []
    for cell, rate in zip(run.grid.array(), rates, strict=True):
        ring = [[lon, lat] for lat, lon in h3.cell_to_boundary(cell)]
        geometry = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        properties = {"cell": f"{int(cell):x}", "rate": float(rate)}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return JsonResponse({"type": "FeatureCollection", "features": features})


urlpatterns = [
    path("bench/geojson/<int:run_id>/<int:slot>/", slot_as_geojson),
    path("", include("webapp.urls")),
]
