"""The jurisdiction's kinds of places: it begins with the core's list and adds its own."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from ingestion.places_kinds import DEFAULT_PLACE_KINDS
from webapp.accounts.permissions import Act, require
from webapp.common.errors import HaechiError
from webapp.crimes.models import PlaceKind

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction, User


def ensure_place_kinds(*, jurisdiction: "Jurisdiction") -> None:
    """Add the kinds of the core's list that the jurisdiction lacks; those that are there stay as a person has named them."""
    known = set(PlaceKind.objects.of(jurisdiction).values_list("code", flat=True))
    PlaceKind.objects.bulk_create(
        [
            PlaceKind(jurisdiction=jurisdiction, code=one.code, name=one.name_ko, name_en=one.name_en, position=position)
            for position, one in enumerate(DEFAULT_PLACE_KINDS)
            if one.code not in known
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def add_place_kind(*, user: "User", code: str, name: str, name_en: str = "") -> PlaceKind:
    """Add a kind of place. Raises `NotAllowed`, or `HaechiError` where the code is taken."""
    require(user, Act.UPLOAD)
    jurisdiction = user.jurisdiction
    if jurisdiction is None:
        raise HaechiError(_("Choose a jurisdiction first."), code="no_jurisdiction")
    ensure_place_kinds(jurisdiction=jurisdiction)
    if PlaceKind.objects.of(jurisdiction).filter(code=code).exists():
        raise HaechiError(_("There is a kind of place with the code %(code)s already.") % {"code": code}, code="kind_taken")
    last = PlaceKind.objects.of(jurisdiction).order_by("-position").values_list("position", flat=True).first()
    kind = PlaceKind(
        jurisdiction=jurisdiction, code=code, name=name, name_en=name_en or name, position=0 if last is None else last + 1
    )
    kind.full_clean()
    kind.save()
    return kind
