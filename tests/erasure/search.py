"""Searches databases, topics and files for everything by which a person could be found."""

import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.runtime.kafka.administration import client_options, parse_address

_BY_CHANCE = re.compile(r"[0-9a-f-]{0,9}|.{0,3}", re.IGNORECASE)

_COLUMNS = """
    SELECT n.nspname AS schema, c.relname AS table, a.attname AS column,
        format_type(a.atttypid, a.atttypmod) AS type
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    ORDER BY 1, 2, a.attnum
    """


@dataclass(frozen=True, slots=True)
class Trace:
    """Where something of a person was found, what, and how often."""

    place: str
    what: str
    times: int


@dataclass(slots=True)
class Needles:
    """What to look for: texts by name, also as bytes, as ids of 16 bytes, and as their plain hashes.

    Raises:
        ValueError: a text that random ids contain by chance ("b-1" stands in one of a hundred).
    """

    texts: Mapping[str, str]
    forms: dict[str, tuple[bytes, ...]] = field(init=False)

    def __post_init__(self) -> None:
        if short := [text for text in self.texts.values() if _BY_CHANCE.fullmatch(text)]:
            raise ValueError(f"random ids contain these by chance, give more of each: {short}")
        self.forms = {name: tuple(_forms(text)) for name, text in self.texts.items()}

    def within(self, raw: bytes) -> list[str]:
        """Name what is in these bytes, packed or not."""
        found = [name for name, forms in self.forms.items() if any(form in raw for form in forms)]
        try:
            return found + self.within(zlib.decompress(raw))
        except zlib.error:
            return found


def _forms(text: str) -> Iterable[bytes]:
    plain = text.encode()
    yield plain
    for name in ("sha256", "sha1", "md5"):
        digest = hashlib.new(name, plain, usedforsecurity=False)
        yield digest.digest()
        yield digest.hexdigest().encode()
    try:
        id_ = UUID(text)
    except ValueError:
        return
    yield id_.bytes
    yield id_.hex.encode()
    yield hashlib.sha256(id_.bytes).digest()


async def in_database(conn: asyncpg.Connection, needles: Needles) -> list[Trace]:
    """Search every column of every table, whatever its type."""
    found: Counter[tuple[str, str]] = Counter()
    for row in await conn.fetch(_COLUMNS):
        place = f"{row['schema']}.{row['table']}.{row['column']}"
        table, column = f'"{row["schema"]}"."{row["table"]}"', f'"{row["column"]}"'
        if row["type"] == "bytea":
            values = await conn.fetch(f"SELECT {column} AS value FROM {table} WHERE {column} IS NOT NULL")
            found.update((place, what) for value in values for what in needles.within(value["value"]))
            continue
        for name, text in needles.texts.items():
            n = await conn.fetchval(
                f"SELECT count(*) FROM {table} WHERE position(lower($1) IN lower({column}::text)) > 0",
                text,
            )
            found[place, name] += n
    return _traces(found)


async def in_topics(address: str, prefix: str, needles: Needles) -> list[Trace]:
    """Search every record of every topic of an installation: key, headers and value."""
    consumer = AIOKafkaConsumer(**client_options(parse_address(address)), enable_auto_commit=False)
    await consumer.start()
    found: Counter[tuple[str, str]] = Counter()
    try:
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 - topics() keeps no partitions
        partitions = [
            TopicPartition(name, number)
            for name in cluster.topics()
            if name.startswith(f"{prefix}kurslotse.")
            for number in cluster.partitions_for_topic(name)
        ]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        while [one for one in partitions if await consumer.position(one) < ends[one]]:
            for partition, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    raw = b"\n".join(
                        (record.key or b"", record.value or b"", *(value for _, value in record.headers))
                    )
                    topic = partition.topic.removeprefix(prefix)
                    found.update((topic, what) for what in needles.within(raw))
    finally:
        await consumer.stop()
    return _traces(found)


def in_files(root: Path, needles: Needles, suffixes: Sequence[str]) -> list[Trace]:
    """Search the files of a folder by the endings of their names, logs for instance."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name.endswith(tuple(suffixes)):
            found.update((str(path.relative_to(root)), what) for what in needles.within(path.read_bytes()))
    return _traces(found)


def _traces(found: Counter[tuple[str, str]]) -> list[Trace]:
    return [Trace(place, what, times) for (place, what), times in sorted(found.items()) if times]
