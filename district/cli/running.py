"""Commands that run the product: all of it on one machine, or one role."""

import dataclasses
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from district.cli.connections import connected_settings, product_secret
from district.embedded.account import Account, own_account, service_account
from district.embedded.errors import EmbeddedError, StartRefused
from district.embedded.files import stored_secret
from district.embedded.nats import NatsServer, free_port
from district.embedded.postgres import Cluster
from district.embedded.role import Console, RoleSpec
from district.embedded.spare import wait_for_turn
from district.embedded.state import list_roles, stop_all
from district.embedded.supervisor import Server, Supervisor
from district.settings import Settings, get_settings

ROLES = ("web", "engine", "worker")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, down, ps, web, engine, worker):
        app.command()(command)


def role_command(*arguments: str) -> list[str]:
    """The command line of one of our own commands."""
    return [sys.executable, "-m", "district", *arguments]


def role_account(settings: Settings, console: Console) -> Account:
    """Under root the unprivileged account, if that can read this program at all; else ourselves, said clearly."""
    account = service_account(settings.data_dir)
    if not account.switch or account.can_run([sys.executable, "-c", "import district.settings"]):
        return account
    console.say(
        "supervisor",
        f"warning: the account {account.name!r} cannot read {sys.executable}, so the roles run as root; "
        "keep the checkout and its Python outside private home directories, for instance in /opt",
    )
    return own_account()


def make_supervisor(
    settings: Settings,
    *,
    roles: Sequence[RoleSpec] = (),
    tasks: Sequence[RoleSpec] = (),
    on_ready: Callable[[], None] | None = None,
    console: Console | None = None,
) -> Supervisor:
    """Servers, migrations, web, engine and worker of these settings, with further tasks and roles after them."""
    console = console or Console()
    settings.data_dir.parent.mkdir(parents=True, exist_ok=True)
    account = service_account(settings.data_dir)
    account.take_data_directory(settings.data_dir)
    port = settings.port or free_port()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    environment = {
        "DISTRICT_DATA_DIR": str(settings.data_dir.resolve()),
        "DISTRICT_PORT": str(port),
        "DISTRICT_SECRET": product_secret(settings)
        if settings.secret
        else stored_secret(settings.data_dir / "secret", account=account),
        "PYTHONUNBUFFERED": "1",
    }
    servers: list[tuple[str, str, Server]] = []
    if not settings.database_url:
        servers.append(("postgres", "DISTRICT_DATABASE_URL", Cluster(settings.data_dir)))
    if not settings.nats_url:
        servers.append(("nats", "DISTRICT_NATS_URL", NatsServer(settings.data_dir)))
    addresses = {"web": f"{host}:{port}"}
    spares = {
        "web": role_command("web", "--spare")
    }  # the role whose absence people see, and the slowest to load
    own = [
        RoleSpec(name=name, argv=role_command(name), spare_argv=spares.get(name), address=addresses.get(name))
        for name in ROLES
    ]
    return Supervisor(
        settings.data_dir,
        roles=[*own, *roles],
        servers=servers,
        tasks=[RoleSpec(name="migrate", argv=role_command("migrate")), *tasks],
        environment=environment,
        role_account=role_account(settings, console),
        on_ready=on_ready,
        console=console,
    )


def up() -> None:
    """Run everything on this machine, in the foreground, until Ctrl-C."""
    settings = get_settings()
    supervisor = make_supervisor(settings)
    supervisor.run()


def down() -> None:
    """Stop whatever runs on the data directory."""
    stopped = stop_all(get_settings().data_dir)
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def ps(*, as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """List what runs on the data directory: role, pid, state, address."""
    rows = [dataclasses.asdict(status) for status in list_roles(get_settings().data_dir)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    typer.echo(f"{'ROLE':<12}{'PID':>8}  {'STATE':<10}ADDRESS")
    for row in rows:
        typer.echo(f"{row['role']:<12}{row['pid'] or '-':>8}  {row['state']:<10}{row['address'] or '-'}")


def _checked_settings() -> Settings:
    """The role's settings, after everything that it needs has answered.

    Raises: StartRefused.
    """
    from district import logs  # noqa: PLC0415 keeps `district --help` quick
    from district.embedded import checks  # noqa: PLC0415

    settings = connected_settings()
    logs.configure(settings)
    if settings.database_url is None or settings.nats_url is None:
        raise StartRefused("set DISTRICT_DATABASE_URL and DISTRICT_NATS_URL, or start `district up`")
    checks.check_database(settings.database_url)
    checks.check_schema(settings.database_url)
    checks.check_event_log(settings.nats_url)
    return settings


@contextmanager
def _loading() -> Iterator[None]:
    """Import without looking for garbage, of which there is none: it takes a sixth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def web(
    *,
    spare: Annotated[bool, typer.Option("--spare", hidden=True, help="Load, then wait for a line")] = False,
) -> None:
    """Serve pages, API and feeds."""
    if spare:
        _load_web()
        wait_for_turn()
    settings = _checked_settings()
    _load_web()
    _serve(settings)


def _load_web() -> None:
    with _loading():
        import uvicorn.loops.uvloop  # noqa: PLC0415 keeps `district --help` quick, and a refusal
        import uvicorn.protocols.http.httptools_impl  # noqa: PLC0415, F401

        import district.app  # noqa: PLC0415, F401


def _serve(settings: Settings) -> None:
    import uvicorn  # noqa: PLC0415 keeps `district --help` quick

    from district.app import create_app  # noqa: PLC0415
    from district.cli.tls import check_certificate, warn_without  # noqa: PLC0415

    check_certificate(settings)
    warn_without(settings)
    try:
        uvicorn.run(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            access_log=False,
            log_config=None,  # uvicorn's lines go where all lines go
            log_level=settings.log_level.lower(),
            proxy_headers=False,  # the application itself decides which proxies are believed
            server_header=False,
            backlog=2048,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=3,
        )
    except OSError as error:
        raise EmbeddedError(
            f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}"
        ) from error


def engine() -> None:
    """Turn sightings into crossings and offers."""
    settings = _checked_settings()

    with _loading():
        from district.engine import main  # noqa: PLC0415 keeps `district --help` quick, and a refusal

    main(settings)


def worker() -> None:
    """Record sightings, deliver messages, roll up footfall."""
    settings = _checked_settings()

    with _loading():
        from district.worker import main  # noqa: PLC0415 keeps `district --help` quick, and a refusal

    main(settings)
