"""Lists what this service reads and which handler each event goes to. Start reading here."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

from schemas.support import AttendanceRecorded, ConsentGranted, ConsentRevoked
from schemas.topics import Family, pattern, topic
from services.notifications import gate
from services.notifications.erasures.handlers import Erasures, read_acknowledgements
from services.notifications.events import attendance, consents, facts, placements, results
from services.notifications.people.keys import PersonSecrets
from services.notifications.settings import Policy
from services.runtime.bookkeeping.erased import WithoutErased
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Subscription, Verdict

_Handler = Callable[[Connection, Sequence[Incoming], datetime], Coroutine[Any, Any, list[Verdict]]]


async def read_support(
    conn: Connection, batch: Sequence[Incoming], now: datetime, *, consent_months: int
) -> list[Verdict]:
    """Judge a batch of `support` strictly in its order: consents, and what rests on them."""
    grant: _Handler = partial(consents.grant, months=consent_months)

    def handler_of(event: Incoming) -> _Handler:
        match event.event.data:
            case AttendanceRecorded():
                return attendance.record
            case ConsentGranted() if event.event.retracts is None:
                return grant
            case ConsentGranted() | ConsentRevoked():  # retracting a grant revokes the consent
                return consents.revoke
            case _:
                return results.record

    if any(handler_of(event) is consents.revoke for event in batch):
        await gate.end_consent(conn)
    else:
        await gate.rely_on_consent(conn)
    verdicts: list[Verdict] = []
    for handle, events in groupby(batch, key=handler_of):
        verdicts += await handle(conn, list(events), now)
    return verdicts


def _tried_behind_parked(event: Incoming) -> tuple[str, ...]:
    """Return the course of a day of attendance, which is handled even if earlier days of it are parked.

    Only the handler knows whose marks may be stored: it takes the others out before the day is parked.
    """
    return (f"course:{event.subject}",) if isinstance(event.event.data, AttendanceRecorded) else ()


def _nothing(_incoming: Incoming) -> Verdict:
    return Applied()


def subscriptions(
    prefix: str, secrets: PersonSecrets, policy: Policy, erasures: Erasures
) -> tuple[Subscription, ...]:
    """Return the subscriptions of this service; what concerns somebody erased reaches no handler."""
    without_erased = partial(WithoutErased, key=secrets.identity_key, verdict=_nothing)
    return (
        Subscription(
            "in", without_erased(facts.read), pattern=pattern(Family.IN, prefix=prefix), opens=facts.opens
        ),
        Subscription(
            "support",
            without_erased(partial(read_support, consent_months=policy.consent.months)),
            pattern=pattern(Family.SUPPORT, prefix=prefix),
            findings=topic(Family.FINDINGS_SUPPORT, prefix=prefix),
            judge=True,
            opens=_tried_behind_parked,
        ),
        Subscription(
            "placements",
            without_erased(partial(placements.read, secrets=secrets, policy=policy.disclosure)),
            topics=(topic(Family.PLACEMENTS, prefix=prefix),),
        ),
        Subscription("erasures", erasures.read, topics=(topic(Family.ERASURES, prefix=prefix),)),
        Subscription(
            "erasures_done", read_acknowledgements, topics=(topic(Family.ERASURES_DONE, prefix=prefix),)
        ),
    )
