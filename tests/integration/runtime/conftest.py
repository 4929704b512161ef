"""Gives each test of the loop a stand of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import MakeDatabase, MakeTopics
from tests.serving import Servers
from tests.stand import SLUG, Stand


@pytest.fixture
async def stand(
    servers: Servers, prefix: str, database: MakeDatabase, topics: MakeTopics
) -> AsyncIterator[Stand]:
    """Topics of one publisher, a database, a handler that counts its effects."""
    await topics(SLUG)
    made = Stand(servers, prefix, await database("stand"))
    await made.open()
    yield made
    await made.close()
