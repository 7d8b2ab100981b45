"""Measurements, one file a benchmark, each with its peers in the same run. `./run bench NAME` starts them."""
