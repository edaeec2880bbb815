"""A real OpenID Connect provider: discovery, keys, PKCE, RS256; it can be told to misbehave, one way at a time."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import RSAKey

from district.clock import system

CLIENT_ID = "shangquan"
CLIENT_SECRET = "a-secret-of-the-client"


@dataclass
class Provider:
    """What the provider knows, and what it lies about."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    shown_key: RSAKey | None = None
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "ada"})
    in_userinfo: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token that are not as they should be; None leaves one out."""
    algorithm: str = "RS256"
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: int = 0

    def id_token(self, asked: dict[str, str]) -> str:
        """The signed token of a code, lies and all."""
        now = int(system.machine_now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
            **self.lies,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return ".".join((_b64(b'{"alg":"none"}'), _b64(_json(claims)), ""))
        if self.algorithm == "HS256":
            signed = ".".join((_b64(b'{"alg":"HS256","kid":"one"}'), _b64(_json(claims))))
            return f"{signed}.{_b64(hmac.digest(self.key.as_pem(private=False), signed.encode(), 'sha256'))}"
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _json(claims: dict[str, Any]) -> bytes:
    return bytes(JSONResponse(claims).body)


def app_of(provider: Provider) -> FastAPI:
    """The provider's HTTP face."""
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def describe() -> dict[str, Any]:
        at = provider.issuer
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "userinfo_endpoint": f"{at}/userinfo",
            "jwks_uri": f"{at}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        key = provider.shown_key or provider.key
        return {"keys": [key.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(8)
        provider.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": provider.issuer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}")

    @app.post("/token")
    def token(
        request: Request,
        code: str = Form(),
        redirect_uri: str = Form(),
        code_verifier: str = Form(),
        grant_type: str = Form(),
    ) -> Response:
        asked = provider.codes.pop(code, None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        challenge = _b64(hashlib.sha256(code_verifier.encode()).digest())
        is_right = (
            asked is not None
            and grant_type == "authorization_code"
            and request.headers.get("authorization") == f"Basic {basic}"
            and asked["redirect_uri"] == redirect_uri
            and asked["code_challenge"] == challenge
        )
        if not is_right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        provider.tokens += 1
        answer = {
            "access_token": "opens-userinfo",
            "token_type": "Bearer",
            "id_token": provider.id_token(asked),
        }
        return JSONResponse(answer)

    @app.get("/userinfo")
    def userinfo(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer opens-userinfo":
            return JSONResponse({"error": "invalid_token"}, status_code=401)
        return JSONResponse({"sub": provider.person["sub"], **provider.in_userinfo})

    return app
