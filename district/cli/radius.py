"""Commands on RADIUS."""

import os
import pwd
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from district.cli.places import transaction
from district.embedded.errors import StartRefused

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from district.districts.service import DistrictInfo
    from district.radius.authority import Pair
    from district.radius.eap import Identity, Wanted
    from district.radius.rendering import RenderedClient

DEBIAN_ACCOUNT = "freerad"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    radius = typer.Typer(help="RADIUS.", no_args_is_help=True)
    radius.command("render")(render)
    radius.callback()(_group)
    app.add_typer(radius, name="radius")


def _group() -> None:
    """With a callback, a group of one command still takes the command's name."""


def render(  # noqa: PLR0917 typer calls by name
    directory: Annotated[Path, typer.Argument(help="Where to write; start it with freeradius -d DIRECTORY")],
    district: Annotated[str, typer.Option(help="The district's slug; default: the only one")] = "",
    url: Annotated[str, typer.Option(help="Where FreeRADIUS finds the portal; default: this machine")] = "",
    key: Annotated[
        str, typer.Option(help="Key of the role radius; default: the last one, or a new one")
    ] = "",
    state: Annotated[Path | None, typer.Option(help="Log, pid and spool; default: DIRECTORY/state")] = None,
    listen: Annotated[str, typer.Option(help="Address to listen on")] = "*",
    auth_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of authentication")] = 1812,
    acct_port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of accounting")] = 1813,
    account: Annotated[
        str | None, typer.Option(help="Account that FreeRADIUS runs as; default: Debian's, if root renders")
    ] = None,
    realm: Annotated[
        str, typer.Option(help="What stands behind the @ of members' names; default: the last one")
    ] = "",
    ssid: Annotated[
        str | None, typer.Option(help="Network that members' profiles join by name; default: the last one")
    ] = None,
    eap_certificate: Annotated[
        Path | None,
        typer.Option(help="Certificate chain (PEM) for 802.1X; default: by the district's own authority"),
    ] = None,
    eap_key: Annotated[Path | None, typer.Option(help="Its private key (PEM)")] = None,
    eap_authority: Annotated[
        Path | None, typer.Option(help="Who signed it (PEM); default: the last of the chain")
    ] = None,
) -> None:
    """Write FreeRADIUS's configuration for a district, from its RADIUS clients."""
    from district.radius import rendering  # noqa: PLC0415 keeps `district --help` quick
    from district.radius.eap import Wanted  # noqa: PLC0415

    raddb = directory.resolve()
    runs_as = _account() if account is None else account
    with transaction() as session:
        found = _district(session, district)
        clients = _clients(session, found)
        server = rendering.Server(
            url=url or _own_url(),
            key=key or rendering.kept_key(raddb) or _new_key(session, found),
            raddb=raddb,
            state=(state or raddb / "state").resolve(),
            listen=listen,
            auth_port=auth_port,
            acct_port=acct_port,
            account=runs_as,
            eap=_identity(
                session,
                found,
                Wanted(
                    realm=realm,
                    ssid=ssid,
                    server=_pair(eap_certificate, eap_key),
                    authority=_text(eap_authority) if eap_authority else "",
                ),
                rendering.kept_certificate(raddb),
            ),
        )
        written = rendering.render(server, clients)
    if runs_as:
        for path in written:
            shutil.chown(path, runs_as, runs_as)
    typer.echo(f"{len(clients)} RADIUS clients; start it: freeradius -d {raddb}")


def _clients(session: "Session", district: "DistrictInfo") -> "list[RenderedClient]":
    """The NASes that may ask, each with its own secret."""
    from district.radius import rendering, service  # noqa: PLC0415 keeps `district --help` quick

    return [
        rendering.RenderedClient(
            id=str(row.id), name=row.name, address=row.address, secret=row.secret, fail_open=fail_open
        )
        for row, fail_open in service.listed(session, district)
    ]


def _identity(
    session: "Session", district: "DistrictInfo", wanted: "Wanted", kept: "Pair | None"
) -> "Identity":
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.problems import Invalid  # noqa: PLC0415
    from district.radius import eap  # noqa: PLC0415
    from district.settings import get_settings  # noqa: PLC0415

    try:
        return eap.prepare(
            session,
            district,
            wanted,
            kept=kept,
            public_url=get_settings().public_url,
            now=clock.system.machine_now(),
        )
    except Invalid as error:
        raise StartRefused(error.detail) from error


def _pair(certificate: Path | None, key: Path | None) -> "Pair | None":
    from district.radius.authority import Pair  # noqa: PLC0415 keeps `district --help` quick

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise StartRefused("--eap-certificate and --eap-key belong together")
    return Pair(certificate=_text(certificate), key=_text(key))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StartRefused(f"{path} cannot be read as PEM: {error}") from error


def _district(session: "Session", slug: str) -> "DistrictInfo":
    from sqlalchemy import select  # noqa: PLC0415 keeps `district --help` quick

    from district.districts import service  # noqa: PLC0415
    from district.districts.models import District  # noqa: PLC0415

    if slug:
        return service.read(session, slug)
    slugs = session.scalars(select(District.slug).order_by(District.slug).limit(2)).all()
    if len(slugs) != 1:
        raise StartRefused("say which district with --district")
    return service.read(session, slugs[0])


def _new_key(session: "Session", district: "DistrictInfo") -> str:
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.auth import service as auth  # noqa: PLC0415
    from district.auth.models import Role  # noqa: PLC0415

    _, key = auth.create_key(
        session,
        role=Role.RADIUS,
        district_id=district.id,
        district_slug=district.slug,
        clock=clock.system,
        label="FreeRADIUS",
    )
    return key


def _own_url() -> str:
    from district.cli.demo_ready import local_url  # noqa: PLC0415 keeps `district --help` quick
    from district.settings import get_settings  # noqa: PLC0415

    return local_url(get_settings())


def _account() -> str:
    """Debian's account of FreeRADIUS, when root renders and it is there."""
    if os.geteuid() != 0:
        return ""
    return DEBIAN_ACCOUNT if any(entry.pw_name == DEBIAN_ACCOUNT for entry in pwd.getpwall()) else ""
