"""The demo's districts by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from district.demo import helsinki, shiyan
from district.demo.world import World

WORLDS: Mapping[str, Callable[[], World]] = MappingProxyType(
    {"helsinki": helsinki.world, "shiyan": shiyan.world}
)
