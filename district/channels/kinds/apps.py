"""Apps on members' telephones, by Apple's and Google's push services."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from district.channels.kinds.kind import Building, Kind
from district.channels.kinds.service_account import ServiceAccountSecrets
from push.channels.apns import ApnsSender
from push.channels.app_address import APP_PATTERN, Platform
from push.channels.fcm import SCOPE, FcmSender, GoogleAccess
from push.channels.http2 import Http2
from push.channels.outbound import MAX_URL
from push.channels.pooled import Pooled
from push.channels.provider_tokens import (
    AppleToken,
    KeyUnreadable,
    ServiceAccount,
    elliptic_key,
)
from push.consent import Channel

Url = Annotated[str, StringConstraints(max_length=MAX_URL, pattern=r"^https?://[\x21-\x7e]+$")]
AppName = Annotated[str, StringConstraints(pattern=APP_PATTERN)]
Apps = Annotated[list[AppName], Field(min_length=1, max_length=20)]
AppleId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{10}$")]
APNS: Final = "apns"
FCM: Final = "fcm"
PLATFORMS: Final = {APNS: Platform.APNS, FCM: Platform.FCM}
"""Whose tokens each kind takes."""


class ApnsOptions(BaseModel):
    """A team of Apple's developer programme, and its apps."""

    model_config = ConfigDict(extra="forbid")

    apps: Apps = Field(description='Bundle identifiers of your apps, such as ["example.district.app"]')
    team_id: AppleId
    key_id: AppleId
    base_url: Url = Field(
        default="https://api.push.apple.com",
        description="https://api.sandbox.push.apple.com for apps that Xcode put on the telephone",
    )


class ApnsSecrets(BaseModel):
    """The key that Apple gives as a .p8 file."""

    model_config = ConfigDict(extra="forbid")

    private_key: Annotated[str, Field(max_length=4_000)] = Field(
        description="The whole .p8 file, from -----BEGIN PRIVATE KEY----- on"
    )

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, text: str) -> str:
        try:
            elliptic_key(text)
        except KeyUnreadable as invalid:
            raise ValueError(str(invalid)) from invalid
        return text


class FcmOptions(BaseModel):
    """The apps of a Firebase project."""

    model_config = ConfigDict(extra="forbid")

    apps: Apps = Field(description='Package names of your apps, such as ["example.district.app"]')
    base_url: Url = "https://fcm.googleapis.com"
    token_url: Url = "https://oauth2.googleapis.com/token"  # noqa: S105 an address
    validate_only: bool = Field(default=False, description="Google checks each message and delivers none")


class FcmSecrets(ServiceAccountSecrets):
    """The key of a service account that may send messages of the project."""


def build_apns(building: Building) -> ApnsSender:
    """The sender of an Apple team's apps."""
    options = building.options
    token = AppleToken(
        key=elliptic_key(building.secrets.private_key),
        key_id=options.key_id,
        team_id=options.team_id,
        now=building.now,
    )
    return ApnsSender(
        http=Http2(outbound=building.outbound, monotonic=building.monotonic),
        token=token,
        base_url=options.base_url,
        apps=tuple(options.apps),
        now=building.business_now,
        machine_now=building.now,
    )


def build_fcm(building: Building) -> FcmSender:
    """The sender of a Firebase project's apps."""
    options = building.options
    account = ServiceAccount.read(building.secrets.service_account)
    pooled = Pooled(policy=building.outbound.policy, resolve=building.outbound.resolve)
    access = GoogleAccess(
        pooled=pooled, account=account, token_url=options.token_url, scope=SCOPE, now=building.now
    )
    return FcmSender(
        pooled=pooled,
        access=access,
        project=account.project,
        base_url=options.base_url,
        apps=tuple(options.apps),
        now=building.business_now,
        machine_now=building.now,
        is_rehearsal=options.validate_only,
    )


KINDS: tuple[Kind, ...] = (
    Kind(
        name=APNS,
        channel=Channel.APP,
        title="iPhone apps (APNs)",
        options=ApnsOptions,
        secrets=ApnsSecrets,
        build=build_apns,
    ),
    Kind(
        name=FCM,
        channel=Channel.APP,
        title="Android and other apps (Firebase)",
        options=FcmOptions,
        secrets=FcmSecrets,
        build=build_fcm,
    ),
)
