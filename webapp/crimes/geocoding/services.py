"""Find a place by its address: own records first, then the services; how precise the answer is decides the caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingestion.geocoding import GeocoderRefused, Hit, Precision, only_hit, parse_address
from ingestion.places import Boundary
from webapp.accounts.models import Jurisdiction
from webapp.crimes.geocoding.clients import Client, configured_clients
from webapp.crimes.geocoding.selectors import build_gazetteer
from webapp.crimes.selectors import boundary_shape

_REMEMBERED = 50_000


@dataclass(frozen=True)
class Answer:
    """Hits, the best first; several of one precision mean that the text is ambiguous.

    `refused`: services that gave no answer, and why, as codes of REFUSALS with their fields.
    """

    hits: tuple[Hit, ...]
    refused: tuple[GeocoderRefused, ...] = ()

    def place(self, *, least: Precision = Precision.LOT) -> Hit | None:
        """The one hit that may stand for the address, None where it is too vague or ambiguous."""
        return only_hit(self.hits, least=least)


@dataclass(eq=False)
class JurisdictionGeocoder:
    """Geocodes for one jurisdiction. Build one for an upload and use it for all its rows: it remembers what it was asked.

    `for_storing`: ask only services whose terms let the points be kept, as an upload does.
    """

    jurisdiction: Jurisdiction
    for_storing: bool = True
    clients: list[Client] = field(init=False)

    def __post_init__(self) -> None:
        self.clients = configured_clients(for_storing=self.for_storing)
        self._gazetteer = build_gazetteer(jurisdiction=self.jurisdiction)
        self._boundary = Boundary.around(boundary_shape(jurisdiction=self.jurisdiction))
        self._remembered: dict[str, Answer] = {}

    def find(self, text: str) -> Answer:
        """The place of one address or name. Never raises for what a service does; see `Answer.refused`."""
        key = " ".join(text.split())
        if key not in self._remembered:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = self._ask(key)
        return self._remembered[key]

    def find_all(self, texts: Sequence[str], *, least: Precision = Precision.LOT) -> list[Hit | None]:
        """One place a text, None where nothing is precise enough."""
        return [self.find(text).place(least=least) if text.strip() else None for text in texts]

    def refusals(self) -> list[GeocoderRefused]:
        """Services that are asked no more, for the report of an upload."""
        return [client.refusal for client in self.clients if client.refusal is not None]

    def _ask(self, text: str) -> Answer:
        best = self._inside(self._gazetteer.find(text))
        refused = []
        address = parse_address(text)
        says_enough = bool(address.building or address.lot or address.rest)  # of a bare dong no service knows more than we
        for client in self.clients if says_enough else ():
            if only_hit(best, least=Precision.LOT):
                break
            try:
                hits = self._inside(client.find(text))
            except GeocoderRefused as one:
                refused.append(one)
                continue
            if hits and (not best or hits[0].precision > best[0].precision or len(hits) < len(best)):
                best = hits
        return Answer(tuple(best), tuple(refused))

    def _inside(self, hits: Sequence[Hit]) -> list[Hit]:
        """Hits inside the jurisdiction, where there are any: 중구 of another city is not meant. Else all, for a person to see."""
        latitude, longitude = np.array([(hit.latitude, hit.longitude) for hit in hits]).reshape(-1, 2).T
        inside = self._boundary.holds(latitude, longitude)
        kept = [hit for hit, is_inside in zip(hits, inside, strict=True) if is_inside]
        return kept or list(hits)


def find_places(*, jurisdiction: Jurisdiction) -> Callable[[Sequence[str]], Sequence[Hit | None]]:
    """What `ingestion.coordinates.locate` takes as `find`. Nothing is read before the first row needs it."""
    geocoder: list[JurisdictionGeocoder] = []

    def find(texts: Sequence[str]) -> Sequence[Hit | None]:
        if not geocoder:
            geocoder.append(JurisdictionGeocoder(jurisdiction))
        return geocoder[0].find_all(texts)

    return find


def geocode(*, jurisdiction: Jurisdiction, text: str, for_storing: bool = True) -> Answer:
    """The place of one address. For many, keep one `JurisdictionGeocoder`."""
    return JurisdictionGeocoder(jurisdiction, for_storing).find(text)
