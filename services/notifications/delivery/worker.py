"""Sends due mails: claims, stores the attempt, sends outside of any transaction, stores how it ended."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol
from uuid import UUID

import asyncpg

from services.notifications.delivery import settling, store
from services.notifications.delivery.domain import (
    OF_THE_SERVER,
    Attempted,
    Fault,
    Outcome,
    own_fault_delay,
)
from services.notifications.delivery.mail import Letter, MailTexts, compose
from services.notifications.mailboxes import MailboxError
from services.runtime.base import failpoints
from services.runtime.base.failures import name_of
from services.runtime.data.db import Connection, Pool, transaction

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0  # longer than an attempt may take; the mails of a killed worker wait that long
_BATCH = 50
_AT_ONCE = 8
_THREAD = 20
"""A mail names so many earlier ones at most."""
_MAY_BE_EMPTY = frozenset({"head", "last"})
"""Levels whose mailbox an office may take away while a mail to it waits."""


class MailServer(Protocol):
    """Sends mails."""

    async def send(self, message: EmailMessage, /) -> Attempted:
        """Try to send once; return how it ended."""
        ...


@dataclass(slots=True)
class ServerPause:
    """Leaves the mail server alone while it does not work, so that nobody is locked out for knocking.

    While it does not work, one mail at a time is tried, after waits as long as between attempts.
    """

    clock: Callable[[], float] = time.monotonic
    failed: int = 0
    until: float = 0.0

    def heard(self, attempted: Attempted) -> None:
        """Take note of an attempt."""
        if attempted.fault in OF_THE_SERVER:
            if not self.lasts:  # several mails that failed at once are one failure
                self.failed += 1
                self.until = self.clock() + own_fault_delay(self.failed)
        elif attempted.outcome is not Outcome.UNSENDABLE:  # somebody answered
            self.failed = 0

    @property
    def lasts(self) -> bool:
        """Return whether the server is to be left alone now."""
        return self.failed > 0 and self.clock() < self.until


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    """Sends the deliveries that are due; whatever one of them meets, the others go on."""

    pool: Pool
    server: MailServer
    texts: MailTexts
    public_url: str
    in_doubt_retries: int
    count_attempt: Callable[[Attempted], None]
    pause: ServerPause = field(default_factory=ServerPause)

    async def drain(self) -> int:
        """Send the next deliveries; return how many were claimed."""
        if self.pause.lasts:
            return 0
        limit = 1 if self.pause.failed else _BATCH
        async with transaction(self.pool) as conn:
            claimed = await store.claim(conn, LEASE_SECONDS, limit)
        at_once = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for row in claimed:
                group.create_task(self._one(row, at_once))
        return len(claimed)

    async def _one(self, row: asyncpg.Record, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            try:
                await self._deliver(row)
            except Exception as error:  # noqa: BLE001 - its lease runs out, then it is tried again
                log.error("delivery: unexpected", extra={"error": name_of(error)})  # noqa: TRY400 - no values
                self.count_attempt(Attempted(Outcome.IN_DOUBT, None, Fault.INTERNAL))

    async def _deliver(self, row: asyncpg.Record) -> None:
        delivery, token = row["delivery_id"], row["lease_token"]
        async with transaction(self.pool) as conn:
            in_doubt = row["in_doubt"]
            if await store.close_lost_attempt(conn, delivery, token):
                in_doubt += 1
                self.count_attempt(Attempted(Outcome.IN_DOUBT))
                if in_doubt > self.in_doubt_retries:
                    await settling.give_up(conn, delivery, token, Outcome.IN_DOUBT)
                    return
            address = await self._address(conn, row)
            if address is None:
                return
            attempt = await store.begin_attempt(conn, delivery, token, LEASE_SECONDS)
            letter = await _letter(conn, row, address)
        if attempt is None:
            return
        await failpoints.failpoint("delivery_attempt_written")
        attempted = await self._attempt(letter)
        await failpoints.failpoint("delivery_sent")
        await self._settle(row, attempt, attempted, in_doubt)

    async def _address(self, conn: Connection, row: asyncpg.Record) -> str | None:
        """Look up where the mail goes; None, and give the delivery back or up, if it cannot go now."""
        delivery, token = row["delivery_id"], row["lease_token"]
        if self.pause.lasts:
            await store.retry_after(conn, delivery, token, 0.0, Fault.SERVER_UNREACHABLE)
            return None
        found = await store.address_of(conn, row["recipient"])
        if found is None and row["recipient"].partition(":")[0] in _MAY_BE_EMPTY:
            self._alarm(delivery, Attempted(Outcome.UNSENDABLE, None, Fault.NO_ADDRESS))
            await settling.give_up(conn, delivery, token, Fault.NO_ADDRESS)
            return None
        if found is None:
            await store.retry_after(conn, delivery, token, LEASE_SECONDS, Fault.NO_ADDRESS)
            self._alarm(delivery, Attempted(Outcome.OWN_FAULT, None, Fault.NO_ADDRESS))
            return None
        if found["suppressed"]:
            self.count_attempt(Attempted(Outcome.REFUSED, None, Fault.SUPPRESSED))
            await settling.give_up(conn, delivery, token, Fault.SUPPRESSED)
            return None
        return str(found["address"])

    async def _attempt(self, letter: Letter) -> Attempted:
        """Write the mail and send it; an error that nobody foresaw is an end like any other."""
        try:
            message = compose(letter, self.texts, self.public_url)
        except MailboxError:
            return Attempted(Outcome.UNSENDABLE, None, Fault.MAILBOX_INVALID)
        except Exception as error:  # noqa: BLE001 - nothing was sent
            log.error("delivery: no mail", extra={"error": name_of(error)})  # noqa: TRY400 - no values
            return Attempted(Outcome.UNSENDABLE, None, Fault.MESSAGE_INVALID)
        try:
            return await self.server.send(message)
        except Exception as error:  # noqa: BLE001 - it may have been sent
            log.error("delivery: not known", extra={"error": name_of(error)})  # noqa: TRY400 - no values
            return Attempted(Outcome.IN_DOUBT, None, Fault.INTERNAL)

    async def _settle(self, row: asyncpg.Record, attempt: int, attempted: Attempted, in_doubt: int) -> None:
        delivery = row["delivery_id"]
        if attempted.outcome is Outcome.IN_DOUBT:
            in_doubt += 1
        self.pause.heard(attempted)
        self._alarm(delivery, attempted)
        async with transaction(self.pool) as conn:
            await settling.settle(
                conn, row, attempt, attempted, in_doubt=in_doubt, in_doubt_retries=self.in_doubt_retries
            )

    def _alarm(self, delivery: UUID, attempted: Attempted) -> None:
        """Count an attempt; what somebody has to mend is an error in the log, too."""
        self.count_attempt(attempted)
        if attempted.outcome in {Outcome.OWN_FAULT, Outcome.UNSENDABLE}:
            log.error(
                "delivery: needs mending",
                extra={"delivery": str(delivery), "fault": attempted.fault, "code": attempted.code},
            )


async def _letter(conn: Connection, row: asyncpg.Record, address: str) -> Letter:
    """Read what a mail tells: of its own alert, of those that ride along, and after which mails."""
    told = await store.told_by(conn, row["delivery_id"])
    others = [(one["delivery_id"], one["alert_id"]) for one in told[1:]]
    alerts = [one["alert_id"] for one in told]
    earlier = await store.earlier_mails(conn, alerts, row["office"], _THREAD)
    return Letter(row["delivery_id"], row["alert_id"], address, row["step"], others, earlier)
