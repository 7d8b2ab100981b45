"""Verdicts on model versions, drift and replays as sentences, in the language of whoever reads them."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.forecasts.models import DriftWeek, LiveWeights, ModelVersion, Replay

_VERDICTS: dict[str, Promise] = {
    ModelVersion.Verdict.FIRST: gettext_lazy("Nothing was in service before it."),
    ModelVersion.Verdict.UNUSABLE: gettext_lazy("It took the place of version %(rival)s, which can no longer be used: %(why)s."),
    ModelVersion.Verdict.BETTER: gettext_lazy("Better than version %(rival)s on the same weeks: %(figures)s."),
    ModelVersion.Verdict.AS_GOOD: gettext_lazy(
        "As good as version %(rival)s on the same weeks and as well calibrated, and %(days)s days newer: %(figures)s."
    ),
    ModelVersion.Verdict.NOT_BETTER: gettext_lazy("Not better than version %(rival)s on the same weeks: %(figures)s."),
    ModelVersion.Verdict.WORSE: gettext_lazy("Worse than version %(rival)s on the same weeks: %(figures)s."),
    ModelVersion.Verdict.TOO_SHORT: gettext_lazy("The data are too short to compare it with version %(rival)s."),
    ModelVersion.Verdict.FOR_THE_PAST: gettext_lazy(
        "Its data end before those of version %(rival)s, so it serves forecasts of the past only."
    ),
    ModelVersion.Verdict.BY_PERSON: gettext_lazy("Put into service by %(person)s: %(reason)s"),
    ModelVersion.Verdict.ROLLED_BACK: gettext_lazy("Gone back to from version %(rival)s by %(person)s: %(reason)s"),
}


def verdict_sentence(version: ModelVersion) -> str:
    """Why the version was put into service or not; blank where nobody has judged it yet."""
    sentence = _VERDICTS.get(version.verdict)
    if sentence is None:
        return ""
    figures = version.comparison
    return str(sentence) % {
        "rival": figures.get("rival", "–"),
        "why": unusable_reason(figures.get("why", "")),
        "days": figures.get("days_newer", 0),
        "figures": _figures(figures) if "capture_rate" in figures else "–",
        "person": version.promoted_by or _("the command line"),
        "reason": version.promotion_reason,
    }


_LIVE_VERDICTS: dict[str, Promise] = {
    LiveWeights.Verdict.FIRST: gettext_lazy("The first live weights: what court rulings say of each risk factor."),
    LiveWeights.Verdict.NEW_RULINGS: gettext_lazy("What court rulings say of each risk factor, with the rulings added since."),
    LiveWeights.Verdict.BETTER: gettext_lazy(
        "Better than live weights %(rival)s on %(days)s later days with %(incidents)s incidents: %(gain)s per incident "
        "(at least %(low)s)."
    ),
    LiveWeights.Verdict.NOT_BETTER: gettext_lazy(
        "Not better than live weights %(rival)s on %(days)s later days with %(incidents)s incidents: %(gain)s per incident "
        "(perhaps %(low)s only)."
    ),
    LiveWeights.Verdict.TOO_LITTLE: gettext_lazy(
        "Too little to learn from: %(hours)s hours with %(known)s incidents in view. It takes three weeks and 100 incidents."
    ),
    LiveWeights.Verdict.GIVEN: gettext_lazy("Simulated: given with the simulated cameras, not learnt."),
    LiveWeights.Verdict.BY_PERSON: gettext_lazy("Put into service by %(person)s: %(reason)s"),
}


def live_verdict_sentence(weights: LiveWeights) -> str:
    """Why live weights were put into service or not. Gains are in per cent of likelihood."""
    told = weights.comparison
    return str(_LIVE_VERDICTS[weights.verdict]) % {
        "rival": told.get("rival", "–"),
        "days": told.get("days", 0),
        "incidents": told.get("incidents", 0),
        "gain": f"{100 * told.get('gain', 0.0):+.2f} %",
        "low": f"{100 * told.get('low', 0.0):+.2f} %",
        "hours": weights.hour_count,
        "known": weights.incident_count,
        "person": weights.promoted_by or _("the command line"),
        "reason": weights.promotion_reason,
    }


def unusable_reason(code: str) -> str:
    """Why a stored model cannot be used, to stand within a sentence."""
    reasons = {
        "code_version": _("it was made by another version of the program"),
        "grid": _("the cells have changed"),
        "categories": _("the categories have changed"),
        "slots": _("the slots of the day have changed"),
        "blocks": _("the data about places, weather or calendar have changed"),
        "file_missing": _("its file is not there"),
        "file_changed": _("its file is not the one that was stored"),
        "file_unreadable": _("its file cannot be read by this version of the program"),
    }
    return reasons.get(code, code)


def _figures(comparison: dict[str, Any]) -> str:
    """The two compared measures with their intervals, over so many weeks."""
    capture, likelihood = comparison["capture_rate"], comparison["log_likelihood"]
    return _(
        "over %(weeks)s weeks the capture rate at 5 %% of the area differs by %(capture)s points "
        "[%(capture_low)s, %(capture_high)s] and the log-likelihood by %(likelihood)s a week "
        "[%(likelihood_low)s, %(likelihood_high)s]"
    ) % {
        "weeks": comparison["weeks"],
        "capture": f"{100 * capture['difference']:+.1f}",
        "capture_low": f"{100 * capture['interval'][0]:+.1f}",
        "capture_high": f"{100 * capture['interval'][1]:+.1f}",
        "likelihood": f"{likelihood['difference']:+.2f}",
        "likelihood_low": f"{likelihood['interval'][0]:+.2f}",
        "likelihood_high": f"{likelihood['interval'][1]:+.2f}",
    }


def drift_sentence(row: DriftWeek, label: str) -> str:
    """What is outside its band in this week, for one category."""
    said = []
    if not row.incidents_low <= row.incidents <= row.incidents_high:
        said.append(
            _("%(reported)s incidents were reported where %(expected)s were expected (usual: %(low)s to %(high)s)")
            % {
                "reported": row.incidents,
                "expected": f"{row.expected:.1f}",
                "low": row.incidents_low,
                "high": row.incidents_high,
            }
        )
    if row.capture_rate is not None and not (row.capture_low or 0) <= row.capture_rate <= (row.capture_high or 1):
        said.append(
            _("the 5 %% of the cells called highest held %(capture)s %% of them (usual: %(low)s to %(high)s %%)")
            % {
                "capture": f"{100 * row.capture_rate:.1f}",
                "low": f"{100 * (row.capture_low or 0):.1f}",
                "high": f"{100 * (row.capture_high or 1):.1f}",
            }
        )
    return _("%(what)s: %(said)s.") % {"what": label or _("All categories"), "said": "; ".join(said)}


def replay_sentence(replay: Replay) -> str:
    """The outcome of a replay, with the reasons where the run did not come out the same."""
    if replay.is_identical:
        return _("The same bit by bit: %(vectors)s vectors of forecast %(run)s were computed again.") % {
            "vectors": replay.vectors,
            "run": replay.run_id,
        }
    causes = [_cause(cause) for cause in replay.causes]
    what = (
        _("%(different)s of %(vectors)s vectors of forecast %(run)s came out differently, by %(percent)s %% at most.")
        % {
            "different": replay.vectors_different,
            "vectors": replay.vectors,
            "run": replay.run_id,
            "percent": f"{100 * replay.largest_difference:.3g}",
        }
        if replay.vectors
        else _("Forecast %(run)s cannot be computed again.") % {"run": replay.run_id}
    )
    return " ".join([what, *causes])


def _cause(cause: dict[str, Any]) -> str:
    match cause["code"]:
        case "upload_undone":
            return _("Upload %(upload)s (%(file)s) was undone on %(day)s; its rows are gone.") % cause
        case "data_differ":
            return _("The incidents of then could not be put together again exactly.")
        case "code_version":
            return _("It was made by version %(then)s of the program; this is %(now)s.") % cause
        case "model":
            return _("Its model cannot be used: %(why)s.") % {"why": unusable_reason(cause["why"])}
        case other:
            return str(other)
