"""Logins for the tests of dialects."""

import uuid

from district.gateways.dialect import Login, PlanInfo

LANDING = "https://wifi.example/portal/west/welcome?ap=00180a13ddb0&to=http%3A%2F%2Fexample.com%2F"


def login(*, session_s: int | None = 3600) -> Login:
    """A person who may go on line for so long."""
    return Login(
        session_id=uuid.UUID(int=1),
        username="w1",
        password="one-time",
        plan=PlanInfo(session_s=session_s),
        landing_url=LANDING,
    )
