"""How the details of an entry read on the page. The trail keeps codes; people read words."""

from typing import Any

from django.utils.translation import gettext_lazy as _

LABELS = {
    "rows": _("incidents shown"),
    "rejected_rows": _("rejected rows shown"),
    "file": _("file"),
    "sha256": _("content (SHA-256)"),
    "accepted": _("rows taken in"),
    "rejected": _("rows rejected"),
    "removed": _("rows removed"),
    "restored": _("rows restored"),
    "reason": _("reason"),
    "name": _("name"),
    "slot_start": _("start of the slot"),
    "category": _("category"),
    "replaced": _("plans replaced"),
    "kind": _("kind"),
    "cutoff": _("data cut-off"),
    "weeks": _("weeks"),
    "case": _("case"),
    "field": _("field"),
    "before": _("before"),
    "after": _("after"),
    "event": _("event"),
    "facts": _("facts"),
    "stream": _("video stream"),
    "changed": _("what was changed"),
    "sender": _("sender"),
}
HASH_SHOWN = 12


def details(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """(label, value) of each detail that says something; hashes shortened."""
    shown = {key: value for key, value in detail.items() if value not in (None, "") and key != "language"}
    return [
        (str(LABELS.get(key, key)), str(value)[:HASH_SHOWN] if key == "sha256" else str(value)) for key, value in shown.items()
    ]
