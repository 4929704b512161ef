"""Events that ended processes elsewhere, all together, at every door: nobody else notices."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from confluent_kafka import Producer

from schemas.identity import course_id, participant_id
from tests.acceptance.installation import SERVICES, Installation, installed, read_json
from tests.acceptance.test_chain import (
    CONTACT,
    COUNSELLING,
    COURSE,
    FACTS,
    OFFICE,
    PARTICIPANT,
    PROVIDER,
    REFERENCE,
    Kreis,
    kreis,
)
from tests.serving import Servers

pytestmark = pytest.mark.timeout(900)

CASES = Path(__file__).parents[1] / "fixtures" / "events"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
OF_THE_OFFICE = ("consent-granted", "participant-registered")
CANARY = "depression_of_1990"


def in_order() -> list[Path]:
    """Return the files in the order of the ids in them: some are one story."""

    def id_of(path: Path) -> str:
        read = orjson.loads(path.read_bytes())
        return str((read[0] if isinstance(read, list) else read)["id"])

    return sorted(CASES.glob("*.json"), key=id_of)


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each event of each file, in the order of their ids, with the name of its case."""
    for path in in_order():
        read = orjson.loads(path.read_bytes())
        for number, event in enumerate(read if isinstance(read, list) else [read]):
            yield f"{path.stem.split('-')[0]}.{number}" if isinstance(read, list) else path.stem, event


def by_office(event: dict[str, Any]) -> bool:
    return any(name in event["type"] for name in OF_THE_OFFICE)


def say_directly(found: Installation) -> int:
    """Write every case past the gateway, and a good course packed in each way; return how many."""
    sent = 0
    for codec in CODECS:
        producer = Producer(found.kafka | {"compression.type": codec, "linger.ms": 50})
        if codec == "none":
            for name, event in cases():
                family = "support" if "consent" in event["type"] else "in"
                slug = OFFICE if by_office(event) else PROVIDER
                id_ = f"{name}-k" if event["id"].isprintable() else event["id"]
                head = {"specversion": "1.0", "type": event["type"], "source": "/test", "id": id_}
                producer.produce(
                    f"{found.prefix}kurslotse.{family}.{slug}",
                    json.dumps(event["data"]).encode(),  # orjson refuses to write what is nested deeply
                    headers=[(f"ce_{key}", value.encode()) for key, value in head.items()],
                )
                sent += 1
        packed = COURSE | {"course": f"GEPACKT-{codec}", "title": "Ein Kurs. " * 20}
        head = {"specversion": "1.0", "type": "de.kurslotse.course-announced.v1", "source": "/test"}
        producer.produce(
            f"{found.prefix}kurslotse.in.{PROVIDER}",
            orjson.dumps(packed),
            headers=[(f"ce_{key}", value.encode()) for key, value in (head | {"id": codec}).items()],
        )
        assert producer.flush(30) == 0
        sent += 1
    return sent


async def say_by_http(here: Kreis) -> dict[str, httpx.Response]:
    """Send every case as its file stands; return the answers."""
    keys = read_json(here.installation.home / "work" / "demo-keys.json")
    url = here.installation.facts["addresses"]["gateway"] + "/v1/events"
    answers = {}
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        for path in in_order():
            raw = path.read_bytes()
            read = orjson.loads(raw)
            slug = OFFICE if isinstance(read, dict) and by_office(read) else PROVIDER
            kind = "cloudevents-batch" if isinstance(read, list) else "cloudevents"
            answers[path.stem] = await client.post(
                url,
                content=raw,
                headers={"Content-Type": f"application/{kind}+json", "Authorization": f"Bearer {keys[slug]}"},
            )
    return answers


def pids(found: Installation) -> dict[str, int]:
    return {one["name"]: one["pid"] for one in found.status()["processes"] if one["name"] in SERVICES}


async def rows(found: Installation, service: str, statement: str, *args: Any) -> list[asyncpg.Record]:  # noqa: ANN401
    conn = await asyncpg.connect(found.database(service))
    try:
        return list(await conn.fetch(statement, *args))
    finally:
        await conn.close()


async def test_no_event_stops_what_others_say(servers: Servers, tmp_path: Path) -> None:
    prefix = f"bad{secrets.token_hex(3)}-"
    with installed(tmp_path / "home", prefix, servers, "up", "--demo") as found:
        async with kreis(found) as here:
            await here.day("2025-10-06")
            before = await asyncio.to_thread(pids, found)
            assert set(before) == set(SERVICES)

            await asyncio.to_thread(say_directly, found)
            answers = await say_by_http(here)
            status = {name: answer.status_code for name, answer in answers.items()}
            assert max(status.values()) < 500, status
            assert answers["e06-deep-nesting-batch"].status_code == 207
            for refused in ("e02-consent-given-9999", "e04-granted-9999", "e07-id-ends-with-newline"):
                assert 400 <= status[refused] < 500, refused
            await here.control.quiet()

            await what_others_say_is_applied(here)
            await each_publisher_is_told_where(found)
            await no_words_of_a_publisher_cross(here)
            for path in ("/api/v1/proposals", "/courses", "/people", "/"):
                answer = await here.console.ask("GET", path, headers={"Accept": "text/html"})
                assert answer.status_code in {200, 404}, path
            assert await asyncio.to_thread(pids, found) == before  # nobody ended


async def what_others_say_is_applied(here: Kreis) -> None:
    """A person and a course said afterwards are in every database, and each packed course is read."""
    found = here.installation
    await here.say(PROVIDER, "kurs", "course-announced", COURSE)
    await here.say(OFFICE, "person", "participant-registered", FACTS, door="registration", contact=CONTACT)
    consent = {"reference": REFERENCE, "office": COUNSELLING, "purposes": ["dropout_support"]}
    await here.say(OFFICE, "consent", "consent-granted", consent | {"given_on": "2025-10-06"})
    await here.control.quiet()
    known = {row["own_course"] for row in await rows(found, "allocation", "SELECT own_course FROM course")}
    assert known >= {COURSE["course"], *(f"GEPACKT-{codec}" for codec in CODECS)}
    assert await rows(
        found, "allocation", "SELECT FROM participant WHERE participant = $1::uuid", PARTICIPANT
    )
    assert await rows(
        found, "notifications", "SELECT FROM consent WHERE participant_id = $1::uuid", PARTICIPANT
    )
    for own, state in (("K-OFFEN-1", []), ("K-WIEDER", ["announced"])):
        kept = await rows(
            found, "allocation", "SELECT state FROM course WHERE course = $1", course_id(PROVIDER, own)
        )
        assert [row["state"] for row in kept] == state, own
    assert not await rows(
        found,
        "allocation",
        "SELECT FROM participant WHERE participant = $1",
        participant_id(OFFICE, "TN-9001"),
    )
    assert not await rows(found, "notifications", "SELECT FROM runtime.paused")
    assert not await rows(found, "allocation", "SELECT FROM runtime.paused")


async def each_publisher_is_told_where(found: Installation) -> None:
    told = {
        (row["event_id"], row["code"], row["field"])
        for row in await rows(
            found, "gateway", "SELECT event_id, code, field FROM finding WHERE topic IS NOT NULL"
        )
    }
    for case, code, field in (
        ("e01-lesson-with-offset-k", "time_with_offset", "lessons.0.starts_at"),
        ("e02-consent-given-9999-k", "date_too_late", "given_on"),
        ("e03-course-without-end-k", "date_too_late", "sections.0.ends_on"),
        ("e04-granted-9999-k", "date_too_late", "entitlement.granted_on"),
        (None, "id_malformed", "ce_id"),
        ("e14-minimum-above-capacity-k", "minimum_above_capacity", "minimum"),
    ):
        assert (case, code, field) in told, (case, sorted(told, key=str))


async def no_words_of_a_publisher_cross(here: Kreis) -> None:
    """A code that nobody lists is told as a warning; what it said stands in no table of either side."""
    found = here.installation
    await here.say(
        PROVIDER,
        "wort",
        "course-cancelled",
        {"course": COURSE["course"], "cancelled_on": "2025-10-06", "reason": CANARY},
    )
    await here.control.quiet()
    for service in ("allocation", "notifications"):
        conn = await asyncpg.connect(found.database(service))
        try:
            tables = await conn.fetch(
                "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
            for table in tables:
                seen = await conn.fetchval(
                    f"SELECT count(*) FROM {table['name']} AS t WHERE t::text LIKE '%{CANARY}%'"
                )
                assert seen == 0, (service, table["name"])
        finally:
            await conn.close()
