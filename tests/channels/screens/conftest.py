"""A district with a broker for its screens."""

import secrets

import pytest
from pydantic import SecretStr

from district.settings import Settings
from tests.district.deliveries.conftest import desk, ground, pool

__all__ = ["desk", "ground", "pool"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Brokers may be on this machine."""
    secret = SecretStr("installation-" + secrets.token_hex(16))
    changes = {"secret": secret, "provider_allow_loopback": True, "public_url": "https://wifi.example"}
    return settings.model_copy(update=changes)
