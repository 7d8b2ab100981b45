"""Writes of the upload room: receive a file, understand it, try it, take it in as a whole or not at all, undo it.

One set of services stands behind the page, the API and the command line.
"""

from webapp.imports.services.asking import ask_for_check, ask_for_commit, ask_for_undo
from webapp.imports.services.presets import delete_preset, save_preset
from webapp.imports.services.receiving import (
    UploadRefused,
    UploadTooLarge,
    check_announced_size,
    check_size,
    clean_received,
    discard_upload,
    receive_upload,
    stored_path,
)
from webapp.imports.services.taking import commit_file, import_file, ingest_upload, open_file, run_check
from webapp.imports.services.understanding import change_mapping, understand
from webapp.imports.services.undoing import run_undo

__all__ = [
    "UploadRefused",
    "UploadTooLarge",
    "ask_for_check",
    "ask_for_commit",
    "ask_for_undo",
    "change_mapping",
    "check_announced_size",
    "check_size",
    "clean_received",
    "commit_file",
    "delete_preset",
    "discard_upload",
    "import_file",
    "ingest_upload",
    "open_file",
    "receive_upload",
    "run_check",
    "run_undo",
    "save_preset",
    "stored_path",
    "understand",
]
