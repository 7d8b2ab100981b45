"""Writes of people and set-ups: the live picture on or off, and usual levels that come from outside."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from prediction.fusion.usual import UsualLevels
from webapp.accounts.models import Jurisdiction
from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import HaechiError, NotFound
from webapp.live.models import LiveSwitch, UsualRecord

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

WEEK_H = 168


@transaction.atomic
def switch_live(
    *, jurisdiction: Jurisdiction, is_on: bool, user: "User | None" = None, request: "HttpRequest | None" = None
) -> LiveSwitch:
    """Let the cameras move the map, or not; the service follows within a second or so. Switched twice, nothing changes.

    `user` None: the administrator of the machine. Raises `NotAllowed`, `NotFound`.
    """
    if user is not None:
        require(user, Act.PROMOTE_MODEL)
        if user.jurisdiction_id != jurisdiction.pk:
            raise NotFound(_("There is no such jurisdiction."))
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=jurisdiction.pk)
    switch = LiveSwitch.objects.of(jurisdiction).first() or LiveSwitch(jurisdiction=jurisdiction)
    if switch.is_on == is_on:
        return switch
    switch.is_on, switch.changed_by = is_on, user
    switch.save()
    record(
        action=AuditEntry.Action.SWITCH_LIVE,
        actor=user,
        jurisdiction=jurisdiction,
        detail={"after": "on" if is_on else "off"},
        request=request,
        actor_name="" if user else "haechi",
    )
    return switch


def seed_usual(
    *,
    jurisdiction: Jurisdiction,
    source_ids: Sequence[str],
    factors: Sequence[str],
    counts: npt.NDArray[np.floating],
    weeks: float,
) -> UsualRecord:
    """Give the usual levels from outside (a history, a simulation), in place of what was learnt so far.

    counts: Float[cameras, factors, 168], events by hour of the local week (Monday 00 = 0) in `weeks` weeks. A running service
    takes them up within a second or so. Raises `HaechiError` where the shapes do not fit.
    """
    counts = np.asarray(counts, dtype=np.float32)
    if counts.shape != (len(source_ids), len(factors), WEEK_H) or not weeks > 0 or not np.all(counts >= 0):
        raise HaechiError(
            _("Usual levels need counts by camera, factor and 168 hours of the week, none below 0, and weeks above 0."),
            code="usual_shape",
            fields={"shape": list(counts.shape), "cameras": len(source_ids), "factors": len(factors), "weeks": weeks},
        )
    levels = UsualLevels(len(source_ids), len(factors), zone=jurisdiction.zone)
    levels.own[...] = counts
    levels.hours[...] = weeks
    levels.version = 1
    return keep_usual(jurisdiction=jurisdiction, source_ids=source_ids, factors=factors, levels=levels.to_bytes(), is_seed=True)


def keep_usual(
    *, jurisdiction: Jurisdiction, source_ids: Sequence[str], factors: Sequence[str], levels: bytes, is_seed: bool = False
) -> UsualRecord:
    """Store the usual levels of a jurisdiction in place of those stored before."""
    values = {"source_ids": list(source_ids), "factors": list(factors), "levels": levels, "is_seed": is_seed}
    kept, _made = UsualRecord.objects.update_or_create(jurisdiction=jurisdiction, defaults=values | {"saved_at": timezone.now()})
    return kept
