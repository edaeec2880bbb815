"""The code that a member's page shows: signed, fresh each half minute, of what can be used now."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from district.clock import Clock
from district.offers import code_keys
from push.identifiers import OfferId
from push.offer import StacksWith
from push.offer_document import read_value
from push.signed_code import ANY_STORE, NONCE_BYTES, SignedCode, encode, member_tag, step_of, tag

Connection = AsyncConnection[TupleRow]

SHOWN_SQL = """
SELECT offer.campaign_id, offer.value, offer.stacks_with, offer.valid_until, offer.offline_store_id FROM offer
WHERE offer.district_id = %(district_id)s AND offer.id = %(offer_id)s AND offer.member_id = %(member_id)s
  AND offer.kind IN ('coupon', 'red_packet') AND offer.state IN ('issued', 'opened')
  AND offer.valid_from <= %(now)s AND %(now)s < offer.valid_until
"""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A code's text, and until when (machine time) it is the one to show."""

    text: str
    expires_at: datetime


async def shown(
    connection: Connection,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    offer_id: uuid.UUID,
    *,
    secret: str,
    clock: Clock,
) -> Shown | None:
    """The code of a coupon that its member can use now; None of any other."""
    values = {
        "district_id": district_id,
        "offer_id": offer_id,
        "member_id": member_id,
        "now": clock.now(),
    }
    row = await (await connection.execute(SHOWN_SQL, values)).fetchone()
    if row is None:
        return None
    campaign_id, value, stacks_with, valid_until, offline_store_id = row
    machine_now = clock.machine_now()
    signer = await code_keys.signer(connection, district_id, secret, now=machine_now)
    code = SignedCode(
        key_id=signer.key_id,
        offer_id=OfferId(offer_id),
        campaign_tag=tag(campaign_id),
        member_tag=member_tag(district_id, member_id),
        value=read_value(value),
        stacks_with=frozenset(StacksWith(one) for one in stacks_with),
        step=step_of(machine_now),
        valid_until=valid_until.replace(microsecond=0),
        store_tag=ANY_STORE if offline_store_id is None else tag(offline_store_id),
        is_offline_ok=offline_store_id is not None,
        nonce=secrets.token_bytes(NONCE_BYTES),
    )
    return Shown(text=encode(code, signer.sign, district_id=district_id), expires_at=code.expires_at)
