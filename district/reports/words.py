"""What the figures of a report are called, how they are meant, and why one is missing, in both languages."""

from district.reports.schemas import Outcome, Reason
from push.wording import Language, Localised, both

NAMES: dict[Outcome, Localised] = {
    Outcome.VISIT: both(zh="到店", en="Store visits"),
    Outcome.REDEMPTION: both(zh="核销", en="Redemptions"),
    Outcome.PURCHASE: both(zh="消费", en="Purchases"),
    Outcome.NEW_CUSTOMER: both(zh="新客到店", en="New customers"),
}

DEFINITIONS: dict[Outcome, Localised] = {
    Outcome.VISIT: both(
        zh="在时限内开始到访活动任一门店的会员。",
        en="Members with a visit to one of the campaign's stores that began within the window.",
    ),
    Outcome.REDEMPTION: both(
        zh="在时限内于活动门店核销任何活动的优惠且未撤销的会员。",
        en="Members who redeemed an offer, of any campaign, at one of its stores within the window; reversed ones left"
        " out.",
    ),
    Outcome.PURCHASE: both(
        zh="在时限内于活动门店有消费通知且未全额退款的会员。",
        en="Members with a purchase notice of one of its stores within the window that was not refunded as a whole.",
    ),
    Outcome.NEW_CUSTOMER: both(
        zh="在时限内到店、此前 180 天内没有到过活动任何门店的会员。",
        en="Members who visited within the window and had been to none of its stores in the 180 days before.",
    ),
}

REASONS: dict[Reason, Localised] = {
    Reason.NOBODY_TREATED: both(zh="尚未有会员收到优惠。", en="Nobody was sent an offer yet."),
    Reason.NO_CONTROL: both(
        zh="没有对照组，无法得知没有优惠时会怎样。",
        en="Nobody was held out, so that nobody knows what would have happened anyway.",
    ),
    Reason.TOO_FEW: both(
        zh="不足 10 人的数字不公布。",
        en="It would tell of fewer than ten people; such figures are not published.",
    ),
    Reason.SPLIT: both(
        zh="两组人数与设定的对照组比例不符，结果不可信。",
        en="The arms do not have the sizes that the hold-out asks for: a comparison would mislead.",
    ),
    Reason.NO_HISTORY: both(
        zh="此前 28 天没有可用于校正的数据。", en="Nothing of the 28 days before is there to adjust by."
    ),
    Reason.NO_PURCHASES: both(
        zh="没有会员关联的消费通知。", en="There are no purchases of members who linked themselves."
    ),
    Reason.NO_LIFT: both(zh="没有测得增量。", en="No lift was measured."),
    Reason.UNBOUNDED: both(
        zh="增量可能为零，因此成本没有上限。",
        en="The lift may be zero, so that this cost has no upper bound.",
    ),
}


def told(text: Localised, language: Language) -> str:
    """The words in this language, or in the other."""
    return text.read(language)[1]
