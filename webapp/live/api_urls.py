"""Addresses of this room under /api/v1/live/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
