"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.maps import api

urlpatterns = [
    path("map/", api.MapStart.as_view(), name="map"),
    path("grids/<str:digest>/cells/", api.GridCells.as_view(), name="grid-cells"),
    path("runs/<int:run_id>/values/", api.RunValues.as_view(), name="run-values"),
    path("runs/<int:run_id>/scale/", api.RunScale.as_view(), name="run-scale"),
    path("runs/<int:run_id>/top-cells/", api.TopCells.as_view(), name="run-top-cells"),
    path("areas/", api.Areas.as_view(), name="areas"),
    path("places/", api.Places.as_view(), name="places"),
    path("place-layers/", api.PlaceLayers.as_view(), name="place-layers"),
    path("place-tiles/<slug:kind>/<int:zoom>/<int:column>/<int:row>.mvt", api.PlaceTile.as_view(), name="place-tile"),
]
