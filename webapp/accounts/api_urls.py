"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.accounts.api import Me

urlpatterns = [path("me/", Me.as_view(), name="me")]
