from django.urls import URLPattern, path

from webapp.forecasts import views

app_name = "forecasts"
urlpatterns: list[URLPattern] = [
    path("", views.runs, name="runs"),
    path("comparison/", views.comparison, name="comparison"),
    path("drift/", views.drift, name="drift"),
    path("data-health/", views.data_health, name="data-health"),
]
