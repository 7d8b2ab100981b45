"""Make a jurisdiction from its outline, a GeoJSON file: `./run manage add_jurisdiction jongno --name … --boundary FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import shapely
from django.core.management.base import BaseCommand, CommandError

from webapp.common.errors import HaechiError
from webapp.crimes.selectors import current_grid
from webapp.crimes.services import set_up_jurisdiction


class Command(BaseCommand):
    help = "Make a jurisdiction with Korea's five categories and its cells from a GeoJSON outline (WGS84)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="short and lasting, like seocho")
        parser.add_argument("--name", required=True, help="in Korean")
        parser.add_argument("--name-en", required=True)
        parser.add_argument("--boundary", type=Path, required=True, help="GeoJSON: a polygon, or features that together make it")
        parser.add_argument("--time-zone", default="Asia/Seoul")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["boundary"]
        try:
            parts = shapely.from_geojson(path.read_bytes())
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except shapely.errors.GEOSException as error:
            raise CommandError(f"{path} is not GeoJSON. Export the outline as GeoJSON in WGS84.") from error
        outline = shapely.union_all(shapely.get_parts(parts)) if hasattr(parts, "geoms") else parts
        if outline.is_empty:
            raise CommandError(f"{path} is empty. Export the outline as one polygon or more.")
        if outline.geom_type not in ("Polygon", "MultiPolygon"):
            raise CommandError(f"{path} holds a {outline.geom_type}, not an area. Give the outline as a polygon.")
        west, south, east, north = outline.bounds
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise CommandError(f"{path} is not in degrees (bounds {outline.bounds}). Export it in WGS84 (EPSG:4326).")
        try:
            jurisdiction = set_up_jurisdiction(
                code=options["code"],
                name=options["name"],
                name_en=options["name_en"],
                boundary=outline,
                time_zone=options["time_zone"],
            )
        except HaechiError as error:
            raise CommandError(error.message) from error
        grid = current_grid(jurisdiction=jurisdiction)
        self.stdout.write(f"{jurisdiction.code}: {grid.cell_count} cells at resolution {grid.resolution}")
