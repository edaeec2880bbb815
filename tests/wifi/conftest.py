"""One lab, one portal and one internet for the module; each test starts a gateway of its own in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from district.app import create_app
from district.settings import Settings
from tests.wifi import lab as labs
from tests.wifi import portal as portals
from tests.wifi.lab import Lab
from tests.wifi.portal import SECRET, Certificate


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The three namespaces, where this machine can make them."""
    if reason := labs.why_not():
        pytest.skip(f"a real gateway {reason}")
    with Lab() as made:
        yield made


@pytest.fixture(scope="module")
def certificate(lab: Lab) -> Certificate:
    """The portal's certificate."""
    return portals.certificate(lab.directory)


@pytest.fixture(scope="module")
def portal(
    lab: Lab,
    certificate: Certificate,
    database_url: str,
    nats_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FastAPI]:
    """Our web role, on real time and on the internet's addresses."""
    directory: Path = tmp_path_factory.mktemp("portal")
    app = create_app(
        Settings(
            data_dir=directory,
            database_url=database_url,
            nats_url=nats_url,
            database_pool_size=4,
            secret=SecretStr(SECRET),
        )
    )
    with portals.serving(app, lab, certificate):
        yield app


@pytest.fixture(scope="module")
def internet(lab: Lab) -> Iterator[str]:
    """An address that only who is on line reaches."""
    with portals.internet(lab) as address:
        yield address
