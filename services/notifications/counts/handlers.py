"""Publishes the support side's figures of the last closed quarter, and tells the steering side."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid5

from schemas.counts import CountedPart, CountsReported
from schemas.envelope import Event
from schemas.identity import NAMESPACE
from schemas.topics import Family, topic
from services.notifications.counts.store import EXTENDED_BY, counted_by
from services.runtime.bookkeeping.publications import FiguresPublisher
from services.runtime.data.db import Connection, Pool
from services.runtime.disclosure.figures import Publication
from services.runtime.send.outbox import Outgoing, put
from services.texts.figures import SUPPORT


def publisher(pool: Pool, prefix: str, k: int) -> FiguresPublisher:
    """Make the publisher of the support side's figures."""
    return FiguresPublisher(pool, SUPPORT, counted_by(k), k, CountsTeller(prefix).tell, EXTENDED_BY)


@dataclass(frozen=True, slots=True)
class CountsTeller:
    """Puts what was published on the topic that the steering side reads."""

    prefix: str

    async def tell(self, conn: Connection, published: Publication, now: datetime) -> None:
        """Write the event to the outbox, in the transaction that keeps the publication."""
        data = CountsReported(
            kreis=published.kreis,
            figure=published.figure,
            quarter=published.quarter.first,
            counted_on=published.counted_on,
            k=published.k,
            parts=tuple(
                CountedPart(name=name, low=band.low, high=band.high) for name, band in published.bands.items()
            ),
        )
        id_ = uuid5(NAMESPACE, f"counts/{data.kreis}/{data.figure}/{data.quarter}")
        event = Event(id=str(id_), type=CountsReported.type_, source="/notifications", time=now, data=data)
        name = topic(Family.COUNTS, prefix=self.prefix)
        await put(conn, [Outgoing(id_, name, data.subject_key(""), event)])
