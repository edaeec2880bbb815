"""What is read of reports, and that nothing in them can be more than a wrong report."""

import random
import time

import pytest

from push.channels import email_report
from push.channels.email_report import Finding
from tests.channels.mail.reports import HOLIDAY, bounce, complaint


@pytest.mark.parametrize(
    ("action", "status", "wanted"),
    [
        ("failed", "5.1.1", Finding.GONE),
        ("FAILED", "5.1.10", Finding.GONE),
        ("failed", "5.2.1 (disabled)", Finding.GONE),
        ("failed", "5.2.2", Finding.FAILED),
        ("failed", "5.7.1", Finding.FAILED),
        ("failed", "4.4.1", Finding.FAILED),
        ("failed", "", Finding.FAILED),
        ("relayed", "2.0.0", Finding.DELIVERED),
        ("delivered", "2.1.5", Finding.DELIVERED),
        ("expanded", "2.0.0", Finding.DELIVERED),
    ],
)
def test_a_delivery_report_says_what_became_of_it(action: str, status: str, wanted: Finding) -> None:
    found = email_report.read(bounce(action=action, status=status))
    assert found is not None
    assert found.finding is wanted
    assert found.status == status.split(" ", maxsplit=1)[0]


def test_a_server_that_still_tries_and_a_person_on_holiday_say_nothing() -> None:
    assert email_report.read(bounce(action="delayed", status="4.4.1")) is None
    assert email_report.read(HOLIDAY) is None


def test_a_complaint_names_its_message_where_it_repeats_what_we_signed() -> None:
    found = email_report.read(complaint(feedback_id="abc", mail_from="bounces+def@b.example"))
    assert found is not None
    assert found.finding is Finding.COMPLAINED
    assert set(found.names) == {"abc", "<bounces+def@b.example>"}
    assert email_report.read(complaint(kind="not-spam")) is None


def test_a_report_of_an_international_message_is_read_too() -> None:
    raw = bounce().replace(b"message/delivery-status", b"message/global-delivery-status")
    found = email_report.read(raw)
    assert found is not None
    assert found.finding is Finding.GONE


def test_reports_that_were_cut_off_or_spoilt_raise_nothing() -> None:
    chance = random.Random(7)
    for whole in (bounce(), complaint(feedback_id="abc")):
        for _ in range(400):
            raw = bytearray(whole[: chance.randrange(len(whole) + 1)])
            for _ in range(chance.randrange(12)):
                if raw:
                    raw[chance.randrange(len(raw))] = chance.randrange(256)
            found = email_report.read(bytes(raw))
            assert found is None or found.finding in Finding


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/report; boundary=a\r\n\r\n"
        + b"--a\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 6_000,
        b"Content-Type: multipart/report; boundary=a\r\n\r\n--a\r\nContent-Type: message/delivery-status\r\n\r\n"
        + b"Action: failed\r\n\r\n" * 12_000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (deep, deep)
            for deep in range(2_000)
        ).replace(b"multipart/mixed", b"multipart/report", 1),
        b"A: " + b"b\r\n c" * 50_000 + b"\r\n\r\n",
    ],
    ids=["parts", "blocks", "nested", "folded"],
)
def test_a_report_that_is_a_bomb_is_read_in_time(raw: bytes) -> None:
    started = time.process_time()
    email_report.read(raw[: 256 * 1024])
    assert time.process_time() - started < 30
