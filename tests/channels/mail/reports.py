"""Reports as mail servers and mail providers write them."""

from typing import Final

BOUNDARY: Final = "4F2A.1"


def bounce(
    *, action: str = "failed", status: str = "5.1.1", to: str = "wang@example.org", returned: str = ""
) -> bytes:
    """A delivery report (RFC 3464) in the form of Postfix."""
    return f"""Return-Path: <>
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: somebody@bounces.example.com
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{BOUNDARY}"

--{BOUNDARY}
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered:
550 5.1.1 <somebody-else@example.org>: Recipient address rejected

--{BOUNDARY}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
X-Postfix-Queue-ID: 1A2B3C
Arrival-Date: Wed, 20 May 2026 12:30:00 +0800 (CST)

Final-Recipient: rfc822; {to}
Original-Recipient: rfc822;{to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} said so

--{BOUNDARY}
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <{returned}>
Subject: An offer
From: offers@news.example.com

Hello
--{BOUNDARY}--
""".replace("\n", "\r\n").encode()


def complaint(*, feedback_id: str = "", mail_from: str = "", kind: str = "abuse") -> bytes:
    """A complaint (RFC 5965)."""
    named = f"Original-Mail-From: <{mail_from}>\n" if mail_from else ""
    repeated = f"CFBL-Feedback-ID: {feedback_id}\n" if feedback_id else ""
    return f"""From: fbl@provider.example
Subject: FW: An offer
To: complaints@news.example.com
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="{BOUNDARY}"

--{BOUNDARY}
Content-Type: text/plain; charset=us-ascii

This is an email abuse report.
--{BOUNDARY}
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{named}
--{BOUNDARY}
Content-Type: text/rfc822-headers

From: offers@news.example.com
{repeated}Subject: An offer

--{BOUNDARY}--
""".replace("\n", "\r\n").encode()


HOLIDAY: Final = b"""From: wang@example.org\r
Subject: Out of office: user unknown 550 5.1.1\r
Auto-Submitted: auto-replied\r
Content-Type: text/plain\r
\r
Action: failed\r
Status: 5.1.1\r
"""
