"""``district demo``: everything on one machine, with a real district loaded and shoppers walking in it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from district.cli.connections import connected_settings
from district.cli.demo_ready import (
    POLL_S,
    READY_FILE,
    base_url_of,
    is_ready,
    local_url,
    ready_path,
    wait_ready,
)
from district.cli.running import make_supervisor, role_command
from district.embedded.account import service_account
from district.embedded.errors import StartRefused
from district.embedded.files import write_private
from district.embedded.nats import NatsServer, free_port
from district.embedded.postgres import Cluster
from district.embedded.role import RoleSpec
from district.embedded.state import stop_all
from district.settings import Settings, get_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from district.cli.demo_screen import Screen

DISTRICTS = ("helsinki", "shiyan")
LOG_FILE = "demo.log"
COUNT_EVERY_S = 2.0
COUNT_QUIETLY_EVERY_S = 60.0


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(demo)
    app.command("demo-load", hidden=True)(demo_load)
    app.command("walk", hidden=True)(walk)


@dataclass(frozen=True, kw_only=True)
class _Options:
    """How the demo was started."""

    district: str
    shoppers: int
    speed: float
    start: str | None
    info: Path | None

    @property
    def arguments(self) -> list[str]:
        """The same, for our own hidden commands."""
        return ["--district", self.district, "--speed", str(self.speed)] + (
            ["--start", self.start] if self.start else []
        )


def demo(  # noqa: PLR0917 typer calls by name
    district: Annotated[str, typer.Option(help="helsinki, or shiyan: invented, of full size")] = "helsinki",
    walkers: Annotated[bool, typer.Option(help="Let shoppers walk")] = True,
    shoppers: Annotated[int, typer.Option(min=0, max=20_000, help="People inside at noon")] = 1500,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="Business seconds per second")] = 1.0,
    start: Annotated[
        str | None, typer.Option(help='now, an ISO time, or a weekday and hour such as "Fri 12:00"')
    ] = None,
    until_ready: Annotated[
        bool, typer.Option("--until-ready", help="Detach; return once it is ready")
    ] = False,
    info: Annotated[
        Path | None, typer.Option(help="Write addresses, log-ins and keys as JSON when ready")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Delete the demo on this data directory first")
    ] = False,
) -> None:
    """Run the product with a real district and walking shoppers, until Ctrl-C; a second start goes on."""
    if district not in DISTRICTS:
        raise typer.BadParameter(f"--district is one of {', '.join(DISTRICTS)}")
    if info is not None and not info.resolve().parent.is_dir():
        raise typer.BadParameter(f"--info: there is no directory {info.resolve().parent}")
    settings = get_settings()
    if reset:
        _reset(settings)
    options = _Options(
        district=district, shoppers=shoppers if walkers else 0, speed=speed, start=start, info=info
    )
    if until_ready:
        _detach(settings, options)
        return
    _run(settings, options)


def _run(settings: Settings, options: _Options) -> None:
    from district.cli.demo_screen import Screen  # noqa: PLC0415 keeps `district --help` quick

    port = settings.port or free_port()
    os.environ |= {"DISTRICT_DEMO_CONSOLE_CODES": "true", "DISTRICT_PORT": str(port)}
    settings = settings.model_copy(update={"port": port})
    screen = Screen()
    supervisor = make_supervisor(
        settings,
        tasks=[RoleSpec(name="demo-load", argv=role_command("demo-load", *options.arguments))],
        roles=[
            RoleSpec(
                name="walk",
                argv=role_command(
                    "walk", "--district", options.district, "--shoppers", str(options.shoppers)
                ),
            )
        ],
        console=screen,
    )
    ready_path(settings).unlink(missing_ok=True)
    ended = threading.Event()
    herald = threading.Thread(target=_herald, args=(settings, options, screen, ended), daemon=True)
    herald.start()
    try:
        supervisor.run()
    finally:
        ended.set()
        ready_path(settings).unlink(missing_ok=True)


def _herald(settings: Settings, options: _Options, screen: "Screen", ended: threading.Event) -> None:
    """Once everything answers: write what scripts wait for, show addresses, then count for ever."""
    from district.cli.demo_screen import show_access  # noqa: PLC0415 keeps `district --help` quick
    from district.demo import accounts  # noqa: PLC0415

    while not is_ready(settings, options.district):
        if ended.wait(POLL_S):
            return
    loaded = accounts.read(settings.data_dir, options.district)
    if loaded is None:
        screen.say("demo", "the log-ins of this demo are gone; begin anew with RESET=1")
        return
    base_url = base_url_of(settings)
    document = accounts.document(base_url, loaded)
    if options.info:
        write_private(options.info.resolve(), json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    write_private(ready_path(settings), json.dumps({"pid": os.getpid(), "base_url": base_url}))
    show_access(base_url, loaded, str(options.info) if options.info else None)
    screen.is_ready = True
    _count(settings, options.district, screen, ended)


def _count(settings: Settings, slug: str, screen: "Screen", ended: threading.Event) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 keeps `district --help` quick

    import psycopg  # noqa: PLC0415

    from district import clock  # noqa: PLC0415
    from district.demo import counters  # noqa: PLC0415

    url = settings.database_url or Cluster(settings.data_dir).url
    zone = ZoneInfo({"helsinki": "Europe/Helsinki", "shiyan": "Asia/Shanghai"}[slug])
    while not ended.wait(COUNT_EVERY_S if screen.is_terminal else COUNT_QUIETLY_EVERY_S):
        try:
            screen.count(counters.read(url, clock.system), zone)
        except psycopg.Error:
            continue


def _detach(settings: Settings, options: _Options) -> None:
    """Start the demo in a session of its own and wait for it.

    Raises: ServerFailed with the end of its log when it gives up or takes too long.
    """
    account = service_account(settings.data_dir)
    settings.data_dir.parent.mkdir(parents=True, exist_ok=True)
    account.take_data_directory(settings.data_dir)
    logs = settings.data_dir / "logs"
    account.make_directory(logs)
    argv = role_command("demo", *options.arguments, "--shoppers", str(options.shoppers))
    if options.info:
        argv += ["--info", str(options.info.resolve())]
    with (logs / LOG_FILE).open("wb") as log:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_ready(settings, child, logs / LOG_FILE)
    except BaseException:
        child.terminate()
        raise
    typer.echo(f"ready; log: {logs / LOG_FILE}; `district down` stops it")


def _reset(settings: Settings) -> None:
    """Stop and delete the demo of the data directory.

    Raises: StartRefused when the directory holds something else, or the database is not ours to delete.
    """
    import shutil  # noqa: PLC0415 keeps `district --help` quick

    from district.demo import accounts  # noqa: PLC0415

    if settings.database_url or settings.nats_url:
        raise StartRefused("RESET deletes only the embedded servers' data; empty your own database yourself")
    data_dir = settings.data_dir
    directories = (Cluster(data_dir).directory, NatsServer(data_dir).directory)
    if directories[0].exists() and not (data_dir / accounts.FILE_NAME).exists():
        raise StartRefused(f"{data_dir} holds an installation that is not a demo; it is left alone")
    stop_all(data_dir)
    for directory in (*directories, data_dir / "logs"):
        shutil.rmtree(directory, ignore_errors=True)
    for name in (accounts.FILE_NAME, READY_FILE):
        (data_dir / name).unlink(missing_ok=True)


def demo_load(
    district: Annotated[str, typer.Option()] = "helsinki",
    speed: Annotated[float, typer.Option()] = 1.0,
    start: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Set the demo's hour and load its district if it is missing."""
    from district.demo import preparing  # noqa: PLC0415 keeps `district --help` quick
    from district.demo.worlds import WORLDS  # noqa: PLC0415

    settings = connected_settings(needs_events=False)
    if settings.database_url is None:
        raise StartRefused("set DISTRICT_DATABASE_URL, or start `district demo`")
    with _progress(district, len(preparing.STEPS)) as progress:
        preparing.prepare(
            settings.database_url,
            settings.data_dir,
            WORLDS[district],
            preparing.Wish(
                slug=district,
                start=start,
                speed=speed,
                secret=settings.secret.get_secret_value() if settings.secret else "",
            ),
            progress=progress,
        )


@contextmanager
def _progress(name: str, steps: int) -> "Iterator[Callable[[str], None]]":
    """A bar over the steps on a terminal, a line a step elsewhere."""
    from rich.console import Console  # noqa: PLC0415 keeps `district --help` quick
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    is_terminal = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=not is_terminal) as shown:
        task = shown.add_task(f"loading {name}", total=steps, visible=False)
        begun = 0

        def tell(step: str) -> None:
            nonlocal begun
            shown.update(task, description=f"loading {name}: {step}", completed=begun, visible=True)
            begun += 1
            if not is_terminal:
                typer.echo(f"{'demo':>10} | loading {name}: {step} ({begun} of {steps})", err=True)

        yield tell
        shown.update(task, completed=begun)


def walk(
    district: Annotated[str, typer.Option()] = "helsinki",
    shoppers: Annotated[int, typer.Option()] = 1500,
) -> None:
    """Let shoppers walk, and the demo's mornings follow its evenings."""
    from district import logs  # noqa: PLC0415 keeps `district --help` quick
    from district.demo.walking import main  # noqa: PLC0415

    settings = connected_settings(needs_events=False)
    logs.configure(settings)
    main(settings, slug=district, shoppers=shoppers, base_url=local_url(settings))
