"""Reads of model versions: which one is in service, what was there before, and why each was promoted or not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from webapp.common.errors import NotFound
from webapp.forecasts.models import ModelVersion
from webapp.forecasts.sentences import verdict_sentence
from webapp.forecasts.wording import learner_label

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User

VERSIONS_SHOWN = 20


@dataclass(frozen=True)
class VersionLine:
    """One version as the page lists it. `verdict`: why it was put into service or not, as a sentence.

    `can_be_promoted`: whether a person who may do so is offered it; `can_be_rolled_back_to`: it was in service before this one.
    """

    version: ModelVersion
    learner: str
    verdict: str
    can_be_promoted: bool
    can_be_rolled_back_to: bool


def version_in_service(*, jurisdiction: "Jurisdiction") -> ModelVersion | None:
    """The version that forecasts are made with, or None before the first."""
    found = ModelVersion.objects.of(jurisdiction).filter(state=ModelVersion.State.IN_SERVICE)
    return found.select_related("grid").defer("grid__cells").first()


def version_list(*, user: "User") -> QuerySet[ModelVersion]:
    """The versions of the person's jurisdiction, newest first."""
    found = ModelVersion.objects.visible_to(user).select_related("grid", "created_by", "promoted_by")
    return found.defer("grid__cells").order_by("-created_at", "-pk")


def version_for(*, user: "User", version_id: int) -> ModelVersion:
    """A version of the person's jurisdiction. Raises `NotFound`."""
    version = version_list(user=user).filter(pk=version_id).first()
    if version is None:
        raise NotFound(_("There is no such model version."))
    return version


def version_lines(*, user: "User", limit: int = VERSIONS_SHOWN) -> list[VersionLine]:
    """The newest versions as the page lists them, newest first."""
    versions = list(version_list(user=user)[:limit])
    before = rolled_back_to(jurisdiction=user.jurisdiction) if versions else None
    return [
        VersionLine(
            version=version,
            learner=learner_label(version.learner),
            verdict=verdict_sentence(version),
            can_be_promoted=version.state != ModelVersion.State.IN_SERVICE,
            can_be_rolled_back_to=before is not None and version.pk == before.pk,
        )
        for version in versions
    ]


def rolled_back_to(*, jurisdiction: "Jurisdiction") -> ModelVersion | None:
    """The version that going back would put into service: the one that the present one took the place of."""
    found = ModelVersion.objects.of(jurisdiction).filter(state=ModelVersion.State.IN_SERVICE)
    present = found.select_related("promoted_over").first()
    return present.promoted_over if present is not None else None
