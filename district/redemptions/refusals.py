"""Why a till's request is refused."""

from http import HTTPStatus

from district.problems import Conflict, DistrictError, NotFound, TooMany


class UnknownCode(NotFound):
    """No offer has this code."""

    slug, title = "unknown-code", "The code is unknown"


class OfferExpired(DistrictError):
    """The offer's time is over, or it was withdrawn."""

    status, slug, title = HTTPStatus.GONE, "offer-expired", "The offer has expired"


class AlreadyRedeemed(Conflict):
    """The offer was used before."""

    slug, title = "already-redeemed", "The offer was used already"


class NotYetValid(Conflict):
    """The offer's time has not come."""

    slug, title = "not-yet-valid", "The offer is not valid yet"


class RequestNumberReused(Conflict):
    """A request number that stands for something else."""

    slug, title = "request-number-reused", "The request number was used with another body"


class AlreadyReversed(Conflict):
    """The redemption was taken back before."""

    slug, title = "already-reversed", "The redemption was taken back already"


class RefundOver(Conflict):
    """Too late to take a redemption back."""

    slug, title = "refund-window-over", "The redemption is too old to be taken back"


class BillTooSmall(Conflict):
    """The offer holds from a larger bill on."""

    slug, title = "bill-too-small", "The bill is too small for this offer"


class CodeStale(DistrictError):
    """A signed code whose half minute is over."""

    status, slug, title = HTTPStatus.GONE, "code-stale", "The code is too old"


class CodeRotates(Conflict):
    """The lasting code of an offer that is used by its changing one alone."""

    slug, title = "code-rotates", "This offer is used by the code on the member's page"


class HeldElsewhere(Conflict):
    """The coupon is held for another till."""

    slug, title = "held-elsewhere", "The coupon is held for another till"


class CouponLocked(TooMany):
    """Too many refused tries with one coupon."""

    slug, title = "coupon-locked", "The coupon is locked for some minutes"


class NumberUnknown(NotFound):
    """No till shows this number now where the coupon is used."""

    slug, title = "unknown-till-number", "No till of this offer shows this number"


class CannotUnlock(Conflict):
    """The coupon cannot be used now."""

    slug, title = "cannot-unlock", "The coupon cannot be used now"


class CannotCombine(Conflict):
    """Coupons, member price and points that may not be used on one bill together."""

    slug, title = "cannot-combine", "These cannot be used together"
