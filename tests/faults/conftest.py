"""Gives each fault test a stand of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase, MakeTopics
from tests.serving import Servers
from tests.stand import SLUG, Stand


@pytest.fixture
async def stand(
    servers: Servers, prefix: str, database: MakeDatabase, topics: MakeTopics
) -> AsyncIterator[Stand]:
    """Topics of one publisher that is known, a database, a handler that counts its effects."""
    await topics(SLUG)
    made = Stand(servers, prefix, await database("stand"))
    await made.open()
    await made.know()
    yield made
    await made.close()
