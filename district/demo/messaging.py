"""What a demo sends by: browsers' notifications, which need no account anywhere."""

from sqlalchemy.orm import Session

from district.channels import service as channels
from district.channels.kinds import web_push
from district.channels.schemas import NewProvider
from district.channels.standing import MAINLAND
from district.clock import Clock
from district.districts import service as districts

CONTACT = "mailto:web-push@shangquan.example.com"


def add(session: Session, slug: str, *, secret: str, clock: Clock) -> None:
    """Set web push up, except where push services are not reached: in mainland China. Without a secret, nothing."""
    district = districts.read(session, slug)
    if not secret or district.country == MAINLAND:
        return
    new = NewProvider(
        slug="browsers", kind=web_push.NAME, name="Browsers", options={"contact": CONTACT}, cost_micro=0
    )
    channels.make(session, district, new, secret=secret, clock=clock)
