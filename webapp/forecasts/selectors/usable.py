"""Whether a stored version can forecast today: same program, cells, categories and slots.

Loads nothing of the prediction core, so that pages and the API may ask as well; the worker also looks into the file.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from webapp.crimes.models import Category, CellGrid
from webapp.forecasts.models import ModelVersion
from webapp.version import version as code_version

if TYPE_CHECKING:
    from webapp.accounts.models import Jurisdiction


def slots_of(jurisdiction: "Jurisdiction") -> dict[str, Any]:
    """The slots of the day as a version keeps them."""
    return {"time_zone": jurisdiction.time_zone, "start_hours": list(jurisdiction.slot_start_hours)}


def why_unusable(version: ModelVersion, *, jurisdiction: "Jurisdiction") -> str:
    """A code of `sentences.unusable_reason`; blank where nothing speaks against the version. Its file is not read."""
    grid = CellGrid.objects.of(jurisdiction).filter(is_current=True).values_list("pk", flat=True).first()
    categories = list(Category.objects.of(jurisdiction).order_by("position").values_list("code", flat=True))
    checks = (
        ("code_version", version.code_version == code_version()),
        ("grid", version.grid_id == grid),
        ("categories", version.category_codes == categories),
        ("slots", version.parameters.get("slots") == slots_of(jurisdiction)),
        ("file_missing", (Path(settings.MODEL_DIR) / version.model_file).is_file()),
    )
    return next((code for code, holds in checks if not holds), "")
