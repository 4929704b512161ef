"""Sends what is owed: claim, write the attempt down, send outside of any transaction, write its end down."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol

import asyncpg

from services.notifications.delivery import store
from services.notifications.delivery.domain import Again, GiveUp, Outcome, Sent, next_step
from services.notifications.delivery.mail import Attempted, Letter, MailTexts, compose
from services.notifications.metrics import DeliveryMetrics
from services.runtime.base import failpoints
from services.runtime.data.db import Pool, transaction

LEASE_SECONDS = 30.0  # longer than an attempt may take; so long a killed worker's mails wait
_BATCH = 50
_AT_ONCE = 8


class Server(Protocol):
    """Takes a message and says what became of it."""

    async def send(self, message: EmailMessage, /) -> Attempted:
        """Try to send once."""
        ...


@dataclass(frozen=True, slots=True)
class Delivering:
    """Works off deliveries that are due."""

    pool: Pool
    server: Server
    texts: MailTexts
    public_url: str
    in_doubt_retries: int
    metrics: DeliveryMetrics

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
                self.metrics.ended(Outcome.IN_DOUBT)
                if in_doubt > self.in_doubt_retries:
                    await store.give_up(conn, delivery, token, Outcome.IN_DOUBT)
                    await store.tell_the_lead(conn, delivery)
                    return
            address = await store.addressee(conn, row["recipient"])
            if address is None:
                await store.again(conn, delivery, token, LEASE_SECONDS, "no_address")
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
        self.metrics.ended(attempted.outcome)
        async with transaction(self.pool) as conn:
            await store.end_attempt(
                conn, delivery, attempt, token, outcome=attempted.outcome, code=attempted.code
            )
            if attempted.outcome is Outcome.IN_DOUBT:
                await store.count_doubt(conn, delivery, token)
            match next_step(attempted.outcome, attempt, in_doubt, self.in_doubt_retries):
                case Sent():
                    await store.sent(conn, delivery, token)
                case Again(seconds):
                    await store.again(conn, delivery, token, seconds, attempted.problem)
                case GiveUp(why):
                    await store.give_up(conn, delivery, token, why)
                    await store.tell_the_lead(conn, delivery)
