"""A provider of our own making: signs and encrypts as WeChat Pay's documentation says."""

import base64
import json
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SERIAL = "5157F09EFDC096DE15EBE81A47057A72"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A platform with one key pair, and the API key that it shares with the district."""

    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    api_key: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def public_pem(self) -> str:
        """What an operator pastes."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()

    def body(
        self,
        event_type: str,
        said: dict[str, Any],
        *,
        notice_id: str | None = None,
        api_key: str | None = None,
    ) -> bytes:
        """A notice, encrypted with a nonce of its own."""
        kind = "mall_transaction" if "time_end" in said else "mall_refund"
        nonce = secrets.token_hex(6)
        sealed = AESGCM((api_key or self.api_key).encode()).encrypt(
            nonce.encode(), json.dumps(said, ensure_ascii=False).encode(), kind.encode()
        )
        envelope = {
            "id": notice_id or str(uuid.uuid4()),
            "create_time": "2026-05-01T12:00:00+08:00",
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": "支付成功",
            "resource": {
                "original_type": kind,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": kind,
                "nonce": nonce,
            },
        }
        return json.dumps(envelope, ensure_ascii=False, indent=1).encode()

    def headers(self, body: bytes, at: datetime, *, serial: str = SERIAL) -> dict[str, str]:
        """The signature over timestamp, nonce and the raw body."""
        stamp, nonce = str(int(at.timestamp())), secrets.token_hex(16)
        signature = self.key.sign(
            f"{stamp}\n{nonce}\n".encode() + body + b"\n", padding.PKCS1v15(), hashes.SHA256()
        )
        return {
            "Content-Type": "application/json",
            "Wechatpay-Serial": serial,
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }
