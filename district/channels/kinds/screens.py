"""Screens in shops, by MQTT."""

from district.channels.kinds.kind import Kind

KINDS: tuple[Kind, ...] = ()
