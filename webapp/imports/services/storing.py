"""Files of uploads on the server's disk: how large they may be, where they lie, and which content is known already."""

import hashlib
import logging
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from ingestion.reader import readable_size
from webapp.common.errors import HaechiError
from webapp.common.models import Job
from webapp.imports.models import Upload

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction

logger = logging.getLogger(__name__)

COPY_BYTES = 1024**2
OPEN_JOBS = (Job.State.QUEUED, Job.State.RUNNING)
OPEN_STATES = (Upload.State.RECEIVED, Upload.State.CHECKED)


class UploadTooLarge(HaechiError):
    """The file is beyond the size that this server takes."""

    code = "too_large"
    status = 413


def check_size(*, size_bytes: int, file_name: str = "") -> None:
    """Refuse a file by its size alone, before anything of it is read. Raises `UploadTooLarge`."""
    limit = settings.UPLOAD_MAX_BYTES
    if size_bytes > limit:
        raise UploadTooLarge(
            _(
                "%(file)s is %(size)s large; this server takes in at most %(limit)s. Split it by year, or compress it with gzip, "
                "and upload the parts."
            )
            % {"file": file_name or _("The file"), "size": readable_size(size_bytes), "limit": readable_size(limit)},
            fields={"size_bytes": size_bytes, "limit_bytes": limit},
        )


def check_announced_size(*, content_length: str | None) -> None:
    """Refuse an upload by what the browser announces, before its body is read. Raises `UploadTooLarge`."""
    form_around_the_file = 64 * 1024
    check_size(size_bytes=max(int(content_length or 0) - form_around_the_file, 0))


def stored_path(upload: Upload) -> Path:
    """Where a received file lies until it has been taken in, refused or discarded."""
    return Path(settings.UPLOAD_DIR) / f"{upload.pk}.upload"


def plain_name(file_name: str) -> str:
    """A file's name without folders and NUL bytes."""
    return os.path.basename(file_name.replace("\\", "/")).replace("\0", "")[:255] or "upload.csv"


@dataclass(frozen=True)
class Content:
    """A file's content: SHA-256 in hexadecimal and size in bytes."""

    sha256: str
    size_bytes: int


def store(source: "Path | str | IO[bytes]", name: str) -> tuple[Path, Content]:
    """Copy a file into the upload folder in small blocks. Raises `UploadTooLarge`, `HaechiError` ("storage") for a full disk."""
    target = Path(settings.UPLOAD_DIR) / f"{uuid.uuid4().hex}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(source, Path | str):
            return target, _copy(source, target, name)
        with open(source, "rb") as stream:
            return target, _copy(stream, target, name)
    except OSError as error:
        target.unlink(missing_ok=True)
        logger.exception("upload could not be stored")
        raise HaechiError(
            _("%(file)s could not be stored on the server: %(reason)s. Ask whoever runs the server to make room.")
            % {"file": name, "reason": error.strerror},
            code="storage",
            fields={"file": name},
        ) from error
    except BaseException:  # too large, or the connection broke while the rest was on its way
        target.unlink(missing_ok=True)
        raise


def _copy(stream: "IO[bytes]", target: Path, name: str) -> Content:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as output:
        while block := stream.read(COPY_BYTES):
            size += len(block)
            check_size(size_bytes=size, file_name=name)
            digest.update(block)
            output.write(block)
    return Content(digest.hexdigest(), size)


def content_of(path: Path) -> Content:
    """Hash a file on this machine. Raises `HaechiError`, `UploadTooLarge`."""
    try:
        size = path.stat().st_size
        check_size(size_bytes=size, file_name=path.name)
        with path.open("rb") as stream:
            return Content(hashlib.file_digest(stream, "sha256").hexdigest(), size)
    except OSError as error:
        raise HaechiError(_("%(file)s cannot be read: %(reason)s.") % {"file": path, "reason": error.strerror}) from error


def lock_content(jurisdiction: "Jurisdiction", sha256: str) -> None:
    """Let only one transaction at a time decide about this content: a second click waits and then finds the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{jurisdiction.pk}:{sha256}"])


Part = tuple[str, str | None, str | None, str]


def part_of(kind: str, mapping: dict[str, Any]) -> Part:
    """What of a file's content is taken in: kind, member of the archive, sheet, kind of place."""
    reading = mapping.get("reading") or {}
    return str(kind), reading.get("member"), reading.get("sheet"), mapping.get("place_kind") or ""


def part_key(part: Part) -> str:
    """The same as one short word, for the database's own check that a content is taken in once."""
    if not any(part[1:]):
        return part[0]
    digest = hashlib.sha256("\0".join(str(piece) for piece in part).encode()).hexdigest()
    return f"{part[0]}-{digest[:16]}"


def committed_twin(upload_of: "Jurisdiction", sha256: str, part: Part) -> Upload | None:
    """The upload that holds this part of this content already."""
    same = Upload.objects.of(upload_of).filter(sha256=sha256, state=Upload.State.COMMITTED).select_related("jurisdiction", "job")
    return next((one for one in same if part_of(one.kind, one.mapping) == part), None)


def under_way(jurisdiction: "Jurisdiction", sha256: str) -> Upload | None:
    """The upload of this content that waits for a person or for its job."""
    same = Upload.objects.of(jurisdiction).filter(sha256=sha256).select_related("jurisdiction", "job").order_by("-pk")
    waiting = same.filter(state=Upload.State.WAITING, job__state__in=OPEN_JOBS).first()
    return waiting or same.filter(state__in=OPEN_STATES).first()
