"""Whether a gateway works, from what came of it: each check says what is wrong and what to do, in both languages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from district.gateways import redirect_events
from district.gateways.causes import Cause
from district.gateways.models import Gateway, RedirectEvent
from district.gateways.queries import RADIUS_SQL
from district.gateways.redirect_events import Outcome
from district.gateways.self_test_words import Said, words
from district.gateways.service import DIALECTS
from district.gateways.vendors import CONTROLLERS

RECENT = timedelta(hours=1)
POLLS_WITHIN = timedelta(minutes=3)
"""Polls come every five or ten seconds, and are kept once a minute."""
FETCHED_FROM_LEVEL = 3


class State(StrEnum):
    """How a check stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"
    """Nothing came yet from which it could be told."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    code: str
    state: State
    detail: str
    detail_zh: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a gateway. Machine times."""

    vendor: str
    level: int
    portal_url: str
    events: Sequence[RedirectEvent]
    """The newest first."""
    polled_at: datetime | None = None
    radius_clients: int = 0
    radius_heard_at: datetime | None = None


def facts_of(session: Session, gateway: Gateway, *, portal_url: str) -> Facts:
    """Read what is known of a gateway."""
    of = {"district_id": gateway.district_id, "gateway_id": gateway.id}
    clients, heard_at = session.execute(text(RADIUS_SQL), of).one()
    level = gateway.options.get("level", 1) if gateway.vendor == "opennds" else 0
    return Facts(
        vendor=gateway.vendor,
        level=int(level),
        portal_url=portal_url,
        events=redirect_events.last(session, gateway),
        polled_at=redirect_events.last_poll(session, gateway),
        radius_clients=clients,
        radius_heard_at=heard_at,
    )


def checks(facts: Facts, *, machine_now: datetime) -> list[Check]:
    """Everything that can be said, the redirects themselves first."""
    found = [
        _redirects(facts, machine_now),
        _clock(facts, machine_now),
        _signature(facts, machine_now),
        _allow_lists(facts, machine_now),
    ]
    if facts.vendor in CONTROLLERS:
        found.append(_controller(facts))
    if facts.radius_clients or (DIALECTS[facts.vendor].needs_login and facts.vendor not in CONTROLLERS):
        found.append(_radius(facts, machine_now))
    if facts.level >= FETCHED_FROM_LEVEL:
        found.append(_polling(facts, machine_now))
    return [*found, _https(facts)]


def _check(code: str, state: State, said: Said, **values: object) -> Check:
    english, chinese = words(said, **values)
    return Check(code=code, state=state, detail=english, detail_zh=chinese)


def _redirects(facts: Facts, now: datetime) -> Check:
    if not facts.events:
        return _check("redirects", State.UNKNOWN, Said.NO_REDIRECT)
    age = now - facts.events[0].at
    if age > RECENT:
        return _check("redirects", State.WARNING, Said.NO_RECENT_REDIRECT, age=age)
    count = len([event for event in facts.events if now - event.at <= RECENT])
    return _check("redirects", State.OK, Said.REDIRECTS_COME, count=count)


def _refusals(facts: Facts, now: datetime, *causes: Cause) -> list[RedirectEvent]:
    return [
        event
        for event in facts.events
        if event.outcome == Outcome.REFUSED and now - event.at <= RECENT and event.cause in causes
    ]


def _quiet(facts: Facts, code: str, ok: Said) -> Check:
    """Nothing is wrong, as far as anything came."""
    return _check(code, State.OK if facts.events else State.UNKNOWN, ok if facts.events else Said.NOT_YET)


def _clock(facts: Facts, now: datetime) -> Check:
    if ahead := _refusals(facts, now, Cause.AHEAD):
        return _check("clock", State.PROBLEM, Said.CLOCK_AHEAD, count=len(ahead))
    if old := _refusals(facts, now, Cause.OLD):
        return _check("clock", State.WARNING, Said.REDIRECTS_OLD, count=len(old))
    return _quiet(facts, "clock", Said.CLOCK_OK)


def _signature(facts: Facts, now: datetime) -> Check:
    if wrong := _refusals(facts, now, Cause.SIGNATURE):
        return _check("signature", State.PROBLEM, Said.SIGNATURE_WRONG, count=len(wrong))
    return _quiet(facts, "signature", Said.SIGNATURE_OK)


def _allow_lists(facts: Facts, now: datetime) -> Check:
    if refused := _refusals(facts, now, Cause.ALLOW_LIST):
        return _check(
            "allow_lists", State.PROBLEM, Said.NOT_ALLOWED, count=len(refused), detail=refused[0].detail
        )
    return _quiet(facts, "allow_lists", Said.ALLOWED)


def _controller(facts: Facts) -> Check:
    told = [event for event in facts.events if event.outcome in {Outcome.LET_IN, Outcome.FAILED}]
    if not told:
        return _check("controller", State.UNKNOWN, Said.CONTROLLER_NOT_ASKED)
    if told[0].outcome == Outcome.FAILED:
        return _check("controller", State.PROBLEM, Said.CONTROLLER_FAILED, detail=told[0].detail)
    return _check("controller", State.OK, Said.CONTROLLER_OK)


def _radius(facts: Facts, now: datetime) -> Check:
    if not facts.radius_clients:
        return _check("radius", State.PROBLEM, Said.NO_RADIUS_CLIENT)
    if facts.radius_heard_at is None:
        return _check("radius", State.UNKNOWN, Said.RADIUS_SILENT)
    age = now - facts.radius_heard_at
    state = State.OK if age <= RECENT else State.WARNING
    return _check("radius", state, Said.RADIUS_HEARD, age=age)


def _polling(facts: Facts, now: datetime) -> Check:
    if facts.polled_at is None:
        return _check("polling", State.PROBLEM, Said.NEVER_POLLED)
    age = now - facts.polled_at
    if age > POLLS_WITHIN:
        return _check("polling", State.PROBLEM, Said.STOPPED_POLLING, age=age)
    return _check("polling", State.OK, Said.POLLS)


def _https(facts: Facts) -> Check:
    if facts.portal_url.startswith("https://"):
        return _check("https", State.OK, Said.HTTPS)
    return _check("https", State.WARNING, Said.NO_HTTPS)
