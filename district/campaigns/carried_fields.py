"""Whether a campaign's words fit the fields of the templates by which WeChat would carry them."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.campaigns.carried import LATEST, facts_of
from district.channels.kinds import wechat_mini, wechat_official
from district.channels.kinds.wechat_options import FiledTemplate
from district.channels.models import ChannelProvider
from district.channels.standing import is_used
from district.districts import service as districts
from district.districts.service import DistrictInfo
from district.problems import Invalid
from push.channels import wechat_templates
from push.channels.wechat_templates import Place, Template, Unfit, Use, kind_of
from push.consent import Channel
from push.offer import OfferContent
from push.offer_document import parse_offer
from push.template import Facts, fill
from push.wording import Language

KINDS: Final = (wechat_mini.NAME, wechat_official.NAME)
MOST_ERRORS: Final = 20
_WHY: Final = "·"
"""Why a member is told is no author's word: it is cut where it is too long."""
_ZH: Final[Mapping[str, str]] = {
    "thing": "最多 20 个字",
    "const": "须为模板已登记的词，最多 20 个字",
    "number": "须为数字，最多 32 位",
    "letter": "须为英文字母，最多 32 个",
    "symbol": "须为符号，最多 5 个",
    "character_string": "须为字母、数字或符号，最多 32 位",
    "time": "须为时间，如 15:01 或 2026年5月1日 15:01",
    "date": "须为日期，如 2026年5月1日",
    "amount": "须为金额，如 ¥100.50 或 100元",
    "phone_number": "须为电话号码，最多 17 位",
    "car_number": "须为车牌号，最多 8 位",
    "name": "最多 10 个汉字或 20 个字母",
    "phrase": "最多 5 个汉字",
}


def check_fields(
    session: Session, district_id: uuid.UUID, offer: Mapping[str, Any], store_ids: Sequence[uuid.UUID]
) -> None:
    """Before a campaign is approved: where WeChat carries offers, their words must fit its templates' fields.

    Raises: Invalid, with the provider, the field and what it takes.
    """
    district = districts.by_id(session, district_id)
    wanted = select(ChannelProvider).where(
        ChannelProvider.district_id == district_id, ChannelProvider.kind.in_(KINDS), ChannelProvider.is_on
    )
    rows = [one for one in session.scalars(wanted) if is_used(session, district, Channel(one.channel))]
    if not rows:
        return
    parsed = parse_offer(offer)
    known = facts_of(session, district, parsed, store_ids)
    errors = [error for row in rows for error in _errors(row, parsed, known, district)]
    if errors:
        raise Invalid("See errors.", errors=errors[:MOST_ERRORS])


def _errors(
    provider: ChannelProvider, offer: OfferContent, known: Mapping[Language, Facts], district: DistrictInfo
) -> Iterator[dict[str, str]]:
    where = f"{provider.name} ({provider.slug})"
    for template in _templates(provider):
        told = set()
        for values in _said(Channel(provider.channel), offer, known, district):
            for wrong in wechat_templates.unfit(template, wechat_templates.Words(values=values)):
                if wrong.field not in told:
                    told.add(wrong.field)
                    yield _error(where, template, wrong)


def _templates(provider: ChannelProvider) -> list[Template]:
    found = [FiledTemplate.model_validate(one) for one in provider.options.get("templates", ())]
    return [one.template() for one in found if Use.OFFER in one.uses]


def _said(
    channel: Channel, offer: OfferContent, known: Mapping[Language, Facts], district: DistrictInfo
) -> Iterator[dict[Place, str]]:
    """What each wording says in each language that it is written in."""
    moment = wechat_templates.moment(LATEST - timedelta(minutes=1), district.zone)
    for variant in offer.variants or (None,):
        words = offer.words(channel, variant)
        for language in Language:
            if words.title.given(language) or words.text.given(language):
                title, body = (
                    fill(one.read(language)[1], known[language], channel) for one in (words.title, words.text)
                )
                yield {
                    Place.TITLE: title,
                    Place.BODY: body,
                    Place.WHY: _WHY,
                    Place.AT: moment,
                    Place.UNTIL: moment,
                    Place.DISTRICT: district.title(language.value),
                }


def _error(where: str, template: Template, wrong: Unfit) -> dict[str, str]:
    kind = kind_of(wrong.field)
    pattern = template.fields[wrong.field]
    part = "title" if "{title}" in pattern else "text" if "{body}" in pattern else ""
    return {
        "pointer": f"/offer/{part}" if part else "/offer",
        "detail": f"{where}, template {template.id}: {wrong} Shorten it, or write words of their own for this channel.",
        "detail_zh": f"{where} 模板 {template.id} 的字段 {wrong.field} {_ZH[kind]}，请精简，或为该通道单独填写文案。",
    }
