"""The web role's own TLS: a certificate that can be used, or one line that says what is off without any."""

import os
import ssl

import structlog

from district.embedded.errors import StartRefused
from district.settings import Settings

log = structlog.get_logger()
OFF_WITHOUT = "camera, push messages, installable app, Captive Portal API (RFC 8908)"
"""What browsers and devices refuse to a page or an address on plain HTTP."""


def check_certificate(settings: Settings) -> None:
    """Raises: StartRefused when the certificate or its key cannot be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    for name, path in (("DISTRICT_TLS_CERT", settings.tls_cert), ("DISTRICT_TLS_KEY", settings.tls_key)):
        if not os.access(path, os.R_OK):
            raise StartRefused(f"{name}: {path} is not there, or this account cannot read it")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise StartRefused(
            f"DISTRICT_TLS_CERT and DISTRICT_TLS_KEY: {error}; a PEM chain, and its own key without a password, are needed"
        ) from error


def _no_password() -> str:
    """Nobody is there to type one when a role starts."""
    raise ValueError("the key has a password")


def warn_without(settings: Settings) -> None:
    """One line in the log for an installation that browsers reach on plain HTTP only."""
    if not settings.has_tls:
        log.warning(
            "tls.off",
            off=OFF_WITHOUT,
            advice="set DISTRICT_TLS_CERT and DISTRICT_TLS_KEY, or DISTRICT_TRUSTED_PROXIES",
        )
