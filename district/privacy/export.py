"""All that is kept of one member, table by table: what a person may see and take along.

A table that names a person is either here or among ``LEFT_OUT`` with a reason; a test walks the whole schema.
"""

import csv
import io
import json
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.districts.service import DistrictInfo
from district.members import recipients
from district.members import service as members
from district.members.models import Member

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A table with rows of members."""

    table: str
    by: str = "member_id"
    secret: tuple[str, ...] = ()
    """Columns that would open something, or that say nothing of the person."""


EXPORTED: Final = (
    Kept(table="member", by="id", secret=("bucket",)),
    Kept(table="device_alias"),
    Kept(table="consent"),
    Kept(table="member_identity"),
    Kept(table="member_merge", by="kept_id", secret=("moved",)),
    Kept(table="login_session", by="subject_id", secret=("token_hash", "scope_id")),
    Kept(table="wifi_session", secret=("grant",)),
    Kept(table="radius_session"),
    Kept(table="radius_credential", secret=("password",)),
    Kept(table="voucher_use"),
    Kept(table="ban"),
    Kept(table="redirect_use", secret=("fingerprint", "form_hash")),
    Kept(table="access_record", secret=("previous_hash", "hash")),
    Kept(table="visit"),
    Kept(table="raw_sighting"),
    Kept(table="offer"),
    Kept(table="inbox_item"),
    Kept(table="outbox_message"),
    Kept(table="cap_slot"),
    Kept(table="refusal"),
    Kept(table="member_endpoint", secret=("address_hash", "sealed")),
    Kept(table="wechat_grant"),
    Kept(table="wallet_pass", secret=("device_hash", "push_token")),
    Kept(table="member_mute"),
    Kept(table="follow"),
    Kept(table="member_event"),
    Kept(table="member_tag"),
    Kept(table="segment_member"),
    Kept(table="exposure"),
    Kept(table="drop_ticket"),
    Kept(table="join_reward"),
    Kept(table="pending_trigger"),
    Kept(table="points_wallet"),
    Kept(table="points_lot"),
    Kept(table="points_movement"),
    Kept(table="points_spend", secret=("body_hash",)),
    Kept(table="purchase"),
    Kept(table="purchase_link", secret=("payer_hash",)),
)

LEFT_OUT: Final[Mapping[str, str]] = {
    "access_session": "repeats the records of the access log of sessions that are on",
    "hand_over": "a link of some minutes that opens the member's page; only hashes are kept",
    "radius_token": "a password of two minutes",
    "ledger_posting": "a merchant's books: a posting names what was redeemed or spent, never a person",
    "contact_list_entry": "numbers and addresses that merchants brought themselves, by a keyed hash that names no member",
    "member_pass": "a code of some minutes that shows a till who stands there; only its hash is kept",
    "radius_place": "devices that were let in within the last minute, by pseudonym",
    "sms_join": "sign-ins that wait for a text message, with the number that sent it; forgotten after two days",
    "idempotent_answer": "answers that the member's programs were given, for 24 hours",
    "opt_out": "devices that asked not to be counted: a pseudonym that belongs to no member",
    "sign_in_visit": "devices under a name of one day that leads to no member",
    "one_time_code": "codes that were sent, by a hash of the address; forgotten after a day",
    "code_request": "counts of requests for codes, by a hash",
    "oidc_login": "a way through a provider that has not come back yet; forgotten within the hour",
}
"""What a search of the schema finds and an export does not hold, and why."""


def records(session: Session, district: DistrictInfo, member: Member) -> dict[str, list[dict[str, Any]]]:
    """Every row of the member, and of what was merged into him, by table; secrets left out."""
    ids = memberships(session, district.id, member.id)
    found = {}
    for kept in EXPORTED:
        statement = f"""SELECT to_jsonb(t) - CAST(:secret AS text[]) FROM {kept.table} t
            WHERE t.district_id = :district_id AND t.{kept.by} = ANY(:ids) ORDER BY 1"""
        values = {"district_id": district.id, "ids": ids, "secret": ["district_id", *kept.secret]}
        found[kept.table] = [row[0] for row in session.execute(text(statement), values)]
    return found


def memberships(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> list[uuid.UUID]:
    """The membership and every one that became part of it."""
    statement = """
        WITH RECURSIVE whole AS (
            SELECT id FROM member WHERE district_id = :district_id AND id = :member_id
            UNION
            SELECT m.id FROM member m JOIN whole w ON m.merged_into = w.id WHERE m.district_id = :district_id
        ) SELECT id FROM whole ORDER BY id"""
    return list(session.scalars(text(statement), {"district_id": district_id, "member_id": member_id}))


def document(session: Session, district: DistrictInfo, member: Member) -> dict[str, Any]:
    """The export as one JSON document."""
    return {
        "district": district.slug,
        "member": {
            "id": member.id,
            "district": district.slug,
            "phone": member.phone,
            "email": member.email,
            "language": member.language,
            "zone": member.zone,
            "quiet_from": member.quiet_from,
            "quiet_until": member.quiet_until,
            "joined_at": member.joined_at,
            "is_personalised": member.is_personalised,
        },
        **members.export(session, district, member),
        "recipients": asdict(recipients.current(session, district.id)),
        "records": records(session, district, member),
        "left_out": LEFT_OUT,
    }


def archive(session: Session, district: DistrictInfo, member: Member) -> bytes:
    """The same as a zip: the JSON document and a CSV for each table that holds something."""
    whole = document(session, district, member)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(
            "my-data.json", json.dumps(whole, ensure_ascii=False, indent=1, default=_as_text).encode()
        )
        for table, rows in whole["records"].items():
            if rows:
                files.writestr(f"{table}.csv", _csv(rows).encode("utf-8-sig"))
    return out.getvalue()


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    columns = list(rows[0])
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Text that no spreadsheet takes for a formula; a number may be negative."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{shown}" if shown.startswith(FORMULA_STARTS) else shown
