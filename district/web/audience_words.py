"""An audience in words, for those who approve it and those who made it. In the language being spoken."""

from dataclasses import replace

from district.web import categories
from district.web.channel_words import channel_word
from district.web.language import gettext as _
from district.web.language import spoken
from push.audience import Audience
from push.audience_terms import (
    All,
    AnyOf,
    Did,
    Dwell,
    EventKind,
    Follows,
    Interest,
    LabelKind,
    Labelled,
    Lapsed,
    LastRedemption,
    LastVisit,
    Leaf,
    Not,
    Op,
    Reachable,
    Speaks,
    Term,
    Visits,
    VisitScope,
)
from push.wording import Language


def in_words(audience: Audience) -> str:
    """Whom it means, in one line."""
    if audience.term == All():
        return _("everyone who agreed to offers")
    return _tree(audience.term, is_inside=False)


def of_property(audience: Audience) -> Audience:
    """The same of a property's own rule, in which the owner's stores are those of the property."""
    return Audience(_of_property(audience.term))


def _of_property(term: Term) -> Term:
    match term:
        case All(parts=parts) | AnyOf(parts=parts):
            return replace(term, parts=tuple(_of_property(part) for part in parts))
        case Not(part=part):
            return replace(term, part=_of_property(part))
        case Visits() | Lapsed() | Dwell() | LastVisit() | LastRedemption() | Did() | Follows():
            is_own = term.scope is VisitScope.MERCHANT
            return replace(term, scope=VisitScope.PROPERTY) if is_own else term
        case _:
            return term


def _tree(term: Term, *, is_inside: bool) -> str:
    match term:
        case All(parts=parts) | AnyOf(parts=parts):
            joint = _(" and ") if isinstance(term, All) else _(" or ")
            said = joint.join(_tree(part, is_inside=True) for part in parts)
            return f"({said})" if is_inside and len(parts) > 1 else said or _("everyone")
        case Not(part=part):
            return _("not: %(what)s", what=_tree(part, is_inside=True))
        case _:
            return _leaf(term)


def _leaf(leaf: Leaf) -> str:
    match leaf:
        case Visits() | Lapsed() | Dwell() | LastVisit() | Interest():
            return _walked(leaf)
        case LastRedemption(op=op, days=days, scope=scope):
            return _(
                "last redeemed an offer of %(place)s %(count)s days ago",
                place=_place(scope),
                count=_count(op, days),
            )
        case Did(kind=kind, op=op, value=value, days=days):
            return _(
                "%(what)s %(count)s times in %(days)s days",
                what=_deed(kind),
                count=_count(op, value),
                days=days,
            )
        case Speaks(language=language):
            return _("reads Chinese") if language is Language.ZH else _("reads English")
        case Reachable(channel=channel):
            return _("can be reached by %(channel)s", channel=channel_word(channel))
        case Follows(scope=scope, store_id=store_id):
            return _("follows %(place)s", place=_place(scope) if store_id is None else _("one store"))
        case Labelled(kind=kind, name=name):
            return _label(kind, name)


def _walked(leaf: Visits | Lapsed | Dwell | LastVisit | Interest) -> str:
    match leaf:
        case Interest(category=category, visits=visits, days=days):
            title = categories.title(category, spoken().language)
            return _(
                "visited %(category)s %(count)s times in %(days)s days",
                category=title,
                count=_count(Op.AT_LEAST, visits),
                days=days,
            )
        case Lapsed(days=days, scope=scope):
            return _("away from %(place)s for %(days)s days", place=_place(scope), days=days)
        case Dwell(op=op, value_s=value_s, days=days, scope=scope):
            return _(
                "spent %(count)s minutes at %(place)s in %(days)s days",
                count=_count(op, value_s // 60),
                place=_place(scope),
                days=days,
            )
        case LastVisit(op=op, days=days, scope=scope):
            return _("last visited %(place)s %(count)s days ago", place=_place(scope), count=_count(op, days))
        case _:
            return _visits(leaf)


def _visits(leaf: Visits) -> str:
    place = _place(leaf.scope)
    if leaf.days is not None:
        return _(
            "visited %(place)s %(count)s times in %(days)s days",
            place=place,
            count=_count(leaf.op, leaf.value),
            days=leaf.days,
        )
    if (leaf.op, leaf.value) == (Op.EQUAL, 0):
        return _("new to %(place)s", place=place)
    if (leaf.op, leaf.value) == (Op.AT_LEAST, 1):
        return _("returning to %(place)s", place=place)
    return _("visited %(place)s %(count)s times", place=place, count=_count(leaf.op, leaf.value))


def _count(op: Op, value: int) -> str:
    match op:
        case Op.EQUAL:
            return str(value)
        case Op.LESS:
            return _("fewer than %(number)s", number=value)
        case Op.AT_MOST:
            return _("at most %(number)s", number=value)
        case Op.MORE:
            return _("more than %(number)s", number=value)
        case Op.AT_LEAST:
            return _("at least %(number)s", number=value)


def _place(scope: VisitScope) -> str:
    return {
        VisitScope.DISTRICT: _("the district"),
        VisitScope.PROPERTY: _("the property"),
        VisitScope.MERCHANT: _("the merchant"),
        VisitScope.STORE: _("the store"),
    }[scope]


def _deed(kind: EventKind) -> str:
    return {
        EventKind.SEARCH: _("searched"),
        EventKind.STORE_VIEW: _("looked at stores"),
        EventKind.OFFER_VIEW: _("looked at offers"),
        EventKind.FAVOURITE: _("followed stores"),
        EventKind.CLAIM: _("claimed offers"),
        EventKind.PURCHASE: _("bought something"),
    }[kind]


def _label(kind: LabelKind, name: str) -> str:
    match kind:
        case LabelKind.TAG:
            return _("has the tag %(name)s", name=name)
        case LabelKind.LIST:
            return _("is on the list %(name)s", name=name)
        case LabelKind.SEGMENT:
            return _("is in the segment %(name)s", name=name)
