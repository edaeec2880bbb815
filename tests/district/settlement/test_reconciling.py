"""A till's file beside a statement."""

from typing import Any

import pytest

from district.auth.models import Role
from district.settlement import reconciling
from tests.district.settlement.conftest import Market


async def stated(market: Market) -> str:
    first, _ = market.shops
    for number, minor in (("a", 100), ("b", 200), ("c", 300)):
        await market.redeem(first, minor, number=number)
    used = await market.redeem(first, 400, number="d")
    await market.reverse(first, used)
    await market.close()
    [statement] = await market.statements(role=Role.MERCHANT, scope=first.merchant.id)
    return str(statement["id"])


async def compare(market: Market, content: str | bytes, *, dry_run: bool = False) -> Any:
    path = f"/{await stated(market)}/reconciliations" + ("?dry_run=true" if dry_run else "")
    scope = market.shops[0].merchant.id
    return await market.ask("POST", path, role=Role.MERCHANT, scope=scope, content=content)


async def test_each_row_and_each_line_gets_its_result(market: Market) -> None:
    answer = await compare(market, "request_no,amount_minor\na,100\nb,250\nz,7\nd,400\n")
    body = answer.json()
    told = {
        (row["request_no"], row["result"], row["file_minor"], row["statement_minor"]) for row in body["rows"]
    }
    back = [row for row in body["rows"] if row["statement_minor"] == -400]
    assert told == {
        ("a", "matched", 100, 100),
        ("b", "amount_differs", 250, 200),
        ("z", "missing_here", 7, None),
        ("d", "matched", 400, 400),
        ("c", "missing_there", None, 300),
        (back[0]["request_no"], "missing_there", None, -400),
    }
    assert [body[name] for name in ("matched", "amount_differs", "missing_here", "missing_there")] == [
        2,
        1,
        1,
        2,
    ]
    assert [row["result"] for row in body["rows"]][-2:] == ["matched", "matched"]


async def test_a_dry_run_keeps_nothing_and_another_is_listed(market: Market) -> None:
    answer = await compare(market, "request_no,amount_minor\na,100\n", dry_run=True)
    assert answer.json()["id"] is None
    path = f"/{answer.json()['statement_id']}/reconciliations"
    assert (await market.ask("GET", path)).json()["items"] == []
    kept = await market.ask("POST", path, content="request_no,amount_minor\na,100\n")
    [listed] = (await market.ask("GET", path)).json()["items"]
    assert (listed["id"], listed["matched"], listed["missing_there"]) == (kept.json()["id"], 1, 4)


async def test_the_till_tells_equal_numbers_apart(market: Market) -> None:
    store = market.shops[0].store.id
    answer = await compare(market, f"till,request_no,amount_minor\n{store},a,100\nelsewhere,b,200\n")
    results = {row["request_no"]: row["result"] for row in answer.json()["rows"] if row["row"]}
    assert results == {"a": "matched", "b": "missing_here"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "number,amount\na,1\n",
        "request_no,amount_minor\na,1.50\n",
        "request_no,amount_minor\na,１\n",
        "request_no,amount_minor\n,1\n",
        'request_no,amount_minor\n"a,1\n',
        f"request_no,amount_minor\na,{'9' * 16}\n",
        b"request_no,amount_minor\n\xff,1\n",
    ],
)
async def test_what_cannot_be_read_is_said(market: Market, content: str | bytes) -> None:
    answer = await compare(market, content)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:shangquan:problem:invalid")


async def test_a_file_that_is_too_long_is_refused(market: Market) -> None:
    rows = "".join(f"n{number},1\n" for number in range(reconciling.MAX_ROWS + 1))
    assert (await compare(market, f"request_no,amount_minor\n{rows}")).status_code == 422
