"""The version of Haechi, as written at the top of CHANGELOG.md: recorded with every run, shown to people."""

import re
from functools import lru_cache

from django.conf import settings

_HEADING = re.compile(r"^##\s+\[?v?(\d+\.\d+(?:\.\d+)?[\w.+-]*)", re.MULTILINE)


@lru_cache(maxsize=1)
def version() -> str:
    """The newest version named in the changelog, `0.1.0` style; `0.0.0` while it names none."""
    changelog = settings.BASE_DIR / "CHANGELOG.md"
    found = _HEADING.search(changelog.read_text(encoding="utf-8")) if changelog.is_file() else None
    return found.group(1) if found else "0.0.0"
