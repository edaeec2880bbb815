"""A district that has apps."""

import secrets

import pytest
from pydantic import SecretStr

from district.settings import Settings
from tests.district.deliveries.conftest import desk, ground, pool

__all__ = ["desk", "ground", "pool"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Apple and Google may be on this machine."""
    secret = SecretStr("installation-" + secrets.token_hex(16))
    return settings.model_copy(update={"secret": secret, "provider_allow_loopback": True})
