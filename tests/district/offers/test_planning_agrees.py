"""The set planner and decide(), asked member by member, come to one answer in any world."""

import hashlib
import random
import uuid
from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any

import pytest

from district.audiences import contexts
from district.campaigns.live import live_campaigns
from district.channels import addresses, standing
from district.channels.models import ChannelPolicy, ChannelProvider, MemberEndpoint
from district.channels.wechat_models import WechatGrant
from district.database import transaction
from district.members.models import Consent, Member
from district.members.mutes import MemberMute
from district.offers.models import CapSlot
from district.offers.planning import Checked, Group, Names, Range, check
from district.visits.models import Visit
from push.audience_asked import Asked
from push.campaign import Campaign
from push.consent import Channel, Purpose
from push.decision import Crossing, Decision, OfferDraft, Refusal, decide
from push.identifiers import VisitId
from push.limits import CapRule, CapScope, Period, QuietHours, TradingDay
from push.policy import DecisionPolicy
from push.routing import route
from push.rule import TriggerKind
from push.suppression import Suppression
from tests.district.offers.conftest import Ground
from tests.district.offers.waiting import campaign

ONLY_ASKED_ONE_BY_ONE = {Suppression.LOWER_SCORE, Suppression.STALE, Suppression.QUIET_HOURS}
ZONES = [None, None, None, "Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati", "Mars/Olympus"]
WHO: list[Any] = [
    "everyone",
    "everyone",
    "new",
    "returning",
    {"all": [{"attr": "visits", "op": ">=", "value": 2, "window_d": 30}]},
    {"any": [{"attr": "language", "op": "==", "value": "zh"}, {"attr": "visits", "op": "==", "value": 0}]},
    {"not": {"attr": "language", "op": "==", "value": "en"}},
]


class World:
    """Members with random histories, and campaigns that ask for random things."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground = ground
        self.random = random.Random(seed)
        self.mini_program: uuid.UUID | None = None
        self._use_channels()
        self.stores = [ground.makers.store(ground.district, merchant_id=ground.merchant.id) for _ in range(2)]
        self.campaigns = [self._campaign() for _ in range(5)]
        self.members = [self._member() for _ in range(80)]
        ground.makers.done()

    def _use_channels(self) -> None:
        """Channels of the district, at prices that order them, or in an order of its own; often none."""
        every = (Channel.SMS, Channel.WEB_PUSH, Channel.EMAIL, Channel.MINI_PROGRAM)
        used = [one for one in every if self.random.random() < 0.6]
        values = {"district_id": self.ground.info.id, "changed_at": self.ground.clock.now()}
        for channel in used:
            provider = {"slug": channel, "channel": channel, "kind": "none", "name": channel, "options": {}}
            if channel is Channel.MINI_PROGRAM:
                provider["kind"] = "wechat_mini"
            price = self.random.randrange(5)
            row = ChannelProvider(
                **values, **provider, sealed=b"", cost_micro=price, created_at=values["changed_at"]
            )
            self.ground.makers.session.add(row)
            if channel is Channel.MINI_PROGRAM:
                self.ground.makers.session.flush()
                self.mini_program = row.id
        if self.random.random() < 0.4:
            named = self.random.sample([one.value for one in (Channel.SMS, Channel.WEB_PUSH)], 2)
            self.ground.makers.session.add(ChannelPolicy(**values, channel_order=named))
        self.ground.makers.session.flush()

    def _campaign(self) -> uuid.UUID:
        choose = self.random.choice
        members: dict[str, Any] = {
            "who": choose(WHO),
            "cap": {"campaign": {"n": choose([1, 2]), "per": choose(["day", "7d", "total"])}},
            "holdout": {"pct": choose([0, 20, 50])},
            "priority": choose(["normal", "service"]),
        }
        if self.random.random() < 0.4:
            store = choose(["mine", *(str(one.id) for one in self.stores)])
            members["where"] = {"or_visited": {"store": store, "days": choose([1, 20, 60])}}
        if self.random.random() < 0.5:
            members["cap"]["merchant"] = {"n": 1, "per": "day"}
        if self.random.random() < 0.3:
            members["cap"]["gap_min"] = 90
        if self.random.random() < 0.5:
            by = {one: {"n": 1, "per": "day"} for one in ("inbox", "sms", "web_push")}
            members["cap"]["channel"] = dict(self.random.sample(sorted(by.items()), 2))
        rrule = "DTSTART:20260101T120000\nRRULE:FREQ=DAILY"
        trigger: dict[str, Any] = {"on": "schedule", "rrule": rrule}
        if self.random.random() < 0.4:
            trigger["cool_down_s"] = 86_400
        row = campaign(self.ground, trigger, {"on": "wifi.join"}, rule=members, stores=self.stores)
        return uuid.UUID(str(row.id))

    def _member(self) -> Member:
        choose, makers = self.random.choice, self.ground.makers
        member = makers.member(
            self.ground.district,
            zone=choose(ZONES),
            bucket=self.random.randrange(10_000),
            language=choose(["zh", "en", "de"]),
            is_personalised=self.random.random() < 0.8,
            state=choose(["active"] * 9 + ["erased"]),
        )
        for _ in range(self.random.randrange(9)):
            self._say(member)
        for _ in range(self.random.randrange(4)):
            self._visit(member)
        self._take(member)
        self._name_addresses(member)
        if self.random.random() < 0.1:
            self._mute(member)
        return member

    def _name_addresses(self, member: Member) -> None:
        """A number, an e-mail address and a browser, each perhaps; some are gone."""
        if self.random.random() < 0.5:
            member.phone = f"+35840{member.id.int % 10**8:08}"
            if self.random.random() < 0.2:
                self._endpoint(member, Channel.SMS, member.phone, "gone")
        if self.random.random() < 0.3:
            member.email = f"{member.id.hex}@example.org"
        for number in range(self.random.randrange(3)):
            state = self.random.choice(["active", "suspect", "gone"])
            self._endpoint(member, Channel.WEB_PUSH, f"https://push.example/{member.id}/{number}", state)

        if self.mini_program is not None and self.random.random() < 0.6:
            self._endpoint(member, Channel.MINI_PROGRAM, f"openid-{member.id}", "active", self.mini_program)
            for _ in range(self.random.randrange(3)):
                self._allow(member, self.mini_program)

    def _allow(self, member: Member, provider_id: uuid.UUID) -> None:
        """Leave for one message, perhaps used already."""
        used = self.random.random() < 0.5
        leave = WechatGrant(
            district_id=self.ground.info.id,
            member_id=member.id,
            provider_id=provider_id,
            template_id="T",
            granted_at=self.ground.clock.now(),
            delivery_id=uuid.uuid4() if used else None,
        )
        self.ground.makers.session.add(leave)
        self.ground.makers.session.flush()

    def _endpoint(
        self,
        member: Member,
        channel: Channel,
        address: str,
        state: str,
        provider_id: uuid.UUID | None = None,
    ) -> None:
        at = self.ground.clock.now()
        row = MemberEndpoint(
            district_id=self.ground.info.id,
            member_id=member.id,
            channel=channel,
            provider_id=provider_id,
            address=address,
            address_hash=hashlib.sha256(address.encode()).digest(),
            state=state,
            created_at=at,
            seen_at=at,
        )
        self.ground.makers.session.add(row)
        self.ground.makers.session.flush()

    def _mute(self, member: Member) -> None:
        at = self.ground.clock.now()
        names = {"district_id": self.ground.info.id, "merchant_id": self.ground.merchant.id}
        self.ground.makers.session.add(MemberMute(member_id=member.id, at=at, **names))
        self.ground.makers.session.flush()

    def _say(self, member: Member) -> None:
        choose = self.random.choice
        self.ground.makers.session.add(
            Consent(
                district_id=self.ground.info.id,
                member_id=member.id,
                purpose=choose([Purpose.MARKETING, Purpose.MARKETING, Purpose.LOCATION, Purpose.THIRD_PARTY]),
                channel=choose(["", "", Channel.INBOX, Channel.SMS, Channel.WEB_PUSH, Channel.WEBHOOK]),
                granted=self.random.random() < 0.85,
                action="box",
                at=self.ground.clock.now() - timedelta(hours=self.random.randrange(3)),
            )
        )
        self.ground.makers.session.flush()

    def _visit(self, member: Member) -> None:
        at = self.ground.clock.now() - timedelta(hours=self.random.choice([1, 11, 13, 40, 400, 900]))
        self.ground.makers.session.add(
            Visit(
                district_id=self.ground.info.id,
                trading_day=at.date(),
                id=uuid.uuid4(),
                place_kind="store",
                place_id=self.random.choice(self.stores).id,
                member_id=member.id,
                started_at=at,
                ended_at=at + timedelta(minutes=20),
                fixes=9,
            )
        )

    def _take(self, member: Member) -> None:
        ids = [str(one) for one in self.campaigns]
        scopes = [f"campaign:{one}:{per}" for one in ids for per in ("day", "7d", "total")]
        scopes += [
            f"merchant:{self.ground.merchant.id}:day",
            "global:day",
            "gap",
            *(f"channel:{one}:day" for one in ("inbox", "sms", "web_push")),
            *(f"trigger:{one}:0" for one in ids),
        ]
        for scope in self.random.sample(scopes, self.random.randrange(4, 20)):
            for slot in range(self.random.randrange(1, 3)):
                hours = self.random.choice([1, 5, 9, 13, 23, 25, 100, 200])
                self.ground.makers.session.add(
                    CapSlot(
                        district_id=self.ground.info.id,
                        member_id=member.id,
                        scope=scope,
                        slot=slot,
                        taken_at=self.ground.clock.now() - timedelta(hours=hours),
                        offer_id=uuid.uuid4(),
                    )
                )

    def policy(self) -> DecisionPolicy:
        info = self.ground.info
        return DecisionPolicy(
            day=TradingDay(zone=info.zone, starts_at=info.day_start),
            control_buckets=self.random.choice([0, 2_000]),
            shared_caps=((CapScope.GLOBAL, CapRule(n=2, per=Period.DAY)),),
            quiet=QuietHours(start=time(0), end=time(0)),  # none: the day's hours decide nothing here
            gap=self.random.choice([None, timedelta(minutes=30)]),
        )


def group_of(checked: Checked, campaign_id: uuid.UUID, member_id: uuid.UUID) -> Group:
    """What the set statement says of one pair: it must say it once."""
    found = [one for one in checked.groups[campaign_id] if member_id in one.members]
    assert len(found) == 1
    return found[0]


def told(
    decision: Decision, here: standing.Standing, known: Mapping[uuid.UUID, Mapping[Channel, int]]
) -> set[Channel]:
    """The inbox, if it has a place, and the first channel that would ring: as messages are queued."""
    draft = decision if isinstance(decision, OfferDraft) else decision.ghost
    if draft is None:
        return set()
    ringing = route(here.order(draft.channels), known.get(draft.member_id, {}))
    return ({Channel.INBOX} & set(draft.channels)) | set(ringing[:1])


def would_pass(decision: Decision) -> bool:
    """Whether decide() finds nothing but an experiment in the way."""
    return isinstance(decision, OfferDraft) or decision.ghost is not None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("trigger", [TriggerKind.SCHEDULE, TriggerKind.WIFI_JOIN])
async def test_both_give_every_pair_the_same_answer(ground: Ground, seed: int, trigger: TriggerKind) -> None:
    world = World(ground, seed)
    now, policy = ground.clock.now(), world.policy()
    async with transaction(ground.pool) as connection:
        campaigns = [one.campaign for one in await live_campaigns(connection, ground.info)]
        assert len(campaigns) == 5
        checked = await check(
            connection,
            ground.info,
            campaigns,
            trigger=trigger,
            policy=policy,
            now=now,
            among=Range(),
            names=Names.ALL,
        )
        active = [one.id for one in world.members if one.state == "active"]
        assert checked.size == len(active)
        wanted = Asked()
        for one in campaigns:
            wanted = wanted.together(contexts.asked_by(one))
        here = await standing.load(connection, ground.info.id)
        addressed = await addresses.count(connection, ground.info.id, active, here.used)
        reasons: set[Suppression | None] = set()
        for member_id in active:
            known = await contexts.load(connection, ground.info, [member_id], wanted=wanted, now=now)
            for made in campaigns:
                decision = decide(
                    crossing(made, trigger, ground),
                    made,
                    known[member_id].for_campaign(made),
                    now=now,
                    policy=policy,
                )
                found = group_of(checked, made.id, member_id)
                alone = decision.reason if isinstance(decision, Refusal) else None
                if alone not in ONLY_ASKED_ONE_BY_ONE:
                    expected = (alone, would_pass(decision), told(decision, here, addressed))
                    told_first = set(found.told)
                    assert (found.reason, found.passes, told_first) == expected, (made.rule, known[member_id])
                reasons.add(found.reason)
    # Who is held out hangs on random ids, and comes before a cap: which reasons a small world shows, differs.
    assert None in reasons
    assert len(reasons) >= 3


def crossing(made: Campaign, trigger: TriggerKind, ground: Ground) -> Crossing:
    return Crossing(
        trigger=trigger,
        campaign_id=made.id,
        visit_id=VisitId(uuid.uuid4()),
        at=ground.clock.now(),
        received_at=ground.clock.now(),
        joins=1,
    )


async def test_ranges_cover_everyone_once(ground: Ground) -> None:
    World(ground, 99)
    sizes, after = [], None
    async with transaction(ground.pool) as connection:
        campaigns = [one.campaign for one in await live_campaigns(connection, ground.info)]
        given: dict[str, Any] = {
            "trigger": TriggerKind.SCHEDULE,
            "policy": DecisionPolicy(day=TradingDay(zone=ground.info.zone)),
            "now": ground.clock.now(),
        }
        whole = await check(connection, ground.info, campaigns, among=Range(), **given)
        named: list[uuid.UUID] = []
        while True:
            part = await check(
                connection, ground.info, campaigns, among=Range(after=after, limit=17), **given
            )
            sizes.append(part.size)
            named += part.passing(campaigns[0].id)
            after = part.last
            if part.size < 17:
                break
    assert sum(sizes) == whole.size
    assert tuple(named) == whole.passing(campaigns[0].id)
