"""Take an upload in, in the background."""

from uuid import UUID

from celery import shared_task


@shared_task
def ingest(job_id: str) -> None:
    """Delivered at least once; the claim on the job makes sure that it happens once."""
    from webapp.common.services import claimed_job
    from webapp.imports.services import ingest_upload

    with claimed_job(UUID(job_id)) as claim:
        if claim is not None:
            job, progress = claim
            ingest_upload(upload_id=job.parameters["upload"], progress=progress)
