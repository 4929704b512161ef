"""A region that cannot be solved stops no other region, and is not solved again and again."""

from __future__ import annotations

import pytest

from services.allocation.steering.runs.worker import SolvedRun
from services.runtime.base.subprocesses import ProcessDiedError
from services.runtime.bookkeeping import work
from services.runtime.data.db import acquire
from tests.integration.allocation.runs.test_runs import NOON, Place, place

__all__ = ["place"]


@pytest.mark.parametrize("error", [TimeoutError(), ProcessDiedError("killed"), ZeroDivisionError()])
async def test_a_region_that_cannot_be_solved_is_set_aside_until_another_request(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tried = 0

    async def fails(_self: object, _raw: bytes) -> SolvedRun:
        nonlocal tried
        tried += 1
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(type(place.solver), "solve", fails)
        await place.ask()
        for _ in range(2):  # the second comes too early
            assert await place.steering.run_due(NOON) == 0
        assert tried == 1
        for _ in range(work.ATTEMPTS + 2):
            await place.conn.execute(
                "UPDATE runtime.work_failure SET not_before = clock_timestamp() WHERE not_before < 'infinity'"
            )
            assert await place.steering.run_due(NOON) == 0
        assert tried == work.ATTEMPTS
    async with acquire(place.pool) as conn:
        (row,) = await work.list_failing(conn)
    assert (row["task"], row["attempts"], row["aside"]) == ("steer", work.ATTEMPTS, True)
    assert await place.steering.run_due(NOON) == 0

    await place.ask()
    assert await place.steering.run_due(NOON) == 1
    assert await place.value("SELECT count(*) FROM runtime.work_failure") == 0
