"""Any file that people really have to tables of text, in bounded memory. `open_tables` is the one way in.

A table gives its rows in chunks (`Chunk`): lists of text fields with exact line (or row) numbers.
"""

from ingestion.readers.chunk import Chunk
from ingestion.readers.opening import open_tables
from ingestion.readers.table import Limits, Table

__all__ = ["Chunk", "Limits", "Table", "open_tables"]
