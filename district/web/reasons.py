"""Why a member did not get an offer, in words for the consoles."""

from district.web.language import gettext as _
from push.suppression import Suppression


def in_words(reason: str) -> str:
    """The reason in the language being spoken; one that is unknown stays as it is."""
    words = {
        Suppression.HOLDOUT: _("in the control group"),
        Suppression.NO_CONSENT: _("no consent to offers"),
        Suppression.NO_ENDPOINT: _("no way to reach the member"),
        Suppression.QUIET_HOURS: _("quiet hours"),
        Suppression.FREQUENCY_CAP: _("frequency cap reached"),
        Suppression.MERCHANT_SHARE: _("the merchant's share is used up"),
        Suppression.LOWER_SCORE: _("another offer suited better"),
        Suppression.NOT_IN_AUDIENCE: _("not in the audience"),
        Suppression.OUT_OF_WINDOW: _("outside the campaign's hours"),
        Suppression.OUT_OF_FENCE: _("outside the fence"),
        Suppression.BUDGET: _("budget used up"),
        Suppression.SOLD_OUT: _("sold out"),
        Suppression.PAUSED: _("campaign paused"),
        Suppression.STALE: _("position too old"),
        Suppression.DUPLICATE: _("already has this offer"),
        Suppression.ERASED: _("membership ended"),
        Suppression.MUTED: _("the member has muted this merchant"),
    }
    try:
        return words[Suppression(reason)]
    except ValueError:
        return reason
