"""Tests what keeps the loop from losing or repeating: range guard, breaker, fence, others' faults."""

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from schemas.envelope import encode_data, encode_headers
from services.runtime.base import failpoints
from services.runtime.bookkeeping import breaker, offsets
from tests.conftest import MakeTopics
from tests.stand import Stand, announcement, completed, event
from tests.waiting import wait_until


async def paused(stand: Stand) -> list[tuple[str, str]]:
    return [tuple(row) for row in await stand.fetch("SELECT topic, why FROM runtime.paused")]


async def test_a_stored_offset_beyond_the_end_pauses_the_partition_and_an_operator_decides(
    stand: Stand,
) -> None:
    await stand.know()
    async with stand.consuming():
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
    await stand.execute(
        "UPDATE runtime.stored_offset SET next_offset = 500 WHERE topic = $1", stand.in_topic()
    )
    async with stand.consuming() as consumers:
        await wait_until(lambda: _is_paused(stand))
        await stand.say(completed("a", 1))
        lag = await consumers.lag()
        assert await paused(stand) == [(stand.in_topic(), "out_of_range")]
        assert await stand.value("SELECT detail FROM runtime.paused") == {
            "stored": 500,
            "beginning": 0,
            "end": 1,
        }
        assert len(await stand.effects()) == 1
        assert lag
        admin = await asyncpg.connect(stand.database.worker)
        assert await breaker.resume(admin, stand.in_topic(), go_on_at=None) == 0
        assert await breaker.resume(admin, stand.in_topic(), go_on_at=0) == 1
        await admin.close()
        await stand.read_up_to(2)
    assert [n for _, _, n in await stand.effects()] == [0, 1]


async def test_retention_that_passed_the_stored_offset_pauses_too(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming():
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
    await stand.say(completed("a", 1), completed("a", 2), completed("a", 3))
    await stand.delete_records_before(stand.in_topic(), 3)
    async with stand.consuming():
        await wait_until(lambda: _is_paused(stand))
    assert await stand.value("SELECT detail FROM runtime.paused") == {"stored": 1, "beginning": 3, "end": 4}
    assert len(await stand.effects()) == 1


async def test_a_stored_offset_never_goes_back_by_itself(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming():
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
    with pytest.raises(asyncpg.PostgresError, match="never goes back"):
        await stand.execute(
            "UPDATE runtime.stored_offset SET next_offset = 0 WHERE topic = $1", stand.in_topic()
        )


async def test_a_sloppy_publisher_is_paused_and_the_others_are_read(stand: Stand, topics: MakeTopics) -> None:
    stand.with_loop(breaker_limit=5, max_records=3)
    await topics("schlampe")
    await stand.know()
    await stand.know("schlampe")
    async with stand.consuming():
        for _ in range(20):
            await stand.produce(stand.in_topic("schlampe"), [("ce_id", b"1")], b"nonsense")
        await wait_until(lambda: _is_paused(stand))
        await stand.say(announcement("a"), completed("a", 1))
        await stand.read_up_to(2)
        stopped_at = await stand.value(
            "SELECT next_offset FROM runtime.stored_offset WHERE topic = $1", stand.in_topic("schlampe")
        )
        assert 5 <= stopped_at < 9
        assert await paused(stand) == [(stand.in_topic("schlampe"), "refused_in_row")]
    assert [n for _, _, n in await stand.effects()] == [0, 1]
    async with stand.consuming():
        await stand.say(completed("a", 2))
        await stand.read_up_to(3)
        still = await stand.value(
            "SELECT next_offset FROM runtime.stored_offset WHERE topic = $1", stand.in_topic("schlampe")
        )
        assert still == stopped_at
        conn = await asyncpg.connect(stand.database.worker)
        assert await breaker.resume(conn, stand.in_topic("schlampe"), go_on_at=None) == 1
        await conn.close()
        await stand.read_up_to(stopped_at + 5, "schlampe")


async def test_a_new_publisher_is_read_without_a_restart(stand: Stand, topics: MakeTopics) -> None:
    await stand.know()
    async with stand.consuming() as consumers:
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
        await topics("neu")
        await stand.announce("neu")
        await stand.say(announcement("n"), slug="neu")
        # Before the topic was seen it counts as unread, so that nobody takes this for quiet.
        await wait_until(lambda: _count(stand, 2), 10.0)
        assert not any((await consumers.lag()).values())


async def test_a_zombie_finds_its_work_done(stand: Stand) -> None:
    """Two processes with the same records in hand: the offset row decides, and only one has an effect."""
    await stand.know()
    gate, inside = asyncio.Event(), asyncio.Event()

    async def freeze(point: str) -> None:
        if point == "before_transaction" and not inside.is_set():
            inside.set()
            await gate.wait()

    async with stand.consuming((failpoints, "failpoint", freeze)) as zombie:
        await stand.say(announcement("a"), completed("a", 1))
        await asyncio.wait_for(inside.wait(), 15.0)
        for (
            subscriber
        ) in zombie.subscribers:  # leaves the group without knowing it, as a stopped process does
            if subscriber.name == "in":
                await subscriber.consumer._coordinator.close()  # noqa: SLF001 - a kill -STOP in the same process
        async with stand.consuming():
            await stand.read_up_to(2)
            gate.set()
            await asyncio.sleep(0.3)
    assert [n for _, _, n in await stand.effects()] == [0, 1]
    assert await stand.value("SELECT count(*) FROM runtime.inbox WHERE reader = 'in'") == 2


@pytest.mark.parametrize("unanswered", [None, KafkaTimeoutError(), KafkaConnectionError(), TimeoutError()])
async def test_a_gap_left_by_the_broker_is_passed_only_after_a_second_look(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, unanswered: Exception | None
) -> None:
    """Compaction removes records in the middle; the loop reads twice, sees the same, and goes on.

    Where the broker does not say what it has, nothing is passed and the loop looks again.
    """
    await stand.know()
    async with stand.consuming():
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
    seen: list[int] = []
    real = offsets.contiguous_records

    def thinned(polled, stored, confirmed):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        thin = {
            partition: [record for record in records if record.offset != 2]
            for partition, records in polled.items()
        }
        result = real(thin, stored, confirmed)
        seen.extend(gap.seen for partition, gap in result.gaps.items() if partition.topic == stand.in_topic())
        return result

    ask, refused = AIOKafkaConsumer.beginning_offsets, False

    async def asked(
        self: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, int]:
        nonlocal refused
        about_the_gap = seen and stand.in_topic() in {partition.topic for partition in partitions}
        if unanswered is not None and about_the_gap and not refused:
            refused = True
            raise unanswered
        found: dict[TopicPartition, int] = await ask(self, partitions)
        return found

    monkeypatch.setattr(AIOKafkaConsumer, "beginning_offsets", asked)
    await stand.say(completed("a", 1), completed("a", 2), completed("a", 3))
    async with stand.consuming((offsets, "contiguous_records", thinned)):
        await stand.read_up_to(4)
    assert stand.failures == []
    assert seen == [3] * (1 if unanswered is None else 2)
    assert [n for _, _, n in await stand.effects()] == [0, 1, 3]


class NoText(str):
    """A header's name that becomes bytes which are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"ce_\xff"


async def test_a_header_name_that_is_no_text_stops_nobody(
    stand: Stand, topics: MakeTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    await topics("kaputt")
    await stand.know()
    await stand.know("kaputt")
    async with stand.consuming():
        await stand.say(announcement("k"), slug="kaputt")
        await stand.read_up_to(1, "kaputt")
        with monkeypatch.context() as patch:  # aiokafka's fast builder only writes what is text
            for module in (message_accumulator, producer):
                patch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
            good = event(completed("k", 1))
            headers = [(NoText("x"), b"x"), *encode_headers(good)]
            await stand.produce(stand.in_topic("kaputt"), headers, encode_data(good.data))
        await stand.say(announcement("a"), *(completed("a", n) for n in range(1, 6)))
        await stand.say(completed("k", 2), slug="kaputt")
        await stand.read_up_to(6)
        await stand.read_up_to(3, "kaputt")
    assert sorted(n for _, _, n in await stand.effects()) == [0, 0, 1, 2, 2, 3, 4, 5]
    assert await stand.verdicts() == [("rejected", "header_not_utf8")]


async def test_the_position_is_told_to_kafka_for_lag_tools(stand: Stand) -> None:
    await stand.know()
    async with stand.consuming() as consumers:
        await stand.say(announcement("a"), completed("a", 1))
        await stand.read_up_to(2)
        consumer = next(one for one in consumers.subscribers if one.name == "in").consumer
        where = TopicPartition(stand.in_topic(), 0)

        async def told() -> bool:
            return bool(await consumer.committed(where) == 2)

        await wait_until(told)


async def _is_paused(stand: Stand) -> bool:
    return bool(await paused(stand))


async def _count(stand: Stand, n: int) -> bool:
    return len(await stand.effects()) >= n
