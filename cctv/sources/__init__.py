"""Where pictures come from: cameras of the network (RTSP, HTTP, HLS), clips, folders of images.

`read_address` → `open_source` → iterate `Frame`s; `Latest` does so in a thread of its own. Only this package opens streams.
"""

from cctv.sources.address import Address, Kind, Reach, Secrets, locate, pin, read_address
from cctv.sources.errors import SourceError
from cctv.sources.latest import Latest
from cctv.sources.playing import Options, Source, open_source
from cctv.sources.status import State, Status, clock_sentence

__all__ = [
    "Address",
    "Kind",
    "Latest",
    "Options",
    "Reach",
    "Secrets",
    "Source",
    "SourceError",
    "State",
    "Status",
    "clock_sentence",
    "locate",
    "open_source",
    "pin",
    "read_address",
]
