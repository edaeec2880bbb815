"""Apple's and Google's push services, and wallet passes."""

from district.channels.kinds.kind import Kind

KINDS: tuple[Kind, ...] = ()
