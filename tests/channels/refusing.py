"""What a dispatcher answers that finds, right before a message leaves, that it may not leave any more."""

from push import leaving


async def refuse() -> None:
    """It may not."""
    raise leaving.NotLeaving("It may not leave any more.")
