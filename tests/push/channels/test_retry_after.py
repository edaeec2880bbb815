"""Retry-After as hostile servers write it: it is a time to wait, or nothing, and never an error of ours."""

from datetime import UTC, datetime

import pytest

from push.channels import web_push, webhook
from push.channels.outbound import Answer
from push.channels.webhook import retry_after
from push.receipts import Failure, FailureKind

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GARBAGE = {
    "year": "Mon, 01 Jan 99999999999999 00:00:00 GMT",
    "hour": "Mon, 01 Jan 2026 99999999999:00:00 GMT",
    "zone": "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
    "negative": "-5",
    "words": "soon",
    "brackets": "(" * 5_000,
    "fraction": "1.5",
    "endless": "9" * 5_000,
}


@pytest.mark.parametrize("value", GARBAGE.values(), ids=GARBAGE)
def test_a_retry_after_that_is_no_time_says_nothing(value: str) -> None:
    assert retry_after(value, now=NOW) is None


@pytest.mark.parametrize("value", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.parametrize("status", [429, 503])
def test_who_throttles_without_a_time_has_taken_nothing_still(value: str, status: int) -> None:
    answer = Answer(status=status, headers={"retry-after": value})
    for found in (webhook.classify(answer, now=NOW), web_push.classify(answer, now=NOW)):
        assert isinstance(found, Failure)
        assert (found.kind, found.retry_after) == (FailureKind.THROTTLED, None)
