"""Who bears what a campaign gives: shares in thousandths that are 1,000 together."""

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.campaigns.joint_schemas import PartyKind, ShareIn, ShareOut
from district.campaigns.models import Campaign
from district.campaigns.shared_models import FundingShare
from district.database import new_id
from district.merchants.models import Merchant
from district.problems import Invalid
from district.stores.models import Property

WHOLE_PERMILLE = 1_000


def check(session: Session, district_id: uuid.UUID, shares: Sequence[ShareIn]) -> None:
    errors = []
    total = sum(share.permille for share in shares)
    if total != WHOLE_PERMILLE:
        detail = f"The shares are {total} ‰ together; they must be 1000 ‰."
        errors.append(
            {"pointer": "/funding", "detail": detail, "detail_zh": f"各方比例合计 {total}‰，须为 1000‰。"}
        )
    seen = set()
    for number, share in enumerate(shares):
        key = (share.party_kind, share.party_id, share.name if share.party_kind is PartyKind.SPONSOR else "")
        if key in seen or not _is_known(session, district_id, share):
            detail, zh = "Name a party that there is, once.", "请填写存在的出资方，且每方仅一次。"
            errors.append({"pointer": f"/funding/{number}", "detail": detail, "detail_zh": zh})
        seen.add(key)
    if errors:
        raise Invalid("See errors.", errors=errors)


def _is_known(session: Session, district_id: uuid.UUID, share: ShareIn) -> bool:
    match share.party_kind:
        case PartyKind.MERCHANT | PartyKind.PROPERTY:
            table: type[Merchant] | type[Property] = (
                Merchant if share.party_kind is PartyKind.MERCHANT else Property
            )
            return share.party_id is None or session.get(table, (district_id, share.party_id)) is not None
        case PartyKind.PLATFORM:
            return share.party_id is None
        case PartyKind.SPONSOR:
            return share.party_id is None and bool(share.name)


def add(session: Session, row: Campaign, shares: Sequence[ShareIn]) -> None:
    """A sponsor is no row of the district: its share gives it an id, so that it can be settled with."""
    for share in shares:
        is_sponsor = share.party_kind is PartyKind.SPONSOR
        session.add(
            FundingShare(
                district_id=row.district_id,
                id=new_id(),
                campaign_id=row.id,
                party_kind=share.party_kind,
                party_id=new_id() if is_sponsor else share.party_id,
                party_name=share.name if is_sponsor else "",
                permille=share.permille,
            )
        )
    session.flush()


def of(
    session: Session, district_id: uuid.UUID, campaign_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, list[ShareOut]]:
    """The shares of each campaign that has any."""
    found: dict[uuid.UUID, list[ShareOut]] = {}
    for share in session.scalars(
        select(FundingShare)
        .where(FundingShare.district_id == district_id, FundingShare.campaign_id.in_(list(campaign_ids)))
        .order_by(FundingShare.id)
    ):
        told = ShareOut(
            party_kind=PartyKind(share.party_kind),
            party_id=share.party_id,
            name=share.party_name,
            permille=share.permille,
        )
        found.setdefault(share.campaign_id, []).append(told)
    return found
