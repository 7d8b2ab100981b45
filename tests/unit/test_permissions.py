"""The table of who may do what, held against the words of the roles."""

import pytest
from django.contrib.auth.models import AnonymousUser

from webapp.accounts.models import Jurisdiction, User
from webapp.accounts.permissions import Act, may, require
from webapp.common.errors import NotAllowed

ROLES = {
    "analyst": {"see_map", "read_incidents", "read_rulings", "correct_rulings", "start_run", "promote_model", "make_plan"},
    "operator": {"see_map", "make_plan", "publish_plan"},
    "administrator": {
        "see_map",
        "read_incidents",
        "read_rulings",
        "correct_rulings",
        "start_run",
        "promote_model",
        "make_plan",
        "publish_plan",
        "upload",
        "manage_cameras",
    },
    "auditor": {"see_map", "read_audit"},
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_exactly_this(role):
    user = User(role=role, jurisdiction=Jurisdiction(pk=1))
    assert {act.value for act in Act if may(user, act)} == ROLES[role]


def test_nobody_without_a_jurisdiction_or_an_account_may_do_anything():
    homeless = User(role="administrator")
    inactive = User(role="administrator", jurisdiction=Jurisdiction(pk=1), is_active=False)
    for user in (homeless, inactive, AnonymousUser()):
        assert not any(may(user, act) for act in Act)


def test_a_refusal_names_the_act():
    with pytest.raises(NotAllowed) as caught:
        require(User(role="operator", jurisdiction=Jurisdiction(pk=1)), Act.UPLOAD)
    assert caught.value.fields == {"act": "upload"}
