"""Lists what the gateway reads and which handler each topic goes to. Start reading here."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from schemas.placements import PlacementStep
from schemas.topics import Family, topic
from services.gateway.erasures.handlers import Erasures
from services.gateway.findings.handlers import read_findings, read_placements
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping.erased import WithoutErased, subject_of
from services.runtime.events.subscription import Applied, Incoming, Subscription, Verdict


def _told_of(incoming: Incoming) -> UUID | None:
    """Return whom an event is about, unless it tells recipients that the person was erased (Art. 19 GDPR)."""
    match incoming.event.data:
        case PlacementStep(reason=reason) if reason.params.get("reason") == "erased":
            return None
        case _:
            return subject_of(incoming)


def _nothing(_incoming: Incoming) -> Verdict:
    return Applied()


def subscriptions(prefix: str, key: IdentityKey) -> Sequence[Subscription]:
    """Return the gateway's subscriptions: findings of both sides, the steps of placements, erasures."""
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
            handler=WithoutErased(
                partial(read_placements, prefix=prefix), key, about=_told_of, verdict=_nothing
            ),
        ),
        Subscription(
            name="erasures",
            topics=(topic(Family.ERASURES, prefix=prefix),),
            handler=Erasures(key, prefix).read,
        ),
    )
