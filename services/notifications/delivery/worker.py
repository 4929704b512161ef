"""Sends due mails: claims, stores the attempt, sends outside of any transaction, stores how it ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol

import asyncpg

from services.notifications.delivery import store
from services.notifications.delivery.domain import Delivered, GiveUp, Outcome, RetryAfter, next_step
from services.notifications.delivery.mail import Attempted, Letter, MailTexts, compose
from services.runtime.base import failpoints
from services.runtime.data.db import Pool, transaction

LEASE_SECONDS = 30.0  # longer than an attempt may take; the mails of a killed worker wait that long
_BATCH = 50
_AT_ONCE = 8


class MailServer(Protocol):
    """Sends mails."""

    async def send(self, message: EmailMessage, /) -> Attempted:
        """Try to send once; return how it ended."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryWorker:
    """Sends the deliveries that are due."""

    pool: Pool
    server: MailServer
    texts: MailTexts
    public_url: str
    in_doubt_retries: int
    count_attempt: Callable[[Outcome], None]

    async def drain(self) -> int:
        """Send the next deliveries; return how many were claimed."""
        async with transaction(self.pool) as conn:
            claimed = await store.claim(conn, LEASE_SECONDS, _BATCH)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(row: asyncpg.Record) -> None:
            async with at_once:
                await self._deliver(row)

        async with asyncio.TaskGroup() as group:
            for row in claimed:
                group.create_task(one(row))
        return len(claimed)

    async def _deliver(self, row: asyncpg.Record) -> None:
        delivery, token = row["delivery_id"], row["lease_token"]
        async with transaction(self.pool) as conn:
            in_doubt = row["in_doubt"]
            if await store.close_lost_attempt(conn, delivery, token):
                in_doubt += 1
                self.count_attempt(Outcome.IN_DOUBT)
                if in_doubt > self.in_doubt_retries:
                    await store.give_up(conn, delivery, token, Outcome.IN_DOUBT)
                    await store.notify_lead(conn, delivery)
                    return
            address = await store.address_of(conn, row["recipient"])
            if address is None:
                await store.retry_after(conn, delivery, token, LEASE_SECONDS, "no_address")
                return
            attempt = await store.begin_attempt(conn, delivery, token, LEASE_SECONDS)
        if attempt is None:
            return
        await failpoints.failpoint("delivery_attempt_written")
        letter = Letter(delivery, row["alert_id"], address, row["step"])
        attempted = await self.server.send(compose(letter, self.texts, self.public_url))
        await failpoints.failpoint("delivery_sent")
        await self._settle(row, attempt, attempted, in_doubt)

    async def _settle(self, row: asyncpg.Record, attempt: int, attempted: Attempted, in_doubt: int) -> None:
        delivery, token = row["delivery_id"], row["lease_token"]
        if attempted.outcome is Outcome.IN_DOUBT:
            in_doubt += 1
        self.count_attempt(attempted.outcome)
        async with transaction(self.pool) as conn:
            await store.end_attempt(
                conn, delivery, attempt, token, outcome=attempted.outcome, code=attempted.code
            )
            if attempted.outcome is Outcome.IN_DOUBT:
                await store.count_doubt(conn, delivery, token)
            match next_step(attempted.outcome, attempt, in_doubt, self.in_doubt_retries):
                case Delivered():
                    await store.settle_as_sent(conn, delivery, token)
                case RetryAfter(seconds):
                    await store.retry_after(conn, delivery, token, seconds, attempted.problem)
                case GiveUp(why):
                    await store.give_up(conn, delivery, token, why)
                    await store.notify_lead(conn, delivery)
