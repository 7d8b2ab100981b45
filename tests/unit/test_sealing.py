"""Secrets at rest."""

import pytest

from webapp.common.sealing import SealBroken, seal, unseal


def test_a_sealed_secret_opens_again_and_shows_nothing():
    sealed = seal("rtsp-password")
    assert unseal(sealed) == "rtsp-password"
    assert "password" not in sealed
    assert seal("rtsp-password") != sealed


def test_another_key_does_not_open_it(settings):
    sealed = seal("secret")
    settings.STREAM_KEY = "another"
    with pytest.raises(SealBroken, match="HAECHI_STREAM_KEY"):
        unseal(sealed)
    assert unseal(seal("x")) == "x"
