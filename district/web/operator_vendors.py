"""Vendors of gateways and what each needs to know, in words: the form is made from the vendor's own file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from district.gateways.dialect import Confirmation
from district.gateways.service import DIALECTS
from district.gateways.vendors import CONTROLLERS
from district.web.language import gettext as _
from district.web.operator_forms import Sent
from district.web.operator_option_words import choice_words, option_words

LONG_TEXT = 1_000
PREFIX = "option."

NAMES: Mapping[str, str] = {
    "opennds": "openNDS",
    "coovachilli": "CoovaChilli, MikroTik (UAM)",
    "meraki": "Cisco Meraki",
    "unifi": "Ubiquiti UniFi",
    "omada": "TP-Link Omada",
    "mist": "Juniper Mist",
    "ruckus": "Ruckus",
    "aruba": "HPE Aruba",
    "cisco": "Cisco WLC",
    "portal2": "华为 Huawei · H3C · 锐捷 Ruijie (Portal 2.0)",
    "click": "Shangquan click",
}
"""Proper names, the same in every language, in the order in which they are offered."""


@dataclass(frozen=True, kw_only=True)
class VendorOption:
    """One field that only this vendor needs."""

    name: str
    kind: Literal["text", "secret", "long", "number", "choice", "switch"]
    choices: tuple[str, ...] = ()
    default: str | bool = ""
    is_required: bool = False

    @property
    def field(self) -> str:
        """Its name in the form."""
        return PREFIX + self.name

    @property
    def place(self) -> str:
        """Where errors name it."""
        return f"options/{self.name}"

    def label(self, vendor: str) -> str:
        """In the language being spoken."""
        return self._words(vendor)[0]

    def hint(self, vendor: str) -> str:
        """In the language being spoken; may be empty."""
        return self._words(vendor)[1]

    def _words(self, vendor: str) -> tuple[str, str]:
        words = option_words()
        return words.get(f"{vendor}.{self.name}") or words.get(self.name) or (self.name, "")

    def choice(self, value: str) -> str:
        """A choice in words."""
        return choice_words().get(f"{self.name}.{value}", value)


def options_of(vendor: str) -> list[VendorOption]:
    """The vendor's own fields, in the order of its file."""
    return [_option(name, field) for name, field in _model(vendor).model_fields.items()]


def given(vendor: str, sent: Sent) -> dict[str, Any]:
    """The vendor's options as a form sent them, for the vendor's own check."""
    found: dict[str, Any] = {}
    for option in options_of(vendor):
        text = sent.one(option.field)
        if option.kind == "switch":
            found[option.name] = sent.is_on(option.field)
        elif option.kind == "choice" and text:
            found[option.name] = _own_value(_model(vendor).model_fields[option.name], text)
        elif text or option.kind not in {"number", "choice"}:
            found[option.name] = text
    return {
        name: value for name, value in found.items() if value != "" or name not in _required_texts(vendor)
    }


def _required_texts(vendor: str) -> set[str]:
    """Left out when they are empty, so that the check says "needed" and not "too short"."""
    return {option.name for option in options_of(vendor) if option.is_required}


def _own_value(field: FieldInfo, text: str) -> Any:
    """What the form calls ``1`` may be a number in the file."""
    return next((value for value in get_args(field.annotation) if str(value) == text), text)


def _model(vendor: str) -> type[BaseModel]:
    return DIALECTS[vendor].options_model


def _option(name: str, field: FieldInfo) -> VendorOption:
    default = "" if field.is_required() else field.default
    if get_origin(field.annotation) is Literal:
        choices = tuple(str(value) for value in get_args(field.annotation))
        return VendorOption(
            name=name,
            kind="choice",
            choices=choices,
            default=str(default),
            is_required=field.is_required(),
        )
    if field.annotation is bool:
        return VendorOption(name=name, kind="switch", default=bool(default))
    return VendorOption(
        name=name, kind=_text_kind(field), default=str(default), is_required=field.is_required()
    )


def _text_kind(field: FieldInfo) -> Literal["text", "secret", "long", "number"]:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and extra.get("writeOnly"):
        return "secret"
    if field.annotation is int:
        return "number"
    longest = max((getattr(one, "max_length", None) or 0 for one in field.metadata), default=0)
    return "long" if longest > LONG_TEXT else "text"


def way_of(vendor: str) -> str:
    """How a vendor's gateway is told to let somebody in, in one line."""
    if vendor in CONTROLLERS:
        return _("We tell its controller to let the device in.")
    if needs_radius(vendor):
        return _("The gateway asks us by RADIUS, with a one-time password.")
    return {
        Confirmation.SIGNATURE: _("The browser carries a signed answer back to the gateway."),
        Confirmation.GATEWAY: _("The browser carries a signed answer back, or the gateway fetches it."),
    }.get(
        DIALECTS[vendor].confirms, _("The browser is sent to the vendor's cloud, which lets the device in.")
    )


def needs_radius(vendor: str) -> bool:
    """Whether nobody gets in without a RADIUS client for this gateway."""
    return DIALECTS[vendor].needs_login and vendor not in CONTROLLERS
