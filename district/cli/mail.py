"""What a mail server hands over: bounces and complaints, passed on to where receipts are taken."""

import sys
from typing import Annotated

import typer

MOST_BYTES = 240 * 1024
"""Of a report: what it says for machines stands before the message that it gives back."""
WITHIN_S = 30
TRY_AGAIN, NO_SUCH_USER = 75, 67
"""EX_TEMPFAIL and EX_NOUSER: what Postfix understands."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("mail-in")(mail_in)


def mail_in(
    url: Annotated[
        str, typer.Argument(help="The provider's address for receipts: https://…/receipts/{slug}")
    ],
    recipient: Annotated[str, typer.Argument(help="For whom the message came: ${original_recipient}")],
) -> None:
    """Pass on a bounce from standard input, as a transport of the mail server.

    Ends with 0 when it was taken, 67 when the recipient is no return address, and 75 when the mail server should keep it
    and try again.
    """
    raise typer.Exit(_passed_on(url, recipient, sys.stdin.buffer.read(MOST_BYTES)))


def _passed_on(url: str, recipient: str, message: bytes) -> int:
    from urllib.error import HTTPError, URLError  # noqa: PLC0415 keeps `district --help` quick
    from urllib.parse import urlencode  # noqa: PLC0415
    from urllib.request import Request, urlopen  # noqa: PLC0415

    if not url.startswith(("https://", "http://")):
        raise typer.BadParameter("An http or https address is wanted.")
    request = Request(  # noqa: S310 the scheme was looked at
        f"{url}?{urlencode({'to': recipient})}", data=message, headers={"Content-Type": "message/rfc822"}
    )
    try:
        with urlopen(request, timeout=WITHIN_S):  # noqa: S310 the same
            return 0
    except HTTPError as refused:
        sys.stderr.write(f"district: refused with {refused.code}\n")
        return NO_SUCH_USER if refused.code in {401, 404} else TRY_AGAIN
    except (URLError, OSError) as error:
        sys.stderr.write(f"district: {type(error).__name__}\n")
        return TRY_AGAIN
