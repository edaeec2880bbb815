"""Why a redirect was refused, in the language being spoken: what the gateways' files say in English for all to read."""

import re

from district.web.language import Language, gettext, spoken
from district.web.language import gettext as _


def redirect_words(detail: str) -> str:
    """The words of a refusal; what is not known here, such as a controller's own words, stays as it is."""
    if spoken().language is Language.EN or not detail:
        return detail
    for pattern, words in _varying():
        found = re.fullmatch(pattern, detail, re.DOTALL)
        if found:
            return words % found.groupdict()
    return gettext(detail)


def _varying() -> list[tuple[str, str]]:
    """Sentences that name something of the redirect."""
    return [
        (
            r"The gateway address (?P<host>\S+) is in none of the allowed networks: add it to allow_networks\.",
            _("The gateway address %(host)s is in none of the networks that it may name: add it there."),
        ),
        (
            r"The user's address (?P<host>\S+) is in none of the allowed networks: add it to allow_networks\.",
            _("The user's address %(host)s is in none of the networks that it may name: add it there."),
        ),
        (
            r"The grant host (?P<host>\S+) is not allowed: add it to allow_hosts\.",
            _("The grant host %(host)s is not allowed: add it to the hosts that it may name."),
        ),
        (
            r"The redirect needs exactly one (?P<name>.+)\.",
            _("The redirect needs exactly one field %(name)s."),
        ),
        (
            r"The redirect has no hid: set fas_secure_enabled to (?P<level>\d) in openNDS\.",
            _("The redirect has no hid: set fas_secure_enabled to %(level)s in openNDS."),
        ),
        (
            r"The redirect is of the site (?P<site>.+), not of this gateway's\.",
            _("The redirect is of the site %(site)s, not of this gateway's."),
        ),
        (
            r"The redirect's md does not match: .*exactly (?P<url>\S+)",
            _(
                "The redirect's md does not match: uamsecret is not this gateway's secret, or uamserver is not exactly %(url)s"
            ),
        ),
    ]
