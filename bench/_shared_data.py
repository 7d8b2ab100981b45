"""Where the real data sets lie that benches measure on."""

import os
from pathlib import Path


def shared_data() -> Path:
    """Beside the project, or where HAECHI_SHARED_DATA says."""
    return Path(os.environ.get("HAECHI_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
