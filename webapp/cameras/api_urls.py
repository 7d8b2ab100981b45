"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.cameras import api, api_streams

urlpatterns = [
    path("cameras/", api.CameraList.as_view(), name="cameras"),
    path("cameras/streams/", api_streams.StreamList.as_view(), name="streams"),
    path("cameras/streams/<int:stream_id>/", api_streams.StreamDetail.as_view(), name="stream"),
    path("cameras/<int:camera_id>/still/", api_streams.CameraStill.as_view(), name="camera-still"),
]
