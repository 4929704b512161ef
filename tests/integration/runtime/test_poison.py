"""Tests that no record stops a reader: what its handler or parser fails on is set aside, the rest goes on."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from schemas.envelope import encode_data, encode_headers
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import attempts, inbox
from services.runtime.events.records import Reader
from services.runtime.events.subscription import Incoming, Verdict
from services.runtime.kafka import unpacking
from tests.conftest import MakeTopics
from tests.stand import SLUG, Courses, Stand, announcement, completed, event
from tests.waiting import wait_until

UNLUCKY = frozenset({66, 67, 68, 69, 70})
PLACED = Courses.__call__


def failing_on(numbers: AbstractSet[int], calls: list[int] | None = None) -> Any:  # noqa: ANN401 - a handler
    async def handler(
        self: Courses, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        said = [getattr(one.event.data, "finished", 0) for one in batch]
        if calls is not None and len(said) == 1 and said[0] in numbers:
            calls.append(said[0])
        if set(said) & set(numbers):
            raise OverflowError("date value out of range: Erika")
        return await PLACED(self, conn, batch, now)

    return Courses, "__call__", handler


async def refused(stand: Stand) -> list[tuple[int, str]]:
    rows = await stand.fetch('SELECT "offset", code FROM runtime.quarantine ORDER BY topic, "offset"')
    return [(row["offset"], row["code"]) for row in rows]


async def paused(stand: Stand) -> list[str]:
    return [row["topic"] for row in await stand.fetch("SELECT topic FROM runtime.paused ORDER BY topic")]


def alarms(stand: Stand, what: str) -> float | None:
    return stand.registry.get_sample_value("kurslotse_consume_alarms_total", {"reader": "in", "what": what})


@pytest.mark.parametrize("size", [500, 1, 3])
async def test_an_event_on_which_its_handler_fails_is_set_aside_and_the_rest_of_its_batch_goes_on(
    stand: Stand, size: int
) -> None:
    stand.with_loop(max_records=size)
    await stand.know()
    calls: list[int] = []
    await stand.say(announcement("a"), *(completed("a", n) for n in range(1, 6)), completed("a", 66))
    await stand.say(*(completed("a", n) for n in range(6, 12)))
    async with stand.consuming(failing_on({66}, calls)):
        await stand.read_up_to(13)
        assert alarms(stand, "crashed") == 1
    assert stand.failures == []
    assert [n for _, _, n in await stand.effects()] == list(range(12))
    assert calls == [66] * 3
    assert await stand.verdicts() == [("rejected", "refused_after_crashes")]
    (row,) = await stand.fetch('SELECT "offset", params, event_id FROM runtime.quarantine')
    assert (row["offset"], row["params"]) == (6, {"times": 3, "error": "OverflowError"})
    assert "Erika" not in str(await stand.findings()) + str(
        await stand.fetch("SELECT * FROM runtime.quarantine")
    )
    assert await stand.value("SELECT violations FROM status.one_fate") == 0


async def test_a_bug_that_concerns_every_event_sets_three_aside_and_pauses_the_partition_of_each_publisher(
    stand: Stand, topics: MakeTopics
) -> None:
    await topics("sued")
    await stand.know()
    await stand.know("sued")
    await stand.say(announcement("a"), *(completed("a", n) for n in UNLUCKY))
    await stand.say(announcement("b"), completed("b", 1), slug="sued")
    async with stand.consuming(failing_on(UNLUCKY)):
        await wait_until(lambda: _paused_one(stand))
        await stand.say(completed("b", 2), slug="sued")
        await stand.read_up_to(3, "sued")
    assert stand.failures == []
    assert await refused(stand) == [(n, "refused_after_crashes") for n in (1, 2, 3)]
    assert (
        await stand.value("SELECT next_offset FROM runtime.stored_offset WHERE topic = $1", stand.in_topic())
        == 4
    )
    assert sorted(n for _, _, n in await stand.effects()) == [0, 0, 1, 2]
    # Once the bug is mended, an operator goes on, and has read again what was set aside.
    await stand.execute("DELETE FROM runtime.paused")
    await stand.execute("UPDATE runtime.stored_offset SET crashed_in_row = 0")
    await stand.execute("UPDATE runtime.quarantine SET replay_requested_at = now()")
    async with stand.consuming() as consumers:
        await stand.read_up_to(6)
        assert await consumers.maintenance.replay() == 3
    assert sorted(n for _, _, n in await stand.effects()) == [0, 0, 1, 2, *sorted(UNLUCKY)]
    assert await stand.value("SELECT violations FROM status.one_fate") == 0


async def _paused_one(stand: Stand) -> bool:
    return await paused(stand) == [stand.in_topic()]


async def test_what_waited_and_makes_its_handler_fail_is_to_blame_not_what_it_waited_for(
    stand: Stand,
) -> None:
    await stand.know()
    await stand.say(completed("a", 1), completed("a", 66), completed("a", 2), announcement("a"))
    async with stand.consuming(failing_on({66})):
        await stand.read_up_to(4)
    assert await refused(stand) == [(1, "refused_after_crashes")]
    assert [n for _, _, n in await stand.effects()] == [0, 1, 2]
    assert await stand.value("SELECT count(*) FROM runtime.parked") == 0
    assert await stand.value("SELECT violations FROM status.one_fate") == 0


async def test_what_waits_too_long_and_makes_its_handler_fail_stops_no_timer(stand: Stand) -> None:
    await stand.know()
    await stand.say(completed("a", 66), completed("b", 2))
    async with stand.consuming() as consumers:
        await stand.read_up_to(2)
        await stand.execute("UPDATE runtime.parked SET parked_at = now() - interval '30 days'")
        with pytest.MonkeyPatch.context() as patch:
            target, name, handler = failing_on({66})
            patch.setattr(target, name, handler)
            assert await consumers.maintenance.expire_parked() == 2
    assert await refused(stand) == [(0, "refused_after_crashes"), (1, "course_unknown")]


async def test_a_replay_that_fails_again_ends_its_request_and_the_next_one_is_replayed(stand: Stand) -> None:
    await stand.know()
    await stand.say(announcement("a"), completed("a", 66), completed("a", 13))
    async with stand.consuming(failing_on({66})) as consumers:
        await stand.read_up_to(3)
        await stand.execute("UPDATE runtime.quarantine SET replay_requested_at = now()")
        assert await consumers.maintenance.replay() == 2
        assert await consumers.maintenance.replay() == 0
    assert stand.failures == []


async def test_a_record_on_which_the_parser_fails_is_set_aside(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.know()
    read = Reader.read_attributes

    def failing(self: Reader, position: Any, *rest: Any) -> Any:  # noqa: ANN401 - as read_attributes
        if position.offset == 1:
            raise RecursionError("too deep")
        return read(self, position, *rest)

    monkeypatch.setattr(Reader, "read_attributes", failing)
    await stand.say(announcement("a"), completed("a", 1), completed("a", 2))
    async with stand.consuming():
        await stand.read_up_to(3)
    assert await refused(stand) == [(1, "refused_after_crashes")]
    assert [n for _, _, n in await stand.effects()] == [0, 2]


async def test_a_record_that_cannot_even_be_remembered_is_found_and_set_aside(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bookkeeping fails, not the handler: records are read alone, each counted before."""
    await stand.know()
    remember = inbox.remember
    tries: list[int] = []

    async def failing(conn: asyncpg.Connection, reader: str, events: Sequence[Any], key: IdentityKey) -> Any:  # noqa: ANN401
        if any(one.incoming.position.offset == 2 for one in events):
            tries.append(await counted(stand))
            raise TypeError("not what was expected")
        return await remember(conn, reader, events, key)

    monkeypatch.setattr(inbox, "remember", failing)
    await stand.say(announcement("a"), *(completed("a", n) for n in range(1, 6)))
    async with stand.consuming():
        await stand.read_up_to(6)
        await stand.say(completed("a", 7))
        await stand.read_up_to(7)
    assert stand.failures == []
    assert await refused(stand) == [(2, "refused_after_crashes")]
    assert [n for _, _, n in await stand.effects()] == [0, 1, 3, 4, 5, 7]
    assert tries[1:] == [1, 2, 3]


async def reads_alone(stand: Stand) -> None:
    """Leave behind what a process leaves that dies unseen in the first batch."""
    async with stand.consuming():
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
    await stand.execute("UPDATE runtime.stored_offset SET attempts = 1 WHERE topic = $1", stand.in_topic())


def refusing(failure: Exception, calls: list[int]) -> Any:  # noqa: ANN401 - a handler
    async def handler(_: Courses, __: object, batch: Sequence[Incoming], ___: datetime) -> None:
        calls.append(len(batch))
        raise failure

    return Courses, "__call__", handler


async def counted(stand: Stand) -> int:
    return int(
        await stand.value("SELECT attempts FROM runtime.stored_offset WHERE topic = $1", stand.in_topic())
    )


@pytest.mark.parametrize(
    "failure",
    [
        asyncpg.UndefinedColumnError("column is missing"),
        asyncpg.InternalServerError("cache lookup failed"),
        asyncpg.DiskFullError("no space left"),
        asyncpg.ReadOnlySQLTransactionError("standby"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_fault_of_the_system_in_start_after_start_sets_no_good_record_aside(
    stand: Stand, failure: Exception
) -> None:
    stand.with_loop(give_up_after_seconds=0.0)
    await stand.know()
    await reads_alone(stand)
    await stand.say(completed("a", 1), completed("a", 2))
    for _ in range(6):
        calls: list[int] = []
        async with stand.consuming(refusing(failure, calls)):
            await wait_until(lambda: bool(stand.failures))
        assert calls == [1], "read alone"
        stand.failures.clear()
        assert await counted(stand) == 0
    async with stand.consuming():
        await stand.read_up_to(3)
    assert await refused(stand) == []
    assert [n for _, _, n in await stand.effects()] == [0, 1, 2]


async def test_what_passes_by_itself_counts_no_try(stand: Stand) -> None:
    await stand.know()
    await reads_alone(stand)
    await stand.say(completed("a", 1))
    seen: list[int] = []

    async def handler(
        self: Courses, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        seen.append(await counted(stand))
        if len(seen) <= 5:
            raise asyncpg.DiskFullError("no space left")
        return await PLACED(self, conn, batch, now)

    async with stand.consuming((Courses, "__call__", handler)):
        await stand.read_up_to(2)
    assert seen == [1] * 6
    assert await refused(stand) == []
    assert [n for _, _, n in await stand.effects()] == [0, 1]


async def test_a_count_that_cannot_be_taken_back_hides_no_failure(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(attempts, "take_back", gone)
    await stand.know()
    await reads_alone(stand)
    await stand.say(completed("a", 1))
    async with stand.consuming(refusing(asyncpg.UndefinedColumnError("column is missing"), [])):
        await wait_until(lambda: bool(stand.failures))
    assert [str(one).rpartition(": ")[2] for one in stand.failures] == ["UndefinedColumnError:42703"]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_records_are_read_however_they_are_compressed(stand: Stand, codec: str) -> None:
    await stand.know()
    await stand.compress(codec)
    await stand.say(announcement("a"), *(completed("a", n) for n in range(1, 6)))
    async with stand.consuming():
        await stand.read_up_to(6)
    assert [n for _, _, n in await stand.effects()] == list(range(6))


async def test_a_batch_that_is_too_large_unpacked_is_refused_and_nobody_waits(
    stand: Stand, topics: MakeTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST_BYTES", 2**16)
    await topics("sued")
    await stand.know()
    await stand.know("sued")
    await stand.compress("zstd")
    good = event(announcement("a"))
    await stand.produce(stand.in_topic(), encode_headers(good), b"\0" * 500_000)
    await stand.say(announcement("a"), completed("a", 1))
    await stand.say(announcement("b"), slug="sued")
    async with stand.consuming():
        await stand.read_up_to(3)
        await stand.read_up_to(1, "sued")
        assert (alarms(stand, "undecodable") or 0) >= 1  # twice if a rebalance lets it be read again
    assert await refused(stand) == [(0, "record_undecodable")]
    assert await stand.verdicts() == [("rejected", "record_undecodable")]
    assert sorted(n for _, _, n in await stand.effects()) == [0, 0, 1]


async def test_a_header_without_a_value_is_no_header(stand: Stand) -> None:
    await stand.know()
    good = event(announcement("a"))
    headers: Any = [*encode_headers(good), ("ce_subject", None), ("traceparent", None)]
    await stand.produce(stand.in_topic(), headers, encode_data(good.data))
    async with stand.consuming():
        await stand.read_up_to(1)
    assert len(await stand.effects()) == 1
    assert SLUG in stand.in_topic()


async def test_a_replay_on_which_the_parser_fails_ends_and_leaves_the_others_replayed(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.know()
    await stand.say(announcement("a"), completed("a", 66), completed("a", 67), completed("a", 1))
    async with stand.consuming(failing_on({66, 67})):
        await stand.read_up_to(4)
    real = Reader.read

    def fails(self: Reader, record: Any) -> Any:  # noqa: ANN401 - a record and its reading
        if record.offset == 1:
            raise RecursionError("Erika")
        return real(self, record)

    async with stand.consuming() as consumers:
        await stand.execute("UPDATE runtime.quarantine SET replay_requested_at = now()")
        monkeypatch.setattr(Reader, "read", fails)
        assert await consumers.maintenance.replay() == 1
        assert [n for _, _, n in await stand.effects()] == [0, 1, 67]
        for _ in range(5):
            await consumers.maintenance.replay()
        (row,) = await stand.fetch(
            "SELECT replay_attempts, replay_result, replay_requested_at FROM runtime.quarantine"
            " WHERE replayed_at IS NULL"
        )
        assert dict(row) == {
            "replay_attempts": 3, "replay_result": "RecursionError", "replay_requested_at": None,
        }  # fmt: skip
        monkeypatch.undo()
        await stand.execute("UPDATE runtime.quarantine SET replay_requested_at = now()")
        assert await consumers.maintenance.replay() == 1
    assert stand.failures == []
    assert await stand.value("SELECT violations FROM status.one_fate") == 0
