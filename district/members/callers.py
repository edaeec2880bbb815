"""Who calls with a member's token: the membership behind it."""

from sqlalchemy.orm import Session

from district.auth.service import Principal
from district.members import service
from district.members.models import Member
from district.problems import NotAuthenticated, NotFound


def membership_of(session: Session, principal: Principal) -> Member:
    """The caller's membership. Raises: NotAuthenticated when it has ended."""
    try:
        return service.get(session, principal.district_id, principal.subject_id)
    except NotFound as error:
        raise NotAuthenticated("This membership has ended.") from error
