"""Sends due webhooks: claims, stores the attempt, sends outside of any transaction, stores how it ended."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from services.notifications.delivery import settling, store
from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.delivery.webhooks import store as endpoints
from services.notifications.delivery.webhooks.domain import (
    Health,
    LeaveAlone,
    SwitchOff,
    Works,
    after_attempt,
    payload_of,
)
from services.notifications.delivery.webhooks.secrets import SecretSeal, UnopenableError
from services.notifications.delivery.webhooks.sender import WebhookSender
from services.runtime.base import failpoints
from services.runtime.base.failures import name_of
from services.runtime.data.db import Connection, Pool, transaction

log = logging.getLogger(__name__)

LEASE_SECONDS = 40.0  # longer than an attempt may take
_BATCH = 50
_AT_ONCE = 8
_RESEALED = 50
_RESTS = 20.0


@dataclass(frozen=True, slots=True)
class WebhookWorker:
    """Sends the webhooks that are due; whatever one of them meets, the others go on."""

    pool: Pool
    sender: WebhookSender
    seal: SecretSeal
    public_url: str
    count_attempt: Callable[[Attempted], None]

    async def drain(self) -> int:
        """Send the next webhooks; return how many were claimed."""
        async with transaction(self.pool) as conn:
            await endpoints.give_back_disabled(conn)
            await endpoints.hold_back(conn)
            claimed = await store.claim(conn, LEASE_SECONDS, _BATCH, "webhook")
        at_once = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for row in claimed:
                group.create_task(self._one(row, at_once))
        return len(claimed)

    async def reseal(self, _now: datetime) -> int:
        """Seal some secrets by the current key, after another was set; forget those that sign no more."""
        async with transaction(self.pool) as conn:
            rows = await endpoints.sealed_by_others(conn, self.seal.keks.current, _RESEALED)
            done = 0
            for row in rows:
                try:
                    plain = self.seal.open(row["kek"], row["sealed"], row["secret_id"])
                except UnopenableError:
                    continue
                await endpoints.seal_again(conn, row["secret_id"], *self.seal.seal(plain, row["secret_id"]))
                done += 1
            return done + await endpoints.forget_secrets(conn)

    async def _one(self, row: asyncpg.Record, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            try:
                await self._deliver(row)
            except Exception as error:  # noqa: BLE001 - its lease runs out, then it is tried again
                log.error("webhook: unexpected", extra={"error": name_of(error)})  # noqa: TRY400 - no values
                self.count_attempt(Attempted(Outcome.RETRY, None, Fault.INTERNAL))

    async def _deliver(self, row: asyncpg.Record) -> None:
        delivery, token = row["delivery_id"], row["lease_token"]
        async with transaction(self.pool) as conn:
            # Whoever was killed meanwhile may have sent it: it goes again under the same webhook-id.
            await store.close_lost_attempt(conn, delivery, token)
            endpoint = await endpoints.endpoint(conn, _endpoint_of(row))
            if endpoint is None or endpoint["state"] != "active":
                self.count_attempt(Attempted(Outcome.REFUSED, None, Fault.ENDPOINT_DISABLED))
                await settling.give_up(conn, delivery, token, Fault.ENDPOINT_DISABLED)
                return
            if endpoint["rests"]:  # since this round began
                await store.retry_after(conn, delivery, token, _RESTS, None)
                return
            secrets = self._opened(await endpoints.secrets(conn, endpoint["endpoint_id"]))
            attempt = await store.begin_attempt(conn, delivery, token, LEASE_SECONDS)
        if attempt is None:
            return
        await failpoints.failpoint("delivery_attempt_written")
        attempted = await self._attempt(row, endpoint["url"], secrets)
        await failpoints.failpoint("delivery_sent")
        await self._settle(row, attempt, attempted)

    def _opened(self, rows: list[asyncpg.Record]) -> list[bytes]:
        found = []
        for row in rows:
            try:
                found.append(self.seal.open(row["kek"], row["sealed"], row["secret_id"]))
            except UnopenableError:
                log.error("webhook: a secret cannot be opened; its key is missing in KURSLOTSE_KEK")  # noqa: TRY400
        return found

    async def _attempt(self, row: asyncpg.Record, url: str, secrets: list[bytes]) -> Attempted:
        if not secrets:
            return Attempted(Outcome.OWN_FAULT, None, Fault.INTERNAL)
        body = payload_of(row["step"], row["alert_id"], row["created_at"], self.public_url)
        try:
            return await self.sender.send(row["delivery_id"], url, body, secrets)
        except Exception as error:  # noqa: BLE001 - it may have been sent; it goes again under the same id
            log.error("webhook: not known", extra={"error": name_of(error)})  # noqa: TRY400 - no values
            return Attempted(Outcome.RETRY, None, Fault.INTERNAL)

    async def _settle(self, row: asyncpg.Record, attempt: int, attempted: Attempted) -> None:
        self.count_attempt(attempted)
        async with transaction(self.pool) as conn:
            # The endpoint is locked before its deliveries by everybody: switching it off touches them all.
            health = await endpoints.lock_health(conn, _endpoint_of(row))
            await settling.settle(conn, row, attempt, attempted, in_doubt=0, in_doubt_retries=0)
            if health is not None and attempted.outcome is not Outcome.OWN_FAULT:
                await self._note(conn, row, health, attempted)

    async def _note(
        self, conn: Connection, row: asyncpg.Record, health: Health, attempted: Attempted
    ) -> None:
        """Write down what an attempt means for its endpoint; of one that is switched off the lead hears."""
        endpoint = _endpoint_of(row)
        match after_attempt(health, attempted, datetime.now(UTC)):
            case Works(now):
                await endpoints.write_health(conn, endpoint, now, None)
            case LeaveAlone(now, seconds):
                await endpoints.write_health(conn, endpoint, now, seconds)
            case SwitchOff(why):
                await endpoints.switch_off(conn, endpoint, why)
                log.error("webhook: switched off", extra={"fault": why})
                await store.add_mail(
                    conn,
                    row["alert_id"],
                    row["organisation"],
                    row["office"],
                    recipient=f"lead:{row['office']}",
                    step=f"unhooked-{endpoint.hex[:8]}",
                    now=row["created_at"],
                )


def _endpoint_of(row: asyncpg.Record) -> UUID:
    return UUID(str(row["recipient"]).partition(":")[2])
