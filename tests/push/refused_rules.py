"""Changes to a good rule that make it one that is refused: where, and why."""

from typing import Any

from push.problems import Reason
from tests.push.makers import POLYGON

BOWTIE = [[24.94, 60.17], [24.95, 60.18], [24.95, 60.17], [24.94, 60.18], [24.94, 60.17]]

REFUSED_RULES: list[tuple[dict[str, Any], str, Reason]] = [
    ({"v": 2}, "/rule/v", Reason.UNSUPPORTED),
    ({"v": True}, "/rule/v", Reason.WRONG_TYPE),
    ({"holdout": {"pct": 10}}, "/rule/holdout", Reason.UNSUPPORTED),
    ({"pace": {"per_min": 600}}, "/rule/pace", Reason.UNSUPPORTED),
    ({"trigger": None}, "/rule/trigger", Reason.MISSING),
    ({"trigger": {"any": []}}, "/rule/trigger/any", Reason.WRONG_LENGTH),
    ({"trigger": {"any": [{"on": "wifi.join"}]}}, "/rule/trigger/any/0/on", Reason.UNSUPPORTED),
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
    ({"when": {"and_store_open": 1}}, "/rule/when/and_store_open", Reason.WRONG_TYPE),
    ({"where": {"within": POLYGON, "or_visited": {}}}, "/rule/where/or_visited", Reason.UNSUPPORTED),
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
    ({"who": {"all": [{"not": {"seg": "staff"}}]}}, "/rule/who/all/0/op", Reason.MISSING),
    (
        {"who": {"all": [{"attr": "visits", "op": ">=", "value": 2}]}},
        "/rule/who/all/0/value",
        Reason.UNSUPPORTED,
    ),
    (
        {"who": {"all": [{"attr": "visits", "op": ">=", "value": 1, "window_d": 90}]}},
        "/rule/who/all/0/window_d",
        Reason.UNSUPPORTED,
    ),
    ({"cap": {"campaign": {"n": 0, "per": "day"}}}, "/rule/cap/campaign/n", Reason.OUT_OF_RANGE),
    ({"cap": {"campaign": {"n": 1, "per": "month"}}}, "/rule/cap/campaign/per", Reason.UNSUPPORTED),
    ({"cap": {"gap_min": 90}}, "/rule/cap/gap_min", Reason.UNSUPPORTED),
    ({"ttl_s": 59}, "/rule/ttl_s", Reason.OUT_OF_RANGE),
    ({"ttl_s": "90"}, "/rule/ttl_s", Reason.WRONG_TYPE),
]
