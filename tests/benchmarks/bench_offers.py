"""Giving out under contention: the product's own statements against what one would write without their guards.

    python -m tests.benchmarks.bench_offers

pgbench runs the SQL of claims, pools and caps as it stands in the product, twenty clients at once on one campaign, so that
the figures are of the database and not of a client. Both sides of a ratio take turns; each is told by its best round.

- issue: one piece of a counted stock, by a guarded update and the member's slot, against reading the stock and the member's
  offers, then writing both.
- pool: one piece of a pool made in advance against one of the counted stock, whose row all share.
- cap: a slot taken by its key, with the member locked, against counting what the member had and adding a row.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psycopg

from district.embedded.programs import find_postgres
from district.offers import claim_queries, queries
from tests.benchmarks.measures import Figure, verdict
from tests.product import Product

CLIENTS: Final = 20
ROUND_S: Final = 5
ROUNDS: Final = 3
MEMBERS: Final = 120_000
CAP: Final = 2
ISSUE_GOAL, POOL_GOAL, CAP_GOAL = 0.8, 2.2, 0.3
NOW: Final = "clock_timestamp()"
COLON: Final = "' || chr(58) || '"
"""pgbench takes what follows a colon for a variable, in quotes, too."""
_RATE = re.compile(r"^tps = ([0-9.]+)", re.M)
_PLACE = re.compile(r"%\((\w+)\)s")


def statement(sql: str, **values: str) -> str:
    """A statement of the product with expressions in its places, on one line as pgbench takes it."""
    filled = _PLACE.sub(lambda found: f"({values[found[1]]})", sql)
    return " ".join(filled.split()) + ";\n"


def _member(number: str) -> str:
    return f"('00000000-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


def values_of(district: str, campaign: str) -> dict[str, str]:
    """What the statements of one claim are filled with: a member who has nothing yet, a new offer."""
    one = "(:m::int + :client_id::int)"
    return {
        "district_id": f"'{district}'::uuid",
        "campaign_id": f"'{campaign}'::uuid",
        "member_id": _member(one),
        "id": f"md5('{campaign}' || {one}::text)::uuid",
        "scope": f"'held{COLON}{campaign}'",
        "slots": "1",
        "key": f"'claim' || {one}::text",
        "code": f"'{campaign[-12:]}' || {one}::text",
        "kind": "'coupon'",
        "value": """'{"type": "amount"}'::jsonb""",
        "title": """'{"en": "Lunch"}'::jsonb""",
        "text": """'{"en": "Today only"}'::jsonb""",
        "why": "'{}'::jsonb",
        "variant": "''",
        "version": "1",
        "stacks": "'{points}'",
        "now": NOW,
        "until": f"{NOW} + interval '1 hour'",
        "offers": f"ARRAY[md5('{campaign}' || {one}::text)::uuid]",
        "amount": "1",
    }


def script(*statements: str) -> str:
    """One transaction of the next member."""
    return f"\\set m :m + {CLIENTS}\nBEGIN;\n{''.join(statements)}COMMIT;\n"


def guarded(values: Mapping[str, str]) -> str:
    """A claim of a counted stock, as the product makes it."""
    return script(
        statement(claim_queries.INSERT_CLAIM_SQL, **values), statement(claim_queries.TAKE_ONE_SQL, **values)
    )


def pooled(values: Mapping[str, str]) -> str:
    """A claim of a pool, as the product makes it."""
    return script(
        statement(claim_queries.TAKE_PIECES_SQL, **values),
        statement(claim_queries.INSERT_CLAIM_SQL, **values),
    )


def unsafe(values: Mapping[str, str]) -> str:
    """The same by reading and then writing: what over-issues."""
    seen = (
        "SELECT count(*) AS had FROM offer WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s"
        " AND member_id = %(member_id)s"
    )
    stock = (
        "SELECT issued AS seen, quota FROM campaign_stock"
        " WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s"
    )
    insert = (
        "INSERT INTO offer (district_id, id, campaign_id, member_id, occurrence_key, code, kind, value, title, text, why,"
        " valid_from, valid_until, issued_at, claimed_at, variant)"
        " VALUES (%(district_id)s, %(id)s, %(campaign_id)s, %(member_id)s, %(key)s, %(code)s, %(kind)s, %(value)s,"
        " %(title)s, %(text)s, %(why)s, %(now)s, %(until)s, %(now)s, %(now)s, %(variant)s)"
    )
    write = (
        "UPDATE campaign_stock SET issued = :seen::int + 1"
        " WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s"
    )
    return script(
        statement(seen, **values).replace(";\n", " \\gset\n"),
        statement(stock, **values).replace(";\n", " \\gset\n"),
        "\\if :had = 0 and :seen < :quota\n",
        statement(insert, **values),
        statement(write, **values),
        "\\endif\n",
    )


def reserving(district: str) -> str:
    """A slot of a cap, as the product takes it: the first, and if that is taken the second."""
    member = _member(f"(:who::int % {MEMBERS})")
    values = {
        "district_id": f"'{district}'::uuid",
        "members": f"ARRAY[{member}]",
        "scopes": f"ARRAY['global{COLON}day']",
        "offers": "ARRAY[gen_random_uuid()]",
        "reusable": f"ARRAY[{NOW} - interval '6 hours']",
        "most": f"ARRAY[{CAP}]",
        "now": NOW,
    }

    def take(slot: int) -> str:
        taken = statement(queries.TAKE_SLOTS_SQL, **values, slot=str(slot)).rstrip(";\n")
        return f"WITH taken AS ({taken}) SELECT count(*) AS got FROM taken \\gset\n"

    lock = statement(queries.LOCK_MEMBERS_SQL, **values)
    return (
        f"\\set who random(0, {MEMBERS // 4})\nBEGIN;\n{lock}{take(0)}"
        f"\\if :got = 0\n{take(1)}\\endif\nCOMMIT;\n"
    )


def counting(district: str) -> str:
    """The same by counting and then inserting: what lets more through."""
    member = _member(f"(:who::int % {MEMBERS})")
    return (
        f"\\set who random(0, {MEMBERS // 4})\nBEGIN;\n"
        f"SELECT count(*) AS had FROM bench_taken WHERE district_id = '{district}' AND member_id = {member}"
        f" AND taken_at > {NOW} - interval '6 hours' \\gset\n"
        f"\\if :had < {CAP}\nINSERT INTO bench_taken VALUES ('{district}', {member}, {NOW});\n\\endif\nCOMMIT;\n"
    )


def rate(product: Product, folder: Path, text: str) -> float:
    """Transactions a second of twenty clients. Stops the programme when one fails."""
    file = folder / "bench_offers.sql"
    file.write_text(text)
    pgbench = find_postgres().bin / "pgbench"
    command = [
        str(pgbench),
        "-n",
        "-M",
        "prepared",
        "-c",
        str(CLIENTS),
        "-j",
        "2",
        "-T",
        str(ROUND_S),
        "-D",
        "m=0",
        "-f",
        str(file),
    ]
    done = subprocess.run([*command, product.dsn], capture_output=True, text=True, check=False)
    found = _RATE.search(done.stdout)
    if found is None or done.returncode:
        sys.exit(f"pgbench failed: {done.stderr[-800:]}")
    return float(found[1])


class Stage:
    """A district with enough members, and a campaign of its own for each round."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.product, self.folder = product, folder
        with product.makers() as makers:
            self.district = makers.district(slug="bench-offers")
            self.merchant = makers.merchant(self.district)
        with psycopg.connect(product.dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO member (district_id, id, bucket, joined_at)"
                f" SELECT %s, {_member('n')}, 0, now() FROM generate_series(0, {MEMBERS}) AS n".encode(),
                (self.district.id,),
            )
            connection.execute(
                "CREATE TABLE bench_taken (district_id uuid, member_id uuid, taken_at timestamptz)"
            )
            connection.execute("CREATE INDEX ON bench_taken (district_id, member_id, taken_at)")
            connection.execute("ANALYZE")

    def values(self, *, pieces: int = 0) -> dict[str, str]:
        """A new campaign that nobody can exhaust; with pieces, a pool of them."""
        with self.product.makers() as makers:
            campaign = makers.campaign(self.district, self.merchant, [], stock=10**7)
        if pieces:
            with psycopg.connect(self.product.dsn, autocommit=True) as connection:
                connection.execute(
                    "INSERT INTO pool_piece (district_id, campaign_id, number)"
                    " SELECT %s, %s, n FROM generate_series(1, %s) AS n",
                    (self.district.id, campaign.id, pieces),
                )
        return values_of(str(self.district.id), str(campaign.id))


def run(product: Product, folder: Path) -> list[Figure]:
    """Measure, the sides of each ratio in turns."""
    stage = Stage(product, folder)
    district = str(stage.district.id)
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        sides = {
            "unsafe": unsafe(stage.values()),
            "guarded": guarded(stage.values()),
            "pool": pooled(stage.values(pieces=MEMBERS)),
            "counting": counting(district),
            "reserving": reserving(district),
        }
        for name, text in sides.items():
            rates.setdefault(name, []).append(rate(product, folder, text))
    best = {name: max(found) for name, found in rates.items()}
    return [
        _ratio("guarded issue / unsafe", best, "guarded", "unsafe", ISSUE_GOAL),
        _ratio("pool / hot row", best, "pool", "guarded", POOL_GOAL),
        _ratio("cap reservation / bare count", best, "reserving", "counting", CAP_GOAL),
    ]


def _ratio(name: str, best: Mapping[str, float], ours: str, theirs: str, goal: float) -> Figure:
    made_of = f"{ours} {best[ours]:,.0f}/s, {theirs} {best[theirs]:,.0f}/s"
    return Figure(name=name, value=best[ours] / best[theirs], goal=goal, unit="times", made_of=made_of)


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; 1 if one misses its goal by more than --slack."""
    parser = argparse.ArgumentParser(prog="bench_offers")
    parser.add_argument(
        "--slack", type=float, default=1.0, help="share of the goals that suffices, 0.6 in CI"
    )
    options = parser.parse_args(arguments)
    with Product() as product:
        figures = run(product, product.data_dir)
    return verdict(
        f"offers: {CLIENTS} clients, best of {ROUNDS} rounds of {ROUND_S} s", figures, options.slack
    )


if __name__ == "__main__":
    sys.exit(main())
