"""kurslotse.progress: T and end offsets hold exactly, also while events are on their way."""

import asyncio
from datetime import datetime, timedelta

from tests.fixtures.gateway.process import NOON, Gateway, Record
from tests.fixtures.gateway.world import course, structured
from tests.waiting import wait_until

STRUCTURED = {"Content-Type": "application/cloudevents+json"}


async def progress(gateway: Gateway, slug: str) -> list[tuple[datetime, int, Record]]:
    """T, end offset, record; in the order they were announced."""
    return [
        (datetime.fromisoformat(record.data["until"]), record.data["offsets"]["0"], record)
        for record in await gateway.read(f"{gateway.prefix}kurslotse.progress")
        if record.data["publisher"] == slug
    ]


async def test_what_waits_in_the_outbox_holds_its_publisher_back_and_nobody_else(gateway: Gateway) -> None:
    later = NOON + timedelta(hours=1)
    await gateway.start("consume,timers,web")  # no relay: what is accepted stays in the outbox
    async with gateway.client("schule") as client:
        event = structured("course-announced", "e-1", course())
        assert (await client.post("/v1/events", json=event, headers=STRUCTURED)).status_code == 202
    gateway.set_clock(later)
    from services.runtime.data.db import connect  # noqa: PLC0415

    conn = await connect(gateway.database.worker, name="test")

    async def said() -> dict[str, datetime]:
        return {row["publisher"]: row["until"] for row in await conn.fetch("SELECT * FROM progress")}

    await wait_until(lambda: _true(said, lambda now: now.get("amt") == later), 20)
    assert (await said()).get("schule", NOON) < later
    status = await gateway.status()
    assert status["due"] == 1
    await conn.close()
    await gateway.stop()
    await gateway.start()

    async def there() -> bool:
        return any(until == later for until, _, _ in await progress(gateway, "schule"))

    await wait_until(there, 30)
    ends = {until: end for until, end, _ in await progress(gateway, "schule")}
    assert ends[later] == 1
    await wait_until(lambda: _true(gateway.status, lambda now: now["due"] == 0), 10)


async def _true(read: object, holds: object) -> bool:
    return bool(holds(await read()))  # type: ignore[operator]


async def test_everything_accepted_before_t_lies_below_the_offsets(gateway: Gateway) -> None:
    """Ledger against announcements: many senders, a clock that moves, a kill -9 in the middle."""
    await gateway.start()
    ledger: dict[str, datetime] = {}
    now = [NOON]
    stop = asyncio.Event()

    async def send(sender: int) -> None:
        number = 0
        async with gateway.client("schule") as client:
            while not stop.is_set():
                number += 1
                id_ = f"s{sender}-{number}"
                event = structured("course-announced", id_, course(course=id_))
                try:
                    answer = await client.post("/v1/events", json=event, headers=STRUCTURED)
                except Exception:  # noqa: BLE001 - the process was killed: nothing was promised
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code == 202:
                    # Promised no later than this business time.
                    ledger[id_] = now[0]

    async def move_the_clock() -> None:
        while not stop.is_set():
            await asyncio.sleep(0.2)
            now[0] += timedelta(minutes=10)
            gateway.set_clock(now[0])

    tasks = [asyncio.create_task(send(n)) for n in range(6)] + [asyncio.create_task(move_the_clock())]
    await wait_until(lambda: len(ledger) >= 100, 60)
    await gateway.stop(kill=True)
    await gateway.start()
    so_far = len(ledger)

    async def enough() -> bool:
        return len(ledger) >= so_far + 100 and len(await progress(gateway, "schule")) > 5

    await wait_until(enough, 60)
    stop.set()
    await asyncio.gather(*tasks)
    end = now[0]

    async def reached() -> bool:
        return any(until == end for until, _, _ in await progress(gateway, "schule"))

    await wait_until(reached, 30)
    offsets = {
        record.id: record.offset for record in await gateway.read(f"{gateway.prefix}kurslotse.in.schule")
    }
    assert set(ledger) <= set(offsets), "a promised event is not on its topic"
    announced = await progress(gateway, "schule")
    assert [until for until, _, _ in announced] == sorted(until for until, _, _ in announced)
    wrong = [
        (id_, until)
        for until, below, _ in announced
        for id_, promised in ledger.items()
        if promised < until and offsets[id_] >= below
    ]
    assert wrong == []
