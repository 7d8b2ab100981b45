"""What a person sees when an address is wrong or the server fails."""

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import server_error

pytestmark = pytest.mark.django_db


@pytest.mark.korean
def test_a_wrong_address_gets_a_page_with_the_way_back(analyst, client: Client):
    client.force_login(analyst)
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "페이지를 찾을 수 없습니다" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_a_stranger_at_a_wrong_address_gets_the_same_page(client: Client):
    assert "There is no such page" in client.get("/nowhere/").content.decode()


def test_a_failure_of_the_server_is_said_in_both_languages():
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "서버에서 오류가 발생했습니다" in answer.content.decode()
    assert "Something went wrong" in answer.content.decode()
