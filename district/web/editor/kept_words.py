"""A part of an audience that the editor keeps without fields for it, in words."""

from district.web import audience_words
from district.web.editor.fields import Row
from district.web.editor.terms import kept_document
from district.web.language import gettext as _
from push.audience_document import parse_who
from push.problems import Report


def kept_words(row: Row) -> str:
    """What the row keeps; said to be unreadable when it is."""
    report = Report()
    found = parse_who(kept_document(row), report)
    return _("an unreadable part") if report.problems else audience_words.in_words(found)
