"""Why a claim is refused, each in both languages and with what to do."""

import uuid
from datetime import datetime
from http import HTTPStatus

from district.problems import Conflict, DistrictError, NotAllowed


class SoldOut(Conflict):
    """Nothing is left."""

    slug, title = "sold-out", "Nothing is left of this offer"

    def __init__(self) -> None:
        super().__init__(
            "All pieces are given out. Look again later: what others do not use comes back.",
            detail_zh="已领完。未领取的份额可能退回，请稍后再看。",
        )


class OnePerPerson(Conflict):
    """The member has as many as one person may have."""

    slug, title = "one-per-person", "You have this offer already"

    def __init__(self, offer_id: uuid.UUID | None) -> None:
        super().__init__(
            "It is in your wallet; a person may have it only so often.",
            detail_zh="您已领取，请在券包中查看。",
            offer_id=str(offer_id) if offer_id else None,
        )


class NotYetOpen(Conflict):
    """The offer can be claimed later."""

    slug, title = "not-yet-open", "The offer cannot be claimed yet"

    def __init__(self, opens_at: datetime | None) -> None:
        when = opens_at.isoformat() if opens_at else None
        super().__init__("Come back when it opens.", detail_zh="尚未开始，请在开始后领取。", opens_at=when)


class ClaimOver(DistrictError):
    """The offer cannot be claimed any more."""

    status, slug, title = HTTPStatus.GONE, "claim-over", "The offer cannot be claimed any more"

    def __init__(self) -> None:
        super().__init__("It has ended, or it was held for you too long ago.", detail_zh="领取已结束。")


class NotForYou(NotAllowed):
    """The offer is for others; reason says why."""

    slug, title = "not-for-you", "The offer is not for you"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "Its shop offers it to others, such as new or returning customers.",
            detail_zh="该优惠面向其他顾客（如新客或回头客）。",
            reason=reason,
        )


class OnlyByPoster(NotAllowed):
    """The offer is claimed by scanning its code in the shop."""

    slug, title = "only-by-poster", "The offer is claimed in the shop"

    def __init__(self) -> None:
        super().__init__("Scan the QR code that hangs in the shop.", detail_zh="请在店内扫描二维码领取。")
