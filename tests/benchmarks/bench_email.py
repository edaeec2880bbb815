"""E-mails put together and signed a second, beside the same letters signed by dkimpy alone, in one run on one core.

    python -m tests.benchmarks.bench_email

Counted is the processor's time: what one core of a worker can do, whatever else the machine does. The best of three rounds.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from typing import Final

import dkim

from district.clock import system
from push.channels import email_message
from push.channels.email_address import mailbox
from push.channels.email_dkim import SIGNED, TWICE, DkimSigner, new_key
from push.channels.email_message import Sender
from tests.benchmarks.measures import Figure, verdict
from tests.push.outbox_world import BASE_MESSAGE

LETTERS: Final = 200
ROUNDS: Final = 3
LEAST_RATIO: Final = 5.0
KEY: Final = new_key()
TO: Final = mailbox("member@members.example")
MESSAGE: Final = replace(BASE_MESSAGE, address=TO.address, title="Lunch for two", body="20 % off. " * 40)
PLAIN: Final = Sender(mailbox=mailbox("offers@news.example.com"), name="中央商圈", key=b"k" * 32)


def _ours(count: int) -> None:
    signer = DkimSigner(domain="news.example.com", selector="shangquan", key=KEY)
    sender = replace(PLAIN, signer=signer)
    for _ in range(count):
        email_message.compose(MESSAGE, sender, TO, now=system.machine_now())


def _plain(count: int) -> None:
    for _ in range(count):
        content = email_message.compose(MESSAGE, PLAIN, TO, now=system.machine_now()).content
        there = {
            line.partition(b":")[0].lower().decode()
            for line in content.partition(b"\r\n\r\n")[0].splitlines()
        }
        include = [one.encode() for one in (*SIGNED, *TWICE) if one in there]
        form = (b"relaxed", b"relaxed")
        dkim.sign(
            content,
            b"shangquan",
            b"news.example.com",
            KEY.encode(),
            canonicalize=form,
            include_headers=include,
        )


def _rate(make: Callable[[int], None], count: int) -> float:
    began_s = process_time()
    make(count)
    return count / (process_time() - began_s)


def measure() -> list[Figure]:
    """Letters a second of a core, and how many times more ours are."""
    _ours(10)
    ours = max(_rate(_ours, LETTERS) for _ in range(ROUNDS))
    plain = max(_rate(_plain, LETTERS // 4) for _ in range(ROUNDS))
    return [
        Figure(
            name="signed e-mail, times dkimpy alone",
            value=ours / plain,
            goal=LEAST_RATIO,
            unit="x",
            made_of=f"{ours:,.0f} a second of a core beside {plain:,.0f}",
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 when the ratio is below what is promised."""
    parser = argparse.ArgumentParser(prog="bench_email")
    parser.add_argument("--slack", type=float, default=1.0, help="share of the goal that suffices")
    options = parser.parse_args(arguments)
    return verdict(f"e-mail: {LETTERS} letters with a key of 2,048 bits", measure(), options.slack)


if __name__ == "__main__":
    sys.exit(main())
