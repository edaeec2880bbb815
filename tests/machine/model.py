"""What coupons should do, in memory and without a word of SQL: the same questions, answered by the rules alone."""

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Helsinki")
OPENS = time(6)
IN_FORCE = ("live", "exhausted")
USABLE = ("issued", "opened")


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
    gone: set[int] = field(default_factory=set)
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
        if stock.bounds.pieces is not None and stock.is_gone:
            return "sold_out"
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

    def _is_spent(self, campaign: int, now: datetime) -> bool:
        bounds, day = self.stocks[campaign].bounds, day_of(now).isoformat()
        limits = (("total", None, bounds.budget_minor), (day, bounds.per_day, bounds.day_budget_minor))
        return any(
            (most is not None and self.spent[campaign, period, "offers"] >= most)
            or (minor is not None and self.spent[campaign, period, "minor"] + bounds.cost_minor > minor)
            for period, most, minor in limits
        )

    def is_over(self, campaign: int) -> bool:
        """Whether nothing more can come of it: no piece, or no money, for ever."""
        stock = self.stocks[campaign]
        most = stock.bounds.budget_minor
        spent = self.spent[campaign, "total", "minor"]
        return stock.is_gone or (most is not None and spent + stock.bounds.cost_minor > most)

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
        """A member leaves: nothing of his is open any more."""
        for id_, offer in list(self.offers.items()):
            if offer.member == member and offer.state in {"reserved", *USABLE}:
                self.void(id_, gives_back=offer.until > now)
        self.slots = {key: taken for key, taken in self.slots.items() if key[0] != member}
        self.tickets = {key: state for key, state in self.tickets.items() if key[1] != member}
        self.gone.add(member)

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
