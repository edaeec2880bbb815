"""An export holds all that is kept of a member, whatever tables there will be."""

import csv
import io
import json
import uuid
import zipfile
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import LargeBinary, Table, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.sqltypes import Boolean, Date, DateTime, Double, Float, Integer, Text, Uuid

from district.auth.models import Role
from district.districts.models import District
from district.members.models import Member
from district.migrations.tables import metadata
from district.privacy.export import EXPORTED, LEFT_OUT
from tests.conftest import refresh
from tests.factories import Makers

PERSONAL = frozenset(
    {
        "member_id",
        "subject_id",
        "kept_id",
        "merged_into",
        "principal",
        "phone",
        "email",
        "identity",
        "alias",
        "device",
        "contact_hash",
    }
)
"""Columns by which a row is somebody's."""


def personal_tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if PERSONAL & {column.name for column in table.columns}]


def test_every_table_that_names_a_person_is_exported_or_left_out_for_a_reason() -> None:
    known = {kept.table for kept in EXPORTED} | {name for name, why in LEFT_OUT.items() if why}
    assert [table.name for table in personal_tables() if table.name not in known] == []


def test_the_rule_finds_tables_at_all() -> None:
    assert {"member", "consent", "visit", "access_record"} <= {table.name for table in personal_tables()}


@pytest.mark.parametrize("kept", EXPORTED, ids=lambda kept: kept.table)
def test_secret_columns_are_there_and_are_no_whole_table(kept: Any) -> None:
    columns = {column.name for column in metadata.tables[kept.table].columns}
    assert set(kept.secret) < columns
    assert kept.by in columns


CHECKED: Mapping[str, Mapping[str, str]] = {"exposure": {"arm": "treated"}, "drop_ticket": {"state": "lost"}}
"""Words of which a table takes only some."""


def value_of(column: Any, canary: str) -> Any:
    """Something that fits a column, with the canary where text fits."""
    kind = column.type
    if isinstance(kind, Uuid):
        return uuid.uuid4()
    if isinstance(kind, LargeBinary):
        return uuid.uuid4().bytes
    if isinstance(kind, JSONB):
        return json.dumps({"canary": canary})
    if isinstance(kind, ARRAY):
        return []
    for types, value in (
        ((Boolean,), True),
        ((Integer,), 7),
        ((DateTime,), "2026-05-01T09:00:00Z"),
        ((Date,), "2026-05-01"),
        ((Double, Float), 1.5),
        ((Text,), canary),
    ):
        if isinstance(kind, types):
            return value
    raise AssertionError(f"{column}: no value for {kind}")


def fill(makers: Makers, district: District, member: Member, table: Table, by: str) -> str:
    """A row of the member with a word of its own in every text; foreign keys rest meanwhile."""
    canary = f"canary-{table.name}-{uuid.uuid4().hex[:8]}"
    values = {
        column.name: value_of(column, canary)
        for column in table.columns
        if column.computed is None and column.identity is None
    }
    values |= {"district_id": district.id, by: member.id, **CHECKED.get(table.name, {})}
    columns = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join(
        f"CAST(:{name} AS jsonb)" if isinstance(table.columns[name].type, JSONB) else f":{name}"
        for name in values
    )
    makers.session.execute(text("SET LOCAL session_replication_role = replica"))
    makers.session.execute(text(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})'), values)
    makers.done()
    return canary


@pytest.fixture
async def shopper(app: FastAPI, committed: Makers) -> tuple[District, Member, dict[str, str]]:
    district = committed.district()
    member = committed.member(
        district, phone=f"+35840{uuid.uuid4().int % 10**7:07d}", zone="=Europe/Helsinki"
    )
    await refresh(app)
    token = committed.token(district, Role.SHOPPER, subject_id=member.id)
    return district, member, {"authorization": f"Bearer {token}"}


FILLED = [kept for kept in EXPORTED if kept.table not in {"member", "login_session", "raw_sighting", "visit"}]


@pytest.mark.parametrize("kept", FILLED, ids=lambda kept: kept.table)
async def test_a_row_of_each_table_is_in_the_export_without_its_secrets(
    client: httpx.AsyncClient,
    committed: Makers,
    shopper: tuple[District, Member, dict[str, str]],
    kept: Any,
) -> None:
    district, member, headers = shopper
    canary = fill(committed, district, member, metadata.tables[kept.table], kept.by)
    answer = (await client.get("/v1/me/export", headers=headers)).json()
    [row] = answer["records"][kept.table]
    columns = {column.name for column in metadata.tables[kept.table].columns}
    assert set(row) == columns - set(kept.secret) - {"district_id"}
    texts = [
        name
        for name in row
        if isinstance(metadata.tables[kept.table].columns[name].type, Text | JSONB)
        and name != kept.by
        and name not in CHECKED.get(kept.table, {})
    ]
    assert all(canary in json.dumps(row[name]) for name in texts)


async def test_the_archive_holds_the_same_as_json_and_csv_without_formulas(
    client: httpx.AsyncClient, shopper: tuple[District, Member, dict[str, str]]
) -> None:
    _, member, headers = shopper
    answer = await client.get("/v1/me/export.zip", headers=headers)
    assert answer.headers["content-type"] == "application/zip"
    files = zipfile.ZipFile(io.BytesIO(answer.content))
    whole = json.loads(files.read("my-data.json"))
    [row] = csv.DictReader(io.StringIO(files.read("member.csv").decode("utf-8-sig")))
    assert whole["member"]["phone"] == member.phone
    assert (row["phone"], row["zone"]) == (f"'{member.phone}", "'=Europe/Helsinki")


async def test_nobody_sees_anybody_elses(
    client: httpx.AsyncClient, committed: Makers, shopper: tuple[District, Member, dict[str, str]]
) -> None:
    district, _, headers = shopper
    other = committed.member(district)
    canary = fill(committed, district, other, metadata.tables["consent"], "member_id")
    assert canary not in (await client.get("/v1/me/export", headers=headers)).text
    for path in ("/v1/me/export", "/v1/me/export.zip", "/v1/me/consents/proof?purpose=access"):
        assert (await client.get(path)).status_code == 401
