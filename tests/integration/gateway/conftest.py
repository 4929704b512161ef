"""A gateway process of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import MakeDatabase, MakeTopics
from tests.fixtures.gateway.process import PUBLISHERS, Gateway
from tests.serving import Servers


@pytest.fixture
async def gateway(
    servers: Servers, prefix: str, database: MakeDatabase, topics: MakeTopics, tmp_path: Path
) -> AsyncIterator[Gateway]:
    """A gateway with two publishers, not started yet."""
    await topics(*(publisher.slug for publisher in PUBLISHERS))
    made = Gateway(servers, prefix, await database("gateway"), tmp_path)
    await made.prepare(*PUBLISHERS)
    yield made
    if made.process is not None:
        await made.stop(kill=True)
