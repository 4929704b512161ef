"""Lists what the gateway reads and which handler each topic goes to. Start reading here."""

from collections.abc import Sequence
from functools import partial

from schemas.topics import Family, topic
from services.gateway.findings.handlers import read_findings, read_placements
from services.runtime.events.subscription import Subscription


def subscriptions(prefix: str) -> Sequence[Subscription]:
    """Return the gateway's subscriptions: findings of both sides, and the steps of placements."""
    return (
        Subscription(
            name="findings",
            topics=(
                topic(Family.FINDINGS_STEERING, prefix=prefix),
                topic(Family.FINDINGS_SUPPORT, prefix=prefix),
            ),
            handler=partial(read_findings, prefix=prefix),
        ),
        Subscription(
            name="addressed",
            topics=(topic(Family.PLACEMENTS, prefix=prefix),),
            handler=partial(read_placements, prefix=prefix),
        ),
    )
