"""Commands on the access log."""

import os
import sys
import uuid
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from district.cli.places import transaction
from district.embedded.errors import StartRefused

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON_LINES = "jsonl"


DistrictOption = Annotated[str, typer.Option(help="The district's slug")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="The access log: who was on line, when and where.", no_args_is_help=True)
    group.command("verify")(verify)
    group.command("export")(export)
    group.command("import-nat")(import_nat)
    app.add_typer(group, name="access-log")


def verify(
    district: DistrictOption,
    expect: Annotated[str, typer.Option(help="NUMBER:HASH that was noted elsewhere")] = "",
) -> None:
    """Walk the chain of hashes; name the first record that was changed, deleted or inserted."""
    from district.accesslog import service  # noqa: PLC0415 keeps `district --help` quick

    with transaction() as session:
        found = service.verify(session, _district_id(session, district), expected=_expected(expect))
    state = found.state
    if found.fault is not None:
        sys.exit(
            f"district: record {found.fault.number} {found.fault.what}; {found.checked} before it are as written"
        )
    typer.echo(
        f"{found.checked} records, {state.first_kept_number} to {state.last_number}, are as written. "
        f"Note {state.last_number}:{state.last_hash.hex()}"
    )


def export(
    district: DistrictOption,
    since: Annotated[str, typer.Option(help="First instant, such as 2026-05-01T00:00:00+08:00")],
    until: Annotated[str, typer.Option(help="The instant after the last")],
    out: Annotated[Path, typer.Option(help="File to write")],
    form: Annotated[Form, typer.Option("--format", help="csv or jsonl")] = Form.CSV,
) -> None:
    """Write the records of a time into a file that its owner alone may read; the log notes it."""
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.accesslog import reading  # noqa: PLC0415

    first, last = _instant(since), _instant(until)
    with transaction() as session:
        district_id = _district_id(session, district)
        asked = {"since": first.isoformat(), "until": last.isoformat(), "format": form.value}
        reading.note(session, district_id, who=_who(), what="export", asked=asked, clock=clock.system)
    with transaction() as session, _private(out) as file:
        lines = reading.export(session, district_id, reading.ExportForm(form.value), since=first, until=last)
        file.writelines(lines)
    typer.echo(f"Written: {out}")


def import_nat(
    file: Annotated[
        Path, typer.Argument(help="CSV, see docs/operations/access-log.md", exists=True, dir_okay=False)
    ],
    district: DistrictOption,
) -> None:
    """Import a router's NAT log; lines that are known change nothing, bad ones are named."""
    from district import clock  # noqa: PLC0415 keeps `district --help` quick
    from district.accesslog import translations  # noqa: PLC0415

    with transaction() as session, file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        found = translations.load(
            session, _district_id(session, district), lines, who=_who(), clock=clock.system
        )
    typer.echo(f"{found.imported} imported, {found.known} known, {found.rejected} rejected")
    for error in found.errors:
        typer.echo(f"line {error.line}: {error.reason}", err=True)
    if found.rejected:
        raise typer.Exit(1)


def _private(out: Path) -> TextIO:
    out.unlink(missing_ok=True)  # one that others may read would stay readable
    return os.fdopen(
        os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
    )


def _district_id(session: "Session", slug: str) -> uuid.UUID:
    from district.districts import service  # noqa: PLC0415 keeps `district --help` quick

    return service.read(session, slug).id


def _who() -> str:
    """Whoever has the machine's command line: its account's name."""
    import getpass  # noqa: PLC0415 keeps `district --help` quick

    return f"command line:{getpass.getuser()}"


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise StartRefused(f"{text!r} is not a time such as 2026-05-01T00:00:00+08:00") from None
    if at.tzinfo is None:
        raise StartRefused(f"{text!r} needs an offset, such as +08:00 or Z")
    return at


def _expected(text: str) -> tuple[int, bytes] | None:
    if not text:
        return None
    number, _colon, digits = text.partition(":")
    try:
        return int(number), bytes.fromhex(digits)
    except ValueError:
        raise StartRefused("--expect takes NUMBER:HASH as `verify` prints it") from None
