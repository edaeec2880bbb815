"""Giving out under contention: the product's own statements against what one would write without their guards.

    python -m tests.benchmarks.bench_offers

pgbench runs the SQL of claims, pools and caps as it stands in the product, twenty clients at once on one campaign, so that
the figures are of the database and not of a client. Both sides of a ratio take turns; each is told by its best round.

- issue: one piece of a counted stock, by a guarded update and the member's slot, against reading the stock and the member's
  offers, then writing both.
- pool: one piece of a pool made in advance against one of the counted stock, whose row all share.
- cap: a slot by its key, with the member locked, against counting what the member had and adding a row if that is less
  than the cap: once of members who are full, so that the other side is a bare count and writes nothing, and once of members
  who have nothing yet, so that both write.
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
CAPPED_CLIENTS: Final = 30
ROUND_S: Final = 5
ROUNDS: Final = 3
MEMBERS: Final = 120_000
CAPPED: Final = 1_500
"""So few that soon all of them are full."""
CAP: Final = 2
SCARCE: Final = 500
CHECK_S: Final = 2
MOST_CHECKS: Final = 30
ISSUE_GOAL, POOL_GOAL, CAP_GOAL, GRANTED_GOAL = 0.8, 2.2, 0.3, 0.43
NOW: Final = "clock_timestamp()"
COLON: Final = "' || chr(58) || '"
"""pgbench takes what follows a colon for a variable, in quotes, too."""
NEXT_MEMBER: Final = "\\set m :m + :clients\n"
ANY_CAPPED: Final = f"\\set who random(0, {CAPPED} - 1)\n"
NEXT, ANY = "(:m::int + :client_id::int)", "(:who::int)"
_RATE = re.compile(r"^tps = ([0-9.]+)", re.M)
_PLACE = re.compile(r"%\((\w+)\)s")


def statement(sql: str, **values: str) -> str:
    """A statement of the product with expressions in its places, on one line as pgbench takes it."""
    filled = _PLACE.sub(lambda found: f"({values[found[1]]})", sql)
    return " ".join(filled.split()) + ";\n"


def _member(number: str) -> str:
    return f"('00000000-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


def values_of(district: str, campaign: str, pieces: int) -> dict[str, str]:
    """What the statements of one claim are filled with: a member who has nothing yet, a new offer."""
    return {
        "district_id": f"'{district}'::uuid",
        "campaign_id": f"'{campaign}'::uuid",
        "member_id": _member(NEXT),
        "id": f"md5('{campaign}' || {NEXT}::text)::uuid",
        "scope": f"'held{COLON}{campaign}'",
        "slots": "1",
        "key": f"'claim' || {NEXT}::text",
        "code": f"'{campaign[-12:]}' || {NEXT}::text",
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
        "offer_id": f"md5('{campaign}' || {NEXT}::text)::uuid",
        "start": ":start::int",
        "pieces": str(pieces),
    }


def counted(sql: str, values: Mapping[str, str]) -> str:
    """A statement of the product whose rows are counted into ``got``."""
    said = f"{sql} RETURNING 1" if sql == claim_queries.TAKE_ONE_SQL else sql
    before, comma, last = (
        said.rpartition("\n)\n") if said.lstrip().startswith("WITH") else ("WITH ", "", said)
    )
    whole = f"{before}{comma and '),'} done AS ({last}) SELECT count(*) AS got FROM done"
    return statement(whole, **values).replace(";\n", " \\gset\n")


def all_or_nothing(*statements: str) -> str:
    """One transaction that is undone by the first statement that gets nothing, as refusals are in the product."""
    text = "COMMIT;\n"
    for one in reversed(statements):
        text = f"{one}\\if :got = 0\nROLLBACK;\n\\else\n{text}\\endif\n"
    return f"BEGIN;\n{text}"


def guarded(values: Mapping[str, str]) -> str:
    """A claim of a counted stock, as the product makes it."""
    return NEXT_MEMBER + all_or_nothing(
        counted(claim_queries.INSERT_CLAIM_SQL, values), counted(claim_queries.TAKE_ONE_SQL, values)
    )


def pooled(values: Mapping[str, str]) -> str:
    """A claim of a pool, as the product makes it."""
    return f"{NEXT_MEMBER}\\set start random(0, {values['pieces']} - 1)\n" + all_or_nothing(
        counted(claim_queries.TAKE_PIECE_SQL, values), counted(claim_queries.INSERT_CLAIM_SQL, values)
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
    return f"{NEXT_MEMBER}BEGIN;\n" + "".join(
        (
            statement(seen, **values).replace(";\n", " \\gset\n"),
            statement(stock, **values).replace(";\n", " \\gset\n"),
            "\\if :had = 0 and :seen < :quota\n",
            statement(insert, **values),
            statement(write, **values),
            "\\endif\nCOMMIT;\n",
        )
    )


def reserving(district: str, who: str, *, place: str) -> str:
    """A slot of a cap, as the product takes it: the member locked, then the first that is free.

    What is refused leaves nothing behind, so it is undone, as a refused claim is.
    """
    values = {
        "district_id": f"'{district}'::uuid",
        "members": f"ARRAY[{_member(who)}]",
        "scopes": f"ARRAY['global{COLON}day']",
        "offers": "ARRAY[gen_random_uuid()]",
        "reusable": f"ARRAY[{NOW} - interval '6 hours']",
        "slots": f"ARRAY[{CAP}]",
        "most": f"ARRAY[{CAP}]",
        "now": NOW,
    }
    locked = counted(queries.LOCK_MEMBERS_SQL, values)
    return place + all_or_nothing(locked, counted(queries.TAKE_SLOTS_SQL, values))


def counting(district: str, who: str, *, place: str) -> str:
    """The same by counting and then inserting: what lets more through. Of members who are full it only counts."""
    member = _member(who)
    return (
        f"{place}BEGIN;\n"
        f"SELECT count(*) AS had FROM bench_taken WHERE district_id = '{district}' AND member_id = {member}"
        f" AND taken_at > {NOW} - interval '6 hours' \\gset\n"
        f"\\if :had < {CAP}\nINSERT INTO bench_taken VALUES ('{district}', {member}, {NOW});\n\\endif\nCOMMIT;\n"
    )


def rate(product: Product, folder: Path, text: str, *, clients: int = CLIENTS, for_s: int = ROUND_S) -> float:
    """Transactions a second of so many clients. Stops the programme when one fails."""
    file = folder / "bench_offers.sql"
    file.write_text(text)
    pgbench = str(find_postgres().bin / "pgbench")
    load = ["-c", str(clients), "-j", "2", "-T", str(for_s), "-D", "m=0", "-D", f"clients={clients}"]
    command = [pgbench, "-n", "-M", "prepared", *load, "-f", str(file), product.dsn]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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

    def values(self, *, pieces: int = 0, stock: int = 10**7) -> dict[str, str]:
        """A new campaign, by default one that nobody can exhaust; with pieces, a pool of them."""
        with self.product.makers() as makers:
            campaign = makers.campaign(self.district, self.merchant, [], stock=stock)
        self.do(
            "INSERT INTO pool_piece (district_id, campaign_id, number)"
            f" SELECT '{self.district.id}', '{campaign.id}', n FROM generate_series(0, {pieces} - 1) AS n"
        )
        return values_of(str(self.district.id), str(campaign.id), pieces)

    def do(self, sql: str) -> None:
        """A statement of the stage itself."""
        with psycopg.connect(self.product.dsn, autocommit=True) as connection:
            connection.execute(sql.encode())

    def forget_slots(self) -> None:
        """Nobody has had anything yet."""
        self.do("TRUNCATE bench_taken, cap_slot")

    def rate(self, text: str, *, clients: int = CLIENTS, for_s: int = ROUND_S) -> float:
        """Transactions a second."""
        return rate(self.product, self.folder, text, clients=clients, for_s=for_s)

    def number(self, sql: str) -> int:
        """One number."""
        return int(self.product.row(sql)[0])


def check(stage: Stage) -> None:
    """Thirty clients at once: a stock and a pool are given out to the last piece and no further, and so is every cap.

    Stops the programme otherwise; a figure of something that is wrong says nothing.
    """
    counted_stock, pool = stage.values(stock=SCARCE), stage.values(pieces=SCARCE, stock=SCARCE)
    found: dict[str, int] = {}
    for name, values, text in (
        ("stock", counted_stock, guarded(counted_stock)),
        ("pool", pool, pooled(pool)),
    ):
        of = f"WHERE campaign_id = {values['campaign_id']}"
        found[name] = _given_out(stage, text, f"SELECT count(*) FROM offer {of}")
        found[f"{name}, counted"] = stage.number(
            f"SELECT greatest(issued, (SELECT count(offer_id) FROM pool_piece {of})) FROM campaign_stock {of}"
        )
    stage.forget_slots()
    text = reserving(str(stage.district.id), ANY, place=ANY_CAPPED)
    stage.rate(text, clients=CAPPED_CLIENTS, for_s=CHECK_S)
    found["cap"] = stage.number(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM cap_slot GROUP BY member_id) AS of"
    )
    wanted = dict.fromkeys(("stock", "stock, counted", "pool", "pool, counted"), SCARCE) | {"cap": CAP}
    print(f"checked under {CAPPED_CLIENTS} clients: {found}")
    if found != wanted:
        sys.exit(f"the product is wrong: {found}, should be {wanted}")


def _given_out(stage: Stage, text: str, given: str) -> int:
    """How many were given when all that there are had been asked for and then more; a slow machine takes longer."""
    for _ in range(MOST_CHECKS):
        stage.rate(text, clients=CAPPED_CLIENTS, for_s=CHECK_S)
        if stage.number(given) >= SCARCE:
            break
    stage.rate(text, clients=CAPPED_CLIENTS, for_s=CHECK_S)
    return stage.number(given)


def run(product: Product, folder: Path) -> list[Figure]:
    """Measure, the sides of each ratio in turns."""
    stage = Stage(product, folder)
    check(stage)
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        sides = {
            "unsafe": unsafe(stage.values()),
            "guarded": guarded(stage.values()),
            "pool": pooled(stage.values(pieces=MEMBERS)),
        }
        for name, text in sides.items():
            rates.setdefault(name, []).append(stage.rate(text))
        for name, found in _cap_round(stage).items():
            rates.setdefault(name, []).append(found)
    best = {name: max(found) for name, found in rates.items()}
    return [
        _ratio("guarded issue / unsafe", best, "guarded", "unsafe", ISSUE_GOAL),
        _ratio("pool / hot row", best, "pool", "guarded", POOL_GOAL),
        _ratio("cap reservation / bare count", best, "reserving", "counting", CAP_GOAL),
        _ratio("slots taken / count, then insert", best, "taking", "inserting", GRANTED_GOAL),
    ]


def _cap_round(stage: Stage) -> dict[str, float]:
    """Slots of members who soon are full, where careless code only counts, and of members who have nothing yet."""
    district = str(stage.district.id)
    stage.forget_slots()
    full = {
        "counting": counting(district, ANY, place=ANY_CAPPED),
        "reserving": reserving(district, ANY, place=ANY_CAPPED),
    }
    found = {}
    for name, text in full.items():
        stage.rate(text, clients=CAPPED_CLIENTS, for_s=CHECK_S)
        found[name] = stage.rate(text, clients=CAPPED_CLIENTS)
    stage.forget_slots()
    fresh = {
        "inserting": counting(district, NEXT, place=NEXT_MEMBER),
        "taking": reserving(district, NEXT, place=NEXT_MEMBER),
    }
    return found | {name: stage.rate(text, clients=CAPPED_CLIENTS) for name, text in fresh.items()}


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
