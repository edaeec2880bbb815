"""The settings of a command, completed with the private servers that run on the data directory."""

import os

from district.embedded.errors import StartRefused
from district.embedded.files import stored_secret
from district.embedded.nats import NatsServer
from district.embedded.postgres import Cluster
from district.settings import Settings, get_settings


def connected_settings(*, needs_events: bool = True) -> Settings:
    """Settings whose URLs are set.

    They go through the environment, so that whatever else reads the settings of this process sees the same.

    Raises: StartRefused when a server that is needed neither runs nor is named.
    """
    settings = get_settings()
    found: dict[str, str] = {}
    if not settings.database_url:
        found["DISTRICT_DATABASE_URL"] = _private_database(settings)
    if needs_events and not settings.nats_url:
        found["DISTRICT_NATS_URL"] = _private_events(settings)
    if settings.secret is None:
        found["DISTRICT_SECRET"] = product_secret(settings)
    os.environ.update(found)
    get_settings.cache_clear()
    return get_settings()


def product_secret(settings: Settings) -> str:
    """The secret of signed links and stored HMACs: as set, else the one kept beside the private database.

    Raises: StartRefused with a database of one's own and no secret: two machines would each make a different one.
    """
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    if settings.database_url and not (settings.data_dir / "secret").exists():
        raise StartRefused("set DISTRICT_SECRET (≥ 32 random characters, the same on every machine)")
    return stored_secret(settings.data_dir / "secret")


def _private_database(settings: Settings) -> str:
    cluster = Cluster(settings.data_dir)
    if not cluster.is_running():
        raise StartRefused(
            f"no database runs on {settings.data_dir}: start `district up`, or set DISTRICT_DATABASE_URL"
        )
    return cluster.url


def _private_events(settings: Settings) -> str:
    server = NatsServer(settings.data_dir)
    if not server.is_running():
        raise StartRefused(
            f"no NATS runs on {settings.data_dir}: start `district up`, or set DISTRICT_NATS_URL"
        )
    return server.url
