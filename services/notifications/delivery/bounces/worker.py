"""Takes up mails that came back: somebody else hears, and a mailbox that does not exist gets no more."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.notifications.delivery import settling, store
from services.notifications.delivery.bounces import store as bounces
from services.notifications.delivery.bounces.domain import Bounce, bounces_of
from services.notifications.delivery.bounces.imap import Arrived, MailboxUnreadableError, Position
from services.runtime.data.db import Connection, Pool, transaction

log = logging.getLogger(__name__)


class Mailbox(Protocol):
    """A mailbox in which reports of mail servers arrive."""

    def after(self, position: Position, /) -> Arrived:
        """Return the next messages after a position."""
        ...


@dataclass(frozen=True, slots=True)
class BounceReader:
    """Reads the sender's mailbox; each report has its effect once, whenever the process dies."""

    pool: Pool
    mailbox: Mailbox

    async def drain(self, now: datetime) -> int:
        """Read the next messages; return how many mails came back."""
        async with transaction(self.pool) as conn:
            position = await bounces.position(conn)
        try:
            arrived = await asyncio.to_thread(self.mailbox.after, position)
        except MailboxUnreadableError as error:
            log.error("bounces: the mailbox cannot be read", extra={"error": str(error)})  # noqa: TRY400
            return 0
        if arrived.position == position:
            return 0
        found = [bounce for raw in arrived.messages for bounce in bounces_of(raw)]
        async with transaction(self.pool) as conn:
            if not await bounces.move(conn, position, arrived.position):
                return 0  # somebody else was faster
            return sum([await self._take(conn, bounce, now) for bounce in found])

    async def _take(self, conn: Connection, bounce: Bounce, now: datetime) -> bool:
        row = await bounces.lock_sent(conn, bounce.delivery)
        if row is None:
            return False
        known = await store.address_of(conn, row["recipient"])
        if known is None or str(known["address"]).lower() != bounce.recipient:
            return False  # about another mailbox than the one that is known now
        told = await bounces.mark(conn, bounce.delivery)
        if bounce.no_such_mailbox:
            await bounces.suppress(conn, row, str(known["address"]), bounce.status, now)
        for delivery in told:
            await settling.tell_another(conn, delivery)
        return True
