"""A router's NAT log: which inner address stood behind which outer address and ports, and when."""

import csv
import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from district.accesslog import queries
from district.accesslog.chain import AccessEvent, NewRecord, instant
from district.accesslog.schemas import ImportAnswer, RowError, normal_address
from district.accesslog.service import append
from district.clock import Clock
from district.database import new_id
from district.problems import Invalid

COLUMNS = ("since", "until", "protocol", "inner_address", "inner_ports", "outer_address", "outer_ports")
PROTOCOLS = frozenset({"", "tcp", "udp", "icmp"})
ERRORS_SHOWN = 50
AT_ONCE = 1_000
LONGEST = timedelta(days=31)
LAST_PORT = 65_535
LINE_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class Translation:
    """One line, in its one spelling."""

    since: datetime
    until: datetime
    protocol: str
    inner_address: str
    inner_ports: str
    outer_address: str
    outer_ports: str

    @property
    def line_hash(self) -> bytes:
        """Equal for a line that is imported again."""
        values = (getattr(self, name) for name in COLUMNS)
        shown = (instant(one) if isinstance(one, datetime) else one for one in values)
        return hashlib.sha256("\0".join(shown).encode()).digest()


def load(
    session: Session,
    district_id: uuid.UUID,
    lines: Iterable[str],
    *,
    who: str,
    clock: Clock,
    most: int | None = None,
) -> ImportAnswer:
    """Take the lines that are good and name the others; a line that is known changes nothing.

    Raises: Invalid without the header, or with more than ``most`` lines.
    """
    imported = known = rejected = 0
    errors: list[RowError] = []
    portion: list[Translation] = []
    for line, found in _rows(lines, most=most):
        if isinstance(found, str):
            rejected += 1
            errors += [RowError(line=line, reason=found)] if len(errors) < ERRORS_SHOWN else []
            continue
        portion.append(found)
        if len(portion) == AT_ONCE:
            new = _store(session, district_id, portion)
            imported, known = imported + new, known + len(portion) - new
            portion.clear()
    new = _store(session, district_id, portion)
    imported, known = imported + new, known + len(portion) - new
    record = NewRecord(
        at=clock.now(),
        event=AccessEvent.IMPORT,
        session=str(new_id()),
        identity=who,
        detail=f"nat log: imported={imported} known={known} rejected={rejected}",
    )
    append(session, district_id, [record])
    return ImportAnswer(imported=imported, known=known, rejected=rejected, errors=errors)


def _store(session: Session, district_id: uuid.UUID, portion: list[Translation]) -> int:
    # In one order, so that two imports of the same lines at once wait for each other and do not lock up.
    together = {one.line_hash: one for one in portion}
    connection, new = session.connection(), 0
    for line_hash in sorted(together):
        values = {name: getattr(together[line_hash], name) for name in COLUMNS}
        values |= {"district_id": district_id, "id": new_id(), "line_hash": line_hash}
        new += connection.exec_driver_sql(queries.NEW_TRANSLATION_SQL, values).rowcount
    return new


def _rows(lines: Iterable[str], *, most: int | None) -> Iterator[tuple[int, Translation | str]]:
    reader = csv.DictReader(_short(lines))
    missing = set(COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise Invalid(
            f"The first line must name the columns {', '.join(COLUMNS)}; missing: {', '.join(sorted(missing))}."
        )
    count = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, f"not a line of CSV: {error}"
            continue
        count += 1
        if most is not None and count > most:
            raise Invalid(f"At most {most} lines at once; send the rest in further requests.")
        yield reader.line_num, _read(row)


def _short(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line[:LINE_CHARACTERS].replace("\0", "")


def _read(row: Mapping[str, Any]) -> Translation | str:
    """The line, or what is wrong with it."""
    fields = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    try:
        found = Translation(
            since=_time(fields["since"], "since"),
            until=_time(fields["until"], "until"),
            protocol=_protocol(fields["protocol"]),
            inner_address=_address(fields["inner_address"], "inner_address"),
            inner_ports=_ports(fields["inner_ports"], "inner_ports"),
            outer_address=_address(fields["outer_address"], "outer_address"),
            outer_ports=_ports(fields["outer_ports"], "outer_ports"),
        )
    except ValueError as error:
        return str(error)
    if not found.since < found.until <= found.since + LONGEST:
        return f"until must be after since, by at most {LONGEST.days} days"
    return found


def _time(text: str, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} must be a time such as 2026-05-01T12:00:00+08:00") from None
    if at.tzinfo is None:
        raise ValueError(f"{name} needs an offset, such as +08:00 or Z")
    if not 2000 <= at.year < 2200:
        raise ValueError(f"{name} is out of range")
    return at.astimezone(UTC)


def _protocol(text: str) -> str:
    if text.lower() not in PROTOCOLS:
        raise ValueError("protocol must be tcp, udp, icmp or empty")
    return text.lower()


def _address(text: str, name: str) -> str:
    try:
        return normal_address(text)
    except ValueError:
        raise ValueError(f"{name} must be an IP address") from None


def _ports(text: str, name: str) -> str:
    """first-last, or nothing for any."""
    if not text:
        return ""
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if not all(one.isascii() and one.isdigit() and len(one) <= len(str(LAST_PORT)) for one in numbers):
        raise ValueError(f"{name} must be a port such as 50000, or a range such as 50000-50999")
    low, high = (int(one) for one in numbers)
    if low > high or high > LAST_PORT:
        raise ValueError(f"{name} must go up, to at most {LAST_PORT}")
    return f"{low}-{high}"
