"""Addresses of this room under /api/v1/live/."""

from django.urls import path

from webapp.live import api

urlpatterns = [
    path("values/", api.LiveValues.as_view(), name="live-values"),
    path("cells/<int:index>/", api.LiveCell.as_view(), name="live-cell"),
    path("events/", api.LiveEvents.as_view(), name="live-events"),
    path("cameras/<int:camera_id>/", api.LiveCamera.as_view(), name="live-camera"),
    path("health/", api.LiveHealth.as_view(), name="live-health"),
    path("switch/", api.LiveSwitchView.as_view(), name="live-switch"),
]
