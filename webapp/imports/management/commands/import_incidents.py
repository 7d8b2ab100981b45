"""Take a file of incidents in from the command line: the same service as behind the upload page."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = "Take a CSV file of incidents in (plain or gzip). The same content twice changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="path of the file")
        parser.add_argument("--preset", required=True, help="how the file is written: haechi, chicago or nyc")
        parser.add_argument("--jurisdiction", required=True, help="code of the jurisdiction")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.imports.sentences import Sentences
        from webapp.imports.services import import_file

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            known = ", ".join(Jurisdiction.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no jurisdiction “{options['jurisdiction']}”. Known are: {known}.")
        try:
            upload = import_file(
                jurisdiction=jurisdiction, path=options["file"], preset=options["preset"], progress=self._progress
            )
        except HaechiError as error:
            raise CommandError(error.message) from error
        if upload.already_there:
            self.stdout.write(f"{upload.file_name} was taken in before as upload {upload.pk}; nothing was changed.")
            return
        self.stdout.write(
            f"{upload.file_name}: {upload.rows_read:,} rows read, {upload.rows_accepted:,} taken in, "
            f"{upload.rows_rejected:,} rejected (upload {upload.pk})."
        )
        sentences = Sentences(upload)
        for reason in sentences.reasons():
            self.stdout.write(f"  {reason['count']:>9,}  {reason['label']}")
        for warning in sentences.warnings():
            self.stdout.write(f"  {warning['sentence']}")

    def _progress(self, fraction: float, step: str) -> None:
        if sys.stderr.isatty():
            filled = int(fraction * 40)
            self.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {fraction:4.0%} ", ending="" if fraction < 0.99 else "\n")
