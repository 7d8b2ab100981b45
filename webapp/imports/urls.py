"""Pages of uploads."""

from django.urls import path

from webapp.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.uploads, name="uploads"),
    path("<int:upload_id>/", views.upload, name="upload"),
]
