"""How an app on a member's telephone is addressed: by whose push service, which app, and the token that it was given."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self


class Platform(StrEnum):
    """Whose push service gave the token."""

    APNS = "apns"
    FCM = "fcm"


APP_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{1,149}$"
_TOKENS: Final = {
    # Apple: bytes in hexadecimal, of a length that "may vary"; it was 32 bytes for long.
    Platform.APNS: re.compile(r"(?:[0-9a-fA-F]{2}){32,128}"),
    Platform.FCM: re.compile(r"[A-Za-z0-9_:\-]{20,1024}"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AppAddress:
    """One installation of an app."""

    platform: Platform
    app: str
    token: str

    @classmethod
    def of(cls, *, platform: Platform, app: str, token: str) -> Self | None:
        """None for what is no token of that platform, or no app's name."""
        if not _TOKENS[platform].fullmatch(token) or not re.fullmatch(APP_PATTERN, app):
            return None
        return cls(platform=platform, app=app, token=token.lower() if platform is Platform.APNS else token)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From its written form: platform:app:token."""
        platform, _, rest = text.partition(":")
        app, _, token = rest.partition(":")
        return (
            cls.of(platform=Platform(platform), app=app, token=token) if platform in set(Platform) else None
        )

    def __str__(self) -> str:
        return f"{self.platform}:{self.app}:{self.token}"
