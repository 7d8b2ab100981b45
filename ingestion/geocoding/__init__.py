"""Addresses and names to places: a gazetteer of the jurisdiction's own records, and three public services behind it.

Every hit tells its precision; who asks says how precise is precise enough. No network here: a service asks through a
function that is handed in.
"""

from ingestion.geocoding.address import Address, parse_address
from ingestion.geocoding.gazetteer import AddressEntry, AreaEntry, Gazetteer, PlaceEntry
from ingestion.geocoding.hits import Geocoder, GeocoderRefused, Hit, Precision, only_hit
from ingestion.geocoding.services import Juso, Kakao, Request, Response, Service, VWorld

__all__ = [
    "Address", "AddressEntry", "AreaEntry", "Gazetteer", "Geocoder", "GeocoderRefused", "Hit", "Juso", "Kakao", "PlaceEntry",
    "Precision", "Request", "Response", "Service", "VWorld", "only_hit", "parse_address",
]  # fmt: skip
