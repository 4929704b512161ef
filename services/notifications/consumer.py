"""Lists what this service reads and which handler each event goes to. Start reading here."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from schemas.base import Payload
from schemas.envelope import encode_data
from schemas.support import (
    AttendanceRecorded,
    ConsentCollected,
    ConsentGranted,
    ConsentRevoked,
    NeedReported,
)
from schemas.topics import Family, pattern, topic
from services.notifications import gate
from services.notifications.erasures.handlers import Erasures, read_acknowledgements
from services.notifications.events import attendance, consents, placements, results
from services.notifications.people.keys import PersonSecrets
from services.notifications.settings import Policy
from services.places.checks import TownsChecked
from services.runtime.bookkeeping.erased import WithoutErased
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Subscription, Verdict

_Handler = Callable[[Connection, Sequence[Incoming], datetime], Coroutine[Any, Any, list[Verdict]]]


async def read_support(
    conn: Connection, batch: Sequence[Incoming], now: datetime, *, consent_months: int, secrets: PersonSecrets
) -> list[Verdict]:
    """Judge a batch of `support` strictly in its order: consents, and what rests on them."""
    grant: _Handler = partial(consents.grant, months=consent_months, secrets=secrets)
    revoke: _Handler = partial(consents.revoke, secrets=secrets)
    attend: _Handler = partial(attendance.record, secrets=secrets)

    def handler_of(event: Incoming) -> _Handler:
        match event.event.data:
            case AttendanceRecorded():
                return attend
            case ConsentGranted() | ConsentCollected() if event.event.retracts is None:
                return grant
            case ConsentGranted() | ConsentCollected() | ConsentRevoked():  # one taken back revokes
                return revoke
            case _:
                return results.record

    if any(map(consents.ends_some, batch)):
        await gate.end_consent(conn)
    else:
        await gate.rely_on_consent(conn)
    verdicts: list[Verdict] = []
    for handle, events in groupby(batch, key=handler_of):
        verdicts += await handle(conn, list(events), now)
    return verdicts


async def kept(conn: Connection, batch: Sequence[Incoming], *, secrets: PersonSecrets) -> list[bytes | None]:
    """Return what may be stored of events of `support` that wait before any handler was asked."""
    reports = [event for event in batch if isinstance(event.event.data, AttendanceRecorded)]
    days = await attendance.stripped(conn, reports, secrets)
    return [None if (data := _reduced(event, days)) is None else encode_data(data) for event in batch]


def _reduced(event: Incoming, days: Mapping[UUID, AttendanceRecorded]) -> Payload | None:
    return days.get(event.cause) or results.stripped(event.event.data)


def _tried_behind_parked(event: Incoming) -> tuple[str, ...]:
    """Return what reports of attendance and needs make known; earlier ones that wait never hold them up."""
    match event.event.data:
        case AttendanceRecorded():
            return attendance.opens(event)
        case NeedReported():
            return (results.needs_key(event.subject),)
        case _:
            return ()


def _nothing(_incoming: Incoming) -> Verdict:
    return Applied()


def subscriptions(
    prefix: str, secrets: PersonSecrets, policy: Policy, erasures: Erasures
) -> tuple[Subscription, ...]:
    """Return the subscriptions of this service; what concerns somebody erased reaches no handler."""
    without_erased = partial(WithoutErased, key=secrets.identity_key, verdict=_nothing)
    return (
        Subscription(
            "support",
            without_erased(
                TownsChecked(partial(read_support, consent_months=policy.consent.months, secrets=secrets))
            ),
            pattern=pattern(Family.SUPPORT, prefix=prefix),
            findings=topic(Family.FINDINGS_SUPPORT, prefix=prefix),
            judge=True,
            keep=partial(kept, secrets=secrets),
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
