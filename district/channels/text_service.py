"""Texts on file with gateways: kept by operators, with how their filing stands at each carrier."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from district.channels import service
from district.channels.models import ChannelProvider, TextFiling, TextTemplate
from district.channels.text_schemas import (
    FilingChange,
    FilingView,
    NewTextTemplate,
    TextTemplateChange,
    TextTemplateView,
)
from district.channels.texts import NUMBERED
from district.clock import Clock
from district.database import new_id
from district.districts.service import DistrictInfo
from district.problems import Conflict, Invalid, NotFound
from push.channels import filed_texts, sms_parts
from push.channels.filed_texts import Carrier, Filing, TextUnfit
from push.consent import Channel
from push.message import MessagePurpose
from push.wording import Language

MOST_TEMPLATES = 200


def find(session: Session, district_id: uuid.UUID, template_id: uuid.UUID) -> TextTemplate:
    """Raises: NotFound."""
    row = session.get(TextTemplate, (district_id, template_id))
    if row is None:
        raise NotFound("No such text.")
    return row


def make(session: Session, district: DistrictInfo, new: NewTextTemplate, *, clock: Clock) -> TextTemplate:
    """Enter a text. Raises: Invalid for one that could never be sent; Conflict when its number is taken or there are
    too many; NotFound for an unknown provider.
    """
    provider = service.find(session, district.id, new.provider)
    if provider.channel != Channel.SMS:
        raise _invalid("/provider", "This provider sends no text messages.", "该通道不发送短信。")
    _check_text(new.text, new.purpose)
    here = TextTemplate.district_id == district.id
    if (session.scalar(select(func.count()).where(here)) or 0) >= MOST_TEMPLATES:
        raise Conflict(f"A district keeps at most {MOST_TEMPLATES} texts; remove one first.")
    _check_number(session, district.id, provider.id, new.number)
    row = TextTemplate(
        district_id=district.id,
        id=new_id(),
        provider_id=provider.id,
        created_at=clock.now(),
        changed_at=clock.now(),
        **new.model_dump(include={"number", "signature", "purpose", "language", "text"}, mode="json"),
    )
    session.add(row)
    session.flush()
    _file(session, row, new.filings, clock=clock)
    return row


def change(session: Session, row: TextTemplate, changed: TextTemplateChange, *, clock: Clock) -> TextTemplate:
    """Change a text or its filings. Raises: Invalid, Conflict."""
    is_other = False
    if changed.text is not None and changed.text != row.text:
        _check_text(changed.text, MessagePurpose(row.purpose))
        row.text, is_other = changed.text, True
    if changed.signature is not None and changed.signature != row.signature:
        row.signature, is_other = changed.signature, True
    if changed.number is not None and changed.number != row.number:
        _check_number(session, row.district_id, row.provider_id, changed.number)
        row.number = changed.number
    if is_other:  # what carriers have on file is not this any more
        for filing in _filings(session, row):
            session.delete(filing)
        session.flush()
    row.changed_at = clock.now()
    _file(session, row, changed.filings or {}, clock=clock)
    return row


def view(session: Session, row: TextTemplate) -> TextTemplateView:
    """A text as operators see it."""
    provider = session.get(ChannelProvider, (row.district_id, row.provider_id))
    known = {one.carrier: one for one in _filings(session, row)}
    filings = {one: _filing(known.get(one)) for one in Carrier}
    whole = f"【{row.signature}】{row.text}"
    is_filed = all(one.state is Filing.FILED for one in filings.values())
    return TextTemplateView(
        id=row.id,
        provider=provider.slug if provider else "",
        number=row.number,
        signature=row.signature,
        purpose=MessagePurpose(row.purpose),
        language=Language(row.language),
        text=row.text,
        as_entered=filed_texts.as_gateway(
            row.text, is_numbered=provider is not None and provider.kind in NUMBERED
        ),
        filings=filings,
        is_usable=bool(row.number) and is_filed,
        letters=len(filed_texts.without_gaps(whole)),
        parts_at_least=sms_parts.split(filed_texts.without_gaps(whole)).count,
    )


def listed(session: Session, district_id: uuid.UUID) -> Sequence[TextTemplate]:
    """All of a district, in the order in which they are tried."""
    wanted = select(TextTemplate).where(TextTemplate.district_id == district_id)
    return session.scalars(wanted.order_by(TextTemplate.created_at, TextTemplate.id)).all()


def _filing(row: TextFiling | None) -> FilingView:
    if row is None:
        return FilingView(state=Filing.UNFILED, note="", changed_at=None)
    return FilingView(state=Filing(row.state), note=row.note, changed_at=row.changed_at)


def _filings(session: Session, row: TextTemplate) -> Sequence[TextFiling]:
    wanted = select(TextFiling).where(
        TextFiling.district_id == row.district_id, TextFiling.template_id == row.id
    )
    return session.scalars(wanted).all()


def _file(
    session: Session, row: TextTemplate, filings: Mapping[Carrier, FilingChange], *, clock: Clock
) -> None:
    for carrier, filing in filings.items():
        session.merge(
            TextFiling(
                district_id=row.district_id,
                template_id=row.id,
                carrier=carrier.value,
                state=filing.state.value,
                note=filing.note,
                changed_at=clock.now(),
            )
        )
    session.flush()


def _check_text(text: str, purpose: MessagePurpose) -> None:
    try:
        filed_texts.check(text, purpose)
    except TextUnfit as refused:
        raise _invalid("/text", f"{str(refused)[:1].upper()}{str(refused)[1:]}.", f"{refused.zh}。") from None


def _check_number(session: Session, district_id: uuid.UUID, provider_id: uuid.UUID, number: str) -> None:
    wanted = select(TextTemplate.id).where(
        TextTemplate.district_id == district_id,
        TextTemplate.provider_id == provider_id,
        TextTemplate.number == number,
    )
    if number and session.scalar(wanted) is not None:
        raise Conflict(
            f"There is a text with the number {number} already.", detail_zh=f"模板编号 {number} 已登记。"
        )


def _invalid(pointer: str, detail: str, detail_zh: str) -> Invalid:
    entry = {"pointer": pointer, "detail": detail, "detail_zh": detail_zh}
    return Invalid("See errors.", errors=[entry])
