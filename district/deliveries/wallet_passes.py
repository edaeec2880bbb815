"""A member's coupon as the wallet of his telephone shows it."""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, Self

from district.channels.kinds import wallet as kinds
from district.clock import Clock
from district.database import Pool
from district.deliveries import wallet_queries as queries
from district.deliveries.building import building_of
from district.districts.service import DistrictInfo
from district.offers import wallet
from district.offers.schemas import OfferOut, ShownState
from district.problems import NotFound
from district.settings import Settings
from district.stores.book import DistrictStores
from push.channels.outbound import Outbound
from push.channels.provider_tokens import ServiceAccount
from push.channels.wallet_apple import Coupon, PassIdentity, Place, archive, document
from push.channels.wallet_google import Issuer, save_link
from push.wording import Language

_KEY: Final = b"shangquan passes in wallets 1"
_TOKEN_BYTES: Final = 24
MOST_NAMED: Final = 3
USABLE: Final = frozenset({ShownState.ISSUED, ShownState.OPENED})


@dataclass(frozen=True, kw_only=True)
class WalletRow:
    """A wallet's row of channel_provider."""

    id: uuid.UUID
    slug: str
    kind: str
    options: Mapping[str, Any]
    sealed: bytes = field(repr=False)

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of WALLETS_SQL, which the driver leaves untyped."""
        return cls(id=row[0], slug=row[1], kind=row[2], options=row[3], sealed=bytes(row[4]))


async def wallets_of(pool: Pool, district_id: uuid.UUID) -> dict[str, WalletRow]:
    """The wallets that are set up in a district, by kind."""
    values = {"district_id": district_id, "kinds": [kinds.APPLE, kinds.GOOGLE]}
    async with pool.connection() as connection:
        rows = await (await connection.execute(queries.WALLETS_SQL, values)).fetchall()
    return {row[2]: WalletRow.of(row) for row in rows}


def token_of(secret: str, district_id: uuid.UUID, offer_id: uuid.UUID) -> str:
    """What a wallet shows to ask for a pass anew; nothing is stored for it."""
    key = hmac.digest(secret.encode(), _KEY, hashlib.sha256)
    mac = hmac.digest(key, district_id.bytes + offer_id.bytes, hashlib.sha256)
    return base64.urlsafe_b64encode(mac[:_TOKEN_BYTES]).decode()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Makes passes of one district. book is None while the stores have not been read."""

    pool: Pool
    district: DistrictInfo
    settings: Settings
    clock: Clock
    book: DistrictStores | None = None

    @property
    def origin(self) -> str:
        return (self.settings.public_url or "").rstrip("/")

    @property
    def secret(self) -> str:
        secret = self.settings.secret
        return secret.get_secret_value() if secret else ""

    async def coupon(self, member_id: uuid.UUID, offer_id: uuid.UUID, language: Language) -> Coupon:
        """What the wallet shows; looking does not open it. Raises: NotFound, also for what is no coupon."""
        offer = await wallet.find(
            self.pool,
            self.district.id,
            member_id,
            offer_id,
            now=self.clock.now(),
            language=language,
            opens=False,
        )
        if offer.kind not in {"coupon", "red_packet"} or offer.state == ShownState.RESERVED:
            raise NotFound("This is no coupon for a wallet.")
        return self._coupon(offer, language)

    def _coupon(self, offer: OfferOut, language: Language) -> Coupon:
        places = self._places(offer.store_ids, language)
        names = [one.name for one in places[:MOST_NAMED]]
        more = "…" if len(places) > MOST_NAMED else ""
        return Coupon(
            serial=str(offer.id),
            district=self.district.title(language.value),
            title=offer.title,
            text=offer.text,
            stores=" · ".join(names) + more,
            code=offer.code or "",
            link=f"{self.origin}/d/{self.district.slug}/offers/{offer.id}" if self.origin else "",
            valid_until=offer.valid_until,
            is_over=offer.state not in USABLE,
            places=places,
            language=language.value,
        )

    def _places(self, store_ids: Sequence[uuid.UUID], language: Language) -> list[Place]:
        if self.book is None:
            return []
        stores = [self.book.stores[self.book.rows[one]] for one in store_ids if one in self.book.rows]
        return [
            Place(lon=one.position.lon, lat=one.position.lat, name=one.title(language.value) or one.ref)
            for one in stores
        ]

    def apple(self, coupon: Coupon, row: WalletRow) -> bytes:
        """A signed pass. Raises: SealBroken, ValidationError, IdentityInvalid."""
        service = f"{self.origin}/wallet/{self.district.slug}" if self.origin.startswith("https://") else ""
        token = token_of(self.secret, self.district.id, uuid.UUID(coupon.serial))
        identity = self.identity(row)
        return archive(document(coupon, identity, service_url=service, token=token), pictures(), identity)

    def identity(self, row: WalletRow) -> PassIdentity:
        """Who signs. Raises: SealBroken, ValidationError, IdentityInvalid."""
        building = building_of(self.settings, self.district, row, clock=self.clock, outbound=_nowhere())
        return kinds.identity_of(building.options, building.secrets)

    def google(self, coupon: Coupon, row: WalletRow, *, now: datetime) -> str:
        """The link that saves it. Raises: SealBroken, ValidationError, KeyUnreadable."""
        building = building_of(self.settings, self.district, row, clock=self.clock, outbound=_nowhere())
        account = ServiceAccount.read(building.secrets.service_account)
        issuer = issuer_of(building.options, origin=self.origin)
        return save_link(coupon, issuer, account, now=now)


def issuer_of(options: kinds.GoogleWalletOptions, *, origin: str) -> Issuer:
    """The account of Google's wallet."""
    return Issuer(
        id=options.issuer_id, class_suffix=options.class_suffix, origins=(origin,) if origin else ()
    )


@lru_cache(maxsize=1)
def pictures() -> dict[str, bytes]:
    """The district's mark, as every pass must have one."""
    mark = files("district.web").joinpath("static/app/mark-192.png").read_bytes()
    return dict.fromkeys(("icon.png", "icon@2x.png", "logo.png"), mark)


@lru_cache(maxsize=1)
def _nowhere() -> Outbound:
    """Signing calls nobody."""
    return Outbound()
