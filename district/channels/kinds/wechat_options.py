"""What an operator fills in of a WeChat account and of its filed templates."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from push.channels import wechat_templates
from push.channels.wechat_templates import PatternInvalid, Template, Use

API: Final = "https://api.weixin.qq.com"
MOST_TEMPLATES: Final = 25
Url = Annotated[str, StringConstraints(max_length=200, pattern=r"^https?://[\x21-\x7e]*[^/\s]$")]
AppId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
AppSecret = Annotated[str, StringConstraints(min_length=8, max_length=128, pattern=r"^[\x21-\x7e]+$")]
TemplateId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,80}$")]
FieldName = Annotated[str, StringConstraints(pattern=wechat_templates.FIELD_PATTERN)]
Pattern = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=wechat_templates.LONGEST_PATTERN, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
]
Page = Annotated[str, StringConstraints(max_length=512, pattern=r"^([A-Za-z0-9_/.?=&%{}-]*)$")]


class FiledTemplate(BaseModel):
    """A template of the account's, and what goes into its fields."""

    model_config = ConfigDict(extra="forbid")

    id: TemplateId = Field(description="The template's id in WeChat's console")
    uses: Annotated[list[Use], Field(min_length=1, max_length=len(Use))] = Field(
        default=[Use.SERVICE], description="What it was filed for: offer, service, code"
    )
    fields: Annotated[
        dict[FieldName, Pattern], Field(min_length=1, max_length=wechat_templates.MOST_FIELDS)
    ] = Field(
        description="What each field holds, such as {title}; places are {title} {body} {why} {code} {at} {until} {district}"
    )
    page: Page = Field(
        default="",
        description="The mini-program's page that it opens; {offer} and {token} stand for the offer's id and the link's end",
    )

    @model_validator(mode="after")
    def _can_be_filled(self) -> Self:
        try:
            wechat_templates.check(self.template())
        except PatternInvalid as invalid:
            raise ValueError(str(invalid)) from invalid
        return self

    def template(self) -> Template:
        """As senders use it."""
        return Template(id=self.id, uses=frozenset(self.uses), fields=self.fields, page=self.page)


class WechatAccount(BaseModel):
    """An account of WeChat's and its templates."""

    model_config = ConfigDict(extra="forbid")

    base_url: Url = API
    app_id: AppId
    templates: Annotated[list[FiledTemplate], Field(min_length=1, max_length=MOST_TEMPLATES)]

    @model_validator(mode="after")
    def _each_template_once(self) -> Self:
        if len({one.id for one in self.templates}) < len(self.templates):
            raise ValueError("Name each template once.")
        return self


class AppSecrets(BaseModel):
    """The account's AppSecret."""

    model_config = ConfigDict(extra="forbid")

    app_secret: AppSecret
