"""Two memberships that turn out to be one person, made one; and two again when that was wrong."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from district.auth.models import LoginSession
from district.clock import Clock
from district.database import new_id, notify
from district.districts.service import DistrictInfo
from district.members import ledger, merged_points
from district.members.consents import CHANNEL, consents_of
from district.members.ledger import Decision
from district.members.models import Consent, Member, MemberMerge, MemberState
from district.members.moving import MOVED, move, move_back
from district.problems import Conflict, Invalid, NotFound
from push.consent import Channel, Consents, Purpose

CONTACTS = ("phone", "email")
_AFTER = timedelta(microseconds=1)


def merge(
    session: Session,
    district: DistrictInfo,
    *,
    kept_id: uuid.UUID,
    merged_id: uuid.UUID,
    reason: str,
    clock: Clock,
) -> MemberMerge:
    """Make ``merged`` part of ``kept``, and remember what moved. Every browser of either is logged out.

    No consent widens: what either has refused or taken back is refused afterwards.

    Raises: Invalid for one and the same, NotFound.
    """
    if kept_id == merged_id:
        raise Invalid("These are one membership already: name two.")
    kept, merged = _both(session, district, kept_id, merged_id)
    row = MemberMerge(
        district_id=district.id,
        id=new_id(),
        kept_id=kept.id,
        merged_id=merged.id,
        reason=reason,
        moved={},
        at=clock.now(),
    )
    moved = {one.table: move(session, district.id, one, merged.id, kept.id) for one in MOVED}
    row.moved = {
        "rows": moved,
        "debt": merged_points.give_debt(session, district.id, merged.id, kept.id),
        "contacts": _give_contacts(session, merged, kept),
        "withdrawn": _withdraw(session, district, kept, merged, row),
        "was": {"is_of_age": kept.is_of_age, "is_personalised": kept.is_personalised},
    }
    kept.is_personalised = kept.is_personalised and merged.is_personalised
    kept.is_of_age = _stricter(kept.is_of_age, merged.is_of_age)
    merged.state, merged.merged_into = MemberState.MERGED, kept.id
    session.add(row)
    _tell(session, district, kept, merged)
    return row


def _both(
    session: Session, district: DistrictInfo, first: uuid.UUID, second: uuid.UUID
) -> tuple[Member, Member]:
    """Both, locked in one order. Raises: NotFound."""
    found = select(Member).where(
        Member.district_id == district.id,
        Member.id.in_((first, second)),
        Member.state == MemberState.ACTIVE,
    )
    rows = {row.id: row for row in session.scalars(found.order_by(Member.id).with_for_update())}
    if len(rows) < 2:
        raise NotFound("Name two members of this district whose memberships are open.")
    return rows[first], rows[second]


def _stricter(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return one if one is not None else other


def _give_contacts(session: Session, source: Member, target: Member) -> list[str]:
    """The contacts that the target lacks; each is unique, so the source lets go first."""
    moved = [name for name in CONTACTS if getattr(target, name) is None and getattr(source, name) is not None]
    values = {name: getattr(source, name) for name in moved}
    for name in moved:
        setattr(source, name, None)
    session.flush()
    for name, value in values.items():
        setattr(target, name, value)
    if moved and source.verified_at is not None:
        target.verified_at = max(source.verified_at, target.verified_at or source.verified_at)
    session.flush()
    return moved


def _withdraw(
    session: Session, district: DistrictInfo, kept: Member, merged: Member, merge: MemberMerge
) -> list[dict[str, str]]:
    """Take back, of the kept member, what the merged one has refused or taken back."""
    refused = consents_of(session, district.id, merged.id)
    withdrawn = []
    for record in consents_of(session, district.id, kept.id).newest:
        if record.granted and _refuses(refused, record.purpose, record.channel):
            said = Decision(
                purpose=record.purpose,
                channel=record.channel or "",
                granted=False,
                text_hash=None,
                action="merge",
                source=f"merge:{merge.id}",
                language=kept.language,
                at=max(merge.at, record.at),
            )
            row = ledger.add(session, district, kept.id, said)
            withdrawn.append(
                {"purpose": record.purpose.value, "channel": record.channel or "", "record": str(row.id)}
            )
    return withdrawn


def _refuses(consents: Consents, purpose: Purpose, channel: Channel | None) -> bool:
    """Whether something was said to it, and it was no."""
    spoken = [
        record
        for record in consents.newest
        if record.purpose is purpose and (record.channel in {None, channel} or channel is None)
    ]
    return bool(spoken) and not consents.holds(purpose, channel)


def _tell(session: Session, district: DistrictInfo, *members: Member) -> None:
    for member in members:
        session.query(LoginSession).filter_by(district_id=district.id, subject_id=member.id).delete()
    session.flush()
    for member in members:
        notify(session, CHANNEL, f"{district.id}:{member.id}")


def get(session: Session, district_id: uuid.UUID, merge_id: uuid.UUID) -> MemberMerge:
    """Raises: NotFound."""
    row = session.get(MemberMerge, (district_id, merge_id), with_for_update=True)
    if row is None:
        raise NotFound("No such merge.")
    return row


def undo(session: Session, district: DistrictInfo, merge_id: uuid.UUID, *, clock: Clock) -> MemberMerge:
    """Make the two memberships again what they were: what was moved goes back, what came since stays with the kept.

    A consent that the merge took back holds again, unless the person has decided since.

    Raises: NotFound, Conflict when it is undone already or one of the two is closed or merged further.
    """
    row = get(session, district.id, merge_id)
    members = _of_merge(session, district, row)
    kept, merged = members[row.kept_id], members[row.merged_id]
    is_as_left = kept.state == MemberState.ACTIVE and merged.merged_into == kept.id
    if row.undone_at is not None or not is_as_left or merged.state != MemberState.MERGED:
        raise Conflict(
            "This merge cannot be undone: it was before, or one of the memberships is closed or merged on."
        )
    for one in reversed(MOVED):
        move_back(session, district.id, one, row.moved["rows"].get(one.table, []), row)
    merged_points.give_debt(session, district.id, kept.id, merged.id, most=row.moved.get("debt", 0))
    for member in (kept, merged):
        merged_points.even(session, district.id, member.id, at=clock.now())
    for name in row.moved["contacts"]:
        value = getattr(kept, name)
        setattr(kept, name, None)
        session.flush()
        setattr(merged, name, value)
    _grant_again(session, district, kept, row, clock=clock)
    kept.is_of_age = row.moved["was"]["is_of_age"]
    kept.is_personalised = row.moved["was"]["is_personalised"]
    merged.state, merged.merged_into = MemberState.ACTIVE, None
    row.undone_at = clock.now()
    _tell(session, district, kept, merged)
    return row


def _of_merge(session: Session, district: DistrictInfo, row: MemberMerge) -> dict[uuid.UUID, Member]:
    found = select(Member).where(
        Member.district_id == district.id, Member.id.in_((row.kept_id, row.merged_id))
    )
    return {one.id: one for one in session.scalars(found.order_by(Member.id).with_for_update())}


def _grant_again(
    session: Session, district: DistrictInfo, kept: Member, merge: MemberMerge, *, clock: Clock
) -> None:
    rows = ledger.records_of(session, district.id, kept.id)
    others = _still_merged(session, district.id, kept.id, but=merge.merged_id)
    for one in merge.moved["withdrawn"]:
        channel = Channel(one["channel"]) if one["channel"] else None
        if any(_refuses(other, Purpose(one["purpose"]), channel) for other in others):
            continue
        said = [row for row in rows if (row.purpose, row.channel) == (one["purpose"], one["channel"])]
        if said and str(said[-1].id) == one["record"]:
            before = _last_grant(said)
            again = Decision(
                purpose=one["purpose"],
                channel=one["channel"],
                granted=True,
                text_hash=before.text_hash if before else None,
                action="unmerge",
                source=f"merge:{merge.id}",
                language=before.language if before else kept.language,
                # Of two at one moment the withdrawal holds: the clock of a demo may stand still.
                at=max(clock.now(), said[-1].at + _AFTER),
            )
            ledger.add(session, district, kept.id, again)


def _still_merged(
    session: Session, district_id: uuid.UUID, kept_id: uuid.UUID, *, but: uuid.UUID
) -> list[Consents]:
    """What the other memberships that are part of this one have said."""
    found = select(Member.id).where(
        Member.district_id == district_id, Member.merged_into == kept_id, Member.id != but
    )
    return [consents_of(session, district_id, one) for one in session.scalars(found)]


def _last_grant(said: Sequence[Consent]) -> Consent | None:
    return next((row for row in reversed(said) if row.granted), None)


def listed(district_id: uuid.UUID) -> Select[MemberMerge]:
    """Every merge of a district."""
    return select(MemberMerge).where(MemberMerge.district_id == district_id)
