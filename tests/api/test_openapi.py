"""The API's document is part of the project: a change of the API shows in it, and is seen in review."""

from pathlib import Path

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"


def made_now() -> str:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(schema)
    return OpenApiYamlRenderer().render(schema, renderer_context={}).decode()


@pytest.mark.django_db
def test_the_committed_document_is_that_of_the_api():
    assert COMMITTED.read_text() == made_now(), "renew it: ./run manage spectacular --lang en --file docs/openapi.yaml"


@pytest.mark.django_db
def test_the_document_and_its_page_are_for_people_who_signed_in(analyst, client):
    assert client.get("/api/v1/docs/").status_code == 403
    client.force_login(analyst)
    page = client.get("/api/v1/docs/").content.decode()
    assert "swagger" in page
    assert "cdn" not in page
    assert client.get("/api/v1/schema/").status_code == 200
