from django.urls import URLPattern, path

from webapp.forecasts import views

app_name = "forecasts"
urlpatterns: list[URLPattern] = [path("", views.runs, name="runs")]
