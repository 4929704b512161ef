"""Which event goes to which handler. Start reading here."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from schemas.support import (
    AttendanceRecorded,
    ConsentGranted,
    ConsentRevoked,
)
from schemas.topics import Family, pattern, topic
from services.notifications import gate
from services.notifications.consents import handlers as consents
from services.notifications.participation import attendance, facts, placements, results
from services.notifications.people.crypto import Keyring
from services.notifications.settings import Policy
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Incoming, Subscription, Verdict

_Part = Callable[[Connection, Sequence[Incoming], datetime], Coroutine[Any, Any, list[Verdict]]]


@dataclass(frozen=True, slots=True)
class SupportReader:
    """Judges `support`: consents and what rests on them, strictly in their order."""

    policy: Policy

    async def __call__(self, conn: Connection, batch: Sequence[Incoming], now: datetime) -> list[Verdict]:
        """Return one verdict per event."""
        if any(_ends_consent(event) for event in batch):
            await gate.end_consent(conn)
        else:
            await gate.rely_on_consent(conn)
        verdicts: list[Verdict] = []
        for part, events in groupby(batch, key=self._part):
            verdicts += await part(conn, list(events), now)
        return verdicts

    def _part(self, event: Incoming) -> _Part:
        match event.event.data:
            case AttendanceRecorded():
                return attendance.record
            case ConsentGranted() if event.event.retracts is None:
                return self._grant
            case ConsentGranted():
                return consents.revoke
            case ConsentRevoked():
                return consents.revoke
            case _:
                return results.record

    async def _grant(self, conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
        return await consents.grant(conn, events, self.policy.consent.months, now)


def _ends_consent(event: Incoming) -> bool:
    """Say whether consent ends here; taking a grant back is a revocation, whatever it is called."""
    said = event.event
    return isinstance(said.data, ConsentRevoked) or (
        isinstance(said.data, ConsentGranted) and said.retracts is not None
    )


def _tries_itself(event: Incoming) -> tuple[str, ...]:
    """Have attendance always asked about, also behind parked days.

    Marks without consent must go before it lies anywhere, and only the handler knows whose these are.
    """
    return (f"course:{event.subject}",) if isinstance(event.event.data, AttendanceRecorded) else ()


def subscriptions(prefix: str, keyring: Keyring, policy: Policy) -> tuple[Subscription, ...]:
    """List what this service reads."""
    return (
        Subscription("in", facts.read, pattern=pattern(Family.IN, prefix=prefix), opens=facts.opens),
        Subscription(
            "support",
            SupportReader(policy),
            pattern=pattern(Family.SUPPORT, prefix=prefix),
            findings=topic(Family.FINDINGS_SUPPORT, prefix=prefix),
            judge=True,
            opens=_tries_itself,
        ),
        Subscription(
            "placements",
            placements.PlacementReader(keyring, policy),
            topics=(topic(Family.PLACEMENTS, prefix=prefix),),
        ),
    )
