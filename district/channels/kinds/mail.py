"""E-mail."""

from district.channels.kinds.kind import Kind

KINDS: tuple[Kind, ...] = ()
