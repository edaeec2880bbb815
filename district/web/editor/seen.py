"""What the editor shows of a form that is being filled: the rule in plain words, phones, the next dates of schedules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from district.districts.service import DistrictInfo
from district.web import rule_words
from district.web.editor import recurrence, triggers
from district.web.editor.campaign import Editor
from district.web.editor.fields import Fields
from district.web.formats import clock_time, money, percent
from district.web.language import Language, speaking, spoken
from district.web.language import gettext as _
from district.web.worth import worth
from push import lift, occurrences, template
from push.campaign_document import parse_rule
from push.occurrences import RecurrenceRefused
from push.offer_document import parse_offer
from push.problems import DocumentRefused
from push.rule import TriggerKind
from push.template import Placeholder, PlaceholderUnknown
from push.wording import Language as Spoken

DATES: Final = 5
SIZES: Final = (1_000, 10_000)
"""For how many reached members the smallest effect that can be told is shown."""
BASE_SHARE: Final = 0.05
"""The share who come anyway, of whom that is said."""


@dataclass(frozen=True, kw_only=True)
class Phone:
    """An offer as a telephone shows it."""

    language: Language
    label: str
    title: str
    text: str
    worth: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """The rule in words, or why there are none yet."""

    sentences: Sequence[str]
    missing: str


def said(editor: Editor, rule: dict[str, Any], offer: dict[str, Any]) -> Said:
    """The whole rule in the language being spoken."""
    if editor.errors:
        return Said(sentences=(), missing=next(iter(editor.errors.values())))
    try:
        stock = editor.form.one("stock")
        sentences = rule_words.sentence(
            parse_rule(rule), parse_offer(offer), stock=int(stock) if stock.isdecimal() else None
        )
    except DocumentRefused as refused:
        words = refused.problems[0].detail.read(Spoken(spoken().language.value))[1]
        return Said(sentences=(), missing=words)
    return Said(sentences=sentences, missing="")


def phones(
    form: Fields, value: Mapping[str, Any], district: DistrictInfo, store: str, until: datetime
) -> list[Phone]:
    """The offer on phones: the common words in each language that is given, then each variant."""
    found = [
        phone
        for language in Language
        if form.one(f"title_{language.value}") or form.one(f"text_{language.value}")
        for phone in (_phone(form, "", language, value, district, store, until, label=language.own_name),)
    ]
    own = spoken().language
    for row in form.kept_rows("variant"):
        label = _("Wording %(name)s", name=row.one("name"))
        language = own if row.one(f"title_{own.value}") else own.other
        found.append(_phone(form, f"{row.prefix}-", language, value, district, store, until, label=label))
    return found or [_phone(form, "", own, value, district, store, until, label=own.own_name)]


def _phone(
    form: Fields,
    prefix: str,
    language: Language,
    value: Mapping[str, Any],
    district: DistrictInfo,
    store: str,
    until: datetime,
    *,
    label: str,
) -> Phone:
    with speaking(replace(spoken(), language=language)):
        worth_words = worth(value)
        least = value.get("min_spend_minor")
        facts = {
            Placeholder.STORE: store,
            Placeholder.DISTRICT: (language is Language.ZH and district.name_zh) or district.name,
            Placeholder.VALUE: worth_words,
            Placeholder.MIN_SPEND: "" if least is None else money(least),
            Placeholder.UNTIL: clock_time(until),
        }
    title, text = (form.one(f"{prefix}{part}_{language.value}") for part in ("title", "text"))
    return Phone(
        language=language,
        label=label,
        title=_filled(title, facts),
        text=_filled(text, facts),
        worth=worth_words,
    )


def _filled(text: str, facts: template.Facts) -> str:
    """As it is while it names what nobody knows: the field says so."""
    try:
        return template.fill(text, facts)
    except PlaceholderUnknown:
        return text


def next_dates(editor: Editor, now: datetime) -> dict[str, list[datetime]]:
    """The next times of each schedule, by the row's beginning; none while it cannot be read."""
    return dict(_next_dates(editor, now))


def _next_dates(editor: Editor, now: datetime) -> Iterator[tuple[str, list[datetime]]]:
    for row in editor.form.kept_rows(triggers.KIND):
        if row.one("on") != TriggerKind.SCHEDULE:
            continue
        try:
            dst = occurrences.DstPolicy(
                gap=occurrences.Gap(row.one("gap") or occurrences.Gap.SHIFT),
                fold=occurrences.Fold(row.one("fold") or occurrences.Fold.FIRST),
            )
            schedule = occurrences.read(recurrence.text_of(editor.reading, row), dst=dst)
        except (RecurrenceRefused, ValueError):
            yield row.prefix, []
            continue
        slots = schedule.upcoming(now, default_zone=editor.district.zone, most=DATES)
        yield row.prefix, [slot.starts_at for slot in slots]


def smallest_effects(form: Fields, policy_pct: int) -> list[str]:
    """What a control group of this size could tell, in words."""
    try:
        share = float(form.one("holdout") or policy_pct) / 100
    except ValueError:
        return []
    return [words for size in SIZES if (words := _smallest(size, share))]


def _smallest(size: int, share: float) -> str:
    control = round(size * share)
    rise = lift.smallest_detectable(BASE_SHARE, treated=size - control, control=control)
    if not 0 < share < 1 or rise is None:
        return ""
    return _(
        "Of %(size)s members reached, a rise from %(base)s to %(risen)s would show.",
        size=size,
        base=percent(BASE_SHARE),
        risen=percent(BASE_SHARE + rise, 1),
    )
