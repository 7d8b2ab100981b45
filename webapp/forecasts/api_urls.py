"""Addresses of this room under /api/v1/."""

from django.urls import URLPattern, path

from webapp.forecasts import api

urlpatterns: list[URLPattern] = [
    path("runs/", api.RunList.as_view(), name="runs"),
    path("runs/current/", api.CurrentRun.as_view(), name="run-current"),
    path("runs/<int:run_id>/", api.RunDetail.as_view(), name="run"),
    path("runs/<int:run_id>/cells/<str:cell>/", api.CellDetail.as_view(), name="run-cell"),
    path("backtests/", api.BacktestList.as_view(), name="backtests"),
    path("backtests/<int:backtest_id>/", api.BacktestDetail.as_view(), name="backtest"),
]
