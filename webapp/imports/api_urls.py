"""Addresses of this room under /api/v1/."""

from django.urls import URLPattern, path

from webapp.imports import api

urlpatterns: list[URLPattern] = [
    path("uploads/", api.UploadList.as_view(), name="uploads"),
    path("uploads/<int:upload_id>/", api.UploadDetail.as_view(), name="upload"),
    path("uploads/<int:upload_id>/mapping/", api.UploadMapping.as_view(), name="upload-mapping"),
    path("uploads/<int:upload_id>/check/", api.UploadCheck.as_view(), name="upload-check"),
    path("uploads/<int:upload_id>/commit/", api.UploadCommit.as_view(), name="upload-commit"),
    path("uploads/<int:upload_id>/undo/", api.UploadUndo.as_view(), name="upload-undo"),
    path("uploads/<int:upload_id>/discard/", api.UploadDiscard.as_view(), name="upload-discard"),
    path("uploads/<int:upload_id>/rejected.csv", api.RejectedCsv.as_view(), name="upload-rejected"),
    path("upload-choices/", api.UploadChoices.as_view(), name="upload-choices"),
    path("upload-presets/", api.PresetList.as_view(), name="upload-presets"),
    path("upload-presets/<int:preset_id>/", api.PresetDetail.as_view(), name="upload-preset"),
]
