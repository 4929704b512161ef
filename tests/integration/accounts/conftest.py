"""The site of sign-in on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.accounts.stand import Stand, stand_on
from tests.conftest import MakeDatabase


@pytest.fixture
async def stand(database: MakeDatabase) -> AsyncIterator[Stand]:
    async with stand_on(await database("allocation")) as made:
        yield made
