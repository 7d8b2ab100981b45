"""Every address is closed to strangers, and no page or API reads a table past the scoped doors."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
# Numbers of an hour, and only where a jurisdiction switched them on.
PUBLIC = {"statistics/places/", "api/v1/statistics/places/", "api/v1/statistics/places/1/"}
OPEN_TO_ALL = {"accounts/login/", "accounts/logout/", "i18n/setlang/", "i18n/catalogue.js", "health/"} | PUBLIC
VALUES = {
    "job_id": "00000000-0000-0000-0000-000000000000",
    "digest": "ab" * 32,
    "cell": "8a30e1d8d2affff",
    "run_id": "1",
}


def addresses(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            for name, converter in pattern.pattern.converters.items():
                value = VALUES.get(name, "1")
                kind = type(converter).__name__.removesuffix("Converter").lower()
                for spelled in (f"<{kind}:{name}>", f"<str:{name}>", f"<{name}>"):
                    route = route.replace(spelled, value)
            yield route


ALL = sorted(set(addresses(get_resolver())))


def test_the_walk_finds_pages_and_api():
    assert {"", "uploads/", "runs/", "api/v1/me/", "api/v1/cameras/"} <= set(ALL)
    assert not [address for address in ALL if "<" in address]


@pytest.mark.django_db
@pytest.mark.parametrize("address", [a for a in ALL if a not in OPEN_TO_ALL])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_turned_away(address: str, method: str, client: Client):
    response = getattr(client, method)("/" + address)
    if response.status_code == 302:
        assert response.headers["Location"].startswith("/accounts/login/")
    else:
        assert response.status_code in (401, 403, 405), f"{method} /{address} answered {response.status_code}"


@pytest.mark.django_db
def test_every_answer_forbids_outside_sources(client: Client):
    policy = client.get("/accounts/login/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


@pytest.mark.parametrize("file", sorted(ROOT.glob("webapp/*/api*.py")) + sorted(ROOT.glob("webapp/*/views.py")), ids=str)
def test_addresses_read_no_table_themselves(file: Path):
    """Reads go through selectors, which scope them; `objects.none()` (for the schema) is all an address may say."""
    tree = ast.parse(file.read_text())
    reads = [
        f"{file.name}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "objects"
        and node.attr != "none"
    ]
    assert reads == []
