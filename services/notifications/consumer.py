"""Lists what this service reads and which handler each event goes to. Start reading here."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from schemas.base import Payload
from schemas.envelope import encode_data
from schemas.support import AttendanceRecorded, ConsentGranted, ConsentRevoked, NeedReported
from schemas.topics import Family, pattern, topic
from services.notifications import gate
from services.notifications.events import attendance, consents, placements, results
from services.notifications.people.crypto import Keyring
from services.notifications.settings import Policy
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Incoming, Subscription, Verdict

_Handler = Callable[[Connection, Sequence[Incoming], datetime], Coroutine[Any, Any, list[Verdict]]]


async def read_support(
    conn: Connection, batch: Sequence[Incoming], now: datetime, *, consent_months: int, keyring: Keyring
) -> list[Verdict]:
    """Judge a batch of `support` strictly in its order: consents, and what rests on them."""
    grant: _Handler = partial(consents.grant, months=consent_months, keyring=keyring)
    revoke: _Handler = partial(consents.revoke, keyring=keyring)
    attend: _Handler = partial(attendance.record, keyring=keyring)

    def handler_of(event: Incoming) -> _Handler:
        match event.event.data:
            case AttendanceRecorded():
                return attend
            case ConsentGranted() if event.event.retracts is None:
                return grant
            case ConsentGranted() | ConsentRevoked():  # retracting a grant revokes the consent
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


async def kept(conn: Connection, batch: Sequence[Incoming], *, keyring: Keyring) -> list[bytes | None]:
    """Return what may be stored of events of `support` that wait before any handler was asked."""
    reports = [event for event in batch if isinstance(event.event.data, AttendanceRecorded)]
    days = await attendance.stripped(conn, reports, keyring)
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


def subscriptions(prefix: str, keyring: Keyring, policy: Policy) -> tuple[Subscription, ...]:
    """Return the subscriptions of this service."""
    return (
        Subscription(
            "support",
            partial(read_support, consent_months=policy.consent.months, keyring=keyring),
            pattern=pattern(Family.SUPPORT, prefix=prefix),
            findings=topic(Family.FINDINGS_SUPPORT, prefix=prefix),
            judge=True,
            keep=partial(kept, keyring=keyring),
            opens=_tried_behind_parked,
        ),
        Subscription(
            "placements",
            partial(placements.read, keyring=keyring, policy=policy.disclosure),
            topics=(topic(Family.PLACEMENTS, prefix=prefix),),
        ),
    )
