"""Who may go on line: one-time names of a login, members' own names for 802.1X, and devices met before."""

from dataclasses import dataclass

from district.database import Pool
from district.members.models import MemberState
from district.members.texts import consent_text
from district.radius.allowances import what_is_left
from district.radius.answers import Grant, Refused
from district.radius.asking import Asking, Known, Turned, find
from district.radius.marks import Mark, MarkKind
from push.consent import Purpose


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """Somebody who may go on line if his password is right (None: nothing is to be checked)."""

    password: str | None
    grant: Grant
    is_live: bool
    """His session is there already, and nothing is left to be written."""


async def authorize(pool: Pool, asking: Asking) -> Admitted | Turned:
    """Decide, and write nothing: the packet may be a repetition, or a round of several."""
    if not asking.request.username:
        return Turned(reason=Refused.UNKNOWN)
    async with pool.connection() as connection:
        known = await find(connection, asking)
        if known is None:
            return Turned(reason=Refused.UNKNOWN)
        refused = _refused(asking, known)
        if refused is not None:
            return Turned(reason=refused, language=known.language)
        plan = await what_is_left(connection, asking, known)
    if isinstance(plan, Refused):
        return Turned(reason=plan, language=known.language)
    mark = None
    if known.session_id is not None and (known.password is not None or known.is_live):
        mark = Mark(kind=MarkKind.SESSION, id=known.session_id)
    grant = Grant(plan=plan, member_id=known.member_id, mark=mark, interim=asking.interim)
    # Under a plan that counts devices even a session that goes on asks for its place again.
    is_settled = known.is_live and asking.is_by_address and known.plan.devices is None
    return Admitted(password=known.password, grant=grant, is_live=is_settled)


def _refused(asking: Asking, known: Known) -> Refused | None:
    """The first reason against somebody whom we know."""
    if known.is_banned:
        return Refused.BANNED
    if known.state != MemberState.ACTIVE:
        return Refused.UNKNOWN
    if asking.is_by_address:
        return _refused_device(known)
    return _refused_name(asking, known)


def _refused_device(known: Known) -> Refused | None:
    if not known.has_access:
        return Refused.NO_CONSENT
    if known.terms not in current_terms():
        return Refused.NEW_TERMS
    return None


def _refused_name(asking: Asking, known: Known) -> Refused | None:
    request = asking.request
    is_token = bool(known.mac)
    if known.has_access is False or (known.has_access is None and not is_token):
        return Refused.NO_CONSENT
    if known.spent_at is not None:
        return Refused.USED
    if known.expires_at is not None and known.expires_at <= asking.clock.machine_now():
        return Refused.EXPIRED
    if not is_token:
        # A log-in has just been asked in the words that stand; a name may be older than they are.
        return None if known.terms in current_terms() else Refused.NEW_TERMS
    if known.mac != request.mac:
        return Refused.OTHER_DEVICE
    if asking.gateway_id is not None and asking.gateway_id != known.gateway_id:
        return Refused.OTHER_GATEWAY
    return None if known.is_live else Refused.EXPIRED


def current_terms() -> frozenset[bytes]:
    """The words of access as they stand, in every language."""
    return frozenset(consent_text(Purpose.ACCESS, None, language).hash for language in ("en", "zh"))
