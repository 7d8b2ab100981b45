"""Every sentence of the ingestion core has its Korean, with the same fields."""

import string
from pathlib import Path

import polib
import pytest

from ingestion.errors import EVIDENCE, MENDS, REASONS, REFUSALS, WARNINGS

CATALOGUE = Path(__file__).resolve().parents[2] / "locale" / "ko" / "LC_MESSAGES" / "django.po"
KOREAN = {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE))}
TEMPLATES = [*REASONS.values(), *WARNINGS.values(), *REFUSALS.values(), *EVIDENCE.values(), *MENDS.values()]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_sentence_has_its_korean_with_the_same_fields(template):
    assert KOREAN.get(template), "add it to locale/ko/LC_MESSAGES/django.po"
    assert fields(KOREAN[template]) == fields(template)
