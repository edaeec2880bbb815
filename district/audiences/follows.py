"""Members follow stores, and stop."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from district.audiences import timeline
from district.audiences.models import Follow
from district.clock import Clock
from district.database import notify
from district.members.consents import CHANNEL
from district.members.models import Member
from district.problems import Conflict, NotFound
from district.stores.models import Store
from push.audience_terms import EventKind

MOST_FOLLOWED = 1_000


class FollowsTooMany(Conflict):
    """A member who follows as many stores as one may."""

    slug, title = "follows-too-many", "You follow very many stores"


def follow(
    session: Session, district_id: uuid.UUID, member_id: uuid.UUID, store_id: uuid.UUID, *, clock: Clock
) -> Follow:
    """Follow a store; again changes nothing. Raises: NotFound for one that is not there or has closed, FollowsTooMany."""
    store = session.get(Store, (district_id, store_id))
    if store is None or store.closed_at is not None:
        raise NotFound("No such store, or it has closed.")
    # Whoever erases the member waits, or is waited for.
    member = session.get(Member, (district_id, member_id), with_for_update={"key_share": True})
    if member is None:
        raise NotFound("No such member.")
    own = Follow.district_id == district_id, Follow.member_id == member_id
    found = session.get(Follow, (district_id, member_id, store_id))
    if found is not None:
        return found
    if (session.scalar(select(func.count()).where(*own)) or 0) >= MOST_FOLLOWED:
        raise FollowsTooMany(f"One follows at most {MOST_FOLLOWED} stores: stop following some first.")
    now = clock.now()
    values = {"district_id": district_id, "member_id": member_id, "store_id": store_id, "at": now}
    session.execute(insert(Follow).values(values).on_conflict_do_nothing())
    timeline.record(session, district_id, member_id, EventKind.FAVOURITE, at=now, store_id=store_id)
    notify(session, CHANNEL, f"{district_id}:{member_id}")
    return session.get_one(Follow, (district_id, member_id, store_id))


def unfollow(session: Session, district_id: uuid.UUID, member_id: uuid.UUID, store_id: uuid.UUID) -> None:
    """Stop following; not having followed is no error."""
    gone = delete(Follow).where(
        Follow.district_id == district_id, Follow.member_id == member_id, Follow.store_id == store_id
    )
    if session.execute(gone.returning(Follow.store_id)).all():
        notify(session, CHANNEL, f"{district_id}:{member_id}")


def followed(session: Session, district_id: uuid.UUID, member_id: uuid.UUID) -> Sequence[Follow]:
    """What a member follows, the newest first."""
    wanted = select(Follow).where(Follow.district_id == district_id, Follow.member_id == member_id)
    return session.scalars(wanted.order_by(Follow.at.desc(), Follow.store_id)).all()
