"""Take files in from the command line: the same services as behind the upload pages, the same report as text."""

# ruff: noqa: N999  (the command is called `import`)

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError
from webapp.imports.models import Upload

BARS = " ▁▂▃▄▅▆▇█"


class Command(BaseCommand):
    help = (
        "Look into files, check them and take them in, each as a whole or not at all. The same content twice changes nothing. "
        "Exit status 0: every file was (or with --dry-run would be) taken in; 1: some were not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="paths of the files")
        parser.add_argument("--jurisdiction", required=True, metavar="CODE", help="code of the jurisdiction")
        parser.add_argument("--kind", choices=Upload.Kind.values, help="what the files hold, where the guess is wrong")
        parser.add_argument("--preset", default="", help="a mapping preset of the jurisdiction, or haechi, chicago, nyc")
        parser.add_argument("--accept", action="append", default=[], metavar="MEND", help="accept a proposed mend (its code)")
        parser.add_argument("--column", action="append", default=[], metavar="FIELD=TITLE", help="name the column of a field")
        parser.add_argument("--category", action="append", default=[], metavar="VALUE=CODE", help="name the category of a value")
        parser.add_argument("--crs", help="coordinate system, like EPSG:5186")
        parser.add_argument("--leave-out-unknown", action="store_true", help="leave out rows whose category is not known here")
        parser.add_argument("--dry-run", action="store_true", help="check only; nothing is taken in")
        parser.add_argument("--yes", action="store_true", help="take in although some rows are rejected, without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            known = ", ".join(Jurisdiction.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no jurisdiction “{options['jurisdiction']}”. Known are: {known}.")
        failures: list[str] = []
        for name in options["files"]:
            try:
                self._one(jurisdiction, Path(name), options)
            except HaechiError as error:
                if len(options["files"]) == 1:
                    raise CommandError(error.message) from error
                failures.append(error.message)
                self.stderr.write(self.style.ERROR(error.message))
        if failures:
            raise CommandError(f"{len(failures)} of {len(options['files'])} files were not taken in.")

    def _one(self, jurisdiction: Jurisdiction, path: Path, options: dict[str, Any]) -> None:
        from webapp.imports.services import commit_file, open_file, run_check

        upload = open_file(jurisdiction=jurisdiction, path=path, kind=options["kind"], preset=options["preset"])
        if upload.already_there:
            self.stdout.write(f"{path.name} was taken in before as upload {upload.pk} ({upload.file_name}); nothing was changed.")
            return
        is_kept = False
        try:
            self._settle(upload, path, options)
            upload = run_check(upload_id=upload.pk, path=path, progress=self._progress)
            self._report(upload)
            if options["dry_run"]:
                self._must_have_rows(upload)
                self.stdout.write("Dry run: nothing was taken in.")
                return
            self._confirm(upload, options)
            is_kept = True  # from here on a refusal is recorded
            upload = commit_file(upload=upload, path=path, progress=self._progress)
            self.stdout.write(self.style.SUCCESS(f"Taken in as upload {upload.pk}: {upload.rows_accepted:,} rows."))
        finally:
            if not is_kept:
                upload.delete()

    def _settle(self, upload: Upload, path: Path, options: dict[str, Any]) -> None:
        """Apply what the command line says of the mapping, then see whether a question is open."""
        from webapp.imports.services.understanding import apply_changes, still_open, unknown_categories

        mapping = upload.mapping
        changes: dict[str, Any] = {}
        if options["accept"]:
            changes["mends"] = options["accept"]
        if options["column"]:
            changes["columns"] = mapping.get("columns", {}) | _pairs("--column", options["column"])
        categories = {name.strip().casefold(): code for name, code in _pairs("--category", options["category"]).items()}
        if options["leave_out_unknown"]:
            categories |= {value.strip().casefold(): "" for value in unknown_categories(upload)} | categories
        if categories:
            changes["categories"] = mapping.get("categories", {}) | categories
        if options["crs"]:
            changes["crs"] = options["crs"]
        if changes:
            apply_changes(upload, path, changes)
        questions = still_open(upload)
        if questions:
            self._understood(upload)
            raise HaechiError(f"{upload.file_name}: " + " ".join(question.sentence for question in questions))

    def _understood(self, upload: Upload) -> None:
        from webapp.imports.sentences import Sentences

        self.stdout.write(self.style.MIGRATE_HEADING(f"{upload.file_name}: {upload.get_kind_display()}"))
        preset = upload.guess.get("preset")
        if preset:
            self.stdout.write(f"  read like the source “{preset['name']}”")
        for field, title in upload.mapping.get("columns", {}).items():
            self.stdout.write(f"  {field:<16} ← {title}")
        for line in Sentences(upload).evidence():
            self.stdout.write(f"  {line['topic']}: {line['sentence']}")

    def _report(self, upload: Upload) -> None:
        from webapp.imports.findings import quality_of
        from webapp.imports.sentences import Sentences

        self._understood(upload)
        report, sentences = upload.report, Sentences(upload)
        self.stdout.write(
            f"{upload.file_name}: {report['rows']:,} rows read, {report['accepted']:,} good, "
            f"{report.get('mendable', 0):,} mendable, {report['rejected']:,} rejected."
        )
        for problem in sentences.problems():
            lines = ", ".join(map(str, problem["lines"]))
            self.stdout.write(f"  {problem['count']:>9,}  {problem['label']} (lines {lines})")
            self.stdout.write(f"             {problem['sentence']}")
            if problem["mend"]:
                self.stdout.write(f"             mend: {problem['mend_sentence']}  → --accept {problem['mend']}")
        for warning in sentences.warnings():
            self.stdout.write(f"  {warning['sentence']}")
        if any(report.get("hours", [])):
            most = max(report["hours"])
            self.stdout.write("  hours 0–23  " + "".join(BARS[round(8 * value / most)] for value in report["hours"]))
        quality = quality_of(upload)
        if quality:
            parts = ", ".join(f"{part.label} {part.share:.1%}" for part in quality.parts)
            self.stdout.write(f"  quality {quality.score} of 100: {parts}")

    def _confirm(self, upload: Upload, options: dict[str, Any]) -> None:
        self._must_have_rows(upload)
        if not upload.report["rejected"] or options["yes"]:
            return
        if not sys.stdin.isatty():
            raise HaechiError(
                f"{upload.file_name}: {upload.report['rejected']:,} rows would be rejected. Add --yes to take the others in."
            )
        if input(f"Take in {upload.report['accepted']:,} rows without the rejected ones? [y/N] ").strip().lower() not in (
            "y",
            "yes",
        ):
            raise HaechiError(f"{upload.file_name} was not taken in.")

    def _must_have_rows(self, upload: Upload) -> None:
        if not upload.report["accepted"]:
            raise HaechiError(f"{upload.file_name}: not one row can be taken in.")

    def _progress(self, fraction: float, step: str) -> None:
        if sys.stderr.isatty():
            filled = int(fraction * 40)
            self.stderr.write(f"\r[{'#' * filled}{'.' * (40 - filled)}] {fraction:4.0%} ", ending="" if fraction < 0.99 else "\n")


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise CommandError(f"{option} takes NAME=VALUE, not “{pair}”.")
        found[name.strip()] = value.strip()
    return found
