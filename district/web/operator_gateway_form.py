"""The form of a gateway: filled from a gateway or from what was sent, and read for the service's own check."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from district.gateways import service
from district.gateways.models import Gateway, Plan
from district.gateways.schemas import GatewayChange, NewGateway
from district.gateways.sign_in_options import SignInOptions, Variant
from district.portal import oidc, providers, text_providers
from district.portal.models import SmsProvider
from district.problems import Invalid
from district.web import operator_vendors
from district.web.language import gettext as _
from district.web.operator_forms import Sent
from district.web.staff import Staff
from district.zones.models import Zone

MOST_CHOICES = 200
TEXTS = (
    "slug",
    "name",
    "secret",
    "public_url",
    "zone_id",
    "plan",
    "least_age",
    "variant",
    "join_keyword",
    "hosts",
    "networks",
)
SWITCHES = ("is_real_name", "compares_variants", "shows_offers")


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What the form shows."""

    texts: Mapping[str, str] = field(default_factory=dict)
    methods: frozenset[str] = frozenset({"click"})
    fail_open: bool = False
    switches: frozenset[str] = frozenset({"shows_offers"})
    options: Mapping[str, str | bool] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A text field's content."""
        return self.texts.get(name, "")


def blank(vendor: str) -> Filled:
    """A new gateway's form."""
    usual = {option.name: option.default for option in operator_vendors.options_of(vendor)}
    return Filled(texts={"variant": Variant.PLAIN.value}, options=usual)


def of_gateway(session: Session, row: Gateway) -> Filled:
    """The form of a gateway as it stands; secrets stay empty."""
    asked = SignInOptions.model_validate(row.sign_in)
    texts = {
        "slug": row.slug,
        "name": row.name,
        "public_url": row.public_url,
        "zone_id": str(row.zone_id or ""),
        "plan": service.plan_slug(session, row) or "",
        "least_age": str(asked.least_age or ""),
        "variant": asked.variant.value,
        "join_keyword": asked.join_keyword,
        "hosts": "\n".join(row.allow_hosts),
        "networks": "\n".join(row.allow_networks),
    }
    on = {
        "is_real_name": row.is_real_name,
        "compares_variants": asked.compares_variants,
        "shows_offers": asked.shows_offers,
    }
    return Filled(
        texts=texts,
        methods=frozenset(row.methods),
        fail_open=row.fail_open,
        switches=frozenset(name for name, is_on in on.items() if is_on),
        options={option.name: _stored(option, row) for option in operator_vendors.options_of(row.vendor)},
    )


def _stored(option: operator_vendors.VendorOption, row: Gateway) -> str | bool:
    if option.kind == "secret":
        return ""
    value = row.options.get(option.name, option.default)
    return bool(value) if option.kind == "switch" else str(value)


def of_sent(vendor: str, sent: Sent) -> Filled:
    """What somebody typed, to be shown again; secrets have to be typed again."""
    options: dict[str, str | bool] = {}
    for option in operator_vendors.options_of(vendor):
        if option.kind == "switch":
            options[option.name] = sent.is_on(option.field)
        else:
            options[option.name] = "" if option.kind == "secret" else sent.one(option.field)
    return Filled(
        texts={name: sent.one(name) for name in TEXTS if name != "secret"},
        methods=frozenset(sent.all("methods")),
        fail_open=sent.one("fail_open") == "yes",
        switches=frozenset(name for name in SWITCHES if sent.is_on(name)),
        options=options,
    )


def new_of(sent: Sent) -> NewGateway:
    """Raises: ValidationError, Invalid."""
    vendor = sent.one("vendor")
    values = _common(sent) | {"slug": sent.one("slug"), "vendor": vendor}
    if vendor in service.DIALECTS:
        values["options"] = operator_vendors.given(vendor, sent)
    return NewGateway.model_validate(values)


def change_of(vendor: str, sent: Sent) -> GatewayChange:
    """Everything that the form holds; an empty secret stays as it is. Raises: ValidationError, Invalid."""
    values = _common(sent) | {"options": operator_vendors.given(vendor, sent)}
    if not values["secret"]:
        del values["secret"]
    return GatewayChange.model_validate(values)


def _common(sent: Sent) -> dict[str, Any]:
    networks = sent.one("networks").replace(",", " ").split()
    for network in networks:
        _check_network(network)
    return {
        "name": sent.one("name"),
        "secret": sent.one("secret"),
        "public_url": sent.one("public_url"),
        "zone_id": sent.one("zone_id") or None,
        "plan": sent.one("plan") or None,
        "allow_hosts": sent.one("hosts").replace(",", " ").split(),
        "allow_networks": networks,
        "methods": sent.all("methods") or ["click"],
        "fail_open": sent.one("fail_open") == "yes",
        "is_real_name": sent.is_on("is_real_name"),
        "sign_in": {
            "least_age": sent.one("least_age") or None,
            "variant": sent.one("variant") or Variant.PLAIN.value,
            "compares_variants": sent.is_on("compares_variants"),
            "shows_offers": sent.is_on("shows_offers"),
            "join_keyword": sent.one("join_keyword"),
        },
    }


def _check_network(network: str) -> None:
    try:
        ipaddress.ip_network(network, strict=False)
    except ValueError:
        place = {
            "pointer": "/allow_networks",
            "detail": f"{network[:43]} is not a network such as 10.0.0.0/8.",
            "detail_zh": f"{network[:43]} 不是网段，例如 10.0.0.0/8。",
        }
        raise Invalid("See errors.", errors=[place]) from None


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the form's lists offer."""

    zones: Sequence[Zone]
    plans: Sequence[Plan]
    providers: Mapping[str, str]
    """Method and name."""


def choices_of(session: Session, operator: Staff) -> Choices:
    """Zones, plans and providers of the district."""
    district_id = operator.district.id
    zones = select(Zone).where(Zone.district_id == district_id).order_by(Zone.name).limit(MOST_CHOICES)
    plans = select(Plan).where(Plan.district_id == district_id).order_by(Plan.slug).limit(MOST_CHOICES)
    rows = providers.page(session, district_id, after="", limit=MOST_CHOICES)
    texts = text_providers.page(session, district_id, after="", limit=MOST_CHOICES)
    return Choices(
        zones=session.scalars(zones).all(),
        plans=session.scalars(plans).all(),
        providers={f"{oidc.METHOD_MARK}{row.slug}": row.name for row in rows}
        | {f"{text_providers.METHOD_MARK}{row.slug}": _text_name(row) for row in texts},
    )


def _text_name(row: SmsProvider) -> str:
    return f"SMS {row.number}"


def method_names() -> dict[str, str]:
    """Ways to sign in, in words; providers have names of their own."""
    return {
        "click": _("one tap"),
        "phone": _("phone code"),
        "email": _("e-mail code"),
        "voucher": _("access code"),
    }
