"""The ids that rules compare and hand on; they never look inside them."""

from typing import NewType
from uuid import UUID

CampaignId = NewType("CampaignId", UUID)
MerchantId = NewType("MerchantId", UUID)
StoreId = NewType("StoreId", UUID)
MemberId = NewType("MemberId", UUID)
VisitId = NewType("VisitId", UUID)
OfferId = NewType("OfferId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
LeaseToken = NewType("LeaseToken", UUID)
