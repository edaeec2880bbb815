"""Which hosts a device must reach before it is signed in, for an operator to open them at the gateway."""

from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.gateways.models import Gateway

MARK = "oidc:"
ISSUERS_SQL = """
SELECT issuer FROM oidc_provider
WHERE district_id = :district_id AND slug = ANY(CAST(:slugs AS text[])) ORDER BY issuer
"""


def lines_of(session: Session, gateway: Gateway) -> str:
    """Comment lines below a gateway's configuration; empty when it offers no provider."""
    slugs = [method.removeprefix(MARK) for method in gateway.methods if method.startswith(MARK)]
    if not slugs:
        return ""
    values = {"district_id": gateway.district_id, "slugs": slugs}
    hosts = {urlsplit(issuer).netloc for issuer in session.scalars(text(ISSUERS_SQL), values)}
    lines = "".join(f"#   {host}\n" for host in sorted(hosts))
    return (
        "# Walled garden: let clients reach these hosts before they are signed in, and whatever hosts the pages of\n"
        f"# these providers load from; never the hosts by which telephones look for a captive portal.\n{lines}"
    )
