"""openNDS's polls at the address of the sign-in page: what it fetches, acknowledges and tells."""

import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from urllib.parse import quote, unquote

import httpx
import pytest
from fastapi import FastAPI

from district.clock import FixedClock
from district.districts.models import District
from district.gateways import authmon
from district.gateways import service as gateways
from district.gateways.dialect import Login, PlanInfo, Queue
from district.gateways.models import Gateway, QueuedGrant, WifiSession
from district.gateways.schemas import NewGateway
from district.gateways.vendors.opennds import entry, router_of, token
from district.portal import service as portal
from tests.conftest import refresh
from tests.factories import Makers

KEY = "a-key-of-the-gateway"
ROUTER = router_of("West%20Node%3a029922334401%20")
OTHER_ROUTER = router_of("West%20Node%3a029922334402%20")
Poll = Callable[..., Awaitable[str]]
CLIENT_TOKENS = [f"{number:08x}" for number in range(1, 10)]


def hid_of(client_token: str) -> str:
    """As openNDS makes it."""
    return hashlib.sha256(client_token.encode()).hexdigest()


@pytest.fixture
def district(committed: Makers) -> District:
    return committed.district(country="FI")


@pytest.fixture
async def gateway(app: FastAPI, committed: Makers, district: District, clock: FixedClock) -> Gateway:
    new = NewGateway(slug=f"nds-{district.slug}", vendor="opennds", secret=KEY, options={"level": 3})
    row = gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    return row


@pytest.fixture
def log_in(
    committed: Makers, district: District, gateway: Gateway, clock: FixedClock
) -> Callable[..., WifiSession]:
    """A device that signed in and waits to be fetched."""

    def done(client_token: str, *, router: str = ROUTER) -> WifiSession:
        member = committed.member(district)
        row = WifiSession(
            district_id=gateway.district_id,
            gateway_id=gateway.id,
            member_id=member.id,
            alias=uuid.uuid4().bytes,
            method="click",
            granted_at=clock.now(),
            device_mac="02aa22334466",
            grant={"hid": hid_of(client_token), "router": router},
        )
        committed.session.add(row)
        committed.session.flush()
        login = Login(
            session_id=row.id,
            username="",
            password="",
            plan=PlanInfo(session_s=3600),
            landing_url="http://x/",
        )
        rhid = token(hid_of(client_token), KEY)
        step = Queue(token=rhid, entry=entry(rhid, login.plan, row.id), router=router)
        portal.enqueue(committed.session, gateway, step, login, clock=clock)
        committed.session.commit()
        return row

    return done


@pytest.fixture
def poll(client: httpx.AsyncClient, gateway: Gateway) -> Poll:
    async def asked(action: str, payload: str = "none", *, router: str = ROUTER, method: str = "POST") -> str:
        said = {
            "auth_get": action,
            "gatewayhash": router,
            "payload": base64.b64encode(payload.encode()).decode(),
        }
        given = {"data": said} if method == "POST" else {"params": said}
        answer = await client.request(method, f"/portal/{gateway.slug}", **given)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.text

    return asked


def rhids(answer: str) -> list[str]:
    """The tokens of a list, in the gateway's way to read it."""
    assert answer[:1] == "*"
    return [unquote(line).split(" ")[0] for line in answer[2:].split()]


def fresh(committed: Makers, row: WifiSession) -> WifiSession:
    committed.session.expire_all()
    found = committed.session.get(WifiSession, (row.district_id, row.id))
    assert found is not None
    return found


async def test_an_empty_queue_is_a_star(poll: Poll) -> None:
    assert await poll("view") == "*"


async def test_a_login_is_listed_until_it_is_acknowledged(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers
) -> None:
    row = log_in("00000001")
    rhid = token(hid_of("00000001"), KEY)
    word = base64.b64encode(row.id.hex.encode()).decode()
    line = f"* {quote(f'{rhid} 60 0 0 0 0 {word}', safe='')}"
    assert await poll("view") == line
    assert await poll("view") == line
    assert fresh(committed, row).confirmed_at is None
    assert await poll("view", f"* {rhid}") == "ack"
    assert await poll("view") == "*"
    assert fresh(committed, row).confirmed_by == "gateway"


async def test_several_clients_come_four_at_a_time_and_are_acknowledged_between_blanks(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers
) -> None:
    rows = [log_in(each) for each in CLIENT_TOKENS]
    seen: list[str] = []
    for expected in (4, 4, 1):
        answer = await poll("view")
        assert len(answer) <= 1024
        assert len(rhids(answer)) == expected
        seen += rhids(answer)
        assert await poll("view", "* " + " ".join(rhids(answer))) == "ack"
    assert sorted(seen) == sorted(token(hid_of(each), KEY) for each in CLIENT_TOKENS)
    assert all(fresh(committed, row).confirmed_by == "gateway" for row in rows)


async def test_clients_that_the_gateway_refuses_do_not_block_the_others(
    poll: Poll, log_in: Callable[..., WifiSession], clock: FixedClock
) -> None:
    for each in CLIENT_TOKENS[:6]:
        log_in(each)
    first = rhids(await poll("view"))
    clock.advance(timedelta(seconds=5))
    second = rhids(await poll("view"))
    assert len(set(first) | set(second)) == 6


async def test_an_acknowledgement_by_lines_is_understood_too(
    poll: Poll, log_in: Callable[..., WifiSession]
) -> None:
    for each in CLIENT_TOKENS[:2]:
        log_in(each)
    await poll("view", "* " + "\n".join(token(hid_of(each), KEY) for each in CLIENT_TOKENS[:2]))
    assert await poll("view") == "*"


async def test_each_router_fetches_its_own_clients(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers
) -> None:
    mine, foreign = log_in("00000001"), log_in("00000002", router=OTHER_ROUTER)
    assert rhids(await poll("view")) == [token(hid_of("00000001"), KEY)]
    await poll("view", f"* {token(hid_of('00000002'), KEY)}")
    assert fresh(committed, foreign).confirmed_at is None
    assert rhids(await poll("view", router=OTHER_ROUTER)) == [token(hid_of("00000002"), KEY)]
    assert fresh(committed, mine).confirmed_at is None


async def test_a_list_is_handed_over_once_and_vouches_for_nobody(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers
) -> None:
    row = log_in("00000001")
    assert len(rhids(await poll("list"))) == 1
    assert await poll("list") == "*"
    assert fresh(committed, row).confirmed_at is None


async def test_a_start_clears_what_is_old_and_keeps_who_has_just_signed_in(
    poll: Poll, log_in: Callable[..., WifiSession], clock: FixedClock
) -> None:
    log_in("00000001")
    clock.advance(authmon.STARTS_WITHIN + timedelta(seconds=1))
    log_in("00000002")
    assert await poll("clear") == ""
    assert rhids(await poll("view")) == [token(hid_of("00000002"), KEY)]


async def test_an_old_login_is_not_fetched_any_more(
    poll: Poll, log_in: Callable[..., WifiSession], clock: FixedClock
) -> None:
    log_in("00000001")
    clock.advance(authmon.LIFE)
    assert await poll("view") == "*"


async def test_a_later_login_of_the_same_device_takes_the_place_of_the_earlier(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers
) -> None:
    first, second = log_in("00000001"), log_in("00000001")
    answer = await poll("view")
    assert len(rhids(answer)) == 1
    await poll("view", "* " + rhids(answer)[0])
    assert fresh(committed, first).confirmed_at is None
    assert fresh(committed, second).confirmed_by == "gateway"


def notice(row: WifiSession, client_token: str, method: str = "timeout_deauth") -> str:
    word = quote(base64.b64encode(row.id.hex.encode()).decode(), safe="")
    return (
        f"method={method}, clientmac=02:aa:22:33:44:66, bytes_incoming=6135, bytes_outgoing=0, "
        f"session_start=1795309285, session_end=1795309409, token={client_token}, custom={word}"
    )


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_who_is_off_is_off(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers, method: str
) -> None:
    row = log_in("00000001")
    assert await poll("deauthed", notice(row, "00000001"), method=method) == "ack"
    ended = fresh(committed, row)
    assert (ended.ended_because, ended.device_mac, ended.grant) == ("timeout", "", {})


async def test_a_stranger_who_does_not_know_the_device_s_token_ends_nothing(
    poll: Poll, log_in: Callable[..., WifiSession], committed: Makers
) -> None:
    row = log_in("00000001")
    assert await poll("deauthed", notice(row, "00000002")) == "ack"
    assert fresh(committed, row).ended_at is None


async def test_level_4_says_who_is_on_line_and_not_that_the_device_is_real(
    poll: Poll,
    log_in: Callable[..., WifiSession],
    committed: Makers,
    gateway: Gateway,
    clock: FixedClock,
) -> None:
    gateway.options = {"level": 4}
    committed.session.commit()
    row = log_in("00000001")
    assert await poll("view", f"* {token(hid_of('00000001'), KEY)}", method="GET") == "ack"
    found = committed.session.get(
        QueuedGrant, (row.district_id, gateway.id, token(hid_of("00000001"), KEY)), populate_existing=True
    )
    assert found is not None
    assert found.acknowledged_at == clock.machine_now()
    assert fresh(committed, row).confirmed_at is None


@pytest.mark.parametrize(
    "said",
    [
        {"auth_get": "drop", "gatewayhash": ROUTER},
        {"auth_get": "view"},
        {"auth_get": "view", "gatewayhash": "x" * 64},
        {"auth_get": "view", "gatewayhash": ROUTER, "payload": "A" * 9000},
    ],
    ids=["unknown action", "no hash", "not a hash", "long payload"],
)
async def test_a_poll_that_is_none_is_refused(
    client: httpx.AsyncClient, gateway: Gateway, said: dict[str, str]
) -> None:
    answer = await client.post(f"/portal/{gateway.slug}", data=said)
    assert answer.status_code == 422


@pytest.mark.parametrize("payload", ["%%%", "\x00", "é", "*" * 100, "custom=, token=, ="])
@pytest.mark.parametrize("action", ["view", "deauthed", "custom", "list", "clear"])
async def test_a_strange_payload_does_no_harm(
    client: httpx.AsyncClient, gateway: Gateway, action: str, payload: str
) -> None:
    for text in (payload, base64.b64encode(payload.encode()).decode()):
        said = {"auth_get": action, "gatewayhash": ROUTER, "payload": text}
        assert (await client.post(f"/portal/{gateway.slug}", data=said)).status_code == 200


async def test_another_vendor_s_gateway_is_not_polled(
    client: httpx.AsyncClient, committed: Makers, app: FastAPI, district: District, clock: FixedClock
) -> None:
    new = NewGateway(slug=f"click-{district.slug}", vendor="click", secret=KEY)
    gateways.create(committed.session, committed.info(district), new, clock=clock)
    committed.session.commit()
    await refresh(app)
    answer = await client.post(f"/portal/{new.slug}", data={"auth_get": "view", "gatewayhash": ROUTER})
    assert answer.status_code == 422
    assert (
        await client.post("/portal/nowhere", data={"auth_get": "view", "gatewayhash": ROUTER})
    ).status_code == 404
