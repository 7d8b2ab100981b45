"""The one router of version 1: each room brings its own addresses, this page puts them together."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from webapp.api.jobs import JobCancel, JobDetail

app_name = "api"
urlpatterns = [
    path("jobs/<uuid:job_id>/", JobDetail.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel/", JobCancel.as_view(), name="job-cancel"),
    path("", include("webapp.accounts.api_urls")),
    path("", include("webapp.crimes.api_urls")),
    path("", include("webapp.imports.api_urls")),
    path("", include("webapp.forecasts.api_urls")),
    path("", include("webapp.cameras.api_urls")),
    path("", include("webapp.watch.api_urls")),
    path("", include("webapp.maps.api_urls")),
    path("live/", include("webapp.live.api_urls")),
    path("", include("webapp.audit.api_urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
]
