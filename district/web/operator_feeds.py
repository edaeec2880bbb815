"""How well the feeds do, and the one-time codes of an installation without a provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import Clock, ClockDep
from district.database import DbSession
from district.feeds import health
from district.feeds.models import Feed, FeedHealth
from district.footfall.routes import csv_answer
from district.outbox.console import recent_codes
from district.sightings.models import RawSighting
from district.sightings.reported import Rejection
from district.web.fragments import is_fragment
from district.web.language import gettext as _
from district.web.operator_shell import waiting
from district.web.staff import Staff, staff
from district.web.templating import render

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
QUIET_AFTER_S = 180
COUNTED = (health.ACCEPTED, health.RECORDED, health.DUPLICATES, health.REPEATED, health.LATE_UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class FeedRow:
    """A feed on this trading day."""

    slug: str
    vendor: str
    is_disabled: bool
    counts: Mapping[str, int]
    rejected: Mapping[str, int]
    last_at: datetime | None
    lag_s: float | None
    """How long after it was measured the newest row came in."""
    is_quiet: bool

    @property
    def waiting(self) -> int:
        """Rows accepted that the recorder has not stored, or not counted, yet."""
        done = sum(
            self.counts.get(name, 0) for name in (health.RECORDED, health.REPEATED, health.LATE_UNKNOWN)
        )
        return max(0, self.counts.get(health.ACCEPTED, 0) - done)


@router.get("/operator/feeds")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """Each feed: accepted, recorded, repeated, refused by reason, and how late it is."""
    return render(
        request,
        "operator/feeds.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        feeds=rows_of(session, operator, clock),
        reason_words=reason_words,
    )


@router.get("/operator/feeds.csv")
def as_csv(operator: Operator, session: DbSession, clock: ClockDep) -> Response:
    """The same rows; a column for every reason that occurred."""
    rows = rows_of(session, operator, clock)
    reasons = sorted({reason for row in rows for reason in row.rejected})
    head = ("feed", "vendor", *COUNTED, *(f"rejected_{reason}" for reason in reasons), "last_at", "lag_s")
    table = [
        (
            row.slug,
            row.vendor,
            *(row.counts.get(name, 0) for name in COUNTED),
            *(row.rejected.get(reason, 0) for reason in reasons),
            row.last_at.isoformat() if row.last_at else "",
            "" if row.lag_s is None else round(row.lag_s, 1),
        )
        for row in rows
    ]
    return csv_answer([head, *table], f"feeds-{operator.district.slug}.csv")


@router.get("/operator/codes")
def codes(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """The codes of the last ten minutes, where they go to this page instead of a provider."""
    is_console = request.app.state.settings.demo_console_codes
    machine_now = clock.machine_now()
    found = recent_codes(session, operator.district.id, machine_now=machine_now) if is_console else []
    is_part = is_fragment(request)
    return render(
        request,
        "operator/codes_list.html" if is_part else "operator/codes.html",
        shell=operator.shell(request, badges={} if is_part else waiting(session, operator.district.id)),
        now=clock.now(),
        machine_now=machine_now,
        is_console=is_console,
        codes=found,
    )


def rows_of(session: Session, operator: Staff, clock: Clock) -> list[FeedRow]:
    """The feeds with what became of today's rows."""
    district = operator.district
    now = clock.now()
    today = select(FeedHealth).where(
        FeedHealth.district_id == district.id, FeedHealth.trading_day == district.trading_day(now)
    )
    by_feed: dict[Any, list[FeedHealth]] = {}
    for one in session.scalars(today):
        by_feed.setdefault(one.feed_id, []).append(one)
    feeds = session.scalars(select(Feed).where(Feed.district_id == district.id).order_by(Feed.slug)).all()
    return [_row(session, feed, by_feed.get(feed.id, []), now) for feed in feeds]


def _row(session: Session, feed: Feed, counted: list[FeedHealth], now: datetime) -> FeedRow:
    counts = {one.outcome: one.rows for one in counted}
    last_at = max((one.last_at for one in counted), default=None)
    newest = session.execute(
        select(RawSighting.at, RawSighting.received_at)
        .where(RawSighting.district_id == feed.district_id, RawSighting.feed_id == feed.id)
        .order_by(RawSighting.at.desc())
        .limit(1)
    ).one_or_none()
    return FeedRow(
        slug=feed.slug,
        vendor=feed.vendor,
        is_disabled=feed.disabled_at is not None,
        counts={name: rows for name, rows in counts.items() if name in COUNTED},
        rejected={name: rows for name, rows in counts.items() if name not in COUNTED},
        last_at=last_at,
        lag_s=(newest.received_at - newest.at).total_seconds() if newest else None,
        is_quiet=last_at is None or (now - last_at).total_seconds() > QUIET_AFTER_S,
    )


def reason_words(reason: str) -> str:
    """Why rows were refused, in words; a reason that is unknown stays as it is."""
    words: dict[str, str] = {
        Rejection.IN_FUTURE: _("more than 5 minutes ahead"),
        Rejection.TOO_OLD: _("more than 24 hours old"),
        Rejection.NOT_FINITE: _("coordinates are no numbers"),
        Rejection.OUT_OF_RANGE: _("coordinates out of range"),
        Rejection.UNKNOWN_ACCESS_POINT: _("access point not known"),
        Rejection.UNPLACED_ACCESS_POINT: _("access point not on the map"),
        Rejection.BAD_MAC: _("not a MAC address"),
        Rejection.BAD_ID: _("id too long or empty"),
        Rejection.BAD_TIME: _("not a time with its offset"),
        Rejection.BAD_MEMBER: _("not a member's id"),
        Rejection.BAD_FLOOR: _("floor too long"),
        Rejection.MISSING_ID: _("id missing"),
        Rejection.MISSING_TIME: _("time missing"),
        Rejection.MISSING_DEVICE: _("device missing"),
        Rejection.MISSING_PLACE: _("position missing"),
        Rejection.WRONG_TYPE: _("wrong type of value"),
        Rejection.OPTED_OUT: _("the device opted out"),
    }
    return words.get(reason, reason.replace("_", " "))
