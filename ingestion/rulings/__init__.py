"""Korean court rulings: from files to text, from text to facts with their characters, from facts to priors.

`read_documents` gives masked documents, `extract` their sections, events and facts, `prior_tables` what all of them say
together. Pure: no database, no network, no clock.
"""

from ingestion.rulings.documents import read_documents
from ingestion.rulings.extraction import extract
from ingestion.rulings.model import (
    FIELDS,
    SECTIONS,
    VERDICTS,
    Document,
    Event,
    Extraction,
    Fact,
    Field,
    Label,
    Section,
    SectionKind,
    Verdict,
)
from ingestion.rulings.priors import Priors, prior_tables
from ingestion.rulings.vocabulary import TABLES

__all__ = [
    "FIELDS",
    "SECTIONS",
    "TABLES",
    "VERDICTS",
    "Document",
    "Event",
    "Extraction",
    "Fact",
    "Field",
    "Label",
    "Priors",
    "Section",
    "SectionKind",
    "Verdict",
    "extract",
    "prior_tables",
    "read_documents",
]
