"""Undo an upload from the command line: the same service as behind the upload page."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.common.errors import HaechiError
from webapp.imports.models import Upload


class Command(BaseCommand):
    help = "Undo an upload: exactly its rows go, and what it had replaced comes back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("upload", type=int, help="number of the upload")
        parser.add_argument("--reason", required=True, help="why; kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.imports.services import run_undo

        if not Upload.objects.filter(pk=options["upload"]).exists():
            raise CommandError(f"There is no upload {options['upload']}.")
        if not options["reason"].strip():
            raise CommandError("Say why the upload is undone; the reason is kept in the trail.")
        try:
            upload = run_undo(upload_id=options["upload"], reason=options["reason"])
        except HaechiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(
            self.style.SUCCESS(f"Upload {upload.pk} ({upload.file_name}) is undone: {upload.rows_accepted:,} rows.")
        )
