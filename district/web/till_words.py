"""What the till page says by itself while there is no line, in the language of the page being rendered."""

from typing import Any

from district.web.language import gettext as _


def till_words() -> dict[str, Any]:
    """All of it; {names} are filled in by the page."""
    return {
        "up": _("On line"),
        "down": _("Off line since {time}"),
        "waiting": _("{count} waiting"),
        "quota": _("{left} of {all} uses left off line"),
        "list": _("list good until {time}"),
        "off": _("{amount} off"),
        "gift": _("A gift"),
        "seen": _("Seen"),
        "foreign": _("Taken by another shop: log in as that shop to bring it in."),
        "first": _("Used first at {time}."),
        "stops": _stops(),
        "outcomes": _outcomes(),
        "states": {
            "waiting": _("waiting"),
            "redeemed": _("booked"),
            "conflict": _("conflict"),
            "refused": _("not taken"),
        },
        "borne": {
            "merchant": _("The shop bears the discount."),
            "platform": _("The platform bears the discount."),
        },
        "reasons": reason_texts(),
    }


def _stops() -> dict[str, str]:
    return {
        "no-kit": _("this browser was never on line at this till: nothing can be taken"),
        "clock-back": _("this device's clock was set back: nothing is taken until it is on line"),
        "list-old": _("the list of used coupons is too old: nothing is taken until it is on line"),
        "quota": _("the off-line quota is used up: nothing is taken until it is on line"),
        "no-quota": _("another device holds this till's off-line quota"),
        "logged-out": _("logged out: log in to bring in what waits"),
        "insecure": _("coupons are taken on line only: open this page by its https address"),
    }


def _outcomes() -> dict[str, tuple[str, str]]:
    stops = _stops()
    refused = {
        name: (_("Not without a line"), text[:1].upper() + text[1:] + ("." if text.isascii() else "。"))
        for name, text in stops.items()
    }
    return refused | {
        "taken": (_("Accepted off line"), _("It is booked as soon as there is a line again.")),
        "unknown": (_("Unknown code"), _("Scan the code on the guest's own page.")),
        "unsigned": (
            _("Only scanned codes off line"),
            _("Without a line only the QR code of the guest's page can be checked."),
        ),
        "forged": (_("Not a code of this district"), _("Ask for the code on the guest's own page.")),
        "online-only": (_("Not without a line"), _("This coupon is taken only when the till is on line.")),
        "other": (_("Another shop's coupon"), _("It is not for this shop.")),
        "stale": (
            _("Code too old"),
            _("Scan the code that the guest's page shows now: it changes every 30 seconds."),
        ),
        "expired": (_("Expired"), _("Its time is over.")),
        "used": (_("Already used"), _("It was used or withdrawn before.")),
        "bill-small": (_("Bill too small"), _("The coupon holds from a larger bill on.")),
        "one-only": (
            _("Not without a line"),
            _("The sum waits for the line. Start over to take one scanned coupon alone."),
        ),
        "settle-lost": (
            _("No answer came"),
            _("Press Settle again once there is a line: the bill is never settled twice."),
        ),
    }


def left_out_words() -> dict[str, str]:
    """Why the best sum leaves a coupon out."""
    return {
        "below_threshold": _("The bill is too small for it."),
        "takes_nothing": _("It takes nothing off this bill."),
        "too_many": _("At most three are used on one bill."),
        "not_with_coupons": _("Not together with other coupons."),
        "not_with_member_price": _("Not together with the member price."),
        "not_with_points": _("Not together with points."),
        "no_better": _("The sum is no better with it."),
        "another_member": _("It belongs to another guest: settle one guest at a time."),
    }


def refused_words() -> dict[str, str]:
    """Why a code was taken out of a sum."""
    return {
        "used": _("A coupon was taken out: it was used already."),
        "expired": _("A coupon was taken out: its time is over."),
        "stale": _("A coupon was taken out: scan its code again."),
        "held": _("A coupon was taken out: it is in use at another till."),
        "other": _("A coupon was taken out: it is not for this shop."),
        "unknown": _("A code was taken out: it cannot be used here now."),
    }


def reason_texts() -> dict[str, str]:
    """Why an entry of a journal was not booked as any other."""
    return {
        "used-before": _("Used before."),
        "withdrawn": _("Withdrawn before."),
        "too-late": _("Brought in more than three days late."),
        "unknown-code": _("The code is unknown."),
        "forged-code": _("The code was not made here."),
        "online-only": _("This coupon is taken only when the till is on line."),
        "other-store": _("It is not for this shop."),
        "code-stale": _("The code was too old."),
        "bill-too-small": _("The bill was too small."),
        "offer-expired": _("Its time was over."),
        "not-yet-valid": _("Its time had not come."),
        "answer-lost": _("The till had asked before the line broke."),
        "gap": _("An entry before it is missing."),
        "chain-broken": _("The entry was changed."),
        "number-reused": _("Another entry has its number."),
        "other": _("Refused."),
    }
