"""Every setting of the product, typed, each with its meaning, unit and default."""

import ipaddress
import os
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LEAST_SECRET = 32
_KNOWN_WORDS = ("changeme", "secret", "password", "district", "shangquan", "0123456789")


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


def _networks(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        ipaddress.ip_network(part, strict=False)
    return text


def _strong(secret: SecretStr | None) -> SecretStr | None:
    """Refuse a secret that is short, or a well-known word written several times."""
    if secret is None:
        return None
    text = secret.get_secret_value()
    left = text.lower()
    for word in _KNOWN_WORDS:
        left = left.replace(word, "")
    if len(text) < LEAST_SECRET or not left.strip("-_ ."):
        raise ValueError(
            f"must be at least {LEAST_SECRET} random characters: make one with `openssl rand -hex 32`"
        )
    return secret


def default_data_dir() -> Path:
    """Where the embedded servers keep their data: a place that an unprivileged server user can enter."""
    if os.geteuid() == 0:
        return Path("/var/lib/district")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "district"


class Settings(BaseSettings):
    """Read from the environment, each name with the prefix ``DISTRICT_``."""

    model_config = SettingsConfigDict(env_prefix="DISTRICT_", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Directory of the embedded servers' data"
    )
    database_url: str | None = Field(
        default=None,
        description="PostgreSQL to use instead of the embedded one (postgresql://…, PostGIS ≥ 3.3)",
    )
    nats_url: str | None = Field(
        default=None, description="NATS with JetStream to use instead of the embedded one"
    )
    nats_replicas: int = Field(
        default=1, ge=1, le=5, description="Copies of each stream: 3 on a cluster of three"
    )
    host: str = Field(default="127.0.0.1", description="Address that the web role listens on")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that the web role listens on")
    public_url: str | None = Field(
        default=None,
        description="Origin that browsers use, for links and cookies (https://wifi.example); default: the request's",
    )
    tls_cert: Path | None = Field(
        default=None,
        description="Certificate chain (PEM) of the web role's own TLS; with DISTRICT_TLS_KEY",
    )
    tls_key: Path | None = Field(
        default=None, description="Private key (PEM) of that certificate, which the roles' account can read"
    )
    secret: Annotated[SecretStr | None, AfterValidator(_strong)] = Field(
        default=None,
        description="Key of signed links and stored HMACs (≥ 32 characters); default: made on first start",
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda level: str(level).upper()),
    ] = Field(default="INFO", description="Least severity that is logged")
    log_format: LogFormat = Field(
        default=LogFormat.TEXT, description="How log lines are written: text (key=value) or json"
    )
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        default="", description="Comma-separated networks whose X-Forwarded-For is believed; empty: none"
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Bearer token for /metrics from other machines; default: only this machine may ask",
    )
    database_pool_size: int = Field(
        default=8, ge=1, le=100, description="Connections that one process keeps, per pool"
    )
    snapshot_poll: timedelta = Field(
        default=timedelta(seconds=10),
        description="How often keys, access points and rules are read again without a notice",
    )
    body_timeout: timedelta = Field(
        default=timedelta(seconds=10), description="Longest pause inside a request body"
    )
    event_max_age: timedelta = Field(
        default=timedelta(hours=48), description="Age at which stream messages are dropped"
    )
    event_max_bytes: int = Field(
        default=8 << 30, ge=1 << 20, description="Bytes that the sighting stream may hold"
    )
    radius_interim: Annotated[timedelta, Field(ge=timedelta(seconds=60), le=timedelta(hours=1))] = Field(
        default=timedelta(minutes=5), description="How often a NAS is asked to tell of a session"
    )
    radius_credential_life: Annotated[timedelta, Field(ge=timedelta(days=1), le=timedelta(days=3 * 365))] = (
        Field(
            default=timedelta(days=365),
            description="How long a member's own name for 802.1X works before it must be made anew",
        )
    )
    raw_rows_kept: timedelta = Field(
        default=timedelta(days=7),
        ge=timedelta(days=1),
        le=timedelta(days=60),
        description="How long members' positions are kept before the whole day is dropped; others' live 24 hours",
    )
    access_log_kept: timedelta = Field(
        default=timedelta(days=180),
        ge=timedelta(days=60),
        le=timedelta(days=365),
        description="How long the access log of the Wi-Fi and imported NAT logs are kept",
    )
    radius_sessions_kept: timedelta = Field(
        default=timedelta(days=180),
        ge=timedelta(days=30),
        le=timedelta(days=365),
        description="How long sessions that accounting told of are kept after their end",
    )
    delivery_records_kept: timedelta = Field(
        default=timedelta(days=40),
        ge=timedelta(days=7),
        le=timedelta(days=400),
        description="How long attempts to send messages, and providers' receipts, are kept",
    )
    member_events_kept: timedelta = Field(
        default=timedelta(days=180),
        ge=timedelta(days=1),
        le=timedelta(days=400),
        description="How long the timeline of members who agreed to it is kept: searches, views, follows, claims, purchases",
    )
    engine_confirm: bool = Field(
        default=False, description="Need two consecutive fixes before an enter or exit counts"
    )
    engine_batch_wait: timedelta = Field(
        default=timedelta(milliseconds=50), description="Longest that the engine waits to fill a batch"
    )
    engine_snapshot_every: timedelta = Field(
        default=timedelta(seconds=30), description="How often the engine stores its fence state"
    )
    fresh_for: timedelta = Field(
        default=timedelta(minutes=3), description="Oldest fix, at arrival, that may trigger an offer"
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Let merchants' webhooks reach private addresses (tests and closed networks only)",
    )
    provider_allow_loopback: bool = Field(
        default=False,
        description="Let providers of messages be on this machine, without TLS as well (tests only)",
    )
    controller_allow_loopback: bool = Field(
        default=False,
        description="Let gateways' controllers be on this machine, without TLS as well (tests only)",
    )
    access_controller_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="UDP port on which a worker hears from Portal 2.0 access controllers that a user has left; usually 50100; 0: it does not listen",
    )
    access_controller_host: str = Field(
        default="0.0.0.0",  # noqa: S104 access controllers are elsewhere; only their addresses and secrets are believed
        description="Address that it listens on there",
    )
    demo_console_codes: bool = Field(
        default=False,
        description="Show one-time codes on the operator's page instead of sending them (the demo's provider)",
    )

    @model_validator(mode="after")
    def _has_both_parts_of_tls(self) -> "Settings":
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise ValueError("DISTRICT_TLS_CERT and DISTRICT_TLS_KEY belong together: set both or neither")
        return self

    @property
    def has_tls(self) -> bool:
        """Whether browsers may come by https: the web role's own, or that of a proxy in front of it."""
        is_public_https = bool(self.public_url and self.public_url.lower().startswith("https://"))
        return self.tls_cert is not None or is_public_https or bool(self.trusted_proxies)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
