"""What a worker does again and again: ticks that claim what is due, so that any number of workers may tick at once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import structlog

from district.accesslog import jobs as accesslog
from district.auth import idempotency
from district.campaigns import jobs as campaigns
from district.campaigns import visit_triggers
from district.deliveries import asking, receipt_jobs, screens, wallet_jobs
from district.deliveries.asking import Asking
from district.deliveries.screens import Screens
from district.districts.service import DistrictInfo
from district.gateways import overstayed
from district.offers import code_keys, model_jobs
from district.offers import jobs as offers
from district.offers import waiting_jobs as waiting
from district.outbox import jobs as outbox
from district.points import jobs as points
from district.portal import incentive_jobs, two_places
from district.privacy import jobs as privacy
from district.purchases import jobs as purchases
from district.redemptions import holding as redemptions
from district.roles import RoleContext
from district.settlement import jobs as settlement
from district.sightings import jobs as sightings
from district.visits import jobs as visits

log = structlog.get_logger()
Run: TypeAlias = Callable[[RoleContext], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a tick does; it never runs twice at once in one worker, and missed ticks are one."""

    name: str
    every: timedelta
    run: Run


def in_each_district(work: Callable[[RoleContext, DistrictInfo], Awaitable[None]]) -> Run:
    """A tick that does it in every district; one district's trouble does not keep it from the others."""
    name = getattr(work, "__name__", "")

    async def run(context: RoleContext) -> None:
        for district in context.districts:
            try:
                await work(context, district)
            except Exception:
                log.exception("job.failed_in_a_district", work=name, district=district.slug)

    return run


async def turn_days_of_sightings(context: RoleContext) -> None:
    """The raw store's partitions: the coming days there, the old ones gone."""
    kept = context.settings.raw_rows_kept
    await sightings.turn_days(context.pool, now=context.clock.now(), kept=kept)


async def forget_sightings(context: RoleContext) -> None:
    """Retention of salts and passive rows, minute by minute."""
    await _forget_sightings(context, lookback=timedelta(hours=1))


async def forget_sightings_left(context: RoleContext) -> None:
    """The same for what a pause of the workers, or a long backlog, left behind."""
    await _forget_sightings(context, lookback=None)


async def _forget_sightings(context: RoleContext, *, lookback: timedelta | None) -> None:
    now, kept = context.clock.now(), context.settings.raw_rows_kept
    for district in context.districts:
        await sightings.forget(context.pool, district.id, now=now, kept=kept, lookback=lookback)


@in_each_district
async def advance_campaigns(context: RoleContext, district: DistrictInfo) -> None:
    """Start and end campaigns whose time has come."""
    await campaigns.advance(context.pool, district.id, now=context.clock.now())


@in_each_district
async def sweep_offers(context: RoleContext, district: DistrictInfo) -> None:
    """What reservations and coupons that are over still hold goes back; pools are as large as their stock."""
    await offers.sweep(context.pool, district.id, now=context.clock.now())
    await offers.keep_pools(context.pool, district.id)


@in_each_district
async def sweep_holds(context: RoleContext, district: DistrictInfo) -> None:
    """Coupons that a till held for too long are free; numbers of tills that are over are forgotten."""
    await redemptions.sweep(context.pool, district.id, machine_now=context.clock.machine_now())


@in_each_district
async def renew_code_keys(context: RoleContext, district: DistrictInfo) -> None:
    """The next key for codes of members' pages, when the last has signed for a month."""
    secret, now = code_keys.secret_of(context.settings), context.clock.machine_now()
    await code_keys.renew(context.pool, district.id, secret, now=now)


@in_each_district
async def give_for_joining(context: RoleContext, district: DistrictInfo) -> None:
    """Coupons that people have earned by joining the Wi-Fi."""
    await incentive_jobs.give(context.pool, district, now=context.clock.now())


@in_each_district
async def serve_drops(context: RoleContext, district: DistrictInfo) -> None:
    """Queues of drops, in the order of arrival."""
    await offers.serve_drops(context.pool, district, now=context.clock.now())


@in_each_district
async def forget_answers(context: RoleContext, district: DistrictInfo) -> None:
    """Retention of remembered answers."""
    await idempotency.forget_old(context.pool, district.id, machine_now=context.clock.machine_now())


@in_each_district
async def forget_messages(context: RoleContext, district: DistrictInfo) -> None:
    """Retention of the outbox."""
    await outbox.forget(context.pool, district.id, machine_now=context.clock.machine_now())


@in_each_district
async def judge_providers(context: RoleContext, district: DistrictInfo) -> None:
    """What each provider was good for."""
    await receipt_jobs.judge(context.pool, district.id, machine_now=context.clock.machine_now())


@in_each_district
async def watch_deliveries(context: RoleContext, district: DistrictInfo) -> None:
    """Calls to providers that last too long."""
    await receipt_jobs.watch(context.pool, district.id, now=context.clock.now())


@in_each_district
async def ask_providers(context: RoleContext, district: DistrictInfo) -> None:
    """What became of messages whose providers tell nothing by themselves."""
    one = Asking(pool=context.pool, district=district, settings=context.settings, clock=context.clock)
    await one.ask()


@in_each_district
async def end_stopped(context: RoleContext, district: DistrictInfo) -> None:
    """What stands at providers for members who have stopped it."""
    one = Asking(pool=context.pool, district=district, settings=context.settings, clock=context.clock)
    await one.end_stopped()


@in_each_district
async def tell_screens(context: RoleContext, district: DistrictInfo) -> None:
    """What screens in shops show."""
    one = Screens(pool=context.pool, district=district, settings=context.settings, clock=context.clock)
    await one.tell()


@in_each_district
async def tell_wallets(context: RoleContext, district: DistrictInfo) -> None:
    """Coupons in wallets that were just used, or are there again."""
    recent = wallet_jobs.RECENT
    await wallet_jobs.tell(context.pool, district, context.settings, context.clock, recent=recent)


@in_each_district
async def sweep_wallets(context: RoleContext, district: DistrictInfo) -> None:
    """The same for what was missed, or could not be told."""
    await wallet_jobs.tell(context.pool, district, context.settings, context.clock)


@in_each_district
async def forget_passes(context: RoleContext, district: DistrictInfo) -> None:
    """Retention of coupons in wallets."""
    await wallet_jobs.forget(context.pool, district.id, now=context.clock.now())


@in_each_district
async def forget_attempts(context: RoleContext, district: DistrictInfo) -> None:
    """Retention of attempts and receipts."""
    kept, machine_now = context.settings.delivery_records_kept, context.clock.machine_now()
    await receipt_jobs.forget(context.pool, district.id, machine_now=machine_now, kept=kept)


async def follow_visits(context: RoleContext) -> None:
    """Visits as they happen."""
    await visits.follow(context.pool, context.districts, context.clock, tell=visit_triggers.tell)


async def decide_happenings(context: RoleContext) -> None:
    """Offers for what has happened to members."""
    fresh_for = context.settings.fresh_for
    await waiting.decide_happenings(context.pool, context.districts, context.clock, fresh_for=fresh_for)


async def plan_occurrences(context: RoleContext) -> None:
    """Offers of schedules whose time has come."""
    fresh_for = context.settings.fresh_for
    await waiting.plan_occurrences(context.pool, context.districts, context.clock, fresh_for=fresh_for)


async def materialise_occurrences(context: RoleContext) -> None:
    """The coming times of schedules."""
    await waiting.materialise(context.pool, context.districts, context.clock)


async def greet(context: RoleContext) -> None:
    """Birthdays, and members who have stayed away."""
    await waiting.greet(context.pool, context.districts, context.clock)


async def forget_decided(context: RoleContext) -> None:
    """Retention of what was decided."""
    await waiting.forget(context.pool, context.districts, context.clock)


async def take_in_late_visits(context: RoleContext) -> None:
    """Visits again, for sightings that came late."""
    await visits.take_in_late(context.pool, context.districts, context.clock)


async def forget_people(context: RoleContext) -> None:
    """Retention of codes, sessions and counts."""
    now, machine_now = context.clock.now(), context.clock.machine_now()
    for district in context.districts:
        await privacy.forget(
            context.pool,
            district.id,
            now=now,
            machine_now=machine_now,
            radius_sessions_kept=context.settings.radius_sessions_kept,
            member_events_kept=context.settings.member_events_kept,
        )
    await privacy.forget_nowhere(context.pool, machine_now=machine_now)


@in_each_district
async def end_overstayed(context: RoleContext, district: DistrictInfo) -> None:
    """Sessions of which no gateway told the end."""
    await overstayed.end(context.pool, district.id, now=context.clock.now())


@in_each_district
async def follow_access(context: RoleContext, district: DistrictInfo) -> None:
    """Ends and addresses of sessions into the access log."""
    await accesslog.follow(context.pool, district.id, now=context.clock.now())


@in_each_district
async def look_for_two_places(context: RoleContext, district: DistrictInfo) -> None:
    """Devices that accounting hears of at two places at once."""
    await two_places.heard(context.pool, district.id, clock=context.clock)
    await two_places.at_two_addresses(context.pool, district.id, clock=context.clock)


async def follow_points(context: RoleContext) -> None:
    """Points that visits earn, and points whose time is over."""
    await points.follow(context.pool, context.districts, context.clock)


async def close_days(context: RoleContext) -> None:
    """Statements of trading days that are over."""
    await settlement.close(context.pool, context.districts, context.clock)


@in_each_district
async def forget_notices(context: RoleContext, district: DistrictInfo) -> None:
    """Retention of the numbers of purchase notices."""
    await purchases.forget(context.pool, district.id, machine_now=context.clock.machine_now())


@in_each_district
async def forget_access(context: RoleContext, district: DistrictInfo) -> None:
    """Retention of the access log."""
    now, kept = context.clock.now(), context.settings.access_log_kept
    await accesslog.forget(context.pool, district.id, now=now, kept=kept)


@in_each_district
async def fit_models(context: RoleContext, district: DistrictInfo) -> None:
    """What offers that are over have taught of who redeems."""
    await model_jobs.refit(context.pool, district, now=context.clock.now())


JOBS: tuple[Job, ...] = (
    Job(name="offers.fit", every=model_jobs.LOOK_EVERY, run=fit_models),
    Job(name="sessions.overstayed", every=timedelta(minutes=1), run=end_overstayed),
    Job(name="accesslog.follow", every=timedelta(seconds=10), run=follow_access),
    Job(name="alarms.two_places", every=timedelta(minutes=1), run=look_for_two_places),
    Job(name="points.follow", every=timedelta(seconds=10), run=follow_points),
    Job(name="settlement.close", every=timedelta(minutes=1), run=close_days),
    Job(name="purchases.forget", every=timedelta(minutes=10), run=forget_notices),
    Job(name="accesslog.forget", every=timedelta(minutes=1), run=forget_access),
    Job(name="privacy.forget", every=timedelta(minutes=1), run=forget_people),
    Job(name="visits.follow", every=visits.FOLLOW_EVERY, run=follow_visits),
    Job(name="happenings.decide", every=waiting.DECIDE_EVERY, run=decide_happenings),
    Job(name="occurrences.plan", every=waiting.DECIDE_EVERY, run=plan_occurrences),
    Job(name="occurrences.materialise", every=waiting.MATERIALISE_EVERY, run=materialise_occurrences),
    Job(name="happenings.greet", every=waiting.GREET_EVERY, run=greet),
    Job(name="happenings.forget", every=waiting.FORGET_EVERY, run=forget_decided),
    Job(name="visits.late", every=visits.LATE_EVERY, run=take_in_late_visits),
    Job(name="sightings.days", every=timedelta(minutes=1), run=turn_days_of_sightings),
    Job(name="sightings.forget", every=timedelta(minutes=1), run=forget_sightings),
    Job(name="sightings.forget_left", every=timedelta(minutes=15), run=forget_sightings_left),
    Job(name="campaigns.advance", every=timedelta(seconds=5), run=advance_campaigns),
    Job(name="offers.sweep", every=timedelta(seconds=5), run=sweep_offers),
    Job(name="redemptions.holds", every=timedelta(seconds=10), run=sweep_holds),
    Job(name="redemptions.keys", every=timedelta(minutes=10), run=renew_code_keys),
    Job(name="incentives.give", every=timedelta(seconds=2), run=give_for_joining),
    Job(name="offers.drops", every=timedelta(seconds=1), run=serve_drops),
    Job(name="outbox.forget", every=timedelta(minutes=1), run=forget_messages),
    Job(name="wallets.tell", every=wallet_jobs.EVERY, run=tell_wallets),
    Job(name="wallets.sweep", every=wallet_jobs.SWEEP_EVERY, run=sweep_wallets),
    Job(name="wallets.forget", every=wallet_jobs.FORGET_EVERY, run=forget_passes),
    Job(name="screens.tell", every=screens.EVERY, run=tell_screens),
    Job(name="deliveries.ask", every=asking.EVERY, run=ask_providers),
    Job(name="deliveries.stop", every=asking.STOPPED_EVERY, run=end_stopped),
    Job(name="deliveries.watch", every=timedelta(seconds=15), run=watch_deliveries),
    Job(name="deliveries.judge", every=timedelta(hours=1), run=judge_providers),
    Job(name="deliveries.forget", every=timedelta(minutes=1), run=forget_attempts),
    Job(name="idempotency.forget", every=timedelta(minutes=10), run=forget_answers),
)
