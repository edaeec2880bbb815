"""Every kind of provider that the product can send by. One module a family; each names its kinds in ``KINDS``."""

from collections.abc import Mapping
from types import MappingProxyType

from district.channels.kinds import apps, mail, relay, screens, texts, wallet, web_push, wechat
from district.channels.kinds.kind import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for family in (web_push, mail, texts, wechat, apps, screens, wallet, relay)
        for kind in family.KINDS
    }
)
"""By the name that a provider's row has."""
