"""How old a redirect is, where it carries a time."""

from datetime import datetime, timedelta

from district.gateways.causes import Cause
from district.gateways.redirects import REDIRECT_LIFE, BadRedirect

CLOCK_SKEW = timedelta(seconds=60)
MOST_DIGITS = 16
LATEST_S = 10**11
"""Seconds beyond the year 5000: what is more was told in milliseconds or microseconds."""


def check_age(text: str, machine_now: datetime) -> int:
    """The Unix second of a redirect, told in seconds, milliseconds or microseconds.

    Raises: BadRedirect when it is no time, older than five minutes, or ahead of our clock by more than one.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise BadRedirect("The redirect's time is not in Unix seconds.")
    seconds = float(text)
    while seconds >= LATEST_S:
        seconds /= 1_000
    age = timedelta(seconds=machine_now.timestamp() - seconds)
    if age > REDIRECT_LIFE:
        raise BadRedirect(
            "The redirect is older than five minutes: connect to the Wi-Fi again.", cause=Cause.OLD
        )
    if age < -CLOCK_SKEW:
        raise BadRedirect(
            "The redirect comes from the future: set the controller's clock.", cause=Cause.AHEAD
        )
    return int(text)
