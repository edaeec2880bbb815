"""Which of several offers is worth more to the district's scarce attention of a member."""

from push.offer import OfferValue, ValueKind

TYPICAL_SPEND_MINOR = 2_000
_GIFT_SHARE = 0.25
_NO_WORTH_SHARE = 0.05


def worth_minor(
    value: OfferValue, *, typical_spend_minor: int = TYPICAL_SPEND_MINOR, point_minor: int = 1
) -> float:
    """What an offer is taken to be worth, in minor units, at a typical bill.

    A gift counts as a quarter of the bill and a message without worth as a twentieth, so that they can
    be compared at all; learnt figures replace these.
    """
    match value.kind:
        case ValueKind.AMOUNT:
            return float(min(value.minor_units or 0, typical_spend_minor))
        case ValueKind.PERCENT:
            return typical_spend_minor * (value.percent or 0) / 100
        case ValueKind.IN_STORE_PRICE:
            return float(min(value.most_cost_minor or 0, typical_spend_minor))
        case ValueKind.RANDOM:
            return min((value.total_minor or 0) / (value.count or 1), float(typical_spend_minor))
        case ValueKind.POINTS:
            return float(min((value.points or 0) * point_minor, typical_spend_minor))
        case ValueKind.GIFT:
            return typical_spend_minor * _GIFT_SHARE
        case ValueKind.NONE:
            return typical_spend_minor * _NO_WORTH_SHARE
