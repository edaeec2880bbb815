"""Random campaigns that use every part of the vocabulary, as documents."""

from typing import Any

from hypothesis import strategies as st

from push.audience_terms import EventKind, Op, VisitScope
from push.audience_vocabulary import REACHABLE
from push.limit_document import MEMBER_CHANNELS
from push.offer import StacksWith
from push.rule import FENCE_TRIGGERS, PLACELESS_TRIGGERS, Priority
from tests.push.makers import POLYGON

Documents = st.SearchStrategy[dict[str, Any]]
STORE = "019a0000-0000-7000-8000-000000000009"
SECONDS = st.one_of(st.integers(1, 240).map(lambda minutes: minutes * 60), st.integers(60, 14_400))
NUMBERS = st.one_of(st.integers(10, 200), st.floats(10, 200).map(lambda metres: round(metres, 3)))


def record(required: dict[str, Any], optional: dict[str, Any] | None = None) -> Documents:
    return st.fixed_dictionaries(
        {name: one if isinstance(one, st.SearchStrategy) else st.just(one) for name, one in required.items()},
        optional=optional or {},
    )


MOMENTS = st.sampled_from(
    [
        "2026-12-01T09:00:00+08:00",
        "2026-12-31T23:59:59.5Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00+00:00",
        "2026-03-29T02:10:07+02:00",
    ]
)
DST = record({}, {"gap": st.sampled_from(["shift", "skip"]), "fold": st.sampled_from(["first", "both"])})
HEADS = st.sampled_from(
    [
        "DTSTART;TZID=Asia/Shanghai:20260501T110000",
        "DTSTART:20260108T093000Z",
        "DTSTART:20260131T180015",
        "DTSTART;TZID=Europe/Helsinki:20260329T033000",
    ]
)
RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=1",
        "FREQ=DAILY;INTERVAL=3;UNTIL=20261231",
        "FREQ=DAILY;UNTIL=20261231T120000Z",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=FR",
        "FREQ=WEEKLY;BYDAY=SU,MO;INTERVAL=2;COUNT=20",
        "FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=9,15;BYMINUTE=30",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYMONTHDAY=15",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYDAY=2SA;COUNT=4",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
    ]
)
SCHEDULES = st.builds("{}\nRRULE:{}".format, HEADS, RULES)
COOL = {
    "cool_down_s": st.one_of(st.integers(60, 31_536_000), st.integers(1, 365).map(lambda days: days * 86_400))
}
TRIGGERS: Documents = st.one_of(
    record({"on": st.sampled_from(["fence.enter", "fence.exit", "store.visit", "purchase", "member.birthday"])}, COOL),
    record({"on": "fence.dwell", "min_s": st.one_of(SECONDS, st.integers(1, 59), st.just(120.0))}, COOL),
    record({"on": "wifi.join"}, {"first": st.just(True), **COOL}),
    record({"on": "wifi.join", "return": True}, COOL),
    record({"on": "schedule", "rrule": SCHEDULES}, {"dst": DST, **COOL}),
    record({"on": "member.visits", "n": st.integers(1, 1_000)}, COOL),
    record({"on": "member.lapsed", "days": st.integers(7, 730)}, COOL),
)  # fmt: skip
HOURS = st.sampled_from(
    [
        "Mo-Fr 11:00-13:30",
        "11:00-14:00",
        "Su-Mo 10:00-20:00",
        "Mo-Fr 11:00-13:30; PH off",
        "Mo 11:00-14:00; We 10:00-12:00,17:00-21:30; Su 22:00-02:00",
        "Mo,We 11:00-14:00; Fr 12:00-15:00",
        "Sa 10:00-24:00",
        "Dec 24-26 off; 24/7",
        " Mo-Su 08:00-26:00 ",
        "sunrise-sunset",
    ]
)
WHENS = record(
    {},
    {
        "opening_hours": HOURS,
        "tz": st.just("district"),
        "and_store_open": st.booleans(),
        "blackout": st.lists(st.sampled_from(["2026-12-24", "2026-12-25", "2026-01-01"]), min_size=1, max_size=4),
        "public_holidays": st.sampled_from(["any", "off", "only"]),
        "starts_at": MOMENTS,
    },
)  # fmt: skip
SQUARE = [[24.96, 60.17], [24.97, 60.17], [24.97, 60.175], [24.96, 60.17]]
FENCES: Documents = st.one_of(
    st.just(POLYGON),
    st.just({"type": "MultiPolygon", "coordinates": [POLYGON["coordinates"], [SQUARE]]}),
    record({"circle": record({"lon": st.floats(24, 25), "lat": st.floats(60, 61), "radius_m": NUMBERS})}),
    record({"building": "way/42", "buffer_m": st.one_of(st.just(0), NUMBERS)}),
    record({"street": "way/7", "buffer_m": NUMBERS}),
    record({"zone": st.sampled_from(["food-court", "Zone 3"])}),
)
GROUNDS = record(
    {},
    {
        "within": FENCES,
        "near_my_stores_m": NUMBERS,
        "exclude": st.lists(FENCES, min_size=1, max_size=3),
        "floor": st.sampled_from(["3", "B1"]),
        "or_visited": record({"store": st.sampled_from(["mine", STORE]), "days": st.integers(1, 365)}),
    },
)
SCOPE = {"scope": st.sampled_from(list(VisitScope)).map(str)}
OPS = st.sampled_from(list(Op)).map(str)
WINDOW = st.integers(1, 400)
COUNT = st.integers(0, 1_000)
EQUAL = {"op": st.just("==")}
PLACED_DEEDS = st.sampled_from([one.value for one in EventKind if one is not EventKind.SEARCH])
LEAVES: Documents = st.one_of(
    record({"attr": "familiarity", "value": st.sampled_from(["new", "returning"])}, {**SCOPE, **EQUAL}),
    record({"attr": "familiarity", "value": "lapsed", "window_d": WINDOW}, SCOPE),
    record({"attr": "familiarity", "value": "frequent", "n": st.integers(1, 1_000), "window_d": WINDOW}, SCOPE),
    record({"attr": "visits", "op": OPS, "value": COUNT}, {"window_d": WINDOW, "older_h": st.just(12), **SCOPE}),
    record({"attr": "dwell_s", "op": OPS, "value": st.integers(0, 8_640_000), "window_d": WINDOW}, SCOPE),
    record({"attr": st.sampled_from(["last_visit_days", "last_redeem_days"]), "op": OPS, "value": st.integers(0, 400)}, SCOPE),
    record({"attr": "category_interest", "value": "cafe", "window_d": WINDOW}, {"n": st.integers(1, 1_000), **EQUAL}),
    record({"attr": "did", "kind": PLACED_DEEDS, "op": OPS, "value": COUNT, "window_d": WINDOW}, SCOPE),
    record({"attr": "did", "kind": "search", "op": OPS, "value": COUNT, "window_d": WINDOW}),
    record({"attr": "language", "value": st.sampled_from(["zh", "en"])}, EQUAL),
    record({"attr": "channel", "value": st.sampled_from([one.value for one in REACHABLE])}, EQUAL),
    record({"attr": "follows", "value": st.sampled_from(["merchant", "property", "district", "store", STORE])}),
    record({"attr": st.sampled_from(["tag", "list"]), "value": st.sampled_from(["vip", "staff-2026"])}),
    record({"seg": st.sampled_from(["lunch-guests", "a"])}),
)  # fmt: skip


def joined(inner: Documents) -> Documents:
    return st.one_of(
        record({"all": st.lists(inner, max_size=3)}),
        record({"any": st.lists(inner, min_size=1, max_size=3)}),
        record({"not": inner}),
    )


TREES: Documents = st.recursive(LEAVES, joined, max_leaves=10)
WHO = st.one_of(st.sampled_from(["everyone", "new", "returning"]), TREES)
CAP = record({"n": st.integers(1, 10), "per": st.sampled_from(["day", "7d", "total"])})
CAPS = record(
    {},
    {
        "campaign": CAP,
        "merchant": CAP,
        "global": CAP,
        "channel": st.dictionaries(st.sampled_from([one.value for one in MEMBER_CHANNELS]), CAP, min_size=1, max_size=3),
        "gap_min": st.integers(1, 10_080),
    },
).filter(bool)  # fmt: skip
BUDGETS = st.one_of(
    record({"total_minor": st.integers(100_000, 10**12)}, {"per_day_minor": st.integers(1, 100_000)}),
    record({"per_day_minor": st.integers(1, 10**12)}),
)
LIMITS = {
    "cap": CAPS,
    "pace": record({"per_min": st.integers(1, 60_000)}),
    "ttl_s": st.integers(60, 86_400),
    "priority": st.sampled_from([one.value for one in Priority]),
    "holdout": record(
        {"pct": st.one_of(st.integers(0, 50), st.floats(0, 50).map(lambda share: round(share, 2)))},
        {"salt": st.sampled_from(["spring-2026", "x"])},
    ),
    "budget": BUDGETS,
    "per_member": st.integers(1, 100),
    "per_day": st.integers(1, 10_000_000),
    "stop_when": record(
        {},
        {
            "redemptions": st.integers(1, 10_000_000),
            "new_customers": st.integers(10, 10_000_000),
            "harm": st.just(True),
            "opt_out_pct": st.one_of(
                st.integers(1, 50), st.floats(0.1, 50).map(lambda share: round(share, 2))
            ),
        },
    ).filter(bool),
}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule that its parser takes, or nearly always does: who draws it lets the parser say."""
    rule = draw(record({"v": 1}, {"when": WHENS, "who": WHO, **LIMITS}))
    every = draw(st.lists(TRIGGERS, min_size=1, max_size=4))
    where = draw(GROUNDS)
    has_ground = "within" in where or "near_my_stores_m" in where
    if any(one["on"] in FENCE_TRIGGERS for one in every) and not has_ground:
        where["near_my_stores_m"] = 60
        has_ground = True
    if not has_ground:
        where = {name: part for name, part in where.items() if name == "or_visited"}
    elif any(one["on"] in PLACELESS_TRIGGERS for one in every):
        where.setdefault("or_visited", {"store": "mine", "days": 30})
    return rule | {"trigger": {"any": every}} | ({"where": where} if where else {})


LETTERS = st.text(st.sampled_from("abc午餐立减 é{}-·"), min_size=1, max_size=20).filter(
    lambda text: text.strip() != ""
)
TEXTS = record({}, {"zh": LETTERS, "en": LETTERS}).filter(bool)
TOLD = {"title": TEXTS, "text": TEXTS}
BY_CHANNEL = st.dictionaries(
    st.sampled_from([one.value for one in MEMBER_CHANNELS]), record(TOLD), min_size=1, max_size=2
)
VARIANTS = st.lists(
    record({"name": st.text("ab", min_size=1, max_size=5), "weight": st.integers(1, 1_000), **TOLD}, {"channels": BY_CHANNEL}),
    min_size=2,
    max_size=4,
    unique_by=lambda one: one["name"],
)  # fmt: skip
MONEY = st.integers(1, 10**9)
NO_MINOR = {"minor_units": st.none()}
NO_PERCENT = {"percent": st.none()}
WORTHS: Documents = st.one_of(
    record({"type": "amount", "minor_units": MONEY}, {"min_spend_minor": MONEY, **NO_PERCENT}),
    record({"type": "percent", "percent": st.integers(1, 100)}, {"min_spend_minor": MONEY, "max_discount_minor": MONEY, **NO_MINOR}),
    record({"type": "gift"}, {"min_spend_minor": MONEY}),
    record({"type": "in_store_price", "price_minor": st.integers(0, 999), "regular_minor": st.integers(1_000, 10**9)}),
    record({"type": "none"}, {**NO_MINOR, **NO_PERCENT}),
)  # fmt: skip
PACKETS: Documents = st.one_of(
    st.just({"type": "random", "total_minor": 10_000, "count": 100, "least_minor": 10}),
    st.just({"type": "random", "total_minor": 88_888, "count": 88, "least_minor": 1, "most_minor": 5_000}),
)
CLAIMS: Documents = st.one_of(
    record({"mode": "open"}, {"opens_at": MOMENTS, "pushed": st.booleans(), "listed": st.booleans()}),
    record({"mode": "reserve"}, {"hold_s": st.integers(60, 86_400)}),
    record({"mode": "drop", "opens_at": MOMENTS}),
)
HELD = {
    "code": st.sampled_from(["static", "rotating"]),
    "offline": record({"ok": st.booleans()}),
    "stacks_with": st.lists(st.sampled_from([one.value for one in StacksWith]), max_size=3, unique=True),
    "claim": CLAIMS,
}
VARIED = {"channels": BY_CHANNEL, "variants": VARIANTS}
OFFERS: Documents = st.one_of(
    record({"kind": "coupon", "value": WORTHS, **TOLD}, {**VARIED, **HELD}),
    record({"kind": "red_packet", "value": PACKETS, **TOLD}, {**VARIED, **HELD}),
    record({"kind": st.sampled_from(["message", "broadcast", "greeting"]), **TOLD}, {"value": st.just({"type": "none"}), **VARIED}),
)  # fmt: skip
