"""Every address of the application. Pages stand at the root, the API under /api/v1/."""

from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

urlpatterns = [
    path("", include("webapp.maps.urls")),
    path("accounts/", include("webapp.accounts.urls")),
    path("uploads/", include("webapp.imports.urls")),
    path("", include("webapp.crimes.urls")),
    path("runs/", include("webapp.forecasts.urls")),
    path("cameras/", include("webapp.cameras.urls")),
    path("", include("webapp.live.urls")),
    path("audit/", include("webapp.audit.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("i18n/catalogue.js", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path("health/", include("webapp.common.urls")),
    path("api/v1/", include("webapp.api.urls")),
]
