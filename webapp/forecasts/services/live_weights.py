"""Making, learning and promoting live weights: a prior from court rulings first, then what the centre's own hours say.

Learnt weights go into service only where they gain log likelihood over those in service on later hours, held out from the
learning; else those in service stay. docs/methods/fusion.md has the rule and its figures.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cctv.factors import BY_CODE, RISK_CODES
from prediction.fusion.trial import Trial, held_out_trial
from prediction.fusion.weights import DOUBT, History, learn_weights, prior_weights
from prediction.fusion.weights import LiveWeights as CoreWeights
from webapp.accounts.models import Jurisdiction
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import Conflict, HaechiError, NotFound
from webapp.crimes.models import Category
from webapp.crimes.rulings.priors import ruling_priors
from webapp.crimes.selectors import current_grid
from webapp.forecasts.models import LiveHour, LiveWeights
from webapp.forecasts.selectors.live_weights import core_weights, live_weights_in_service
from webapp.forecasts.services.live_history import HOUR, forget_old_hours, read_history
from webapp.version import version as code_version

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

logger = logging.getLogger(__name__)

LEAST_HOURS = 21 * 24
LEAST_INCIDENTS = 100
HELD_OUT = 0.25  # of the hours, the last ones
REPORTS_LAG = timedelta(days=2)  # incidents of younger hours may still be reported
EVERY = timedelta(days=7)
NAMED_LEAST = 5  # events of rulings that must name a factor before they say anything of it
REASON_LENGTH = (3, 200)
SEED = 20_260_105


def prior_from_rulings(*, jurisdiction: Jurisdiction) -> CoreWeights:
    """The weights that the jurisdiction's rulings speak for, of its categories and all risk factors; 0 where they are silent."""
    categories = tuple(Category.objects.of(jurisdiction).order_by("position").values_list("code", flat=True))
    told = ruling_priors(jurisdiction=jurisdiction)
    log_ratio = np.full((len(categories), len(RISK_CODES)), np.nan)
    sd = np.full_like(log_ratio, np.nan)
    for f, code in enumerate(RISK_CODES):
        ruling = BY_CODE[code].ruling
        if ruling not in told.factors:
            continue
        column = told.factors.index(ruling)
        if told.counts[:, column].sum() < NAMED_LEAST:
            continue
        for c, category in enumerate(categories):
            if category in told.categories and told.events[row := told.categories.index(category)]:
                log_ratio[c, f] = np.log(told.ratio[row, column])
                sd[c, f] = np.log(told.high[row, column] / max(told.low[row, column], 1e-6)) / (2 * 1.96)
    return prior_weights(categories, RISK_CODES, log_ratio=log_ratio, sd=sd)


@transaction.atomic
def make_prior(*, jurisdiction: Jurisdiction) -> LiveWeights:
    """Put the rulings' prior into service where nothing is, or where the prior in service is of other rulings."""
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=jurisdiction.pk)
    prior = prior_from_rulings(jurisdiction=jurisdiction)
    present = live_weights_in_service(jurisdiction=jurisdiction)
    if present is not None:
        same = present.weights().categories == prior.categories and present.weights().factors == prior.factors
        if present.row.origin != LiveWeights.Origin.PRIOR or (same and np.allclose(present.row.mean, prior.mean.ravel())):
            return present.row
    verdict = LiveWeights.Verdict.FIRST if present is None else LiveWeights.Verdict.NEW_RULINGS
    row = _row(jurisdiction, prior, prior=prior, origin=LiveWeights.Origin.PRIOR, verdict=verdict)
    return _put_in_service(row, jurisdiction)


@transaction.atomic
def give_live_weights(
    *, jurisdiction: Jurisdiction, weights: Mapping[str, Mapping[str, float]], sd: float = DOUBT
) -> LiveWeights:
    """Put weights into service that come with simulated data, by category and factor code; all others are 0.

    Given again, the same change nothing; learnt weights and those of a person stay. Raises `HaechiError` where the data are real,
    or a category or factor does not exist.
    """
    if not jurisdiction.is_simulated:
        raise HaechiError(_("Live weights are given with simulated data only; these are real."), code="not_simulated")
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=jurisdiction.pk)
    prior = prior_from_rulings(jurisdiction=jurisdiction)
    mean = np.zeros(prior.mean.shape)
    for category, by_factor in weights.items():
        for factor, weight in by_factor.items():
            if category not in prior.categories or factor not in prior.factors:
                raise HaechiError(
                    _("There is no category “%(category)s” or no risk factor “%(factor)s”.")
                    % {"category": category, "factor": factor},
                    code="unknown_code",
                    fields={"category": category, "factor": factor},
                )
            mean[prior.categories.index(category), prior.factors.index(factor)] = weight
    given = CoreWeights(prior.categories, prior.factors, mean, np.full(mean.shape, sd), np.zeros(len(mean)))
    present = live_weights_in_service(jurisdiction=jurisdiction)
    if present is not None:
        is_chosen = present.row.origin == LiveWeights.Origin.LEARNT or present.row.verdict == LiveWeights.Verdict.BY_PERSON
        same = present.row.origin == LiveWeights.Origin.GIVEN and np.allclose(present.row.mean, mean.ravel())
        if is_chosen or same:
            return present.row
    row = _row(jurisdiction, given, prior=prior, origin=LiveWeights.Origin.GIVEN, verdict=LiveWeights.Verdict.GIVEN)
    return _put_in_service(row, jurisdiction)


def learn_live_weights(*, jurisdiction: Jurisdiction, now: datetime | None = None) -> LiveWeights:
    """Learn from the kept hours, try against the weights in service on the last quarter, and promote where better.

    The row says what came of it; where there is too little to learn from, its weights are the prior's and it is not in service.
    Raises `NotFound` where the jurisdiction has no cells.
    """
    now = now or timezone.now()
    present = make_prior(jurisdiction=jurisdiction)
    prior = prior_from_rulings(jurisdiction=jurisdiction)
    forget_old_hours(jurisdiction=jurisdiction, now=now)
    until = (now - REPORTS_LAG).replace(minute=0, second=0, microsecond=0)
    grid = current_grid(jurisdiction=jurisdiction)
    history = read_history(jurisdiction=jurisdiction, grid=grid, categories=prior.categories, factors=prior.factors, until=until)
    what: dict[str, Any] = {"jurisdiction": jurisdiction, "prior": prior, "history": history}
    if len(history.hours) < LEAST_HOURS or history.incidents < LEAST_INCIDENTS:
        return _refused(**what, weights=prior, verdict=LiveWeights.Verdict.TOO_LITTLE, comparison={})
    in_service = core_weights(present).reordered(prior.categories, prior.factors)
    trial = held_out_trial(prior, in_service, history, share=HELD_OUT, rng=np.random.default_rng(SEED))
    comparison = _told(trial, present)
    if not trial.is_better:
        return _refused(**what, weights=trial.learnt, verdict=LiveWeights.Verdict.NOT_BETTER, comparison=comparison)
    return _promoted(**what, weights=learn_weights(prior, history), present=present, comparison=comparison)


def learn_due_weights(*, now: datetime | None = None) -> int:
    """Learn wherever live hours are kept and the last learning is a week old; how many. Sent daily by beat."""
    now = now or timezone.now()
    done = 0
    for jurisdiction in Jurisdiction.objects.order_by("pk"):
        if not LiveHour.objects.of(jurisdiction).filter(at__gte=now - timedelta(days=14)).exists():
            continue
        tried = LiveWeights.objects.of(jurisdiction).exclude(hour_count=0).order_by("-created_at").first()
        if tried is not None and now - tried.created_at < EVERY:
            continue
        try:
            learn_live_weights(jurisdiction=jurisdiction, now=now)
            done += 1
        except HaechiError as error:
            logger.warning("Live weights of %s were not learnt: %s", jurisdiction.code, error.message)
    return done


@transaction.atomic
def promote_live_weights(
    *, weights: LiveWeights, reason: str, user: "User | None" = None, request: "HttpRequest | None" = None
) -> LiveWeights:
    """A person puts weights into service whatever their verdict; the reason goes into the audit trail.

    Raises `NotAllowed`, `NotFound`, `Conflict` where they are in service, `HaechiError` without a reason.
    """
    if user is not None:
        require(user, Act.PROMOTE_MODEL)
        if weights.jurisdiction_id != user.jurisdiction_id:
            raise NotFound(_("There are no such live weights."))
    reason = reason.strip()
    if not REASON_LENGTH[0] <= len(reason) <= REASON_LENGTH[1]:
        raise HaechiError(
            _("Give a reason of 3 to %(most)s characters: it is kept with the weights and in the audit trail.")
            % {"most": REASON_LENGTH[1]},
            code="reason_missing",
            fields={"reason": reason},
        )
    jurisdiction = Jurisdiction.objects.select_for_update(no_key=True).get(pk=weights.jurisdiction_id)
    present = live_weights_in_service(jurisdiction=jurisdiction)
    if present is not None and present.pk == weights.pk:
        raise Conflict(_("These live weights are in service already."), code="already_in_service")
    weights.verdict = LiveWeights.Verdict.BY_PERSON
    weights.promoted_by, weights.promotion_reason = user, reason
    promoted = _put_in_service(weights, jurisdiction)
    _record(promoted, present.pk if present else None, reason=reason, user=user, request=request)
    return promoted


@transaction.atomic
def _promoted(
    *,
    jurisdiction: Jurisdiction,
    weights: CoreWeights,
    prior: CoreWeights,
    history: History,
    present: LiveWeights,
    comparison: dict[str, Any],
) -> LiveWeights:
    """Put learnt weights into service, unless a person has changed what is in service while they were learnt."""
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=jurisdiction.pk)
    now_there = live_weights_in_service(jurisdiction=jurisdiction)
    if now_there is None or now_there.pk != present.pk:
        raise Conflict(
            _("Other live weights were put into service while new ones were being learnt. Learn again."), code="weights_changed"
        )
    row = _row(
        jurisdiction,
        weights,
        prior=prior,
        origin=LiveWeights.Origin.LEARNT,
        verdict=LiveWeights.Verdict.BETTER,
        history=history,
        comparison=comparison,
    )
    promoted = _put_in_service(row, jurisdiction)
    _record(promoted, present.pk, reason=LiveWeights.Verdict.BETTER.value)
    return promoted


def _refused(
    *,
    jurisdiction: Jurisdiction,
    weights: CoreWeights,
    prior: CoreWeights,
    history: History,
    verdict: LiveWeights.Verdict,
    comparison: dict[str, Any],
) -> LiveWeights:
    row = _row(
        jurisdiction,
        weights,
        prior=prior,
        origin=LiveWeights.Origin.LEARNT,
        verdict=verdict,
        history=history,
        comparison=comparison,
    )
    row.state = LiveWeights.State.REFUSED
    row.save()
    return row


def _row(
    jurisdiction: Jurisdiction,
    weights: CoreWeights,
    *,
    prior: CoreWeights,
    origin: LiveWeights.Origin,
    verdict: LiveWeights.Verdict,
    history: History | None = None,
    comparison: dict[str, Any] | None = None,
) -> LiveWeights:
    """A row that is not stored yet."""
    hours = history.hours if history is not None and len(history.hours) else None
    return LiveWeights(
        jurisdiction=jurisdiction,
        origin=origin,
        verdict=verdict,
        category_codes=list(weights.categories),
        factor_codes=list(weights.factors),
        mean=_flat(weights.mean),
        sd=_flat(weights.sd),
        prior_mean=_flat(prior.mean),
        prior_sd=_flat(prior.sd),
        centre=_flat(weights.centre),
        scale=weights.scale,
        rho=weights.rho,
        hours_from=None if hours is None else datetime.fromtimestamp(int(hours[0]), UTC),
        hours_to=None if hours is None else datetime.fromtimestamp(int(hours[-1]), UTC) + HOUR,
        hour_count=0 if hours is None else len(hours),
        incident_count=0 if history is None else int(history.incidents),
        comparison=comparison or {},
        code_version=code_version(),
    )


def _put_in_service(row: LiveWeights, jurisdiction: Jurisdiction) -> LiveWeights:
    """Within the caller's transaction and lock."""
    present = LiveWeights.objects.of(jurisdiction).filter(state=LiveWeights.State.IN_SERVICE)
    present.update(state=LiveWeights.State.RETIRED)
    row.state, row.promoted_at = LiveWeights.State.IN_SERVICE, timezone.now()
    row.save()
    return row


def _told(trial: Trial, present: LiveWeights) -> dict[str, Any]:
    """The trial as plain values; gains are in nats per incident."""
    return {
        "rival": present.pk,
        "days": trial.days,
        "incidents": trial.incidents,
        "gain": round(trial.gain, 6),
        "low": round(trial.low, 6),
        "high": round(trial.high, 6),
        "gain_over_plain": round(trial.gain_over_plain, 6),
    }


def _flat(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(value) for value in values.ravel()]


def _record(
    row: LiveWeights,
    before: int | None,
    *,
    reason: str,
    user: "User | None" = None,
    request: "HttpRequest | None" = None,
) -> None:
    record(
        action=AuditEntry.Action.PROMOTE_VERSION,
        actor=user,
        actor_name="" if user else "haechi",
        jurisdiction=row.jurisdiction,
        target=f"live-weights:{row.pk}",
        detail={"before": before or "", "after": row.pk, "reason": reason},
        request=request,
    )
