"""Text messages: by SMPP, and by the HTTP interfaces of well-known gateways."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from district.channels.kinds import text_gateways, text_kannel, text_reports
from district.channels.kinds.kind import Building, Heard, Kind, ReceiptEvent, ReceiptKind, Reply
from district.channels.kinds.text_gateways import Signature, Source
from district.channels.kinds.text_kannel import GoneErrors
from push.channels import smpp, sms_codes
from push.channels.smpp import SmppForm, SmppSender
from push.channels.smpp_receipt import Arrival, IdForm, SmppReceipt
from push.channels.smpp_session import SmppAccount
from push.consent import Channel

HOST_PATTERN: Final = r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$"


class SmppOptions(BaseModel):
    """A gateway's SMPP account."""

    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(pattern=HOST_PATTERN)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 3550
    tls: bool = Field(default=True, description="Off only where the way to the gateway is private")
    system_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,15}$")]
    system_type: Annotated[str, Field(pattern=r"^[\x20-\x7e]{0,12}$")] = ""
    source: Source = Field(
        description="What messages come from: +358401234567, a short number, or up to 11 letters"
    )
    signature: Signature = Field(default="", description="Put before every text, in 【】")
    long: Literal["parts", "payload"] = Field(
        default="parts", description="Long texts are cut here (parts), or by the gateway (payload)"
    )
    ids: IdForm = Field(
        default=IdForm.SAME, description="How receipts write the numbers that answers to messages gave"
    )
    window: Annotated[int, Field(ge=1, le=500)] = Field(
        default=10, description="Requests that may be without answer at once"
    )
    gone_errors: GoneErrors = Field(
        default=[], description="Codes by which receipts say that nobody has the number, as err: has them"
    )


class SmppSecrets(BaseModel):
    """The password of the account."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(pattern=r"^[\x21-\x7e]{0,16}$")]


def build_smpp(building: Building) -> SmppSender:
    """The sender of an SMPP account."""
    options = building.options

    async def tell(told: SmppReceipt | smpp.Heard) -> None:
        await building.tell(_reply(told, building.now(), options.gone_errors))

    return SmppSender(
        account=SmppAccount(
            host=options.host,
            port=options.port,
            system_id=options.system_id,
            password=building.secrets.password,
            system_type=options.system_type,
            is_tls=options.tls,
            window=options.window,
        ),
        form=SmppForm(
            source=options.source,
            signature=options.signature,
            is_payload=options.long == "payload",
            ids=options.ids,
        ),
        outbound=building.outbound,
        now=building.business_now,
        monotonic=building.monotonic,
        tell=tell,
    )


def _reply(told: SmppReceipt | smpp.Heard, now: datetime, gone_errors: Sequence[str]) -> Reply:
    if isinstance(told, smpp.Heard):
        return Reply(heard=[Heard(key=now.astimezone(UTC).isoformat(), sender=told.sender, text=told.text)])
    is_there = told.arrival is Arrival.DELIVERED
    event = ReceiptEvent(
        key=f"{told.message_id}:{told.state}",
        message_id=told.message_id,
        kind=ReceiptKind.DELIVERED if is_there else ReceiptKind.FAILED,
        detail="" if is_there else f"{told.state} {told.error}".strip(),
    )
    state = sms_codes.state_of_receipt(
        told.state, told.error, gone_errors=gone_errors, gsm_error=told.gsm_error
    )
    number = f"+{told.number}" if told.number.isdecimal() else told.number
    return Reply(events=[text_reports.of_number(event, number, state)])


KINDS: tuple[Kind, ...] = (
    Kind(
        name="smpp",
        channel=Channel.SMS,
        title="SMPP account",
        options=SmppOptions,
        secrets=SmppSecrets,
        build=build_smpp,
        listens=True,
    ),
    *text_gateways.KINDS,
    text_kannel.KIND,
)
