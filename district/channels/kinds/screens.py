"""Screens in shops, by MQTT. They are no channel to a member: what they show, everybody may see."""

from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.channels.kinds.kind import Beside, Building, Kind
from district.channels.kinds.texts import HOST_PATTERN
from push.channels.mqtt import Broker, Notice, ScreenPublisher
from push.channels.screen_notice import trial
from push.message import Message
from push.receipts import Outcome

NAME: Final = "mqtt_screens"
TRIAL_LASTS: Final = timedelta(minutes=1)
Quiet = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ScreensOptions(BaseModel):
    """A broker that screens listen to."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(pattern=HOST_PATTERN)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 8883
    tls: bool = Field(default=True, description="Off only where the way to the broker is private")
    user: Quiet = ""
    authority: Annotated[str, Field(max_length=20_000)] = Field(
        default="", description="Certificate of an authority of your own, in PEM; empty: the known ones"
    )


class ScreensSecrets(BaseModel):
    """The password of the account, which needs to write below shangquan/."""

    model_config = ConfigDict(extra="forbid")

    password: Quiet = ""


def publisher(building: Building) -> ScreenPublisher:
    """What says notices to the broker."""
    options = building.options
    broker = Broker(
        host=options.host,
        port=options.port,
        user=options.user,
        password=building.secrets.password,
        is_tls=options.tls,
    )
    return ScreenPublisher(broker=broker, outbound=building.outbound, trust=options.authority)


def topic(district_slug: str, store_ref: str, *, last: str = "now") -> str:
    """Of one store. What a level of a topic cannot hold is written in per cent."""
    return f"shangquan/{district_slug}/stores/{quote(store_ref, safe='')}/{last}"


class _Trial:
    """Says a test message to the screens of the store that it is addressed to, without leaving it there."""

    def __init__(self, building: Building) -> None:
        self.publisher = publisher(building)
        self.district_slug = building.district_slug

    async def send(self, message: Message) -> Outcome:
        """To ``…/stores/{ref}/test``."""
        where = topic(self.district_slug, message.address[:200], last="test")
        notice = Notice(topic=where, body=trial(message), lasts=TRIAL_LASTS, is_kept=False)
        _, outcome = await self.publisher.publish([notice])
        return outcome


KINDS: tuple[Kind, ...] = (
    Kind(
        name=NAME,
        channel=Beside.SCREEN,
        title="Screens in shops (MQTT)",
        options=ScreensOptions,
        secrets=ScreensSecrets,
        build=_Trial,
    ),
)
