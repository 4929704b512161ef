"""The steering side's site with a real gateway beside it; announcements as a service gets to know them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from schemas.gateway import PublisherAnnounced
from services.accounts.domain import Side
from services.runtime.events import publishers
from services.runtime.http.gateway_administration import GatewayAdministration
from tests.accounts.stand import Stand, stand_on
from tests.conftest import MakeDatabase
from tests.fixtures.gateway.world import SERVICE_KEYS, World, opened


@dataclass
class Registry:
    """The gateway, and the pages of the steering side at it."""

    gateway: World
    stand: Stand

    async def publisher(self, slug: str) -> PublisherAnnounced:
        """Return what the gateway announced last of a publisher."""
        rows = [row for row in await self.gateway.outbox() if row["aggregateid"] == slug]
        return PublisherAnnounced.model_validate(orjson.loads(rows[-1]["payload"]))


async def tell(stand: Stand, *announced: PublisherAnnounced) -> None:
    """Let a service know publishers, as its consumer does."""
    for one in announced:
        await publishers._store(stand.conn, one)  # noqa: SLF001 - what the consumer does with an announcement


@asynccontextmanager
async def registry_on(database: MakeDatabase, prefix: str, broker: str) -> AsyncIterator[Registry]:
    """Open the gateway and the steering side's site at it."""
    async with opened(await database("gateway"), prefix, broker) as gateway:
        administration = GatewayAdministration(gateway.client, "http://127.0.0.1", SERVICE_KEYS["allocation"])
        async with stand_on(
            await database("allocation"), side=Side.STEERING, administration=administration
        ) as stand:
            yield Registry(gateway, stand)
