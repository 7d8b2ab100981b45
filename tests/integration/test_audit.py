"""The audit trail: written by the acts themselves, and refused to be changed by the database."""

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client

from tests.factories import PASSWORD
from webapp.audit.models import AuditEntry
from webapp.audit.selectors import trail
from webapp.audit.services import record
from webapp.common.errors import NotAllowed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET actor_name = 'somebody else'",
        "DELETE FROM audit_auditentry",
        "TRUNCATE audit_auditentry",
    ],
)
def test_the_database_refuses_to_change_the_trail(analyst, statement):
    record(action=AuditEntry.Action.SIGN_IN, actor=analyst)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # pending checks of foreign keys would refuse TRUNCATE first
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert AuditEntry.objects.get().actor_name == analyst.username


def test_signing_in_and_out_leaves_lines_with_the_address(analyst, client: Client):
    client.post("/accounts/login/", {"username": analyst.username, "password": PASSWORD})
    client.post("/accounts/logout/")
    lines = list(AuditEntry.objects.order_by("pk").values_list("action", "actor_name", "address", "jurisdiction__code"))
    assert lines == [
        ("sign_in", analyst.username, "127.0.0.1", "testgu"),
        ("sign_out", analyst.username, "127.0.0.1", "testgu"),
    ]


def test_a_failed_sign_in_is_recorded_with_the_name_as_typed(jurisdiction, client: Client):
    client.post("/accounts/login/", {"username": "nobody", "password": "wrong"})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.actor_name) == ("sign_in_failed", None, "nobody")


def test_an_act_that_rolls_back_leaves_no_line(analyst):
    with transaction.atomic():
        record(action=AuditEntry.Action.UPLOAD, actor=analyst)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


def test_only_auditors_read_the_trail_and_only_of_their_own_jurisdiction(users, outsider):
    record(action=AuditEntry.Action.UPLOAD, actor=outsider)
    mine = record(action=AuditEntry.Action.UPLOAD, actor=users["administrator"])
    assert list(trail(user=users["auditor"])) == [mine]
    for role in ("analyst", "operator", "administrator"):
        with pytest.raises(NotAllowed):
            trail(user=users[role])


def test_the_trail_can_be_filtered_by_act_and_person(users):
    record(action=AuditEntry.Action.UPLOAD, actor=users["administrator"])
    wanted = record(action=AuditEntry.Action.PUBLISH_PLAN, actor=users["operator"])
    assert list(trail(user=users["auditor"], action="publish_plan")) == [wanted]
    assert list(trail(user=users["auditor"], actor_name="OPERATOR")) == [wanted]


def test_the_page_shows_the_trail_to_an_auditor_and_refuses_others(users, client: Client):
    record(action=AuditEntry.Action.PUBLISH_PLAN, actor=users["operator"], target="plan:3")
    client.force_login(users["auditor"])
    assert "plan:3" in client.get("/audit/").content.decode()
    client.force_login(users["analyst"])
    assert client.get("/audit/", headers={"accept": "text/html"}).status_code == 403


@pytest.mark.korean
def test_details_read_as_words_of_the_page(users, client: Client):
    detail = {"file": "a.csv", "sha256": "ab" * 32, "accepted": 7, "category": "", "language": "ko"}
    record(action=AuditEntry.Action.UPLOAD, actor=users["administrator"], detail=detail)
    client.force_login(users["auditor"])
    page = client.get("/audit/?action=upload").content.decode()
    assert "반영된 행" in page
    assert "abababababab" in page
    assert "ab" * 7 not in page
    assert '<span class="muted">language</span>' not in page


def test_the_filter_stays_from_page_to_page(users, client: Client):
    for _number in range(51):
        record(action=AuditEntry.Action.UPLOAD, actor=users["administrator"])
    client.force_login(users["auditor"])
    page = client.get("/audit/?action=upload&actor=admin").content.decode()
    assert "?page=2&amp;action=upload&amp;actor=admin" in page
