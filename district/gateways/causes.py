"""Why a redirect is refused, in one word, so that nobody has to read it out of a sentence."""

from enum import StrEnum


class Cause(StrEnum):
    """As far as operators do something different about it."""

    AHEAD = "ahead"
    """It comes from the future: the gateway's clock is fast."""
    OLD = "old"
    SIGNATURE = "signature"
    """Not made with this gateway's secret, or altered on the way."""
    ALLOW_LIST = "allow_list"
    """It names an address that the gateway may not name."""
    OTHER = "other"
