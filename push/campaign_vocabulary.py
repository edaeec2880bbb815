"""The words of the `rule` half of a campaign's document: a subset of the full rule language, each part with its bounds."""

from datetime import timedelta

from push.audience import RETURNING_AFTER, Familiarity, VisitScope
from push.campaign import TriggerKind
from push.limits import Period
from push.vocabulary import (
    Figures,
    Flag,
    Keyed,
    ListOf,
    Number,
    Record,
    Tagged,
    Text,
    WordOr,
    Words,
)

_RETURNING_H = int(RETURNING_AFTER / timedelta(hours=1))

_TRIGGER = Tagged(
    "on",
    {
        TriggerKind.ENTER: Record(required={"on": Words((TriggerKind.ENTER,))}),
        TriggerKind.DWELL: Record(
            required={"on": Words((TriggerKind.DWELL,)), "min_s": Number(1, 14_400, whole=True)}
        ),
    },
)
_FAR = 1e12  # any finite number: that degrees are out of range, or metres of a projection, the geometry's own error says best
_POSITION = ListOf(Number(-_FAR, _FAR), 2, 2)
_WITHIN = Keyed(
    {
        "circle": Record(
            required={
                "circle": Record(
                    required={
                        "lon": Number(-180, 180),
                        "lat": Number(-90, 90),
                        "radius_m": Number(1, 2_000),
                    }
                )
            }
        ),
        "building": Record(required={"building": Text(64), "buffer_m": Number(0, 200)}),
        "type": Record(
            required={
                "type": Words(("Polygon",)),
                "coordinates": ListOf(ListOf(_POSITION, 4, 500), 1, 20),
            }
        ),
    }
)
_SCOPE = Words(tuple(VisitScope))
_TERM = Tagged(
    "op",
    {
        "==": Record(
            required={"attr": Words(("visits",)), "op": Words(("==",)), "value": Figures((0,))},
            optional={"scope": _SCOPE},
        ),
        ">=": Record(
            required={"attr": Words(("visits",)), "op": Words((">=",)), "value": Figures((1,))},
            optional={"scope": _SCOPE, "older_h": Figures((_RETURNING_H,))},
        ),
    },
)
_CAP = Record(required={"n": Number(1, 10, whole=True), "per": Words(tuple(Period))})

RULE = Record(
    required={
        "v": Figures((1,)),
        "trigger": Record(required={"any": ListOf(_TRIGGER, 1, 4)}),
        "where": Record(required={"within": _WITHIN}),
    },
    optional={
        "when": Record(
            optional={"opening_hours": Text(500), "tz": Words(("district",)), "and_store_open": Flag()}
        ),
        "who": WordOr(Words(tuple(Familiarity)), Record(required={"all": ListOf(_TERM, 0, 1)})),
        "cap": Record(required={"campaign": _CAP}),
        "ttl_s": Number(60, 86_400, whole=True),
    },
)
