"""Writes of accounts."""

from django.db import transaction

from webapp.accounts.models import Jurisdiction, User


@transaction.atomic
def ensure_user(*, username: str, role: str, jurisdiction: Jurisdiction, password: str) -> User:
    """Make a user of this role, or return the one that already has the name, with this password set.

    For set-up commands: calling it again with the same values changes nothing.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        return User.objects.create_user(username=username, password=password, role=role, jurisdiction=jurisdiction)
    if user.role != role or user.jurisdiction_id != jurisdiction.pk:
        user.role, user.jurisdiction = role, jurisdiction
        user.save(update_fields=["role", "jurisdiction"])
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user
