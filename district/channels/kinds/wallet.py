"""Wallets of telephones: what signs coupons for them. They are no channel to a member: he puts a coupon there himself."""

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from district.channels.kinds.apps import Url
from district.channels.kinds.kind import Beside, Building, Kind
from district.channels.kinds.service_account import ServiceAccountSecrets
from push.channels.fcm import GoogleAccess
from push.channels.pooled import Pooled
from push.channels.provider_tokens import ServiceAccount
from push.channels.wallet_apple import IdentityInvalid, PassIdentity
from push.channels.wallet_google import SCOPE
from push.message import Message
from push.receipts import Failure, FailureKind, Outcome, Receipt

APPLE: Final = "apple_wallet"
GOOGLE: Final = "google_wallet"
Pem = Annotated[str, Field(min_length=100, max_length=12_000)]
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{4,40})-----([A-Za-z0-9+/=\s]+)-----END \1-----")
_WIDTH: Final = 64


class AppleWalletOptions(BaseModel):
    """A pass type of your team. Everything else stands in its certificate."""

    model_config = ConfigDict(extra="forbid")

    certificate: Pem = Field(description="Certificate of the pass type, in PEM")
    intermediate: Pem = Field(description="Apple's WWDR certificate that signed it, in PEM")
    base_url: Url = "https://api.push.apple.com"


class AppleWalletSecrets(BaseModel):
    """The certificate's key."""

    model_config = ConfigDict(extra="forbid")

    private_key: Pem = Field(description="Private key of the certificate, in PEM, without a password")


class GoogleWalletOptions(BaseModel):
    """An issuer account of Google's wallet."""

    model_config = ConfigDict(extra="forbid")

    issuer_id: Annotated[str, Field(pattern=r"^[0-9]{4,30}$")]
    class_suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")] = "coupon"
    base_url: Url = "https://walletobjects.googleapis.com"
    token_url: Url = "https://oauth2.googleapis.com/token"  # noqa: S105 an address


class GoogleWalletSecrets(ServiceAccountSecrets):
    """The key of a service account that may act for the issuer."""


def lines_of(text: str) -> str:
    """A PEM text whose lines a form may have run together, as it should be."""
    blocks: list[str] = []
    for label, body in _BLOCK.findall(text):
        packed = "".join(body.split())
        lines = [packed[start : start + _WIDTH] for start in range(0, len(packed), _WIDTH)]
        blocks.append("\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")))
    return "".join(blocks) or text


def identity_of(options: AppleWalletOptions, secrets: AppleWalletSecrets) -> PassIdentity:
    """Who signs. Raises: IdentityInvalid."""
    return PassIdentity.read(
        certificate=lines_of(options.certificate),
        key=lines_of(secrets.private_key),
        intermediate=lines_of(options.intermediate),
    )


class _AppleTrial:
    """Nothing goes out: it tells whether what was filled in can sign."""

    def __init__(self, building: Building) -> None:
        self.building = building

    async def send(self, _message: Message) -> Outcome:
        """A receipt under the pass type's name, else what is wrong."""
        try:
            identity = identity_of(self.building.options, self.building.secrets)
            identity.signature(b"{}")
        except (IdentityInvalid, ValueError) as invalid:
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail=str(invalid)[:200])
        if identity.ends_at <= self.building.now():
            return Failure(kind=FailureKind.MESSAGE_REFUSED, detail="the certificate has ended")
        return Receipt(provider_id=identity.pass_type)


class _GoogleTrial:
    """Nothing goes out: it tells whether Google gives the account access."""

    def __init__(self, building: Building) -> None:
        self.building = building

    async def send(self, _message: Message) -> Outcome:
        """A receipt under the issuer's name, else what Google said."""
        access, pooled = google_access(self.building)
        try:
            bearer = await access.bearer()
        finally:
            await pooled.close()
        return bearer if isinstance(bearer, Failure) else Receipt(provider_id=self.building.options.issuer_id)


def google_access(building: Building) -> tuple[GoogleAccess, Pooled]:
    """Access to Google's wallet, and the connections to close afterwards."""
    pooled = Pooled(policy=building.outbound.policy, resolve=building.outbound.resolve)
    access = GoogleAccess(
        pooled=pooled,
        account=ServiceAccount.read(building.secrets.service_account),
        token_url=building.options.token_url,
        scope=SCOPE,
        now=building.now,
    )
    return access, pooled


KINDS: tuple[Kind, ...] = (
    Kind(
        name=APPLE,
        channel=Beside.WALLET,
        title="Apple Wallet",
        options=AppleWalletOptions,
        secrets=AppleWalletSecrets,
        build=_AppleTrial,
    ),
    Kind(
        name=GOOGLE,
        channel=Beside.WALLET,
        title="Google Wallet",
        options=GoogleWalletOptions,
        secrets=GoogleWalletSecrets,
        build=_GoogleTrial,
    ),
)
