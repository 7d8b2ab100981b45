"""Putting a model version into service and going back: one at a time, under a row lock, with a line in the audit trail."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import Conflict, HaechiError
from webapp.forecasts.models import ModelVersion
from webapp.forecasts.selectors.usable import why_unusable
from webapp.forecasts.selectors.versions import version_in_service
from webapp.forecasts.sentences import unusable_reason
from webapp.forecasts.services.starting import start_forecast

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

REASON_LENGTH = 200
PROMOTION_FIELDS = ["state", "verdict", "comparison", "promoted_at", "promoted_by", "promotion_reason", "promoted_over"]


@transaction.atomic
def promote(
    *, version: ModelVersion, reason: str, user: "User | None" = None, request: "HttpRequest | None" = None
) -> ModelVersion:
    """A person puts a version into service whatever its verdict; the reason goes into the audit trail.

    Raises `NotAllowed`, `Conflict` where it is in service or another was put into service meanwhile, `HaechiError` without a
    reason or where the version can no longer be used.
    """
    if user is not None:
        require(user, Act.PROMOTE_MODEL)
    reason = _checked_reason(reason)
    present = version_in_service(jurisdiction=version.jurisdiction)
    _refuse_unusable(version)
    promoted = put_in_service(
        version=version,
        over=present,
        verdict=ModelVersion.Verdict.BY_PERSON,
        comparison=version.comparison | {"rival": present.pk if present else None},
        user=user,
        reason=reason,
    )
    record_change(AuditEntry.Action.PROMOTE_VERSION, promoted, present, reason=reason, user=user, request=request)
    _forecast_with_it(version.jurisdiction, user=user, request=request)
    return promoted


@transaction.atomic
def roll_back(
    *, jurisdiction: Jurisdiction, reason: str = "", user: "User | None" = None, request: "HttpRequest | None" = None
) -> ModelVersion:
    """Put the version back into service that the present one took the place of. Raises as `promote`."""
    if user is not None:
        require(user, Act.PROMOTE_MODEL)
    present = version_in_service(jurisdiction=jurisdiction)
    if present is None or present.promoted_over is None:
        raise Conflict(_("There is no earlier model version to go back to."), code="nothing_before")
    before = present.promoted_over
    _refuse_unusable(before)
    reason = reason.strip()[:REASON_LENGTH]
    back = put_in_service(
        version=before,
        over=present,
        verdict=ModelVersion.Verdict.ROLLED_BACK,
        comparison=before.comparison | {"rival": present.pk},
        user=user,
        reason=reason,
        is_back=True,
    )
    record_change(AuditEntry.Action.ROLL_BACK_VERSION, back, present, reason=reason, user=user, request=request)
    _forecast_with_it(jurisdiction, user=user, request=request)
    return back


@transaction.atomic
def put_in_service(
    *,
    version: ModelVersion,
    over: ModelVersion | None,
    verdict: ModelVersion.Verdict,
    comparison: dict[str, Any],
    user: "User | None" = None,
    reason: str = "",
    is_back: bool = False,
) -> ModelVersion:
    """The change itself: `version` takes the place of `over`, which must be the one in service still.

    Going back leaves `promoted_over` as it was, so that going back twice goes two steps. Raises `Conflict`.
    """
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=version.jurisdiction_id)
    versions = ModelVersion.objects.of(version.jurisdiction)
    present = versions.filter(state=ModelVersion.State.IN_SERVICE).first()
    if present is not None and present.pk == version.pk:
        raise Conflict(_("This version is in service already."), code="already_in_service")
    if (present.pk if present else None) != (over.pk if over else None):
        raise Conflict(
            _("Another version (%(version)s) was put into service meanwhile. Look at it, then decide again.")
            % {"version": present.pk if present else "–"},
            code="version_changed",
            fields={"version": present.pk if present else None},
        )
    versions.filter(state=ModelVersion.State.IN_SERVICE).update(state=ModelVersion.State.RETIRED)
    version.state, version.verdict, version.comparison = ModelVersion.State.IN_SERVICE, verdict, comparison
    version.promoted_at, version.promoted_by, version.promotion_reason = timezone.now(), user, reason
    if not is_back:
        version.promoted_over = present
    version.save(update_fields=PROMOTION_FIELDS)
    return version


def _forecast_with_it(jurisdiction: Jurisdiction, *, user: "User | None", request: "HttpRequest | None") -> None:
    """Start a forecast with what is in service now, so that the map does not show the other version until the next slot."""
    with suppress(HaechiError):  # one is under way, or there are no data: the next slot's will use it
        start_forecast(jurisdiction=jurisdiction, user=user, request=request)


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not 3 <= len(reason) <= REASON_LENGTH:
        raise HaechiError(
            _("Give a reason of 3 to %(most)s characters: it is kept with the version and in the audit trail.")
            % {"most": REASON_LENGTH},
            code="reason_missing",
            fields={"reason": reason},
        )
    return reason


def _refuse_unusable(version: ModelVersion) -> None:
    why = why_unusable(version, jurisdiction=version.jurisdiction)
    if why:
        raise HaechiError(
            _("Version %(version)s cannot be used: %(why)s. Train a new one.")
            % {"version": version.pk, "why": unusable_reason(why)},
            code="model_unusable",
            fields={"reason": why},
        )


def record_change(
    action: AuditEntry.Action,
    version: ModelVersion,
    before: ModelVersion | None,
    *,
    reason: str,
    user: "User | None" = None,
    request: "HttpRequest | None" = None,
    actor_name: str = "command line",
) -> None:
    """One line in the audit trail: which version took the place of which, and why."""
    record(
        action=action,
        actor=user,
        actor_name=actor_name,
        jurisdiction=version.jurisdiction,
        target=f"version:{version.pk}",
        detail={"before": before.pk if before else "", "after": version.pk, "reason": reason},
        request=request,
    )
