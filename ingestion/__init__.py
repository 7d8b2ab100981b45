"""From a file of incidents to rows of the database: readers, presets, validation, cells and a COPY writer.

A pure core: no Django, no clock, no network; the connection it writes to, the time it takes for "now" and the
jurisdiction's boundary are handed in. `pipeline.take_in` is the whole way; every other module is one step of it.
"""
