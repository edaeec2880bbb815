"""The words of the `offer` half of a campaign's document, each with its bounds."""

from push.consent import Channel
from push.offer import ClaimMode, OfferKind, StacksWith, ValueKind
from push.red_packet import MAX_COUNT, MAX_TOTAL_MINOR
from push.vocabulary import Flag, ListOf, Nothing, Number, Record, Shape, Tagged, Text, Words

MAX_TITLE = 60
MAX_TEXT = 500
MAX_VARIANTS = 5
BROADCAST = "broadcast"
"""Another word for a message, as marketing people know it."""

_MONEY = Number(1, 10**9, whole=True)
_TIME = Text(40)


def _worth(kind: ValueKind, optional: dict[str, Shape] | None = None, **members: Shape) -> Record:
    """A value whose other members may be there as null, as clients write them that send every member."""
    unused = {"minor_units", "percent"} - set(members)
    return Record(
        required={"type": Words((kind,)), **members},
        optional={**{key: Nothing() for key in sorted(unused)}, **(optional or {})},
    )


def _languages(most: int) -> Record:
    return Record(optional={"zh": Text(most), "en": Text(most)}, least=1)


_READ: dict[str, Shape] = {"title": _languages(MAX_TITLE), "text": _languages(MAX_TEXT)}
# A webhook tells a merchant's own system what the campaign says; it has no reader of its own.
_CHANNELS = Record(
    optional={one: Record(required=_READ) for one in Channel if one is not Channel.WEBHOOK}, least=1
)
_VARIANT = Record(
    required={"name": Text(20), "weight": Number(1, 1_000, whole=True), **_READ},
    optional={"channels": _CHANNELS},
)
_TOLD: dict[str, Shape] = {"channels": _CHANNELS, "variants": ListOf(_VARIANT, 2, MAX_VARIANTS)}

_FROM = {"min_spend_minor": _MONEY}
_VALUE = Tagged(
    "type",
    {
        ValueKind.AMOUNT: _worth(ValueKind.AMOUNT, {**_FROM}, minor_units=_MONEY),
        ValueKind.PERCENT: _worth(
            ValueKind.PERCENT, {**_FROM, "max_discount_minor": _MONEY}, percent=Number(1, 100, whole=True)
        ),
        ValueKind.GIFT: _worth(ValueKind.GIFT, {**_FROM}),
        ValueKind.IN_STORE_PRICE: _worth(
            ValueKind.IN_STORE_PRICE, price_minor=Number(0, 10**9, whole=True), regular_minor=_MONEY
        ),
        ValueKind.NONE: _worth(ValueKind.NONE),
    },
)
_NO_WORTH = Tagged("type", {ValueKind.NONE: _worth(ValueKind.NONE)})
_TOTAL = Number(1, MAX_TOTAL_MINOR, whole=True)
_RANDOM = Tagged(
    "type",
    {
        ValueKind.RANDOM: _worth(
            ValueKind.RANDOM,
            {"most_minor": _MONEY},
            total_minor=_TOTAL,
            count=Number(1, MAX_COUNT, whole=True),
            least_minor=_MONEY,
        )
    },
)

MAX_POINTS = 100_000
_POINTS = Tagged(
    "type", {ValueKind.POINTS: _worth(ValueKind.POINTS, points=Number(1, MAX_POINTS, whole=True))}
)

_DATES: dict[str, Shape] = {"opens_at": _TIME, "closes_at": _TIME}
_CLAIM = Tagged(
    "mode",
    {
        ClaimMode.OPEN: Record(
            required={"mode": Words((ClaimMode.OPEN,))},
            optional={**_DATES, "pushed": Flag(), "listed": Flag()},
        ),
        ClaimMode.RESERVE: Record(
            required={"mode": Words((ClaimMode.RESERVE,))},
            optional={"hold_s": Number(60, 86_400, whole=True)},
        ),
        ClaimMode.DROP: Record(
            required={"mode": Words((ClaimMode.DROP,)), "opens_at": _TIME}, optional={"closes_at": _TIME}
        ),
    },
)
_STACKS = ListOf(Words(tuple(StacksWith)), 0, len(StacksWith))
_OFFLINE = Record(required={"ok": Flag()})
CODE_ROTATING = "rotating"
_CODE = Words(("static", CODE_ROTATING))
_HELD: dict[str, Shape] = {
    **_TOLD,
    "code": _CODE,
    "stacks_with": _STACKS,
    "claim": _CLAIM,
    "offline": _OFFLINE,
}


def _kind(word: str, required: dict[str, Shape], optional: dict[str, Shape]) -> Record:
    return Record(required={"kind": Words((word,)), **required, **_READ}, optional=optional)


OFFER = Tagged(
    "kind",
    {
        OfferKind.COUPON: _kind(OfferKind.COUPON, {"value": _VALUE}, _HELD),
        OfferKind.RED_PACKET: _kind(OfferKind.RED_PACKET, {"value": _RANDOM}, _HELD),
        OfferKind.POINTS: _kind(OfferKind.POINTS, {"value": _POINTS}, {**_TOLD, "claim": _CLAIM}),
        OfferKind.MESSAGE: _kind(OfferKind.MESSAGE, {}, {"value": _NO_WORTH, **_TOLD}),
        BROADCAST: _kind(BROADCAST, {}, {"value": _NO_WORTH, **_TOLD}),
        OfferKind.GREETING: _kind(OfferKind.GREETING, {}, {"value": _NO_WORTH, **_TOLD}),
    },
)
