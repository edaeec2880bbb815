"""A district whose members' messages all go to the sink: rows in bulk, as issuing offers would have left them."""

import json
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import psycopg
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from district.campaigns.models import Campaign, CampaignStock
from district.channels.models import ChannelProvider, MemberEndpoint
from district.channels.service import about as about_provider
from district.clock import FixedClock, Simulation, system
from district.database import new_id, notify, psycopg_dsn
from district.districts import service as districts
from district.districts.models import District
from district.members.models import Consent, Member
from district.merchants.models import Merchant
from district.offers.models import Offer
from district.outbox.models import OutboxMessage
from district.sealing import seal
from push.channels import signing
from push.channels.vapid import new_private_key, public_key_of
from push.channels.web_push_encoding import encoded
from push.consent import Channel, Purpose
from push.coupon import RANDOM_BYTES, code_from
from push.message import MessagePurpose
from tests.factories import Makers
from tests.sink.running import Sink

PIECE: Final = 2_000
ALLOWED: Final = (Purpose.MARKETING, Purpose.LOCATION, Purpose.THIRD_PARTY)


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """Offers of one district, queued for the sink. ``secret`` seals what providers need."""

    session: Session
    district: District
    merchant: Merchant
    campaigns: Sequence[Campaign]
    sink: Sink
    offset: timedelta
    """Business time less machine time, at the beginning."""
    secret: str = field(repr=False)
    browser: str = field(default_factory=lambda: public_key_of(new_private_key()), repr=False)

    @classmethod
    def begun(
        cls, session: Session, sink: Sink, *, business_now: datetime, secret: str, campaigns: int = 1
    ) -> "Mailing":
        """A district without messages, in which business time runs from ``business_now`` on."""
        started_at = system.machine_now()
        districts.simulate(session, Simulation(machine_from=started_at, business_from=business_now))
        makers = Makers(session, FixedClock(business_now, machine=started_at), commit=True)
        district = makers.district()
        merchant = makers.merchant(district)
        store = makers.store(district, merchant_id=merchant.id)
        return cls(
            session=session,
            district=district,
            merchant=merchant,
            campaigns=[makers.campaign(district, merchant, [store]) for _ in range(campaigns)],
            sink=sink,
            offset=business_now - started_at,
            secret=secret,
        )

    def now(self) -> datetime:
        """Business time."""
        return system.machine_now() + self.offset

    def begin_anew(self, business_now: datetime) -> timedelta:
        """From here on business time is another; how much it is ahead of machine time. For processes begun after this."""
        machine_now = system.machine_now()
        districts.simulate(self.session, Simulation(machine_from=machine_now, business_from=business_now))
        self.session.commit()
        return business_now - machine_now

    def clock(self) -> FixedClock:
        """Both times as they are now."""
        return FixedClock(self.now(), machine=system.machine_now())

    def provider(
        self, kind: str, channel: Channel, options: dict[str, Any], opened: dict[str, Any], **values: Any
    ) -> uuid.UUID:
        """Switch a provider on."""
        id_, now = new_id(), system.machine_now()
        row = ChannelProvider(
            district_id=self.district.id,
            id=id_,
            slug=f"p-{id_.hex[-12:]}",
            channel=channel,
            kind=kind,
            name=kind,
            options=options,
            sealed=seal(self.secret, json.dumps(opened).encode(), about=about_provider(id_)),
            created_at=now,
            changed_at=now,
            **values,
        )
        self.session.add(row)
        self.session.commit()
        return id_

    def relay(self, channel: Channel = Channel.SMS, *, path: str = "/send", **values: Any) -> uuid.UUID:
        """A relay for a channel, which is the sink."""
        key = signing.secret_from(secrets.token_bytes(32))
        options = {"url": self.sink.url + path}
        return self.provider(f"relay_{channel.value}", channel, options, {"secret": key}, **values)

    def push_service(self, **values: Any) -> uuid.UUID:
        """The sink as the browsers' push service."""
        options = {"contact": "mailto:push@district.example", "hosts": [self.sink.host]}
        private = {"private_key": new_private_key()}
        return self.provider("web_push", Channel.WEB_PUSH, options, private, **values)

    def queue(
        self,
        count: int,
        channel: Channel,
        *,
        purpose: MessagePurpose = MessagePurpose.MARKETING,
        send_before: Callable[[int], datetime] | None = None,
        due_at: Callable[[int], datetime] | None = None,
    ) -> list[uuid.UUID]:
        """So many members who agreed to everything, and one message to each; the messages' ids in order."""
        ids: list[uuid.UUID] = []
        for start in range(0, count, PIECE):
            numbers = range(start, min(start + PIECE, count))
            ids += self._queue(numbers, channel, purpose, send_before, due_at)
        if count > PIECE:
            self._count()
        return ids

    def _count(self) -> None:
        """What the server does by itself within a minute: know how many rows there are."""
        for table in ("member", "consent", "offer", "outbox_message", "member_endpoint"):
            self.session.execute(text(f"ANALYZE {table}"))
        self.session.commit()

    def _queue(
        self,
        numbers: range,
        channel: Channel,
        purpose: MessagePurpose,
        send_before: Callable[[int], datetime] | None,
        due_at: Callable[[int], datetime] | None,
    ) -> list[uuid.UUID]:
        now, later = self.now(), self.now() + timedelta(days=2)
        people = [self._member(now) for _ in numbers]
        offers = [
            self._offer(person["id"], number, now) for person, number in zip(people, numbers, strict=True)
        ]
        messages = [
            self._message(offer, channel, purpose)
            | {
                "send_before": send_before(number) if send_before else later,
                "due_at": due_at(number) if due_at else now,
            }
            for offer, number in zip(offers, numbers, strict=True)
        ]
        self.session.execute(insert(Member), people)
        self.session.execute(insert(Consent), [one for person in people for one in self._said(person, now)])
        if channel is Channel.WEB_PUSH:
            self.session.execute(insert(MemberEndpoint), [self._browser(person, now) for person in people])
        self.session.execute(insert(Offer), offers)
        for campaign_id, issued in Counter(offer["campaign_id"] for offer in offers).items():
            stock = update(CampaignStock).where(CampaignStock.campaign_id == campaign_id)
            self.session.execute(stock.values(issued=CampaignStock.issued + issued))
        self.session.execute(insert(OutboxMessage), messages)
        notify(self.session, "outbox", str(self.district.id))
        self.session.commit()
        return [one["id"] for one in messages]

    def _member(self, now: datetime) -> dict[str, Any]:
        id_ = new_id()
        return {
            "district_id": self.district.id,
            "id": id_,
            "bucket": 5000,
            "language": "en",
            "joined_at": now,
            "phone": f"+99{id_.int % 10**13:013d}",
            "email": f"{id_.hex}@members.example",
        }

    def _said(self, person: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
        return [
            {
                "district_id": self.district.id,
                "id": new_id(),
                "member_id": person["id"],
                "purpose": purpose.value,
                "granted": True,
                "action": "box",
                "at": now,
            }
            for purpose in ALLOWED
        ]

    def _browser(self, person: dict[str, Any], now: datetime) -> dict[str, Any]:
        id_, address = new_id(), f"{self.sink.url}/push/{person['id'].hex}"
        keys = {"p256dh": self.browser, "auth": encoded(secrets.token_bytes(16))}
        return {
            "district_id": self.district.id,
            "id": id_,
            "member_id": person["id"],
            "channel": Channel.WEB_PUSH.value,
            "address": address,
            "address_hash": sha256(address.encode()).digest(),
            "sealed": seal(self.secret, json.dumps(keys).encode(), about=f"endpoint:{id_}"),
            "created_at": now,
            "seen_at": now,
        }

    def _offer(self, member_id: uuid.UUID, number: int, now: datetime) -> dict[str, Any]:
        return {
            "district_id": self.district.id,
            "id": new_id(),
            "campaign_id": self.campaigns[number % len(self.campaigns)].id,
            "member_id": member_id,
            "occurrence_key": uuid.uuid4().hex,
            "code": code_from(secrets.token_bytes(RANDOM_BYTES)),
            "kind": "coupon",
            "value": {"type": "percent", "percent": 20},
            "title": {"zh": "八折", "en": "20 % off"},
            "text": {"zh": "今天有效", "en": "Today only"},
            "why": {},
            "valid_from": now,
            "valid_until": now + timedelta(days=2),
            "issued_at": now,
        }

    def _message(self, offer: dict[str, Any], channel: Channel, purpose: MessagePurpose) -> dict[str, Any]:
        return {
            "district_id": self.district.id,
            "id": new_id(),
            "channel": channel.value,
            "purpose": purpose.value,
            "member_id": offer["member_id"],
            "offer_id": offer["id"],
            "payload": {
                "kind": "offer",
                "campaign_id": str(offer["campaign_id"]),
                "title": offer["title"],
                "body": offer["text"],
                "why": {},
                "by_location": True,
            },
            "retry_at": system.machine_now(),
            "created_at": offer["issued_at"],
        }


ACTIVE: Final = "SELECT count(*) FROM outbox_message WHERE state IN ('queued', 'leased', 'sending')"
STATES: Final = "SELECT id, state, reason, provider_message_id FROM outbox_message WHERE district_id = %s"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The outbox as anybody sees it, on a connection of its own each time: the database may have gone meanwhile."""

    url: str
    district_id: uuid.UUID

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(psycopg_dsn(self.url), autocommit=True, connect_timeout=5) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def active(self) -> int:
        """How many are not final."""
        return int(self._ask(f"{ACTIVE} AND district_id = %s", self.district_id)[0][0])

    def states(self) -> dict[str, str]:
        """The state of each message, by its id."""
        return {str(row[0]): row[1] for row in self._ask(STATES, self.district_id)}

    def end(self) -> None:
        """Nobody is to send what is left, when the next test begins."""
        with psycopg.connect(psycopg_dsn(self.url), autocommit=True) as connection:
            connection.execute(
                "UPDATE outbox_message SET state = 'dead' WHERE district_id = %s", [self.district_id]
            )

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Any other question."""
        return self._ask(sql, *values)
