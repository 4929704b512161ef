"""Which topic goes to which handler. Start reading here."""

from collections.abc import Sequence

from schemas.topics import Family, topic
from services.gateway.findings.handlers import AddressedHandler, FindingsHandler
from services.runtime.events.subscription import Subscription


def subscriptions(prefix: str) -> Sequence[Subscription]:
    """List what the gateway reads: findings of both sides, and the steps of placements."""
    return (
        Subscription(
            name="findings",
            topics=(
                topic(Family.FINDINGS_STEERING, prefix=prefix),
                topic(Family.FINDINGS_SUPPORT, prefix=prefix),
            ),
            handler=FindingsHandler(prefix),
        ),
        Subscription(
            name="addressed",
            topics=(topic(Family.PLACEMENTS, prefix=prefix),),
            handler=AddressedHandler(prefix),
        ),
    )
