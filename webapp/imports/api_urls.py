"""Addresses of this room under /api/v1/."""

from django.urls import URLPattern, path

from webapp.imports import api

urlpatterns: list[URLPattern] = [
    path("uploads/", api.UploadList.as_view(), name="uploads"),
    path("uploads/<int:upload_id>/", api.UploadDetail.as_view(), name="upload"),
    path("uploads/<int:upload_id>/rejected.csv", api.RejectedCsv.as_view(), name="upload-rejected"),
]
