"""What carriers, filings and gaps of filed texts are called on pages."""

from collections.abc import Mapping

from district.web.language import gettext as _


def carrier_words() -> Mapping[str, str]:
    """Carriers in the language being spoken."""
    return {
        "china_mobile": _("China Mobile"),
        "china_unicom": _("China Unicom"),
        "china_telecom": _("China Telecom"),
    }


def filing_words() -> Mapping[str, str]:
    """How a filing stands."""
    return {"unfiled": _("not filed"), "filed": _("filed"), "refused": _("refused")}


def gap_words() -> Mapping[str, str]:
    """What stands in a gap."""
    return {
        "title": _("the offer's title"),
        "text": _("the offer's text"),
        "store": _("name of the store"),
        "district": _("name of the district"),
        "value": _("what it is worth"),
        "min_spend": _("the bill from which it holds"),
        "until": _("until when it holds"),
        "link": _("the link to the offer"),
        "code": _("the one-time code"),
    }
