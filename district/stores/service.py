"""What may be done with stores and tills."""

from typing import Final

CHANNEL: Final = "stores_changed"
