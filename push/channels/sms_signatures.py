"""Signatures of text message gateways' HTTP interfaces, by their vendors' documents.

Source: Tencent Cloud, "Signature v3" (TC3-HMAC-SHA256); Alibaba Cloud, "V3 request body and signature" (ACS3-HMAC-SHA256);
Twilio, "Validating signatures".
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

_TC3: Final = "TC3-HMAC-SHA256"
_ACS3: Final = "ACS3-HMAC-SHA256"


def tencent(
    *, secret_id: str, secret_key: str, service: str, headers: Mapping[str, str], body: bytes, at: datetime
) -> str:
    """The Authorization header of a POST to / whose signed headers are these, in lower case."""
    day = at.astimezone(UTC).strftime("%Y-%m-%d")
    names = ";".join(sorted(headers))
    canonical = f"POST\n/\n\n{_canonical(headers)}\n{names}\n{_hash(body)}"
    scope = f"{day}/{service}/tc3_request"
    to_sign = f"{_TC3}\n{int(at.timestamp())}\n{scope}\n{_hash(canonical.encode())}"
    key = f"TC3{secret_key}".encode()
    for step in (day, service, "tc3_request"):
        key = hmac.digest(key, step.encode(), hashlib.sha256)
    signature = hmac.digest(key, to_sign.encode(), hashlib.sha256).hex()
    return f"{_TC3} Credential={secret_id}/{scope}, SignedHeaders={names}, Signature={signature}"


def aliyun(*, key_id: str, key_secret: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The Authorization header of a POST to / with a canonical query; headers in lower case."""
    names = ";".join(sorted(headers))
    canonical = f"POST\n/\n{query}\n{_canonical(headers)}\n{names}\n{_hash(body)}"
    to_sign = f"{_ACS3}\n{_hash(canonical.encode())}"
    signature = hmac.digest(key_secret.encode(), to_sign.encode(), hashlib.sha256).hex()
    return f"{_ACS3} Credential={key_id},SignedHeaders={names},Signature={signature}"


def twilio(*, token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature of a form posted to a URL."""
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode("ascii")


def _canonical(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
