"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.watch import api, api_alerts

urlpatterns = [
    path("watch-plans/", api.PlanList.as_view(), name="watch-plans"),
    path("watch-plans/<int:plan_id>/", api.PlanDetail.as_view(), name="watch-plan"),
    path("watch-plans/<int:plan_id>/publish/", api.PlanPublish.as_view(), name="watch-plan-publish"),
    path("watch-plans/<int:plan_id>/watch-list.csv", api.WatchListFile.as_view(), name="watch-list"),
    path("alerts/", api_alerts.AlertList.as_view(), name="alerts"),
    path("alerts/<int:alert_id>/", api_alerts.AlertDetail.as_view(), name="alert"),
    path("alerts/<int:alert_id>/thumbnail/", api_alerts.AlertThumbnail.as_view(), name="alert-thumbnail"),
]
