"""The lines that the sink writes before it answers: what recipients really got, whatever the product believes of it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from district.clock import monotonic, system

LINES = "lines.tsv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One whole message as it came in. is_taken: it was not refused in a way that leaves no doubt."""

    at: datetime
    """By the sink's wall clock."""
    monotonic_s: float
    """By the machine's clock that is never set; all its processes share it."""
    channel: str
    delivery_id: str
    address_hash: str
    size: int
    is_taken: bool
    fault: str

    def text(self) -> str:
        """As it stands in the file."""
        fields = (
            f"{self.at.timestamp():.6f}",
            f"{self.monotonic_s:.6f}",
            self.channel,
            self.delivery_id,
            self.address_hash,
            str(self.size),
            str(int(self.is_taken)),
            self.fault,
        )
        return "\t".join(fields) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """From a line of the file."""
        at, monotonic_s, channel, delivery_id, address_hash, size, is_taken, fault = text.split("\t")
        return cls(
            at=datetime.fromtimestamp(float(at), UTC),
            monotonic_s=float(monotonic_s),
            channel=channel,
            delivery_id=delivery_id,
            address_hash=address_hash,
            size=int(size),
            is_taken=is_taken == "1",
            fault=fault,
        )


def hash_of(address: str) -> str:
    """What stands for an address in the file."""
    return sha256(address.encode()).hexdigest()[:16]


class Book:
    """The file, open for appending: a line is the kernel's when ``write`` returns, whoever is killed then."""

    def __init__(self, directory: Path) -> None:
        self._file = os.open(directory / LINES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(
        self, *, channel: str, delivery_id: str, address: str, size: int, is_taken: bool, fault: str
    ) -> None:
        """Add a line of now."""
        line = Line(
            at=system.machine_now(),
            monotonic_s=monotonic(),
            channel=channel,
            delivery_id=delivery_id,
            address_hash=hash_of(address),
            size=size,
            is_taken=is_taken,
            fault=fault,
        )
        os.write(self._file, line.text().encode())


def read(directory: Path) -> Sequence[Line]:
    """Every whole line so far."""
    try:
        text = (directory / LINES).read_text()
    except FileNotFoundError:
        return []
    return [Line.read(one) for one in text.split("\n")[:-1]]
