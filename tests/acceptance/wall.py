"""Looks for planted words where none may be: databases, topics, logs, metrics."""

import contextlib
import gzip
import re
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import asyncpg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

_LETTERS = re.compile(r"[^\W\d_]{6,}")
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_OTHER = re.compile(
    r"kanarie-[a-z0-9]+|\+?4915900\d{11}|[\w.+-]+@personen\.kurslotse\.invalid|99001BG\d{7}", re.IGNORECASE
)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_TOPICS_SECONDS = 120.0
_COMPRESSED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A planted word, and where it was found."""

    where: str
    word: str


class Scanner:
    """Knows the planted words and finds them in texts of any kind."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = {word.lower(): word for word in words}

    def find(self, where: str, value: object) -> Iterator[Leak]:
        """Find planted words in a value: text, bytes (also compressed), lists, records."""
        for text in _texts(value):
            for candidate in _candidates(text):
                word = self.words.get(candidate)
                if word is not None:
                    yield Leak(where, word)


def _candidates(text: str) -> Iterator[str]:
    for shape in (_LETTERS, _DATE, _OTHER):
        for match in shape.finditer(text):
            found = match.group().lower()
            yield found
            if found.startswith("4915900"):
                yield f"+{found}"


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield from _of_text(value)
        case bytes() | bytearray() | memoryview():
            yield from _of_bytes(bytes(value))
        case dict():
            yield from _texts([*value, *value.values()])
        case list() | tuple() | set() | frozenset() | asyncpg.Record():
            for item in value:
                yield from _texts(item)
        case None:
            return
        case _:
            yield str(value)


def _of_text(value: str) -> Iterator[str]:
    yield value
    if "%" in value:
        yield unquote(value)
    if "\\u" in value:
        yield _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), value)


def _of_bytes(raw: bytes) -> Iterator[str]:
    yield from _of_text(raw.decode("utf-8", "replace"))
    # A hash can begin like something compressed, so what cannot be unpacked has been read as it is.
    with contextlib.suppress(zlib.error, EOFError, gzip.BadGzipFile):
        if raw[:2] == b"\x1f\x8b":
            yield from _of_bytes(gzip.decompress(raw))
        elif raw[:2] in _COMPRESSED:
            yield from _of_bytes(zlib.decompress(raw))


async def scan_database(scanner: Scanner, address: str) -> tuple[list[Leak], int]:
    """Read every row of every table of a database; returns leaks and rows read."""
    conn = await asyncpg.connect(address)
    leaks: set[Leak] = set()
    rows = 0
    try:
        database = await conn.fetchval("SELECT current_database()")
        for schema, table in await conn.fetch(
            r"""
            SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
            ORDER BY 1, 2
            """
        ):
            where = f"database {database}: {schema}.{table}"
            async with conn.transaction(readonly=True):
                async for row in conn.cursor(f'SELECT * FROM "{schema}"."{table}"', prefetch=1000):
                    rows += 1
                    leaks.update(scanner.find(where, row))
    finally:
        await conn.close()
    return sorted(leaks), rows


def scan_topics(scanner: Scanner, kafka: dict[str, Any], prefix: str = "") -> tuple[list[Leak], int]:
    """Read every record of every topic from its beginning; returns leaks and records read."""
    own = {"group.id": f"{prefix}wall-scan", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**kafka, **own})
    leaks: set[Leak] = set()
    records = 0
    try:
        topics = consumer.list_topics(timeout=20).topics
        open_ends = {
            (name, partition)
            for name, topic in topics.items()
            if name.startswith(f"{prefix}kurslotse.")
            for partition in topic.partitions
        }
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in open_ends])
        deadline = time.monotonic() + _TOPICS_SECONDS
        while open_ends:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the broker does not answer about {sorted(open_ends)[:3]}")
            for message in consumer.consume(1000, timeout=0.25):
                error = message.error()
                if error is None:
                    records += 1
                    value = [message.key(), message.value(), message.headers() or []]
                    leaks.update(scanner.find(f"topic {message.topic()}", value))
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - confluent's own constant
                    open_ends.discard((message.topic() or "", message.partition() or 0))
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
    return sorted(leaks), records


def scan_files(scanner: Scanner, paths: Iterable[Path]) -> tuple[list[Leak], int]:
    """Read files line by line; returns leaks and lines read."""
    leaks: set[Leak] = set()
    lines = 0
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                lines += 1
                leaks.update(scanner.find(f"file {path.name}", line))
    return sorted(leaks), lines
