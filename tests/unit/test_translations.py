"""Every user-facing string has its Korean: no message of the catalogues is missing or doubtful."""

from pathlib import Path

import polib
import pytest

LOCALE = Path(__file__).resolve().parents[2] / "locale" / "ko" / "LC_MESSAGES"


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_every_message_has_its_korean(domain):
    catalogue = polib.pofile(str(LOCALE / f"{domain}.po"))
    assert len(catalogue) > 20
    missing = [entry.msgid for entry in catalogue.untranslated_entries() + catalogue.fuzzy_entries() if not entry.obsolete]
    assert missing == []


@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_placeholders_survive_the_translation(domain):
    import re

    placeholder = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w+)\}")
    for entry in polib.pofile(str(LOCALE / f"{domain}.po")):
        texts = list(entry.msgstr_plural.values()) or [entry.msgstr]
        wanted = set(placeholder.findall(entry.msgid)) | set(placeholder.findall(entry.msgid_plural or ""))
        for text in texts:
            assert set(placeholder.findall(text)) <= wanted, entry.msgid
