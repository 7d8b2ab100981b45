"""Real rulings in the database: every fact's words stand in the text, and undoing leaves nothing behind."""

import gzip

import pytest

from tests.integration.test_rulings import everything, take
from tests.rulings import make_ruling
from webapp.common.intake import taker_of, undo_rows
from webapp.crimes.models import Ruling, RulingFact
from webapp.crimes.rulings.priors import ruling_priors
from webapp.crimes.rulings.selectors import ruling_page

pytestmark = [pytest.mark.django_db, pytest.mark.real]
RULINGS = 300


@pytest.fixture
def some_rulings(shared_data, tmp_path):
    """The first rulings of the street offences, as JSON lines."""
    path = tmp_path / "rulings.jsonl"
    with gzip.open(shared_data / "kr-court-rulings" / "criminal_street_offences.jsonl.gz", "rt", encoding="utf-8") as lines:
        path.write_text("".join(line for _number, line in zip(range(RULINGS), lines, strict=False)), encoding="utf-8")
    return path


def test_real_rulings_come_in_are_read_count_and_go_again(jurisdiction, analyst, some_rulings):
    make_ruling(jurisdiction)
    before = [everything(table) for table in ("crimes_ruling", "crimes_rulingfact")]
    upload, report = take(jurisdiction, some_rulings)
    assert report.rows == RULINGS == report.accepted + report.rejected
    stored = Ruling.objects.filter(upload_id=upload)
    assert stored.count() == report.sums["new"]
    facts = RulingFact.objects.filter(ruling__upload_id=upload).select_related("ruling")
    assert facts.count() == report.sums["facts"] > RULINGS
    for fact in facts:
        assert fact.ruling.text[fact.start : fact.end].strip()
    for ruling in stored[:20]:
        page = ruling_page(user=analyst, ruling_id=ruling.pk)
        assert "".join(piece.text for block in page.blocks for piece in block.pieces) == ruling.text
    priors = ruling_priors(jurisdiction=jurisdiction)
    assert priors.events[priors.categories.index("violence")] > 10
    undo_rows(upload_id=upload, tables=taker_of("rulings").tables)
    assert [everything(table) for table in ("crimes_ruling", "crimes_rulingfact")] == before
