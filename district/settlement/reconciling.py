"""A till's file beside a statement: row by row, what both have, what differs, and what one of them lacks."""

import csv
import io
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from district.database import new_id
from district.problems import Invalid
from district.settlement import service
from district.settlement.models import Reconciliation, Statement
from district.settlement.schemas import LineOut, Match, MatchOut, ReconciliationOut

MAX_FILE_BYTES = 5 << 20
MAX_ROWS = 50_000
MOST_SHOWN = 1_000
MOST_LETTERS = 64
MOST_DIGITS = 15
REQUIRED = ("request_no", "amount_minor")


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A row of the file: what the till says it gave, below zero for what it took back."""

    row: int
    till: str
    request_no: str
    amount_minor: int


def read(content: bytes) -> list[FileRow]:
    """The rows of a CSV file with the columns request_no and amount_minor, and till where one has several.

    Raises: Invalid, naming the first rows that cannot be read.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("Save the file as UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in REQUIRED if name not in header]
        if missing:
            raise Invalid(f"The first line names the columns; {' and '.join(missing)} is missing.")
        return _rows(reader, header)
    except csv.Error:
        raise Invalid("The file is not readable as CSV; check its quotes.", line=reader.line_num) from None


def _rows(reader: Iterable[list[str]], header: list[str]) -> list[FileRow]:
    found: list[FileRow] = []
    faults: list[dict[str, str]] = []
    for number, fields in enumerate(reader, start=2):
        if not any(fields):
            continue
        if len(found) >= MAX_ROWS:
            raise Invalid(f"A file has at most {MAX_ROWS} rows: send one day at a time.")
        row = _row(number, dict(zip(header, fields, strict=False)))
        if row is None:
            faults.append(
                {"pointer": f"/{number}", "detail": "request_no is text, amount_minor a whole number"}
            )
        else:
            found.append(row)
    if faults:
        raise Invalid("Some rows cannot be read.", errors=faults)
    return found


def _row(number: int, named: dict[str, str]) -> FileRow | None:
    request_no, amount = named.get("request_no", "").strip(), named.get("amount_minor", "").strip()
    till = named.get("till", "").strip()
    digits = amount.removeprefix("-").removeprefix("+")
    is_amount = digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS
    if not request_no or max(len(request_no), len(till)) > MOST_LETTERS or not is_amount:
        return None
    return FileRow(row=number, till=till, request_no=request_no, amount_minor=int(amount))


def compare(rows: Iterable[FileRow], lines: Iterable[LineOut]) -> list[MatchOut]:
    """Each row with the line of its till, its number and its direction; equal amounts first."""
    waiting: dict[tuple[str, bool], list[LineOut]] = defaultdict(list)
    for line in lines:
        if line.request_no is not None:
            waiting[line.request_no, _is_back(line)].append(line)
    # Exact rows take their lines first, so that a wrong one beside them cannot take theirs.
    results: dict[int, MatchOut] = {}
    for is_exact in (True, False):
        for row in rows:
            own = None if row.row in results else _taken(waiting, row, is_exact=is_exact)
            if own is not None:
                kind = Match.MATCHED if is_exact else Match.AMOUNT_DIFFERS
                results[row.row] = _told(kind, row, own)
    here = [results.get(row.row) or _told(Match.MISSING_HERE, row, None) for row in rows]
    return here + [_told(Match.MISSING_THERE, None, line) for left in waiting.values() for line in left]


def _is_back(line: LineOut) -> bool:
    return line.kind in {"reversal", "points_returned"}


def _taken(waiting: dict[tuple[str, bool], list[LineOut]], row: FileRow, *, is_exact: bool) -> LineOut | None:
    left = waiting.get((row.request_no, row.amount_minor < 0), [])
    for line in left:
        is_till = not row.till or line.till in {row.till, f"till:{row.till}", f"key:{row.till}"}
        if is_till and (not is_exact or line.amount_minor == row.amount_minor):
            left.remove(line)
            return line
    return None


def _told(kind: Match, row: FileRow | None, line: LineOut | None) -> MatchOut:
    return MatchOut(
        result=kind,
        row=row.row if row else None,
        till=line.till if line else row.till if row else None,
        request_no=(row.request_no if row else None) or (line.request_no if line else None) or "",
        file_minor=row.amount_minor if row else None,
        statement_minor=line.amount_minor if line else None,
    )


def reconcile(
    session: Session, statement: Statement, content: bytes, *, made_by: str, now: datetime, is_dry_run: bool
) -> ReconciliationOut:
    """Compare; unless it is a dry run, keep how many of each there were. Raises: Invalid."""
    results = compare(read(content), service.all_lines(session, statement))
    counts = {kind.value: sum(result.result is kind for result in results) for kind in Match}
    made_id: uuid.UUID | None = None
    if not is_dry_run:
        made_id = new_id()
        session.add(
            Reconciliation(
                district_id=statement.district_id,
                id=made_id,
                statement_id=statement.id,
                made_by=made_by,
                made_at=now,
                **counts,
            )
        )
        session.flush()
    shown = sorted(results, key=lambda result: (result.result is Match.MATCHED, result.row or 0))
    return ReconciliationOut(
        id=made_id, statement_id=statement.id, dry_run=is_dry_run, rows=shown[:MOST_SHOWN], **counts
    )
