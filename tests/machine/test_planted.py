"""The machine can fail: each of these mistakes, planted in the statements that the product sends, is found by it."""

from dataclasses import dataclass
from types import ModuleType

import psycopg
import pytest

from district.offers import claim_queries
from district.offers import queries as offer_queries
from district.redemptions import queries as redemption_queries
from tests.machine.whole import run

ENOUGH = 20_000
"""Steps within which each is found; most take some hundreds."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A part of a statement, and what stands there instead."""

    name: str
    module: ModuleType
    statement: str
    right: str
    wrong: str

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it into the running product."""
        sql: str = getattr(self.module, self.statement)
        assert self.right in sql, "the statement has changed: plant the mistake anew"
        monkeypatch.setattr(self.module, self.statement, sql.replace(self.right, self.wrong))


MISTAKES = (
    Mistake(
        name="a use does not ask for the offer's state",
        module=redemption_queries,
        statement="USE_OFFER_SQL",
        right="AND state IN ('issued', 'opened')",
        wrong="",
    ),
    Mistake(
        name="a stock lets one more out",
        module=offer_queries,
        statement="TAKE_STOCK_SQL",
        right="least(wanted.amount, coalesce(stock.quota - stock.issued, wanted.amount))",
        wrong="wanted.amount",
    ),
    Mistake(
        name="a use does not ask for the offer's time",
        module=redemption_queries,
        statement="USE_OFFER_SQL",
        right="AND valid_from <= %(now)s AND %(now)s < valid_until",
        wrong="",
    ),
    Mistake(
        name="a reversal leaves the offer used",
        module=redemption_queries,
        statement="RETURN_OFFER_SQL",
        right="state = 'redeemed'",
        wrong="state = 'void'",
    ),
    Mistake(
        name="a stock gets back one more than was taken",
        module=offer_queries,
        statement="RETURN_STOCK_SQL",
        right="issued - returned.amount",
        wrong="greatest(0, issued - returned.amount - 1)",
    ),
    Mistake(
        name="a piece of a pool stays with an offer that ended",
        module=claim_queries,
        statement="RETURN_PIECES_SQL",
        right="SET offer_id = NULL",
        wrong="SET offer_id = offer_id",
    ),
    Mistake(
        name="what expired keeps its money",
        module=claim_queries,
        statement="EXPIRED_HOLDINGS_SQL",
        right="AND valid_until <= %(now)s",
        wrong="AND false",
    ),
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mistake", MISTAKES, ids=[one.name for one in MISTAKES])
def test_a_planted_mistake_is_found(
    mistake: Mistake, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake.plant(monkeypatch)
    with pytest.raises((AssertionError, psycopg.Error)):
        run(database_url, seed=77, steps=ENOUGH, shrinks=False)
