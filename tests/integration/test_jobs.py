"""The life of a long job: claimed once, cancelled at its next report, never left half-way."""

import pytest
from django.db import connection, connections

from webapp.common.errors import Conflict, HaechiError
from webapp.common.models import Job
from webapp.common.selectors import job_status
from webapp.common.services import claimed_job, create_job, request_cancel

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(jurisdiction, analyst):
    return create_job(jurisdiction=jurisdiction, kind=Job.Kind.FORECAST, created_by=analyst)


def test_a_job_runs_reports_and_succeeds(job, analyst):
    with claimed_job(job.pk) as (claimed, progress):
        assert claimed == job
        progress(1.0, "fit")
        status = job_status(user=analyst, job_id=job.pk)
        assert (status.job.state, status.fraction, status.step) == ("running", 1.0, "fit")
    assert job_status(user=analyst, job_id=job.pk).job.state == "succeeded"


def test_a_job_that_is_over_cannot_be_claimed_again(job):
    with claimed_job(job.pk):
        pass
    with claimed_job(job.pk) as claim:
        assert claim is None


def test_cancelling_a_waiting_job_ends_it_at_once(job):
    assert request_cancel(job=job).state == "cancelled"
    with claimed_job(job.pk) as claim:
        assert claim is None
    with pytest.raises(Conflict):
        request_cancel(job=job)


def test_cancelling_a_running_job_ends_it_at_its_next_report(job, analyst):
    reached = []
    with claimed_job(job.pk) as (_claimed, progress):
        request_cancel(job=job)
        progress(1.0, "fit")
        reached.append("after the report")
    assert reached == []
    assert job_status(user=analyst, job_id=job.pk).job.state == "cancelled"


def test_a_failure_keeps_the_sentence_for_a_person(job):
    with claimed_job(job.pk):
        raise HaechiError("Line 3 has no date.")
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "Line 3 has no date.")


def test_an_unexpected_error_is_recorded_and_raised_for_the_log(job):
    with pytest.raises(ZeroDivisionError), claimed_job(job.pk):
        _ = 1 / 0
    job.refresh_from_db()
    assert job.state == "failed"
    assert "ZeroDivision" not in job.message


def test_another_jurisdiction_sees_no_job(job, outsider):
    with pytest.raises(HaechiError, match=r"no such job|작업"):
        job_status(user=outsider, job_id=job.pk)


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_lost_worker_can_be_claimed_again(job):
    """A killed worker leaves the row as running; its session lock dies with its connection."""
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    key = int.from_bytes(job.pk.bytes[:8], "big", signed=True)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        with claimed_job(job.pk) as claim:
            assert claim is None, "the first worker is still alive"
    finally:
        other.close()
    with claimed_job(job.pk) as claim:
        assert claim is not None
    with connection.cursor() as cursor:
        # Only this job's: a worker beside may hold another one's.
        mine = [(key >> 32) & 0xFFFFFFFF, key & 0xFFFFFFFF]
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s", mine)
        assert cursor.fetchone() == (0,)
