"""Addresses of this room under /api/v1/."""

from django.urls import URLPattern, path

from webapp.crimes import api

urlpatterns: list[URLPattern] = [
    path("place-kinds/", api.PlaceKindList.as_view(), name="place-kinds"),
    path("rulings/", api.RulingList.as_view(), name="rulings"),
    path("rulings/corrections.csv", api.CorrectionsCsv.as_view(), name="corrections-csv"),
    path("rulings/<int:ruling_id>/", api.RulingDetail.as_view(), name="ruling"),
    path("rulings/<int:ruling_id>/facts/", api.FactList.as_view(), name="ruling-facts"),
    path("rulings/facts/<int:fact_id>/correct/", api.FactCorrect.as_view(), name="fact-correct"),
    path("rulings/facts/<int:fact_id>/remove/", api.FactRemove.as_view(), name="fact-remove"),
    path("rulings/facts/<int:fact_id>/take-back/", api.FactTakeBack.as_view(), name="fact-take-back"),
    path("risk-factors/", api.PriorsDetail.as_view(), name="priors"),
    path("risk-factors/risk-factors.csv", api.RiskFactorsCsv.as_view(), name="risk-factors-csv"),
    path("risk-factors/places-and-hours.csv", api.PlacesCsv.as_view(), name="places-csv"),
    path("figures/", api.FigureSetList.as_view(), name="figure-sets"),
    path("figures/<int:set_id>/", api.FigureList.as_view(), name="figures"),
    path("figures/<int:set_id>/figures.csv", api.FiguresCsv.as_view(), name="figures-csv"),
]
