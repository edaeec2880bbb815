"""What Alipay posts of a life account to the application's gateway: a signed form around an XML document, and what it wants back.

Source: opendocs.alipay.com, life accounts, "receive messages" (alipay.service.check, alipay.mobile.public.message.notify)
and "checking asynchronous notices". The signature is over the bytes as they were sent, in the form's own charset.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from push.channels import alipay_signing, wechat_events
from push.channels.wechat_crypto import EnvelopeRefused
from push.errors import PushError

MEDIA_TYPE: Final = "text/xml; charset=GBK"
MOST_FIELDS: Final = 30
_BYTES: Final = "latin-1"
"""In which each byte is one letter, so that nothing is lost before the signature is checked."""
_CHARSETS: Final = frozenset({"gbk", "gb2312", "gb18030", "utf-8"})
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]{0,100}\?>")
_USER: Final = re.compile(r"[A-Za-z0-9+/=_-]{1,128}")
_MILLISECONDS: Final = re.compile(r"[0-9]{12,14}")


class PostRefused(PushError):
    """A post that Alipay did not sign, or that cannot be read. Its text says what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """A post of Alipay's. users are the names that it has for whom it is about; at is None where it names no time."""

    app_id: str
    event: str
    users: tuple[str, ...] = field(repr=False)
    at: datetime | None


def read(body: bytes, *, alipay_key: RSAPublicKey) -> Post:
    """Check and read a post. Raises: PostRefused."""
    form = _form(body)
    signature = form.get("sign", "")
    # Alipay's own kits check it with the kind of signature among the parameters or without, by the notice.
    ways = (form, {name: value for name, value in form.items() if name != "sign_type"})
    if not any(alipay_signing.is_signed(alipay_key, _content(one), signature) for one in ways):
        raise PostRefused("Alipay did not sign this; check its public key, and that it is of RSA2.")
    values = _values(form)
    found = (values.get("FromAlipayUserId", ""), values.get("FromUserId", ""))
    return Post(
        app_id=values.get("AppId", ""),
        event=values.get("EventType", ""),
        users=tuple(dict.fromkeys(one for one in found if _USER.fullmatch(one))),
        at=_time(values.get("CreateTime", "")),
    )


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode(_BYTES), keep_blank_values=True, encoding=_BYTES, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise PostRefused("The body is not a form.") from None
    return dict(pairs)


def _content(form: Mapping[str, str]) -> bytes:
    kept = sorted((name, value) for name, value in form.items() if name != "sign")
    return "&".join(f"{name}={value}" for name, value in kept).encode(_BYTES)


def _values(form: Mapping[str, str]) -> dict[str, str]:
    charset = form.get("charset", "gbk").lower()
    if charset not in _CHARSETS:
        raise PostRefused("The charset is not one of Alipay's.")
    try:
        text = form.get("biz_content", "").encode(_BYTES).decode(charset)
        return wechat_events.values(_DECLARATION.sub("", text, count=1).encode())
    except (ValueError, EnvelopeRefused):
        raise PostRefused("The post cannot be read.") from None


def _time(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text) / 1000, UTC) if _MILLISECONDS.fullmatch(text) else None


def checked(key: RSAPrivateKey) -> bytes:
    """The answer to the check of the address: the application's public key."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = base64.b64encode(der).decode("ascii")
    return _signed(key, f"<success>true</success><biz_content>{own}</biz_content>")


def acknowledged(key: RSAPrivateKey, post: Post, *, now: datetime) -> bytes:
    """The answer to an event: taken, and nothing to say to its reader."""
    user = post.users[0] if post.users else ""
    return _signed(
        key,
        f"<XML><ToUserId><![CDATA[{user}]]></ToUserId><AppId><![CDATA[{post.app_id}]]></AppId>"
        f"<CreateTime>{int(now.timestamp() * 1000)}</CreateTime><MsgType><![CDATA[ack]]></MsgType></XML>",
    )


def _signed(key: RSAPrivateKey, answer: str) -> bytes:
    proof = alipay_signing.sign(key, answer.encode("ascii"))
    return (
        f'<?xml version="1.0" encoding="GBK"?><alipay><response>{answer}</response>'
        f"<sign>{proof}</sign><sign_type>RSA2</sign_type></alipay>"
    ).encode("ascii")
