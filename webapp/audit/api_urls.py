"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.audit.api import AuditTrail

urlpatterns = [path("audit/", AuditTrail.as_view(), name="audit")]
