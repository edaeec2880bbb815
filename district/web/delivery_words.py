"""What deliveries are said to be: states, answers and receipts in plain words."""

from district.web.language import gettext as _
from district.web.reasons import in_words


def states() -> dict[str, tuple[str, str, str]]:
    """By state: its name, a tone, and what it means."""
    return {
        "queued": (_("Waits"), "blue", _("It waits for its time, its turn, or its provider.")),
        "leased": (
            _("Being checked"),
            "blue",
            _("A worker has taken it and checks whether it may still go."),
        ),
        "sending": (_("On its way"), "blue", _("The provider has been called and has not answered yet.")),
        "accepted": (_("Taken"), "green", _("The provider has taken it. Receipts say whether it arrived.")),
        "failed": (_("Refused"), "red", _("The provider refused it, or the address does not exist.")),
        "expired": (_("Too late"), "yellow", _("Its time was over before it could go.")),
        "suppressed": (
            _("Held back"),
            "gray",
            _("It was not sent: by then the member or the rules did not allow it."),
        ),
        "unknown": (
            _("Uncertain"),
            "yellow",
            _("It was sent, and no answer came: it may have arrived. It is never sent a second time."),
        ),
        "dead": (_("Given up"), "red", _("Every try failed, or it stopped workers again and again.")),
    }


def outcomes() -> dict[str, str]:
    """What an attempt brought."""
    return {
        "accepted": _("taken"),
        "failed": _("refused"),
        "queued": _("not taken; tried again, or by the next channel"),
        "unknown": _("no answer: it may have arrived"),
        "dead": _("not taken; the last try"),
        "expired": _("not taken; too late for another try"),
    }


def receipts() -> dict[str, str]:
    """What a provider told."""
    return {
        "delivered": _("arrived"),
        "failed": _("did not arrive"),
        "address_gone": _("the address does not exist"),
        "shown": _("was shown"),
        "opened": _("was opened"),
        "clicked": _("was followed"),
        "complained": _("the member complained"),
        "stopped": _("the member ended such messages"),
    }


def purposes() -> dict[str, str]:
    """What messages are for."""
    return {"marketing": _("Offer"), "service": _("Service message"), "code": _("One-time code")}


def reason_word(reason: str) -> str:
    """Why it stands where it stands; what a provider said stays as it is."""
    own = {
        "parked": _("it stopped workers again and again"),
        "deadline": _("no answer in time"),
        "all providers rest": _("every provider rests"),
    }
    return own.get(reason) or in_words(reason)
