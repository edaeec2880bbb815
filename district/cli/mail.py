"""What a mail server hands over: bounces and complaints, passed on to where receipts are taken."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("mail-in")(mail_in)


def mail_in(
    url: Annotated[
        str, typer.Argument(help="Where the provider's receipts are taken: https://…/receipts/SLUG")
    ],
    recipient: Annotated[str, typer.Argument(help="For whom the message came: ${original_recipient}")],
) -> None:
    """Pass on a bounce from standard input, as a transport of the mail server.

    Ends with 0 when it was taken, 67 when the recipient is no return address, and 75 when the mail server should keep it
    and try again.
    """
    from district.cli import mail_in as program  # noqa: PLC0415 keeps `district --help` quick

    raise typer.Exit(program.main([url, recipient]))
