"""Addresses of this room under /api/v1/."""

from django.urls import URLPattern, path

from webapp.forecasts import api, api_explain, api_live_weights, api_versions

urlpatterns: list[URLPattern] = [
    path("runs/", api.RunList.as_view(), name="runs"),
    path("runs/current/", api.CurrentRun.as_view(), name="run-current"),
    path("runs/<int:run_id>/", api.RunDetail.as_view(), name="run"),
    path("runs/<int:run_id>/cells/<str:cell>/", api.CellDetail.as_view(), name="run-cell"),
    path("runs/<int:run_id>/cells/<str:cell>/explanation/", api_explain.CellExplanation.as_view(), name="run-cell-explanation"),
    path("runs/<int:run_id>/explanations/", api_explain.Explanations.as_view(), name="run-explanations"),
    path("runs/<int:run_id>/replays/", api_versions.Replays.as_view(), name="run-replays"),
    path("model-versions/", api_versions.VersionList.as_view(), name="model-versions"),
    path("model-versions/roll-back/", api_versions.RollBack.as_view(), name="model-versions-roll-back"),
    path("model-versions/<int:version_id>/", api_versions.VersionDetail.as_view(), name="model-version"),
    path("model-versions/<int:version_id>/promote/", api_versions.Promote.as_view(), name="model-version-promote"),
    path("live-weights/", api_live_weights.LiveWeightsList.as_view(), name="live-weights"),
    path("live-weights/current/", api_live_weights.CurrentLiveWeights.as_view(), name="live-weights-current"),
    path("live-weights/<int:weights_id>/", api_live_weights.LiveWeightsDetail.as_view(), name="live-weights-one"),
    path("live-weights/<int:weights_id>/promote/", api_live_weights.PromoteLiveWeights.as_view(), name="live-weights-promote"),
    path("drift/", api_versions.Drift.as_view(), name="drift"),
    path("backtests/", api.BacktestList.as_view(), name="backtests"),
    path("backtests/<int:backtest_id>/", api.BacktestDetail.as_view(), name="backtest"),
]
