"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.cameras import api

urlpatterns = [path("cameras/", api.CameraList.as_view(), name="cameras")]
