"""What differs between two versions of a campaign: place by place, and in words for the person who approves."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, Final

from push.wording import Localised, both

MAX_CHANGES = 200
MAX_SHOWN = 120
UNITS: Final = frozenset({"/rule/where/within"})
"""Parts that differ as a whole: a shape is shown on the map, not number by number."""
SETS: Final = frozenset({"/store_ids"})
"""Lists whose order says nothing."""

_NOT_THERE: Final = object()


class Kind(StrEnum):
    """What became of a place."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One place of the document (RFC 6901) that the two versions do not share."""

    pointer: str
    kind: Kind
    before: Any = None
    after: Any = None

    @property
    def words(self) -> Localised:
        """The place, and what it said and says."""
        label = label_of(self.pointer)
        zh, en = label.zh or "", label.en or ""
        if self.pointer in UNITS:
            return both(zh=f"{zh}：见地图", en=f"{en}: see the map")
        old, new = shown(self.before), shown(self.after)
        match self.kind:
            case Kind.ADDED:
                return both(zh=f"{zh}：新增 {new}", en=f"{en}: added {new}")
            case Kind.REMOVED:
                return both(zh=f"{zh}：删除 {old}", en=f"{en}: removed {old}")
            case Kind.CHANGED:
                return both(zh=f"{zh}：{old} → {new}", en=f"{en}: {old} → {new}")


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Every place that differs, in the order of the documents; at most MAX_CHANGES."""
    found = []
    for one in _walk("", before, after):
        found.append(one)
        if len(found) == MAX_CHANGES:
            break
    return tuple(found)


def _walk(pointer: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if pointer in UNITS:
        yield Difference(pointer=pointer, kind=Kind.CHANGED, before=before, after=after)
    elif pointer in SETS:
        yield from _members(pointer, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _at(
                f"{pointer}/{_token(key)}", before.get(key, _NOT_THERE), after.get(key, _NOT_THERE)
            )
    elif _is_list(before) and _is_list(after):
        for place, (old, new) in enumerate(zip_longest(before, after, fillvalue=_NOT_THERE)):
            yield from _at(f"{pointer}/{place}", old, new)
    else:
        yield Difference(pointer=pointer, kind=Kind.CHANGED, before=before, after=after)


def _at(pointer: str, old: Any, new: Any) -> Iterator[Difference]:
    """A null says as much as a member that is not there."""
    if old in (None, _NOT_THERE) and new in (None, _NOT_THERE):
        return
    if old is _NOT_THERE:
        yield Difference(pointer=pointer, kind=Kind.ADDED, after=new)
    elif new is _NOT_THERE:
        yield Difference(pointer=pointer, kind=Kind.REMOVED, before=old)
    else:
        yield from _walk(pointer, old, new)


def _members(pointer: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Difference]:
    for one in sorted(set(before) - set(after)):
        yield Difference(pointer=pointer, kind=Kind.REMOVED, before=one)
    for one in sorted(set(after) - set(before)):
        yield Difference(pointer=pointer, kind=Kind.ADDED, after=one)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _token(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def shown(value: Any) -> str:
    """A value of the document as it is shown: text as it is, anything else as JSON, cut when long."""
    if value is None:
        return "—"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def label_of(pointer: str) -> Localised:
    """What a place is called: the longest beginning that has a name, and then the rest as it is written."""
    parts = [part for part in pointer.split("/")[1:] if not part.isdigit()]
    for length in range(len(parts), 0, -1):
        label = LABELS.get("/".join(parts[:length]))
        if label is not None:
            rest = " ".join(parts[length:])
            return both(zh=f"{label.zh} {rest}".rstrip(), en=f"{label.en} {rest}".rstrip())
    return both(zh=" ".join(parts), en=" ".join(parts))


LABELS: Final[Mapping[str, Localised]] = MappingProxyType(
    {
        path: both(zh=zh, en=en)
        for path, zh, en in (
            ("name", "名称", "Name"),
            ("store_ids", "门店", "Store"),
            ("starts_at", "开始时间", "Starts"),
            ("ends_at", "结束时间", "Ends"),
            ("rule", "规则", "Rule"),
            ("rule/v", "规则版本", "Version of the rule"),
            ("rule/trigger", "触发条件", "Trigger"),
            ("rule/trigger/any", "触发条件", "Trigger"),
            ("rule/trigger/any/on", "触发条件", "Trigger"),
            ("rule/trigger/any/min_s", "停留时长（秒）", "Stay (seconds)"),
            ("rule/trigger/any/cool_down_s", "再次触发间隔（秒）", "Cool-down (seconds)"),
            ("rule/trigger/any/rrule", "时间表", "Schedule"),
            ("rule/trigger/any/n", "第几次", "On which one"),
            ("rule/trigger/any/days", "天数", "Days"),
            ("rule/when", "时间", "When"),
            ("rule/when/opening_hours", "发送时段", "Sent in the hours"),
            ("rule/when/and_store_open", "仅营业时", "Only while the store is open"),
            ("rule/when/blackout", "不发送日期", "Days without offers"),
            ("rule/when/public_holidays", "节假日", "Public holidays"),
            ("rule/where", "地点", "Where"),
            ("rule/where/within", "围栏", "Fence"),
            ("rule/where/exclude", "排除区域", "Left out of the fence"),
            ("rule/where/near_my_stores_m", "门店周边（米）", "Around own stores (m)"),
            ("rule/where/or_visited", "或到访过", "Or visited"),
            ("rule/who", "目标人群", "Audience"),
            ("rule/cap", "频次上限", "Frequency cap"),
            ("rule/cap/campaign", "本活动频次上限", "Cap of the campaign"),
            ("rule/cap/merchant", "本商户频次上限", "Cap of the merchant"),
            ("rule/cap/global", "全商圈频次上限", "Cap of the district"),
            ("rule/cap/channel", "渠道频次上限", "Cap of the channel"),
            ("rule/cap/gap_min", "最小间隔（分钟）", "Smallest gap (minutes)"),
            ("rule/pace", "投放节奏", "Pacing"),
            ("rule/ttl_s", "有效期（秒）", "Validity (seconds)"),
            ("rule/priority", "优先级", "Priority"),
            ("rule/holdout", "对照组", "Control group"),
            ("rule/holdout/pct", "对照组比例（%）", "Control group (%)"),
            ("rule/budget", "预算", "Budget"),
            ("rule/budget/total_minor", "总预算", "Budget in all"),
            ("rule/budget/per_day_minor", "每日预算", "Budget a day"),
            ("rule/per_member", "每人限领", "For each member"),
            ("rule/per_day", "每日限量", "A day"),
            ("rule/stop_when", "自动结束条件", "Ends by itself"),
            ("rule/stop_when/redemptions", "核销达到多少次自动结束", "Ends after so many redemptions"),
            ("rule/stop_when/new_customers", "新客达到多少人自动结束", "Ends after so many new customers"),
            ("rule/stop_when/harm", "发现有害自动结束", "Ends when it does harm"),
            (
                "rule/stop_when/opt_out_pct",
                "退订超过（%）自动结束",
                "Ends when more than this stop messages (%)",
            ),
            ("offer", "优惠", "Offer"),
            ("offer/kind", "优惠类型", "Kind of offer"),
            ("offer/value", "优惠内容", "Worth"),
            ("offer/value/type", "优惠方式", "Worth"),
            ("offer/value/minor_units", "金额（最小货币单位）", "Amount (minor units)"),
            ("offer/value/percent", "折扣（%）", "Percent"),
            ("offer/value/min_spend_minor", "最低消费", "Smallest bill"),
            ("offer/value/max_discount_minor", "最高优惠", "Largest discount"),
            ("offer/title", "标题", "Title"),
            ("offer/title/zh", "中文标题", "Title in Chinese"),
            ("offer/title/en", "英文标题", "Title in English"),
            ("offer/text", "正文", "Text"),
            ("offer/text/zh", "中文正文", "Text in Chinese"),
            ("offer/text/en", "英文正文", "Text in English"),
        )
    }
)
