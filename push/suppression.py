"""Why a member did not get an offer: the words that decisions, deliveries and tables share."""

from enum import StrEnum


class Suppression(StrEnum):
    """Why a member did not get an offer."""

    HOLDOUT = "holdout"
    NO_CONSENT = "no_consent"
    NO_ENDPOINT = "no_endpoint"
    QUIET_HOURS = "quiet_hours"
    FREQUENCY_CAP = "freq_cap"
    MERCHANT_SHARE = "merchant_share"
    LOWER_SCORE = "lower_score"
    NOT_IN_AUDIENCE = "not_in_audience"
    OUT_OF_WINDOW = "out_of_window"
    OUT_OF_FENCE = "out_of_fence"
    BUDGET = "budget"
    SOLD_OUT = "sold_out"
    PAUSED = "paused"
    STALE = "stale"
    DUPLICATE = "duplicate"
    ERASED = "erased"
    MUTED = "muted"
    """The member lets this merchant write nothing to him."""
