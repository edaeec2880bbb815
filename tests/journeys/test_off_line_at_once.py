"""One click of an operator, through the real web and worker processes, to a NAS: off line without waiting for anything else."""

import json
import time
import urllib.request
from typing import Any

from district.auth.models import Role
from tests.district.radius.nas import SimulatedNas
from tests.district.radius.on_line import OnLine, on_line
from tests.product import Product, wait_for

GUESTS = 5


def ask(product: Product, method: str, path: str, token: str) -> Any:
    request = urllib.request.Request(
        product.base_url + path, method=method, headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.loads(answer.read())


def test_a_click_ends_a_session_at_once() -> None:
    with SimulatedNas().listening() as nas, Product() as product:
        with product.makers() as makers:
            guests = [on_line(makers, makers.clock, port=nas.port) for _ in range(GUESTS)]
            tokens = [makers.token(guest.district, Role.OPERATOR) for guest in guests]
            nas.sessions.update(guest.session_id for guest in guests)
        product.start()
        took_s = [_end(product, guest, token) for guest, token in zip(guests, tokens, strict=True)]
    assert nas.sessions == set()
    # How long it took depends on the machine as well, so it is told and not judged.
    print(f"off line after {', '.join(f'{one * 1000:.0f} ms' for one in took_s)}")  # noqa: T201 the measurement


def _end(product: Product, guest: OnLine, token: str) -> float:
    path = f"/v1/districts/{guest.district.slug}/wifi-sessions/{guest.wifi.id}"
    began = time.monotonic()
    ask(product, "POST", f"{path}/end", token)
    shown = wait_for(
        "the session ends",
        lambda: found if (found := ask(product, "GET", path, token))["ended_at"] else None,
        timeout_s=90,
    )
    assert shown["ended_because"] == "operator"
    return time.monotonic() - began
