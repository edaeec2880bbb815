"""One click of an operator, through the real web and worker processes, to a NAS: off line in less than two seconds."""

import json
import time
import urllib.request
from typing import Any

import pytest

from district.auth.models import Role
from tests.district.radius.nas import SimulatedNas
from tests.district.radius.on_line import OnLine, on_line
from tests.product import Product, wait_for

WITHIN_S = 2.0
GUESTS = 5


def ask(product: Product, method: str, path: str, token: str) -> Any:
    request = urllib.request.Request(
        product.base_url + path, method=method, headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


@pytest.mark.timeout(240)
def test_a_click_ends_a_session_in_less_than_two_seconds() -> None:
    with SimulatedNas().listening() as nas, Product() as product:
        with product.makers() as makers:
            guests = [on_line(makers, makers.clock, port=nas.port) for _ in range(GUESTS)]
            tokens = [makers.token(guest.district, Role.OPERATOR) for guest in guests]
            nas.sessions.update(guest.session_id for guest in guests)
        product.start()
        took_s = [_end(product, guest, token) for guest, token in zip(guests, tokens, strict=True)]
    assert nas.sessions == set()
    print(f"off line after {', '.join(f'{one * 1000:.0f} ms' for one in took_s)}")  # noqa: T201 the measurement
    # The first one may find a process that has just started, on a machine that others use.
    assert sorted(took_s)[-2] < WITHIN_S, took_s


def _end(product: Product, guest: OnLine, token: str) -> float:
    path = f"/v1/districts/{guest.district.slug}/wifi-sessions/{guest.wifi.id}"
    began = time.monotonic()
    ask(product, "POST", f"{path}/end", token)
    shown = wait_for(
        "the session ends",
        lambda: found if (found := ask(product, "GET", path, token))["ended_at"] else None,
        timeout_s=30.0,
    )
    assert shown["ended_because"] == "operator"
    return time.monotonic() - began
