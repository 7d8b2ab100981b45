"""Any file that people really have to tables of text, in bounded memory. `open_tables` is the one way in.

A table gives its rows in chunks (`ingestion.reader.Chunk`): lists of text fields with exact line (or row) numbers.
"""
