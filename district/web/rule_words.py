"""What a rule says, in the language being spoken: for who writes it, who approves it and who looks at what it does."""

from collections.abc import Iterator, Mapping

from district.web import audience_words
from district.web.formats import money, number, percent
from district.web.hour_words import hours_words, length_words
from district.web.language import gettext as _
from district.web.language import spoken
from district.web.worth import worth
from push.audience import Audience
from push.audience_terms import Term
from push.limits import CapRule, Period
from push.offer import ClaimMode, OfferContent, OfferKind
from push.offer_document import write_value
from push.rule import (
    BuildingFence,
    CampaignRule,
    CircleFence,
    Fence,
    HolidayRule,
    JoinKind,
    StopWhen,
    StreetFence,
    Trigger,
    TriggerKind,
    When,
    Where,
    ZoneFence,
)
from push.wording import Language


def triggers(rule: CampaignRule) -> list[str]:
    """Each thing that brings the offer."""
    return [_trigger(one) for one in rule.triggers]


def _trigger(one: Trigger) -> str:
    match one.on:
        case TriggerKind.DWELL:
            return _("stays in the fence for %(length)s", length=length_words(one.dwell))
        case TriggerKind.VISITS:
            return _("comes for visit number %(number)s", number=one.visits)
        case TriggerKind.LAPSED:
            return _("has stayed away for %(length)s", length=length_words(one.lapsed_after))
        case TriggerKind.WIFI_JOIN:
            return _joining()[one.join]
        case _other:
            return _plain()[one.on]


def _plain() -> Mapping[TriggerKind, str]:
    return {
        TriggerKind.ENTER: _("enters the fence"),
        TriggerKind.EXIT: _("leaves the fence"),
        TriggerKind.STORE_VISIT: _("visits a store"),
        TriggerKind.SCHEDULE: _("belongs to the audience, at the times of a schedule"),
        TriggerKind.PURCHASE: _("buys something"),
        TriggerKind.BIRTHDAY: _("has a birthday"),
    }


def _joining() -> Mapping[JoinKind, str]:
    return {
        JoinKind.ANY: _("joins the Wi-Fi"),
        JoinKind.FIRST: _("joins the Wi-Fi for the first time"),
        JoinKind.RETURN: _("joins the Wi-Fi again"),
    }


def cap(rule: CampaignRule) -> str:
    """How often one member may get it."""
    return _cap(rule.caps.campaign)


def _cap(one: CapRule) -> str:
    match one.per:
        case Period.DAY:
            return _("%(count)s a day for each member", count=one.n)
        case Period.SEVEN_DAYS:
            return _("%(count)s in seven days for each member", count=one.n)
        case Period.TOTAL:
            return _("%(count)s for each member, ever", count=one.n)


def audience(term: Term) -> str:
    """Whom the tree lets through."""
    return audience_words.in_words(Audience(term))


def sentence(rule: CampaignRule, offer: OfferContent, *, stock: int | None = None) -> list[str]:
    """The whole rule in a few plain sentences, the most important first."""
    first = _(
        "Members (%(who)s) get %(what)s when one of them %(triggers)s%(where)s; at most %(cap)s.",
        who=audience(rule.audience.term),
        what=_what(offer),
        triggers=_(" or ").join(triggers(rule)),
        where="".join(_(", %(part)s", part=part) for part in where_words(rule.where)),
        cap=cap(rule),
    )
    said = [first]
    if times := list(_times(rule.when)):
        said.append(_("Sent only: %(times)s.", times=_("; ").join(times)))
    if bounds := list(_bounds(rule, stock)):
        said.append(_("In all: %(bounds)s.", bounds=_("; ").join(bounds)))
    said.append(_lasting(rule, offer))
    if rule.holdout is not None and rule.holdout.percent:
        share = percent(rule.holdout.percent / 100, 0 if rule.holdout.percent.is_integer() else 1)
        said.append(
            _("%(share)s of the members get nothing, so that its effect can be measured.", share=share)
        )
    if rule.stop_when is not None:
        said.append(_("It ends by itself: %(stops)s.", stops=_("; ").join(stops(rule.stop_when))))
    return said


def stops(stop: StopWhen) -> Iterator[str]:
    """Each thing that ends it by itself."""
    if stop.redemptions is not None:
        yield _("after %(count)s redemptions", count=number(stop.redemptions))
    if stop.new_customers is not None:
        yield _("after %(count)s new customers", count=number(stop.new_customers))
    if stop.is_harm_watched:
        yield _("when members whom it reaches come less often than those held out")
    if stop.opt_out_share is not None:
        share = percent(stop.opt_out_share, 0 if (100 * stop.opt_out_share).is_integer() else 1)
        yield _("when more than %(share)s of those whom it reaches stop messages", share=share)


def _what(offer: OfferContent) -> str:
    """The title in quotes, and its worth."""
    value = worth(write_value(offer.value))
    title = offer.title.read(Language(spoken().language.value))[1].replace("{value}", value)
    kinds: Mapping[str, str] = {
        OfferKind.COUPON: _("the coupon “%(title)s”", title=title),
        OfferKind.RED_PACKET: _("the red packet “%(title)s”", title=title),
        OfferKind.MESSAGE: _("the message “%(title)s”", title=title),
        OfferKind.GREETING: _("the greeting “%(title)s”", title=title),
        OfferKind.POINTS: _("the points “%(title)s”", title=title),
        "points": _("the points “%(title)s”", title=title),
    }
    words = kinds.get(offer.kind, f"“{title}”")
    return _("%(offer)s (%(worth)s)", offer=words, worth=value) if value and value not in title else words


def where_words(where: Where) -> Iterator[str]:
    """The ground, part by part."""
    if where.within is not None:
        yield fence_words(where.within)
    if where.near_stores_m is not None:
        yield _("within %(metres)s m of the campaign's shops", metres=number(where.near_stores_m))
    if where.exclude:
        yield _("but not in: %(places)s", places=_(", ").join(map(fence_words, where.exclude)))
    if where.floor is not None:
        yield _("on floor %(floor)s", floor=where.floor)
    if where.or_visited is not None:
        days = where.or_visited.within.days
        yield _("or wherever who visited a shop in the last %(days)s days is", days=days)


def fence_words(fence: Fence) -> str:
    """One place."""
    match fence:
        case CircleFence(radius_m=radius_m):
            return _("in a circle of %(metres)s m", metres=number(radius_m))
        case BuildingFence(building=building, buffer_m=buffer_m):
            return _(
                "in building %(name)s and %(metres)s m around it", name=building, metres=number(buffer_m)
            )
        case StreetFence(buffer_m=buffer_m):
            return _("within %(metres)s m of a street", metres=number(buffer_m))
        case ZoneFence(zone=zone):
            return _("in zone %(name)s", name=zone)
        case _drawn:
            return _("in the drawn area")


def _times(when: When) -> Iterator[str]:
    if when.opening_hours:
        yield hours_words(when.opening_hours)
    if when.and_store_open:
        yield _("while a shop is open")
    if when.blackout:
        yield _("not on %(count)s named days", count=len(when.blackout))
    if when.public_holidays is HolidayRule.OFF:
        yield _("not on public holidays")
    if when.public_holidays is HolidayRule.ONLY:
        yield _("on public holidays")


def _bounds(rule: CampaignRule, stock: int | None) -> Iterator[str]:
    if stock is not None:
        yield _("%(count)s offers", count=number(stock))
    if rule.per_day is not None:
        yield _("%(count)s a day", count=number(rule.per_day))
    if rule.per_member is not None:
        yield _("%(count)s for one member", count=number(rule.per_member))
    if rule.budget is not None and rule.budget.total_minor is not None:
        yield _("%(amount)s to spend", amount=money(rule.budget.total_minor))
    if rule.budget is not None and rule.budget.per_day_minor is not None:
        yield _("%(amount)s to spend a day", amount=money(rule.budget.per_day_minor))
    if rule.per_minute is not None:
        yield _("%(count)s a minute", count=number(rule.per_minute))


def _lasting(rule: CampaignRule, offer: OfferContent) -> str:
    """How one comes by it, and how long it holds."""
    length = length_words(rule.ttl)
    if offer.claim is None:
        return _("It holds for %(length)s.", length=length)
    modes = {
        ClaimMode.OPEN: _("Members claim it in the offer centre; it holds for %(length)s.", length=length),
        ClaimMode.RESERVE: _(
            "One is held for each until he claims it; it holds for %(length)s.", length=length
        ),
        ClaimMode.DROP: _(
            "Claimed in the order of a queue from its start on; it holds for %(length)s.", length=length
        ),
    }
    if offer.claim.mode is ClaimMode.OPEN and not offer.claim.is_listed:
        return _("Claimed by who scans the poster; it holds for %(length)s.", length=length)
    return modes[offer.claim.mode]
