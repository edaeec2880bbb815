"""What is counted: each number's one name, unit and definition, on the page, in the file and in the interface."""

from dataclasses import dataclass
from enum import StrEnum

from push.wording import Localised, both

SMALLEST_GROUP = 10
"""k: a count of fewer observed people is never published (DESIGN.md section 5, rule 6)."""


class Metric(StrEnum):
    """What may be asked of recorded visits."""

    VISITS = "visits"
    PEOPLE = "people"
    MEMBERS = "members"
    DEVICES = "devices"
    MEDIAN_DWELL_MIN = "median_dwell_min"
    NEW = "new"
    RETURNING = "returning"


class Unit(StrEnum):
    """What a value counts."""

    VISITS = "visits"
    PEOPLE = "people"
    DEVICES = "devices"
    MINUTES = "minutes"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """How a number is meant, in words that a reader of the page sees beside it."""

    unit: Unit
    name: Localised
    text: Localised


DEFINITIONS: dict[Metric, Definition] = {
    Metric.VISITS: Definition(
        unit=Unit.VISITS,
        name=both(zh="人次", en="Visits"),
        text=both(
            zh="在该时段开始的到访次数。到访至少持续 2 分钟，10 分钟没有信号即结束；同一会员的多台设备只算一次。",
            en="Visits that began in the period. A visit lasts at least 2 minutes and ends after 10 minutes without a fix;"
            " one member's devices count once.",
        ),
    ),
    Metric.PEOPLE: Definition(
        unit=Unit.PEOPLE,
        name=both(zh="人数", en="People"),
        text=both(
            zh="在该时段开始到访的不同会员，加上尚不认识的不同设备。设备假名每个营业日更换，跨日的非会员会重复计算。",
            en="Different members whose visits began in the period, and different devices of nobody known. A device's"
            " pseudonym changes every trading day, so over several days such a device counts once a day.",
        ),
    ),
    Metric.MEMBERS: Definition(
        unit=Unit.PEOPLE,
        name=both(zh="会员数", en="Members"),
        text=both(
            zh="在该时段开始到访的不同会员。",
            en="Different members whose visits began in the period.",
        ),
    ),
    Metric.DEVICES: Definition(
        unit=Unit.DEVICES,
        name=both(zh="非会员设备数", en="Devices of non-members"),
        text=both(
            zh="在该时段开始到访、不属于任何会员的不同设备。",
            en="Different devices of no known member whose visits began in the period.",
        ),
    ),
    Metric.MEDIAN_DWELL_MIN: Definition(
        unit=Unit.MINUTES,
        name=both(zh="停留时长中位数", en="Median stay"),
        text=both(
            zh="在该时段开始的到访，从第一个到最后一个定位点的时长的中位数（分钟）。仍在进行的到访按目前的时长计算。",
            en="Median minutes from the first to the last fix of the visits that began in the period; a visit that goes"
            " on counts as long as it is so far.",
        ),
    ),
    Metric.NEW: Definition(
        unit=Unit.PEOPLE,
        name=both(zh="新客", en="New members"),
        text=both(
            zh="在该时段开始到访、此前 180 天内没有到过该地点的会员。",
            en="Members whose visit began in the period and who had not been to this place in the 180 days before it.",
        ),
    ),
    Metric.RETURNING: Definition(
        unit=Unit.PEOPLE,
        name=both(zh="回头客", en="Returning members"),
        text=both(
            zh="在该时段开始到访、此前 180 天内到过该地点的会员。",
            en="Members whose visit began in the period and who had been to this place in the 180 days before it.",
        ),
    ),
}


class Figure(StrEnum):
    """The numbers of the live page that are not asked for by period."""

    MEMBERS_NOW = "members_now"
    OTHERS_NOW = "others_now"
    VISITS_TODAY = "visits_today"
    MEDIAN_STAY_TODAY = "median_stay_today"
    OFFERS_TODAY = "offers_today"
    REDEMPTIONS_TODAY = "redemptions_today"


FIGURES: dict[Figure, Localised] = {
    Figure.MEMBERS_NOW: both(
        zh="最近有定位点、属于会员的设备；每 10 秒更新，少于 10 不显示。",
        en="Members' devices with a recent fix; told every 10 seconds, below 10 never shown.",
    ),
    Figure.OTHERS_NOW: both(
        zh="最近有定位点、不属于任何会员的设备；每 10 秒更新，少于 10 不显示。",
        en="Devices with a recent fix that belong to no member; told every 10 seconds, below 10 never shown.",
    ),
    Figure.VISITS_TODAY: both(
        zh="本营业日开始的商圈到访。到访至少持续 2 分钟，10 分钟没有信号即结束。",
        en="Visits to the district that began on this trading day. A visit lasts at least 2 minutes and ends after"
        " 10 minutes without a fix.",
    ),
    Figure.MEDIAN_STAY_TODAY: both(
        zh="本营业日商圈到访的停留时长中位数；仍在进行的到访按目前的时长计算。",
        en="Median length of this trading day's visits; a visit that goes on counts as long as it is so far.",
    ),
    Figure.OFFERS_TODAY: both(
        zh="本营业日已发放的优惠（精确值）。", en="Offers issued on this trading day (exact)."
    ),
    Figure.REDEMPTIONS_TODAY: both(
        zh="本营业日的核销，不含已撤销的（精确值）。",
        en="Redemptions on this trading day, reversed ones left out (exact).",
    ),
}


def published(people: int) -> int | None:
    """A count of people as anybody may see it: none or at least k, else None."""
    return None if 0 < people < SMALLEST_GROUP else people
