"""What a compiled audience joins to the members: one row a member and fact, each fact once however often it is asked."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from push.audience_facts import Owner
from push.audience_terms import EventKind, VisitScope
from push.consent import Purpose
from push.identifiers import StoreId

_STORES = "SELECT store.id FROM store WHERE store.district_id = %(district_id)s"
_OF_SCOPE = {
    VisitScope.DISTRICT: "",
    VisitScope.PROPERTY: " AND store.property_id = ANY(%(owner_properties)s::uuid[])",
    VisitScope.MERCHANT: " AND store.merchant_id = %(owner_merchant)s::uuid",
    VisitScope.STORE: " AND store.id = ANY(%(owner_stores)s::uuid[])",
}
_OF_CATEGORY = """SELECT store.id FROM store
    LEFT JOIN imported_place AS imported ON imported.district_id = store.district_id AND imported.ref = store.ref
    WHERE store.district_id = %(district_id)s AND coalesce(store.category, imported.category, '') = """


@dataclass(kw_only=True)
class Joins:
    """The joins and parameters of a statement while it is made."""

    owner: Owner
    is_among: bool
    params: dict[str, Any] = field(default_factory=dict)
    _joined: dict[Hashable, tuple[str, str]] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """All of them, for the FROM of ``member AS m``."""
        return "\n".join(
            f"LEFT JOIN ({body}) AS {name} ON {name}.member_id = m.id" for name, body in self._joined.values()
        )

    def param(self, value: Any) -> str:
        """The mark of a value."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"%({name})s{_cast(value)}"

    def among(self, column: str) -> str:
        """The same members as the statement's."""
        return f"AND {column} = ANY(%(among)s::uuid[])" if self.is_among else ""

    def stores(self, scope: VisitScope, *, only: StoreId | None = None) -> str:
        """A query for the ids of the scope's stores."""
        found = _STORES + _OF_SCOPE[self.owner.meant(scope)]
        return found if only is None else f"{found} AND store.id = {self.param(only)}"

    def visits(self, scope: VisitScope, since: datetime | None, *, category: str | None = None) -> str:
        """Earlier visits: least, most, last_at, stayed."""
        key = ("visits", self.owner.meant(scope), since, category)
        return self._once(key, lambda: self._visits(scope, since, category))

    def _visits(self, scope: VisitScope, since: datetime | None, category: str | None) -> str:
        if category is not None:
            stores = _OF_CATEGORY + self.param(category)
            place = f"visit.place_kind = 'store' AND visit.place_id = ANY(ARRAY({stores}))"
        elif self.owner.meant(scope) is VisitScope.DISTRICT:
            place = "visit.place_kind = 'district' AND visit.place_id IS NULL"
        else:
            place = f"visit.place_kind = 'store' AND visit.place_id = ANY(ARRAY({self.stores(scope)}))"
        window = "" if since is None else f"AND visit.started_at >= {self.param(since)}"
        return f"""SELECT visit.member_id, count(*) AS most, max(visit.started_at) AS last_at,
            count(*) FILTER (WHERE visit.started_at <= %(settled_by)s) AS least,
            sum(visit.ended_at - visit.started_at) AS stayed
        FROM visit
        WHERE visit.district_id = %(district_id)s AND visit.member_id IS NOT NULL AND {place}
          AND visit.ended_at < %(before)s {window} {self.among("visit.member_id")}
        GROUP BY visit.member_id"""

    def redeemed(self, scope: VisitScope) -> str:
        """Redemptions that stand: last_at."""
        key = ("redeemed", self.owner.meant(scope))
        return self._once(key, lambda: self._redeemed(scope))

    def _redeemed(self, scope: VisitScope) -> str:
        return f"""SELECT offer.member_id, max(redemption.redeemed_at) AS last_at
        FROM redemption
        JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
        WHERE redemption.district_id = %(district_id)s AND redemption.reversed_at IS NULL
          AND redemption.store_id = ANY(ARRAY({self.stores(scope)})) {self.among("offer.member_id")}
        GROUP BY offer.member_id"""

    def events(self, kind: EventKind, scope: VisitScope, since: datetime) -> str:
        """What stands in timelines: times."""
        key = ("events", kind, self.owner.meant(scope), since)
        return self._once(key, lambda: self._events(kind, scope, since))

    def _events(self, kind: EventKind, scope: VisitScope, since: datetime) -> str:
        is_anywhere = self.owner.meant(scope) is VisitScope.DISTRICT
        place = "" if is_anywhere else f"AND event.store_id = ANY(ARRAY({self.stores(scope)}))"
        return f"""SELECT event.member_id, count(*) AS times
        FROM member_event AS event
        WHERE event.district_id = %(district_id)s AND event.kind = {self.param(kind.value)}
          AND event.at >= {self.param(since)} {place} {self.among("event.member_id")}
        GROUP BY event.member_id"""

    def consent(self, purpose: Purpose, channels: Sequence[str]) -> str:
        """The newest word on a purpose: granted. Of two at one moment the withdrawal holds."""
        return self._once(("consent", purpose, *channels), lambda: self._consent(purpose, channels))

    def _consent(self, purpose: Purpose, channels: Sequence[str]) -> str:
        newest = f"""SELECT DISTINCT ON (consent.member_id, consent.channel)
                   consent.member_id, consent.channel, consent.granted, consent.at
            FROM consent
            WHERE consent.district_id = %(district_id)s AND consent.purpose = {self.param(purpose.value)}
              AND consent.channel = ANY({self.param(list(channels))}) {self.among("consent.member_id")}
            ORDER BY consent.member_id, consent.channel, consent.id DESC"""
        if len(channels) == 1:
            return newest
        return f"""SELECT DISTINCT ON (newest.member_id) newest.member_id, newest.granted
        FROM ({newest}) AS newest
        ORDER BY newest.member_id, newest.at DESC, newest.granted"""

    def _once(self, key: Hashable, make: Callable[[], str]) -> str:
        if key not in self._joined:
            body = make()
            self._joined[key] = (f"j{len(self._joined)}", body)
        return self._joined[key][0]


def _cast(value: Any) -> str:
    """What the driver cannot tell from the value alone."""
    if isinstance(value, list):
        return "::text[]"
    if isinstance(value, str):
        return "::text"
    return "::timestamptz" if isinstance(value, datetime) else ""
