"""Addresses of the live pages."""

from django.urls import URLPattern, path

from webapp.live import views

app_name = "live"
urlpatterns: list[URLPattern] = [
    path("cameras/streams/", views.streams, name="streams"),
    path("cameras/streams/now/", views.streams_now, name="streams-now"),
    path("cameras/<int:camera_id>/", views.camera, name="camera"),
    path("cameras/<int:camera_id>/calibration/", views.calibration, name="calibration"),
    path("runs/live-weights/", views.weights, name="weights"),
    path("statistics/places/", views.places, name="places"),
]
