"""One-time codes against guessing, racing, asking too often and other browsers."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from district.auth import code_limits, code_policy, codes
from district.auth.code_policy import Policy
from district.auth.codes import MadeCode, WrongCode
from district.auth.models import OneTimeCode
from district.clock import FixedClock
from district.database import make_engine, make_sessions
from district.districts.service import DistrictInfo
from district.problems import Invalid, TooMany

PHONE = "+358401234567"
Sessions = sessionmaker[Session]


def ask(
    sessions: Sessions, info: DistrictInfo, clock: FixedClock, *, target: str = PHONE, **values: object
) -> MadeCode:
    given: dict[str, object] = {"channel": "sms", "network": "192.0.2.1"}
    with sessions.begin() as session:
        return codes.make(session, info, target=target, clock=clock, **(given | values))  # type: ignore[arg-type]


def wrong(code: str) -> str:
    return "000000" if code != "000000" else "111111"


def outcome(sessions: Sessions, info: DistrictInfo, clock: FixedClock, code: str, ticket: str | None) -> str:
    try:
        codes.check(sessions, info, target=PHONE, code=code, ticket=ticket, clock=clock)
    except WrongCode as error:
        return error.detail
    return "right"


def test_of_a_hundred_guesses_at_once_five_are_evaluated(
    many: Sessions, threads: ThreadPoolExecutor, info: DistrictInfo, clock: FixedClock
) -> None:
    made = ask(many, info, clock)
    guesses = [threads.submit(outcome, many, info, clock, wrong(made.code), made.ticket) for _ in range(100)]
    said = [guess.result() for guess in guesses]
    assert sum("tries left" in one for one in said) == 5
    assert outcome(many, info, clock, made.code, made.ticket) == "Ask for a new code."


def test_the_right_code_sent_many_times_at_once_is_right_once(
    many: Sessions, threads: ThreadPoolExecutor, info: DistrictInfo, clock: FixedClock
) -> None:
    made = ask(many, info, clock)
    said = list(threads.map(lambda _: outcome(many, info, clock, made.code, made.ticket), range(32)))
    assert said.count("right") == 1


def test_a_code_works_only_for_the_browser_that_asked(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    made = ask(many, info, clock)
    for ticket in (None, "", "another-browser"):
        for _ in range(6):
            assert outcome(many, info, clock, made.code, ticket) == "Ask for a new code."
    assert outcome(many, info, clock, made.code, made.ticket) == "right"


def test_a_program_s_code_needs_no_ticket(many: Sessions, info: DistrictInfo, clock: FixedClock) -> None:
    made = ask(many, info, clock, is_bound=False)
    assert outcome(many, info, clock, made.code, None) == "right"


@pytest.mark.parametrize(("minutes", "said"), [(9.99, "right"), (10, "Ask for a new code.")])
def test_a_code_lives_ten_minutes_of_machine_time(
    many: Sessions, info: DistrictInfo, clock: FixedClock, minutes: float, said: str
) -> None:
    made = ask(many, info, clock)
    later = FixedClock(clock.now() - timedelta(days=9), clock.machine_now() + timedelta(minutes=minutes))
    assert outcome(many, info, later, made.code, made.ticket) == said


def test_digits_of_any_script_are_the_same_code(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    made = ask(many, info, clock)
    full_width = made.code.translate({ord("0") + digit: ord("０") + digit for digit in range(10)})
    assert outcome(many, info, clock, f" {full_width[:3]} {full_width[3:]}", made.ticket) == "right"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "x" * 20])
def test_what_is_no_code_is_wrong(many: Sessions, info: DistrictInfo, clock: FixedClock, typed: str) -> None:
    made = ask(many, info, clock)
    assert "tries left" in outcome(many, info, clock, typed or made.code[:-1], made.ticket)


def test_code_and_number_are_not_stored(many: Sessions, info: DistrictInfo, clock: FixedClock) -> None:
    made = ask(many, info, clock)
    with many() as session:
        row = session.scalars(select(OneTimeCode).where(OneTimeCode.district_id == info.id)).one()
    stored = b"".join((row.target_hash, row.code_hash, row.browser.encode()))
    assert made.code.encode() not in stored
    assert PHONE.encode() not in stored


def test_the_sixth_code_in_an_hour_is_refused_also_after_a_restart(
    database_url: str, many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    for _ in range(code_limits.PER_TARGET_HOUR):
        ask(many, info, clock)
    restarted = make_engine(database_url)
    with pytest.raises(TooMany) as refused:
        ask(make_sessions(restarted), info, clock)
    assert 0 < int(refused.value.headers["Retry-After"]) <= 3601
    clock.advance(timedelta(hours=1))
    assert ask(make_sessions(restarted), info, clock).code
    restarted.dispose()


def test_codes_asked_for_at_once_never_pass_the_limit(
    many: Sessions, threads: ThreadPoolExecutor, info: DistrictInfo, clock: FixedClock
) -> None:
    def try_one(_: int) -> bool:
        try:
            ask(many, info, clock)
        except TooMany:
            return False
        return True

    assert sum(threads.map(try_one, range(32))) == code_limits.PER_TARGET_HOUR


def test_a_network_is_limited_and_another_one_is_served(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    for number in range(codes.PER_NETWORK_HOUR):
        ask(many, info, clock, target=f"{number}@example.com", channel="email")
    with pytest.raises(TooMany):
        ask(many, info, clock, target="last@example.com", channel="email")
    assert ask(many, info, clock, target="last@example.com", channel="email", network="192.0.2.2").code


def test_shoppers_behind_one_address_are_limited_by_their_devices(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    for number in range(codes.PER_NETWORK_HOUR + 5):
        ask(
            many,
            info,
            clock,
            target=f"{number}@example.com",
            channel="email",
            device=number.to_bytes(16),
            per_network_hour=codes.PER_SHARED_NETWORK_HOUR,
        )
    for number in range(code_limits.PER_DEVICE_HOUR):
        ask(many, info, clock, target=f"x{number}@example.com", channel="email", device=b"d" * 16)
    with pytest.raises(TooMany):
        ask(many, info, clock, target="y@example.com", channel="email", device=b"d" * 16)


def typed_in(sessions: Sessions, info: DistrictInfo, clock: FixedClock, target: str, network: str) -> None:
    made = ask(sessions, info, clock, target=target, network=network)
    codes.check(sessions, info, target=target, code=made.code, ticket=made.ticket, clock=clock)


def test_a_prefix_is_limited_and_a_number_of_another_prefix_is_served(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    for number in range(code_limits.PER_PREFIX_DAY):
        typed_in(many, info, clock, f"+35840777{number:04}", f"192.0.2.{number}")
    with pytest.raises(TooMany):
        ask(many, info, clock, target="+358407779999", network="198.51.100.1")
    assert ask(many, info, clock, target="+358408881234", network="198.51.100.1").code


def test_a_prefix_whose_codes_nobody_types_in_gets_no_more_of_them_for_a_day(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    for number in range(code_limits.WATCHED):
        ask(many, info, clock, target=f"+35840777{number:04}", network=f"192.0.2.{number}")
    with pytest.raises(TooMany):
        ask(many, info, clock, target="+358407779999", network="198.51.100.1")
    assert ask(many, info, clock, target="+358408881234", network="198.51.100.1").code
    clock.advance(timedelta(days=1))
    assert ask(many, info, clock, target="+358407779999", network="198.51.100.1").code


def test_a_prefix_of_which_every_fifth_code_is_typed_in_goes_on(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    for number in range(code_limits.WATCHED):
        target, network = f"+35840777{number:04}", f"192.0.2.{number}"
        if number % 5 == 0:
            typed_in(many, info, clock, target, network)
        else:
            ask(many, info, clock, target=target, network=network)
    assert ask(many, info, clock, target="+358407779999", network="198.51.100.1").code


def served(sessions: Sessions, info: DistrictInfo, clock: FixedClock, number: int) -> bool:
    """A pumper's request: one of fifty prefixes, from an address of its own."""
    prefix, rest = number % 50, number // 50
    target, network = f"+3584077{prefix:02}{rest:03}", f"2001:db8:{number:x}::/64"
    try:
        ask(sessions, info, clock, target=target, network=network)
    except TooMany:
        return False
    return True


def test_five_thousand_asked_for_and_none_typed_in_stay_within_the_budget(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    with many.begin() as session:
        code_policy.put(session, info, Policy(sms_cost=7, daily_budget=7 * 2_000), clock=clock)
    with ThreadPoolExecutor(6) as few:
        sent = sum(few.map(lambda number: served(many, info, clock, number), range(5_000)))
    with many() as session:
        rows = session.scalars(
            select(OneTimeCode.prefix_hash).where(OneTimeCode.district_id == info.id)
        ).all()
    assert len(rows) == sent <= 2_000
    assert max(Counter(rows).values()) <= code_limits.WATCHED


def test_while_prefixes_are_pumped_an_honest_number_of_another_one_is_served(
    many: Sessions, threads: ThreadPoolExecutor, info: DistrictInfo, clock: FixedClock
) -> None:
    pumped = sum(threads.map(lambda number: served(many, info, clock, 50 * number), range(200)))
    assert pumped == code_limits.WATCHED
    typed_in(many, info, clock, PHONE, "192.0.2.1")


def test_a_spent_budget_stops_telephones_and_not_mail_until_the_next_day(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    with many.begin() as session:
        code_policy.put(session, info, Policy(sms_cost=10, daily_budget=25), clock=clock)
    assert [ask(many, info, clock).cost for _ in range(2)] == [10, 10]
    with pytest.raises(TooMany, match="another way"):
        ask(many, info, clock, target="+358408881234")
    assert ask(many, info, clock, target="ada@example.com", channel="email").cost == 0
    clock.advance(timedelta(days=1))
    assert ask(many, info, clock).code


def test_codes_go_to_the_district_s_country_and_to_those_it_names(
    many: Sessions, info: DistrictInfo, clock: FixedClock
) -> None:
    chinese, british = "+8613800138000", "+447400123456"
    for number in (chinese, british):
        with pytest.raises(Invalid, match="country"):
            ask(many, info, clock, target=number)
    with many.begin() as session:
        code_policy.put(session, info, Policy(countries=("CN",)), clock=clock)
    assert ask(many, info, clock, target=chinese).code
    with pytest.raises(Invalid):
        ask(many, info, clock, target=british)
    with many.begin() as session, pytest.raises(Invalid):
        code_policy.put(session, info, Policy(countries=("XX",)), clock=clock)
