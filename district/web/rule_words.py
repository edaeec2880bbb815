"""What a rule says, in the language being spoken: for whoever approves it or looks at what it does."""

from collections.abc import Mapping

from district.web.formats import duration
from district.web.language import gettext as _
from district.web.language import ngettext
from push.audience_terms import (
    All,
    AnyOf,
    Did,
    Dwell,
    EventKind,
    Follows,
    Interest,
    Labelled,
    Lapsed,
    LastRedemption,
    LastVisit,
    Not,
    Op,
    Reachable,
    Speaks,
    Term,
    Visits,
    VisitScope,
)
from push.limits import CapRule, Period
from push.rule import CampaignRule, JoinKind, Trigger, TriggerKind


def triggers(rule: CampaignRule) -> list[str]:
    """Each thing that brings the offer."""
    return [_trigger(one) for one in rule.triggers]


def _trigger(one: Trigger) -> str:
    match one.on:
        case TriggerKind.DWELL:
            return _("stays in the fence for %(length)s", length=duration(one.dwell))
        case TriggerKind.VISITS:
            return _("comes for visit number %(number)s", number=one.visits)
        case TriggerKind.LAPSED:
            return _("has stayed away for %(length)s", length=duration(one.lapsed_after))
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
    if term == All():
        return _("everyone who agreed to offers")
    return _words(term)


def _words(term: Term) -> str:
    match term:
        case All(parts=parts):
            return _(" and ").join(_inner(part) for part in parts) or _("everyone")
        case AnyOf(parts=parts):
            return _(" or ").join(_inner(part) for part in parts) or _("nobody")
        case Not(part=part):
            return _("not: %(term)s", term=_inner(part))
        case _leaf:
            return _leaf_words(_leaf)


def _inner(term: Term) -> str:
    is_group = isinstance(term, All | AnyOf) and len(term.parts) > 1
    return f"({_words(term)})" if is_group else _words(term)


def _leaf_words(leaf: Term) -> str:
    match leaf:
        case Visits(op=Op.EQUAL, value=0, days=None, scope=scope):
            return _("new to %(place)s", place=_place(scope))
        case Visits(op=Op.AT_LEAST, value=1, days=None, scope=scope):
            return _("returning to %(place)s", place=_place(scope))
        case Visits(op=op, value=value, scope=scope, days=days):
            return _("visits to %(place)s %(figure)s", place=_place(scope), figure=_figure(op, value, days))
        case Lapsed(days=days, scope=scope):
            return _("not in %(place)s for %(days)s days", place=_place(scope), days=days)
        case Dwell(op=op, value_s=value, scope=scope, days=days):
            return _("seconds in %(place)s %(figure)s", place=_place(scope), figure=_figure(op, value, days))
        case LastVisit(op=op, days=days, scope=scope):
            return _(
                "days since a visit to %(place)s %(figure)s", place=_place(scope), figure=_figure(op, days)
            )
        case LastRedemption(op=op, days=days, scope=scope):
            return _(
                "days since a coupon in %(place)s %(figure)s", place=_place(scope), figure=_figure(op, days)
            )
        case _other:
            return _other_words(_other)


def _other_words(leaf: Term) -> str:
    match leaf:
        case Interest(category=category, visits=visits, days=days):
            return _(
                "visits to %(category)s %(figure)s",
                category=category,
                figure=_figure(Op.AT_LEAST, visits, days),
            )
        case Did(kind=kind, op=op, value=value, days=days):
            return _("%(doing)s %(figure)s", doing=_doing()[kind], figure=_figure(op, value, days))
        case Speaks(language=language):
            return _("speaks %(language)s", language=language.value)
        case Reachable(channel=channel):
            return _("reached by %(channel)s", channel=channel.value)
        case Follows(scope=scope):
            return _("follows %(place)s", place=_place(scope))
        case Labelled(name=name):
            return _("in the group %(name)s", name=name)
        case _unknown:
            return type(_unknown).__name__


def _doing() -> Mapping[EventKind, str]:
    return {
        EventKind.SEARCH: _("searches"),
        EventKind.STORE_VIEW: _("looks at stores"),
        EventKind.OFFER_VIEW: _("looks at offers"),
        EventKind.FAVOURITE: _("favourites"),
        EventKind.CLAIM: _("claims"),
        EventKind.PURCHASE: _("purchases"),
    }


def _figure(op: Op, value: int, days: int | None = None) -> str:
    figure = f"{op.value} {value}"
    if days is None:
        return figure
    return ngettext("%(figure)s in %(num)s day", "%(figure)s in %(num)s days", days, figure=figure)


def _place(scope: VisitScope) -> str:
    places = {
        VisitScope.DISTRICT: _("the district"),
        VisitScope.PROPERTY: _("the property"),
        VisitScope.MERCHANT: _("the merchant"),
        VisitScope.STORE: _("the store"),
    }
    return places[scope]
