"""The log-ins of a city to look at: one for each role, all with one password that is kept beside the data."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from webapp.accounts.models import Jurisdiction, User
from webapp.accounts.services import ensure_user

USER_NAMES = {
    User.Role.ANALYST: "analyst",
    User.Role.OPERATOR: "operator",
    User.Role.ADMINISTRATOR: "admin",
    User.Role.AUDITOR: "auditor",
}


@dataclass(frozen=True)
class Logins:
    """`users`: (role, user name), all with `password`."""

    users: tuple[tuple[str, str], ...]
    password: str


@transaction.atomic
def set_up_logins(*, jurisdiction: Jurisdiction, password: str | None, suffix: str) -> Logins:
    """Make a user of each role; the password is the one given, else the one kept in DATA_DIR/demo_password, else a new one."""
    password = kept_password(password)
    users = [(str(role), f"{name}{suffix}") for role, name in USER_NAMES.items()]
    for role, username in users:
        ensure_user(username=username, role=role, jurisdiction=jurisdiction, password=password)
    return Logins(tuple(users), password)


def kept_password(given: str | None) -> str:
    """The demo password; one that is given or new is kept in a file that only its owner may read."""
    file = Path(settings.DATA_DIR) / "demo_password"
    if given is None and file.is_file() and (kept := file.read_text(encoding="utf-8").strip()):
        return kept
    password = given or secrets.token_urlsafe(9)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(password + "\n")
    part.replace(file)
    return password
