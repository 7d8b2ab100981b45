"""The jurisdiction's kinds of places: it begins with the core's list and adds its own."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.text import slugify
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
def add_place_kind(*, user: "User", name: str, name_en: str = "", code: str = "") -> PlaceKind:
    """Add a kind of place; without a code it gets one. Raises `NotAllowed`, or `HaechiError` where code or name is taken."""
    require(user, Act.UPLOAD)
    jurisdiction = user.jurisdiction
    if jurisdiction is None:
        raise HaechiError(_("Choose a jurisdiction first."), code="no_jurisdiction")
    ensure_place_kinds(jurisdiction=jurisdiction)
    kinds = PlaceKind.objects.of(jurisdiction)
    position = 1 + (kinds.order_by("-position").values_list("position", flat=True).first() or 0)
    code = code or slugify(name_en)[:30] or f"kind-{position}"
    if kinds.filter(code=code).exists():
        raise HaechiError(_("There is a kind of place with the code %(code)s already.") % {"code": code}, code="kind_taken")
    if kinds.filter(name=name).exists():
        raise HaechiError(_("There is a kind of place called “%(name)s” already.") % {"name": name}, code="kind_taken")
    kind = PlaceKind(jurisdiction=jurisdiction, code=code, name=name, name_en=name_en or name, position=position)
    kind.full_clean()
    kind.save()
    return kind
