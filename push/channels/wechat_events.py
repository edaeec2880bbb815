"""Posts of WeChat and WeCom as flat values: XML without a document type, read within bounds.

Source: developers.weixin.qq.com, "Template message: event push", "subscribe_msg_sent_event", "unsubscribe";
developer.work.weixin.qq.com/document/path/92130.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring

from push.channels.wechat_crypto import EnvelopeRefused

MOST_BYTES: Final = 64 * 1024
MOST_VALUES: Final = 100
LONGEST_VALUE: Final = 4_096
_DECLARES: Final = re.compile(rb"<!(?!\[CDATA\[)")
_SECONDS: Final = re.compile(r"[0-9]{9,11}")


def values(body: bytes) -> dict[str, str]:
    """Every leaf of a document by its name; of names that come again the first. Raises: EnvelopeRefused."""
    if len(body) > MOST_BYTES or _DECLARES.search(body):
        raise EnvelopeRefused("The post is too long, or declares a document type.")
    try:
        root = fromstring(body)  # noqa: S314 without a document type nothing can be expanded
    except (ParseError, ValueError):
        raise EnvelopeRefused("The post is not XML; set the format to XML.") from None
    found: dict[str, str] = {}
    for name, text in _leaves(root):
        if len(found) >= MOST_VALUES:
            break
        found.setdefault(name, text[:LONGEST_VALUE])
    return found


def _leaves(root: Element) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        if len(element) == 0:
            yield element.tag, (element.text or "").strip()


def at_of(event: Mapping[str, str]) -> datetime | None:
    """When it happened, as the post says."""
    text = event.get("CreateTime", "")
    return datetime.fromtimestamp(int(text), UTC) if _SECONDS.fullmatch(text) else None
