"""Offers as their member sees them: the wallet, one offer, and the QR code that a till scans."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import segno

from district.audiences import timeline
from district.database import Pool
from district.offers import giving, queries
from district.offers.models import OfferState
from district.offers.schemas import OfferOut, ShownState
from district.problems import NotFound
from push.audience_terms import EventKind
from push.offer import REDEEMABLE, OfferKind
from push.wording import Language, Localised, language_of

MAX_PAGE = 100


async def offers_of(
    pool: Pool,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    *,
    now: datetime,
    language: Language | None = None,
    after: uuid.UUID | None = None,
    limit: int = 50,
) -> tuple[list[OfferOut], uuid.UUID | None]:
    """A member's offers without those that never reached him, the newest first, and the next page's key."""
    values = {
        "district_id": district_id,
        "member_id": member_id,
        "after": after,
        "limit": min(limit, MAX_PAGE) + 1,
    }
    async with pool.connection() as connection:
        rows = await (await connection.execute(queries.WALLET_SQL, values)).fetchall()
    shown = rows[: min(limit, MAX_PAGE)]
    following: uuid.UUID | None = shown[-1][0] if len(rows) > len(shown) else None
    return [_shown(row, language, now) for row in shown], following


async def find(
    pool: Pool,
    district_id: uuid.UUID,
    member_id: uuid.UUID,
    offer_id: uuid.UUID,
    *,
    now: datetime,
    language: Language | None = None,
    opens: bool = True,
) -> OfferOut:
    """One offer of the member; looking at it marks it opened, and credits the points that it promises.

    Raises: NotFound, also for another's.
    """
    values = {"district_id": district_id, "member_id": member_id, "offer_id": offer_id, "now": now}
    async with pool.connection() as connection:
        if opens:
            await connection.execute(queries.OPEN_OFFER_SQL, values)
        row = await (await connection.execute(queries.ONE_OFFER_SQL, values)).fetchone()
        if opens and row is not None:
            await timeline.record_offer(
                connection, district_id, member_id, EventKind.OFFER_VIEW, offer_id, at=now
            )
            if row[3] == OfferKind.POINTS and row[2] != OfferState.RESERVED:
                async with connection.transaction():
                    await giving.give(connection, district_id, member_id, offer_id, now=now)
                row = await (await connection.execute(queries.ONE_OFFER_SQL, values)).fetchone() or row
    if row is None:
        raise NotFound("No such offer.")
    return _shown(row, language, now)


def qr_svg(code: str) -> str:
    """The code as an inline SVG without a size of its own; its style decides how large it is."""
    return str(segno.make_qr(code, error="m").svg_inline(border=4, omitsize=True, dark="#000", light="#fff"))


def _shown(row: Sequence[Any], language: Language | None, now: datetime) -> OfferOut:
    """A row of WALLET_SQL or ONE_OFFER_SQL, which the driver leaves untyped."""
    id_, campaign_id, state, kind, code, value, title, text, why = row[:9]
    valid_from, valid_until, redeemed_at, store_ids, member_language, reserved_until, is_rotating = row[9:]
    chosen = language or language_of(member_language) or Language.EN
    is_open = state in {OfferState.RESERVED, OfferState.ISSUED, OfferState.OPENED}
    is_redeemable = kind in REDEEMABLE and state != OfferState.RESERVED
    return OfferOut(
        id=id_,
        campaign_id=campaign_id,
        state=ShownState.EXPIRED if is_open and valid_until <= now else ShownState(state),
        kind=kind,
        code=code if is_redeemable and not is_rotating else None,
        value=value,
        title=_words(title, chosen),
        text=_words(text, chosen),
        why=_words(why, chosen),
        valid_from=valid_from,
        valid_until=valid_until,
        redeemed_at=redeemed_at,
        reserved_until=reserved_until if state == OfferState.RESERVED else None,
        store_ids=store_ids,
    )


def _words(words: Mapping[str, str], language: Language) -> str:
    if not (words.get("zh") or words.get("en")):
        return ""
    return Localised(zh=words.get("zh"), en=words.get("en")).read(language)[1]
