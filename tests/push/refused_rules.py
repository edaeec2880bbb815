"""Changes to a good rule that make it one that is refused: where, and why."""

from typing import Any

from push.problems import Reason
from tests.push.makers import POLYGON

FRIDAYS = "DTSTART;TZID=Asia/Shanghai:20260501T110000\nRRULE:FREQ=WEEKLY;BYDAY=FR"
WIFI = {"any": [{"on": "wifi.join"}]}
MINE = {"store": "mine", "days": 30}
CAP = {"n": 1, "per": "day"}
BOWTIE = [[24.94, 60.17], [24.95, 60.18], [24.95, 60.17], [24.94, 60.18], [24.94, 60.17]]

REFUSED_RULES: list[tuple[dict[str, Any], str, Reason]] = [
    ({"v": 2}, "/rule/v", Reason.UNSUPPORTED),
    ({"v": True}, "/rule/v", Reason.WRONG_TYPE),
    ({"hold_out": {"pct": 10}}, "/rule/hold_out", Reason.UNSUPPORTED),
    ({"holdout": {"pct": 51}}, "/rule/holdout/pct", Reason.OUT_OF_RANGE),
    ({"holdout": {}}, "/rule/holdout/pct", Reason.MISSING),
    ({"holdout": {"pct": 10, "salt": "c 42"}}, "/rule/holdout/salt", Reason.WRONG_SPELLING),
    ({"holdout": {"pct": 10, "salt": "x" * 33}}, "/rule/holdout/salt", Reason.WRONG_SPELLING),
    ({"pace": {"per_min": 0}}, "/rule/pace/per_min", Reason.OUT_OF_RANGE),
    ({"pace": {"per_sec": 1}}, "/rule/pace/per_sec", Reason.UNSUPPORTED),
    ({"priority": "urgent"}, "/rule/priority", Reason.UNSUPPORTED),
    ({"budget": {}}, "/rule/budget", Reason.WRONG_LENGTH),
    ({"budget": {"total_minor": 0}}, "/rule/budget/total_minor", Reason.OUT_OF_RANGE),
    (
        {"budget": {"total_minor": 100, "per_day_minor": 101}},
        "/rule/budget/per_day_minor",
        Reason.CONTRADICTION,
    ),
    ({"per_member": 0}, "/rule/per_member", Reason.OUT_OF_RANGE),
    ({"per_day": 1.5}, "/rule/per_day", Reason.WRONG_TYPE),
    ({"trigger": None}, "/rule/trigger", Reason.MISSING),
    ({"trigger": {"any": []}}, "/rule/trigger/any", Reason.WRONG_LENGTH),
    ({"trigger": {"any": [{"on": "fence.enter"}] * 9}}, "/rule/trigger/any", Reason.WRONG_LENGTH),
    ({"trigger": {"any": [{"on": "wifi.leave"}]}}, "/rule/trigger/any/0/on", Reason.UNSUPPORTED),
    ({"trigger": {"any": [{"min_s": 9}]}}, "/rule/trigger/any/0/on", Reason.MISSING),
    (
        {"trigger": {"any": [{"on": "fence.exit", "min_s": 9}]}},
        "/rule/trigger/any/0/min_s",
        Reason.UNSUPPORTED,
    ),
    (
        {"trigger": {"any": [{"on": "fence.enter", "cool_down_s": 59}]}},
        "/rule/trigger/any/0/cool_down_s",
        Reason.OUT_OF_RANGE,
    ),
    (
        {"trigger": {"any": [{"on": "wifi.join", "first": False}]}},
        "/rule/trigger/any/0/first",
        Reason.UNSUPPORTED,
    ),
    (
        {"trigger": {"any": [{"on": "wifi.join", "first": True, "return": True}]}},
        "/rule/trigger/any/0/return",
        Reason.CONTRADICTION,
    ),
    ({"trigger": {"any": [{"on": "schedule"}]}}, "/rule/trigger/any/0/rrule", Reason.MISSING),
    (
        {"trigger": {"any": [{"on": "schedule", "rrule": "RRULE:FREQ=SECONDLY"}]}, "where": None},
        "/rule/trigger/any/0/rrule",
        Reason.RECURRENCE,
    ),
    (
        {"trigger": {"any": [{"on": "schedule", "rrule": FRIDAYS, "dst": {"gap": "later"}}]}},
        "/rule/trigger/any/0/dst/gap",
        Reason.UNSUPPORTED,
    ),
    ({"trigger": {"any": [{"on": "member.visits"}]}}, "/rule/trigger/any/0/n", Reason.MISSING),
    (
        {"trigger": {"any": [{"on": "member.lapsed", "days": 6}]}},
        "/rule/trigger/any/0/days",
        Reason.OUT_OF_RANGE,
    ),
    # A fence needs a ground, and what knows no place cannot be within one.
    ({"where": None}, "/rule/where", Reason.MISSING),
    ({"where": {"floor": "2"}}, "/rule/where/within", Reason.MISSING),
    (
        {"trigger": {"any": [{"on": "fence.enter"}, {"on": "member.birthday"}]}},
        "/rule/trigger/any/1",
        Reason.CONTRADICTION,
    ),
    (
        {"trigger": {"any": [{"on": "fence.enter", "fence": "f1"}]}},
        "/rule/trigger/any/0/fence",
        Reason.UNSUPPORTED,
    ),
    ({"trigger": {"any": [{"on": "fence.dwell"}]}}, "/rule/trigger/any/0/min_s", Reason.MISSING),
    (
        {"trigger": {"any": [{"on": "fence.dwell", "min_s": 0}]}},
        "/rule/trigger/any/0/min_s",
        Reason.OUT_OF_RANGE,
    ),
    ({"when": {"tz": "Asia/Shanghai"}}, "/rule/when/tz", Reason.UNSUPPORTED),
    ({"when": {"opening_hours": "whenever"}}, "/rule/when/opening_hours", Reason.OPENING_HOURS),
    ({"when": {"opening_hours": "\ud800"}}, "/rule/when/opening_hours", Reason.OPENING_HOURS),
    ({"when": {"and_store_open": 1}}, "/rule/when/and_store_open", Reason.WRONG_TYPE),
    ({"when": {"blackout": []}}, "/rule/when/blackout", Reason.WRONG_LENGTH),
    ({"when": {"blackout": ["24.12.2026"]}}, "/rule/when/blackout/0", Reason.WRONG_SPELLING),
    ({"when": {"blackout": ["2026-02-28", "2026-02-30"]}}, "/rule/when/blackout/1", Reason.DATE),
    ({"when": {"public_holidays": "closed"}}, "/rule/when/public_holidays", Reason.UNSUPPORTED),
    ({"when": {"starts_at": "2026-12-01T09:00:00"}}, "/rule/when/starts_at", Reason.WRONG_SPELLING),
    ({"when": {"starts_at": "2026-13-01T09:00:00Z"}}, "/rule/when/starts_at", Reason.DATE),
    ({"when": {"starts_at": "0001-01-01T00:00:00+14:00"}}, "/rule/when/starts_at", Reason.DATE),
    (
        {"when": {"starts_at": "2026-12-01T09:00:00+08:00", "ends_at": "2026-12-01T01:00:00Z"}},
        "/rule/when/ends_at",
        Reason.CONTRADICTION,
    ),
    ({"where": {}}, "/rule/where", Reason.WRONG_LENGTH),
    ({"where": {"within": POLYGON, "or_visited": {}}}, "/rule/where/or_visited/store", Reason.MISSING),
    (
        {"where": {"within": POLYGON, "or_visited": {"store": "s9", "days": 30}}},
        "/rule/where/or_visited/store",
        Reason.WRONG_SPELLING,
    ),
    (
        {"where": {"within": POLYGON, "or_visited": {"store": "mine", "days": 0}}},
        "/rule/where/or_visited/days",
        Reason.OUT_OF_RANGE,
    ),
    ({"where": {"near_my_stores_m": 9}}, "/rule/where/near_my_stores_m", Reason.OUT_OF_RANGE),
    ({"where": {"within": POLYGON, "exclude": []}}, "/rule/where/exclude", Reason.WRONG_LENGTH),
    (
        {"where": {"within": POLYGON, "exclude": [{"zone": "z"}, {"zone": " "}]}},
        "/rule/where/exclude/1/zone",
        Reason.BLANK,
    ),
    (
        {"where": {"exclude": [{"zone": "z"}], "or_visited": MINE}, "trigger": WIFI},
        "/rule/where/exclude",
        Reason.CONTRADICTION,
    ),
    (
        {"where": {"floor": "2", "or_visited": MINE}, "trigger": WIFI},
        "/rule/where/floor",
        Reason.CONTRADICTION,
    ),
    ({"where": {"within": {"street": "way/1"}}}, "/rule/where/within/buffer_m", Reason.MISSING),
    ({"where": {"within": {"zone": "z", "buffer_m": 1}}}, "/rule/where/within/buffer_m", Reason.UNSUPPORTED),
    (
        {"where": {"within": {"type": "MultiPolygon", "coordinates": [POLYGON["coordinates"]] * 2}}},
        "/rule/where/within",
        Reason.GEOMETRY,
    ),
    (
        {"where": {"within": {"type": "MultiPolygon", "coordinates": [POLYGON["coordinates"]] * 21}}},
        "/rule/where/within/coordinates",
        Reason.WRONG_LENGTH,
    ),
    ({"where": {"within": {"type": "Point"}}}, "/rule/where/within/type", Reason.UNSUPPORTED),
    ({"where": {"within": {"ellipse": 1}}}, "/rule/where/within", Reason.UNSUPPORTED),
    (
        {"where": {"within": {"circle": {"lon": 24, "lat": 91, "radius_m": 9}}}},
        "/rule/where/within/circle/lat",
        Reason.OUT_OF_RANGE,
    ),
    (
        {"where": {"within": {"circle": {"lon": 24, "lat": 90, "radius_m": 9}}}},
        "/rule/where/within",
        Reason.GEOMETRY,
    ),
    (
        {"where": {"within": {"type": "Polygon", "coordinates": [BOWTIE]}}},
        "/rule/where/within",
        Reason.GEOMETRY,
    ),
    ({"who": "lapsed"}, "/rule/who", Reason.UNSUPPORTED),
    ({"who": {"all": [{"not": {"seg": "Staff"}}]}}, "/rule/who/all/0/not/seg", Reason.UNSUPPORTED),
    ({"who": {"attr": "visits", "op": ">="}}, "/rule/who/value", Reason.MISSING),
    ({"who": {"attr": "age", "value": 9}}, "/rule/who/attr", Reason.UNSUPPORTED),
    ({"who": {"attr": "familiarity", "value": "lapsed"}}, "/rule/who/window_d", Reason.MISSING),
    ({"who": {"attr": "dwell_s", "op": ">", "value": 60}}, "/rule/who/window_d", Reason.MISSING),
    (
        {"who": {"all": [{"attr": "visits", "op": ">=", "value": 1, "window_d": 401}]}},
        "/rule/who/all/0/window_d",
        Reason.OUT_OF_RANGE,
    ),
    ({"who": {"any": []}}, "/rule/who/any", Reason.WRONG_LENGTH),
    ({"who": {"not": {"not": {"not": {"not": {"seg": "a"}}}}}}, "/rule/who/not/not/not", Reason.UNSUPPORTED),
    ({"who": {"attr": "tag", "value": "vip\n"}}, "/rule/who/value", Reason.UNSUPPORTED),
    ({"who": {"attr": "channel", "value": "webhook"}}, "/rule/who/value", Reason.UNSUPPORTED),
    (
        {"who": {"attr": "did", "kind": "search", "op": ">", "value": 0, "window_d": 7, "scope": "store"}},
        "/rule/who/scope",
        Reason.UNSUPPORTED,
    ),
    ({"cap": {"campaign": {"n": 0, "per": "day"}}}, "/rule/cap/campaign/n", Reason.OUT_OF_RANGE),
    ({"cap": {"campaign": {"n": 1, "per": "month"}}}, "/rule/cap/campaign/per", Reason.UNSUPPORTED),
    ({"cap": {}}, "/rule/cap", Reason.WRONG_LENGTH),
    ({"cap": {"gap_min": 0}}, "/rule/cap/gap_min", Reason.OUT_OF_RANGE),
    ({"cap": {"global": {"n": 11, "per": "day"}}}, "/rule/cap/global/n", Reason.OUT_OF_RANGE),
    ({"cap": {"channel": {"webhook": CAP}}}, "/rule/cap/channel/webhook", Reason.UNSUPPORTED),
    ({"cap": {"channel": {}}}, "/rule/cap/channel", Reason.WRONG_LENGTH),
    ({"cap": {"merchant": {"n": 1}}}, "/rule/cap/merchant/per", Reason.MISSING),
    ({"ttl_s": 59}, "/rule/ttl_s", Reason.OUT_OF_RANGE),
    ({"ttl_s": "90"}, "/rule/ttl_s", Reason.WRONG_TYPE),
]
