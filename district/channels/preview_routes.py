"""What the fields of filed templates would hold, before anything is sent."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from district.auth.principals import Operator
from district.channels import service
from district.channels.kinds import wechat_mini, wechat_official
from district.channels.kinds.wechat_options import FiledTemplate
from district.clock import ClockDep
from district.database import DbSession
from district.districts.service import DistrictDep
from push.channels import wechat_templates
from push.channels.wechat_templates import Place, Use, Words
from push.wording import Language

router = APIRouter(tags=["channels"])
PATH: Final = "/v1/districts/{d}/channel-providers/{slug}/preview"
KINDS: Final = frozenset({wechat_mini.NAME, wechat_official.NAME})
LASTS: Final = timedelta(hours=2)
"""Of the example's offer."""
CODE: Final = "123456"
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class PreviewAsked(BaseModel):
    """Words as an author writes them."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    text: Line
    why: Annotated[str, StringConstraints(max_length=200)] = ""
    language: Language = Language.ZH


class FieldShown(BaseModel):
    """A field as its reader sees it. problem: why it would be refused or cut; null: it fits."""

    field: str
    text: str
    problem: str | None


class TemplateShown(BaseModel):
    """A template filled with the words."""

    id: str
    uses: list[Use]
    fits: bool = Field(description="Whether every field takes the words as they are")
    fields: list[FieldShown]


@router.post(PATH)
def preview(
    slug: str,
    asked: PreviewAsked,
    operator: Operator,
    district: DistrictDep,
    session: DbSession,
    clock: ClockDep,
) -> list[TemplateShown]:
    """Fill a WeChat account's templates with words, as a message sent now would; none where a kind has none. Nothing is sent."""
    row = service.find(session, district.id, slug)
    if row.kind not in KINDS:
        return []
    now = clock.now()
    words = Words(
        values={
            Place.TITLE: asked.title,
            Place.BODY: asked.text,
            Place.WHY: asked.why,
            Place.CODE: CODE,
            Place.AT: wechat_templates.moment(now, district.zone),
            Place.UNTIL: wechat_templates.moment(now + LASTS, district.zone),
            Place.DISTRICT: district.title(asked.language.value),
        }
    )
    return [_shown(FiledTemplate.model_validate(one), words) for one in row.options.get("templates", ())]


def _shown(filed: FiledTemplate, words: Words) -> TemplateShown:
    template = filed.template()
    problems = {one.field: str(one) for one in wechat_templates.unfit(template, words)}
    fields = [
        FieldShown(field=name, text=text, problem=problems.get(name))
        for name, text in wechat_templates.shown(template, words).items()
    ]
    return TemplateShown(id=filed.id, uses=filed.uses, fits=not problems, fields=fields)
