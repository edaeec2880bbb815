"""What a member is told about his own membership, in his inbox."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.clock import Clock
from district.database import new_id, notify
from district.deliveries.models import InboxItem
from district.deliveries.queue import INBOX_CHANNEL
from district.districts.service import DistrictInfo
from district.members.models import DeviceAlias
from district.members.service import Recognition
from district.portal.choice import Choice

NEW_DEVICE = "new_device"
_TITLE = {"en": "A new device signed in as you", "zh": "新设备登录了您的账号"}
_BODY = {
    "en": "If this was not you, close the account under “What I agreed to”, or ask the district's service desk.",
    "zh": "如非本人操作，请在“我同意了什么”中注销账号，或联系商圈服务台。",
}
_WHY = {
    "en": "A device that you had not used here before proved your number or address just now.",
    "zh": "一台您从未在此使用过的设备刚刚通过了您的手机号或邮箱验证。",
}


def of_new_device(
    session: Session,
    district: DistrictInfo,
    found: Recognition,
    alias: bytes,
    choice: Choice,
    *,
    clock: Clock,
) -> None:
    """Tell a member that somebody proved his contact on a device of which he has not been seen. Ask before it is noted."""
    if found.is_new or (choice.proven_contact is None and choice.identity is None):
        return
    own = (DeviceAlias.district_id == district.id, DeviceAlias.member_id == found.member.id)
    devices = session.scalar(select(func.count()).where(*own))
    is_known = session.scalar(select(func.count()).where(*own, DeviceAlias.alias == alias))
    if not devices or is_known:
        return
    session.add(
        InboxItem(
            district_id=district.id,
            id=new_id(),
            member_id=found.member.id,
            title=_TITLE,
            body=_BODY,
            why=_WHY,
            kind=NEW_DEVICE,
            at=clock.now(),
            committed_at=clock.machine_now(),
        )
    )
    session.flush()
    notify(session, INBOX_CHANNEL, f"{district.id}:{found.member.id}")
