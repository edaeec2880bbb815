"""What coupons should do, in memory and without a word of SQL: the same questions, answered by the rules alone."""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Helsinki")
OPENS = time(6)
IN_FORCE = ("live", "exhausted")
USABLE = ("issued", "opened")
MOST_UNKNOWN = 20
MOST_REFUSED = 5


def period_of(now: datetime) -> datetime:
    """The ten minutes in which tries count together."""
    return now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0)


def day_of(now: datetime) -> date:
    """The trading day of a moment."""
    local = now.astimezone(ZONE)
    return local.date() if local.time() >= OPENS else local.date() - timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a campaign promises. ``cap`` is a member's offers a trading day; ``pieces`` of a pool made in advance."""

    cost_minor: int
    mode: str = "push"
    is_pushed: bool = True
    hold_s: int = 0
    cap: int | None = None
    per_member: int | None = None
    per_day: int | None = None
    budget_minor: int | None = None
    day_budget_minor: int | None = None
    pieces: int | None = None
    is_offline: bool = False

    @property
    def is_held(self) -> bool:
        """Whether anything but stock and caps bounds it."""
        return any(one is not None for one in (self.per_day, self.budget_minor, self.day_budget_minor))


@dataclass(kw_only=True)
class Offer:
    """One offer; ``held_minor`` and ``held_day`` are what it takes of its campaign's budget."""

    campaign: int
    member: int
    key: str
    starts_at: datetime
    until: datetime
    state: str = "issued"
    reserved_until: datetime | None = None
    held_minor: int = 0
    held_day: str = ""
    is_opened: bool = False


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A coupon that its member unlocked at a till."""

    till: int
    until: datetime
    code: str


class Merge(Protocol):
    """What one membership gave another."""

    kept: int
    merged: int
    offers: list[uuid.UUID]
    tickets: list[int]
    silenced: bool
    is_undone: bool


@dataclass(kw_only=True)
class Stock:
    """A campaign as it stands."""

    bounds: Bounds
    quota: int | None
    taken: int = 0
    state: str = "live"

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left."""
        return self.quota is not None and self.taken >= self.quota


@dataclass(kw_only=True)
class Model:
    """The whole district. Each question answers with a slug, or with what happens."""

    stocks: list[Stock]
    members: int
    offers: dict[uuid.UUID, Offer] = field(default_factory=dict)
    slots: dict[tuple[int, str], dict[uuid.UUID, datetime]] = field(default_factory=dict)
    spent: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """Offers and money that each campaign holds, for ever ("total") and by trading day."""
    tickets: dict[tuple[int, int], str] = field(default_factory=dict)
    holds: dict[uuid.UUID, Hold] = field(default_factory=dict)
    tries: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    """What was refused, by subject and the ten minutes in which it was."""
    gone: set[int] = field(default_factory=set)
    """Who has left, or is part of another membership."""
    into: dict[int, int] = field(default_factory=dict)
    """Which memberships became part of which."""
    silent: set[int] = field(default_factory=set)

    def refuses_issue(self, campaign: int, member: int, key: str, now: datetime) -> str | None:
        """Why a pushed draft does not become an offer; None when it does."""
        stock = self.stocks[campaign]
        if member in self.gone:
            return "erased"
        if stock.state not in IN_FORCE:
            return "paused"
        if member in self.silent:
            return "no_consent"
        if any(
            (one.campaign, one.member, one.key) == (campaign, member, key) for one in self.offers.values()
        ):
            return "duplicate"
        if self._is_capped(stock.bounds, campaign, member, now):
            return "freq_cap"
        if self._is_spent(campaign, now):
            return "budget"
        return "sold_out" if stock.is_gone else None

    def _is_capped(self, bounds: Bounds, campaign: int, member: int, now: datetime) -> bool:
        today = [at for at in self._taken(member, f"cap:{campaign}") if day_of(at) == day_of(now)]
        over = bounds.cap is not None and len(today) >= bounds.cap
        return over or (
            bounds.per_member is not None
            and len(self._taken(member, f"held:{campaign}")) >= bounds.per_member
        )

    def _taken(self, member: int, scope: str) -> list[datetime]:
        return list(self.slots.get((member, scope), {}).values())

    def _is_spent(self, campaign: int, now: datetime, *, offers: int = 1) -> bool:
        """Whether so many more offers are too many for what may be spent."""
        bounds, day = self.stocks[campaign].bounds, day_of(now).isoformat()
        limits = (("total", None, bounds.budget_minor), (day, bounds.per_day, bounds.day_budget_minor))
        return any(
            (most is not None and self.spent[campaign, period, "offers"] + offers > most)
            or (
                minor is not None
                and self.spent[campaign, period, "minor"] + offers * bounds.cost_minor > minor
            )
            for period, most, minor in limits
        )

    def is_over(self, campaign: int) -> bool:
        """Whether nothing more can come of it: no piece, or no money, for ever."""
        stock = self.stocks[campaign]
        most = stock.bounds.budget_minor
        spent = self.spent[campaign, "total", "minor"]
        return stock.is_gone or (most is not None and spent + stock.bounds.cost_minor > most)

    def contested(self, campaign: int, wanted: int, now: datetime) -> Callable[[str | None], frozenset[str]]:
        """What else a member of a batch may be told: others hold the last money for a moment, and then find no piece.

        The answer takes why the member would be refused alone.
        """
        is_poor = self._is_spent(campaign, now, offers=wanted)

        def told(alone: str | None) -> frozenset[str]:
            return frozenset({"budget"} if is_poor and alone in {None, "sold_out", "budget"} else ())

        return told

    def add(self, id_: uuid.UUID, offer: Offer, now: datetime) -> None:
        """An offer was made: it takes its piece, its slots and its money."""
        self.offers[id_] = offer
        stock = self.stocks[offer.campaign]
        stock.taken += 1
        scopes = {f"cap:{offer.campaign}"} if stock.bounds.cap else set()
        if stock.bounds.per_member is not None or not stock.bounds.is_pushed:
            scopes.add(f"held:{offer.campaign}")
        for scope in scopes:
            self.slots.setdefault((offer.member, scope), {})[id_] = now
        if stock.bounds.is_held:
            offer.held_minor, offer.held_day = stock.bounds.cost_minor, day_of(now).isoformat()
            self._hold(offer, 1, offer.held_minor)

    def _hold(self, offer: Offer, offers: int, minor: int) -> None:
        for period in ("total", offer.held_day):
            self.spent[offer.campaign, period, "offers"] += offers
            self.spent[offer.campaign, period, "minor"] += minor

    def refuses_claim(self, campaign: int, member: int, now: datetime) -> str | None:
        """Why a member does not get what anybody may claim."""
        stock = self.stocks[campaign]
        if stock.state in {"ended", "cancelled"}:
            return "claim-over"
        if stock.state not in IN_FORCE:
            return "not-yet-open"
        if stock.state == "exhausted" or (stock.bounds.pieces is not None and stock.is_gone):
            return "sold-out"
        if len(self._taken(member, f"held:{campaign}")) >= (stock.bounds.per_member or 1):
            return "one-per-person"
        return "sold-out" if stock.is_gone or self._is_spent(campaign, now) else None

    def void(self, id_: uuid.UUID, *, gives_back: bool = True) -> None:
        """An offer ends unused: what it held is somebody else's to have."""
        offer = self.offers[id_]
        offer.state = "void"
        for taken in self.slots.values():
            taken.pop(id_, None)
        if gives_back:
            self.stocks[offer.campaign].taken -= 1
        if offer.held_day:
            self._hold(offer, -1 if gives_back else 0, -offer.held_minor)
        offer.held_minor, offer.held_day = 0, offer.held_day

    def sweep(self, now: datetime) -> int:
        """What the clock gives back: reservations that nobody claimed, and the money of what expired; how many."""
        overdue = [
            id_
            for id_, one in self.offers.items()
            if one.state == "reserved" and one.reserved_until is not None and one.reserved_until <= now
        ]
        for id_ in overdue:
            self.void(id_)
        expired = [
            one for one in self.offers.values() if one.state in USABLE and one.held_minor and one.until <= now
        ]
        for offer in expired:
            self._hold(offer, 0, -offer.held_minor)
            offer.held_minor = 0
        return len(overdue) + len(expired)

    def erase(self, member: int, now: datetime) -> None:
        """A member leaves, with all that became part of him: nothing of his is open any more."""
        for other in [who for who, kept in self.into.items() if kept == member]:
            del self.into[other]
            self.erase(other, now)
        for id_, offer in list(self.offers.items()):
            if offer.member == member and offer.state in {"reserved", *USABLE}:
                self.void(id_, gives_back=offer.until > now)
        self.slots = {key: taken for key, taken in self.slots.items() if key[0] != member}
        self.tickets = {key: state for key, state in self.tickets.items() if key[1] != member}
        self.gone.add(member)

    def take_back(self, id_: uuid.UUID, now: datetime) -> None:
        """A use is undone: the offer is its member's again, unless he has left."""
        offer = self.offers[id_]
        offer.state = "opened" if offer.is_opened else "issued"
        if offer.member in self.gone - set(self.into) and offer.until > now:
            self.void(id_)

    def hold_of(self, id_: uuid.UUID, now: datetime) -> Hold | None:
        """Who holds a coupon, while that lasts."""
        hold = self.holds.get(id_)
        return hold if hold is not None and now < hold.until else None

    def refuses_till(self, till: int, now: datetime) -> str | None:
        """Whether a till asked for too many codes that nobody knows."""
        return "too-many-requests" if self.tries[f"till:{till}", period_of(now)] >= MOST_UNKNOWN else None

    def refuses_at(self, id_: uuid.UUID, till: int, now: datetime, *, is_here: bool) -> str | None:
        """Why a till does not take an offer by its lasting code."""
        if not is_here:
            return "other-store"
        hold = self.hold_of(id_, now)
        if self.offers[id_].state in USABLE and hold is not None and hold.till != till:
            return "held-elsewhere"
        return self.refuses_use(id_, now)

    def refuses_shown(
        self, id_: uuid.UUID, till: int, now: datetime, *, is_here: bool, is_old: bool
    ) -> str | None:
        """Why a till does not take it by what its member's page shows."""
        if self.tries[f"offer:{id_}", period_of(now)] >= MOST_REFUSED:
            return "coupon-locked"
        found = self.refuses_at(id_, till, now, is_here=is_here)
        is_stale = is_old and self.offers[id_].state in USABLE
        return "code-stale" if is_stale and found not in {"other-store", "held-elsewhere"} else found

    def refuses_unlock(self, id_: uuid.UUID, now: datetime, *, is_own: bool, is_known: bool) -> str | None:
        """Why a member gets no typed code; what was tried is counted."""
        if not is_own:
            return "not-found"
        tried = (f"unlock:{id_}", period_of(now))
        self.tries[tried] += 1
        if self.tries[tried] > MOST_REFUSED:
            return "coupon-locked"
        if not is_known:
            return "unknown-till-number"
        offer = self.offers[id_]
        if offer.state not in USABLE or not offer.starts_at <= now < offer.until:
            return "cannot-unlock"
        self.tries[tried] -= 1
        return None

    def count_refusal(self, id_: uuid.UUID, till: int, why: str, now: datetime) -> None:
        """Tries that lock: of a till what nobody knows, of a coupon what its page showed in vain."""
        if why == "unknown-code":
            self.tries[f"till:{till}", period_of(now)] += 1
        if why in {"other-store", "held-elsewhere", "code-stale"}:
            self.tries[f"offer:{id_}", period_of(now)] += 1

    def merge(self, done: Merge) -> None:
        """One membership becomes part of another: what moves, but for what the other has himself."""
        kept, merged = done.kept, done.merged
        taken = {(one.campaign, one.key) for one in self.offers.values() if one.member == kept}
        for id_, offer in self.offers.items():
            if offer.member == merged and (offer.campaign, offer.key) not in taken:
                done.offers.append(id_)
                self._give(id_, kept)
        done.tickets += [
            place for place, who in self.tickets if who == merged and (place, kept) not in self.tickets
        ]
        for place in done.tickets:
            self.tickets[place, kept] = self.tickets.pop((place, merged))
        if merged in self.silent and kept not in self.silent:
            done.silenced = True
            self.silent.add(kept)
        self.gone.add(merged)
        self.into[merged] = kept

    def _give(self, id_: uuid.UUID, member: int) -> None:
        """An offer and the slots that it holds become another's."""
        before, self.offers[id_].member = self.offers[id_].member, member
        for (who, scope), taken in list(self.slots.items()):
            if who == before and id_ in taken:
                self.slots.setdefault((member, scope), {})[id_] = taken.pop(id_)

    def is_merge_standing(self, done: Merge) -> bool:
        """Whether it can be undone."""
        is_so = self.into.get(done.merged) == done.kept and not done.is_undone
        return is_so and done.kept not in self.gone

    def undo(self, done: Merge) -> None:
        """What moved goes back."""
        for id_ in done.offers:
            if self.offers[id_].member == done.kept:
                self._give(id_, done.merged)
        for place in done.tickets:
            if (place, done.kept) in self.tickets:
                self.tickets[place, done.merged] = self.tickets.pop((place, done.kept))
        del self.into[done.merged]
        self.gone.discard(done.merged)
        others = [who for who, kept in self.into.items() if kept == done.kept]
        if done.silenced and not self.silent.intersection(others):
            self.silent.discard(done.kept)
        done.silenced, done.is_undone = False, True

    def refuses_use(self, id_: uuid.UUID, now: datetime) -> str | None:
        """Why a till does not take an offer that belongs there."""
        offer = self.offers[id_]
        if offer.state == "redeemed":
            return "already-redeemed"
        if offer.state == "void":
            return "not-yet-valid" if offer.starts_at > now else "offer-expired"
        if offer.starts_at > now:
            return "not-yet-valid"
        return "offer-expired" if offer.until <= now else None
