from django.urls import URLPattern, path

from webapp.crimes import views

app_name = "crimes"
urlpatterns: list[URLPattern] = [
    path("rulings/", views.ruling_list, name="rulings"),
    path("rulings/<int:ruling_id>/", views.ruling, name="ruling"),
    path("risk-factors/", views.risk_factors, name="risk_factors"),
    path("figures/", views.figure_sets, name="figure_sets"),
    path("figures/<int:set_id>/", views.figure_set, name="figure_set"),
]
