"""Text messages."""

from district.channels.kinds.kind import Kind

KINDS: tuple[Kind, ...] = ()
