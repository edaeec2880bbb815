"""Passes on what a mail server got for a return address: ``python3 mail_in.py URL RECIPIENT < MESSAGE``.

Standard library only, and no other file of the product: it may be copied to the machine of the mail server. It ends with
0 when the message was taken, 67 when the recipient is no return address, and 75 when the mail server is to keep the
message and try again.
"""

import sys
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

MOST_BYTES = 240 * 1024
"""Of a report: what it says for machines stands before the message that it gives back."""
WITHIN_S = 30
TAKEN, NO_SUCH_USER, TRY_AGAIN, WRONG_USE = 0, 67, 75, 64
"""As Postfix understands them: EX_OK, EX_NOUSER, EX_TEMPFAIL, EX_USAGE (sysexits.h)."""
_REFUSED = frozenset({401, 404})


def passed_on(url: str, recipient: str, message: bytes) -> int:
    """Post a message to where receipts are taken; the code to end with."""
    if not url.startswith(("https://", "http://")):
        sys.stderr.write("An http or https address is wanted.\n")
        return WRONG_USE
    request = Request(  # noqa: S310 the scheme was looked at
        f"{url}?{urlencode({'to': recipient})}",
        data=message[:MOST_BYTES],
        headers={"Content-Type": "message/rfc822"},
    )
    try:
        with urlopen(request, timeout=WITHIN_S):  # noqa: S310 the same
            return TAKEN
    except HTTPError as refused:
        sys.stderr.write(f"Refused with {refused.code}.\n")
        return NO_SUCH_USER if refused.code in _REFUSED else TRY_AGAIN
    except OSError as error:
        sys.stderr.write(f"Not passed on: {type(error).__name__}.\n")
        return TRY_AGAIN


def main(arguments: list[str]) -> int:
    """The program."""
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return WRONG_USE
    url, recipient = arguments
    return passed_on(url, recipient, sys.stdin.buffer.read(MOST_BYTES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
