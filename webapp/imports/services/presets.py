"""Mapping presets: how files of one source are read, kept by a person under a name."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from webapp.accounts.permissions import Act, require
from webapp.audit.models import AuditEntry
from webapp.audit.services import record
from webapp.common.errors import HaechiError, NotFound
from webapp.imports.models import MappingPreset
from webapp.imports.selectors import upload as find_upload

if TYPE_CHECKING:
    from django.http import HttpRequest

    from webapp.accounts.models import User

OF_ONE_FILE = ("mends",)  # what is decided for a file, never for its source


@transaction.atomic
def save_preset(*, user: "User", upload_id: int, name: str, request: "HttpRequest | None" = None) -> MappingPreset:
    """Keep an upload's mapping under a name; an earlier preset of that name is replaced. Raises `NotFound`, `HaechiError`."""
    require(user, Act.UPLOAD)
    upload = find_upload(user=user, upload_id=upload_id)
    name = " ".join(name.split())[:80]
    if not name:
        raise HaechiError(_("Give the preset a name, the source's for instance."), code="name_missing")
    if not upload.guess.get("digest"):
        raise HaechiError(_("This file has no columns to remember, so it needs no preset."), code="no_columns")
    mapping = {key: value for key, value in upload.mapping.items() if key not in OF_ONE_FILE}
    preset, _is_new = MappingPreset.objects.update_or_create(
        jurisdiction=upload.jurisdiction,
        name=name,
        defaults={
            "kind": upload.kind,
            "header_digest": upload.guess["digest"],
            "mapping": mapping,
            "created_by": user,
        },
    )
    record(
        action=AuditEntry.Action.SAVE_PRESET,
        actor=user,
        target=f"preset:{preset.pk}",
        detail={"name": name, "kind": upload.kind, "file": upload.file_name},
        request=request,
    )
    return preset


@transaction.atomic
def delete_preset(*, user: "User", preset_id: int, request: "HttpRequest | None" = None) -> None:
    """Forget a preset; uploads that were read with it stay. Raises `NotFound`."""
    require(user, Act.UPLOAD)
    preset = MappingPreset.objects.visible_to(user).filter(pk=preset_id).first()
    if preset is None:
        raise NotFound(_("There is no such preset."))
    record(
        action=AuditEntry.Action.DELETE_PRESET,
        actor=user,
        target=f"preset:{preset.pk}",
        detail={"name": preset.name},
        request=request,
    )
    preset.delete()
