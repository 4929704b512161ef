"""Tests parts of the runtime that need no server: logs, clock, order of parked subjects, parsing."""

import io
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import orjson
import pytest

from schemas.envelope import Problem, encode_data, encode_headers
from schemas.offices import ParticipantWithdrawn
from schemas.topics import Family
from services.runtime.base import logs
from services.runtime.base.clock import FileClock
from services.runtime.consume.handler_calls import HandlerCall, call_handler
from services.runtime.events.records import Readable, Reader, Unreadable
from services.runtime.events.subscription import (
    Applied,
    Incoming,
    Parked,
    RecordPosition,
    Subject,
    Subscription,
    Verdict,
)
from tests.stand import announcement, completed, event

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def logged(**extra: Any) -> dict[str, Any]:  # noqa: ANN401 - anything somebody may log
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter("allocation"))
    logger = logging.getLogger(f"test-{uuid4()}")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        raise ValueError("Erika Mustermann, born 1990")  # noqa: TRY301
    except ValueError:
        with logs.correlated("c-1"):
            logger.exception("went wrong", extra=extra)
    return cast("dict[str, Any]", orjson.loads(stream.getvalue()))


def test_logs_hold_allowed_keys_only_and_no_text_of_exceptions() -> None:
    line = logged(topic="t", offset=3, name_of_person="Erika", payload="{}")
    assert line["topic"] == "t"
    assert line["correlation"] == "c-1"
    assert line["exception"]["kind"] == "ValueError"
    assert "Erika" not in str(line)
    assert "payload" not in line


def test_the_file_clock_follows_its_file_and_refuses_a_time_without_offset(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    path.write_text('{"now": "2026-03-01T10:00:00+01:00"}')
    clock = FileClock(path)
    assert clock.now() == datetime(2026, 3, 1, 9, tzinfo=UTC)
    other = tmp_path / "other"
    other.write_text('{"now": "2026-03-02T10:00:00+00:00"}')
    other.replace(path)
    assert clock.now() == datetime(2026, 3, 2, 10, tzinfo=UTC)
    other.write_text('{"now": "2026-03-02T10:00:00"}')
    other.replace(path)
    with pytest.raises(ValueError, match="offset"):
        clock.now()


class NoTransaction:
    """Stands for a savepoint that is begun, kept or rolled back."""

    async def start(self) -> None: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...
    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...


class NoConnection:
    """Stands for a connection where only savepoints are asked for."""

    def transaction(self) -> NoTransaction:
        return NoTransaction()

    def is_closed(self) -> bool:
        return False


def incoming(offset: int, subject: str, opens: bool = False) -> Incoming:
    payload = announcement(subject) if opens else completed(subject, offset)
    position = RecordPosition("t", 0, offset)
    return Incoming(position, Family.IN, "p", event(payload), uuid4(), subject)


async def ask(
    events: Sequence[Incoming], parks: Mapping[str, str], held: Mapping[Subject, str]
) -> tuple[list[str], list[list[int]]]:
    """Decide events where those about `parks` wait until their opener has been among the asked."""
    asked: list[list[int]] = []

    async def handler(_conn: object, batch: Sequence[Incoming], now: datetime) -> Sequence[Verdict]:
        assert now == NOW
        asked.append([one.position.offset for one in batch])
        known: set[str] = set()
        verdicts: list[Verdict] = []
        for one in batch:
            key = f"course:{one.subject}"
            if opener(one):
                known.add(one.subject)
                verdicts.append(Applied(unlocks=(key,)))
            elif one.subject in parks and one.subject not in known:
                verdicts.append(Parked(parks[one.subject], Problem("unknown")))
            else:
                verdicts.append(Applied())
        return verdicts

    def opener(one: Incoming) -> tuple[str, ...]:
        return (f"course:{one.subject}",) if one.event.type.startswith("de.kurslotse.course-ann") else ()

    subscription = Subscription("in", handler, opens=opener)
    found = await call_handler(cast("Any", NoConnection()), HandlerCall(subscription, NOW), events, held)
    return [type(verdict).__name__ for verdict in found], asked


async def test_later_events_of_a_parked_subject_park_behind_it() -> None:
    events = [incoming(0, "a"), incoming(1, "b"), incoming(2, "a"), incoming(3, "b")]
    names, _ = await ask(events, {"a": "course:a"}, {})
    assert names == ["Parked", "Applied", "Parked", "Applied"]


async def test_what_opens_is_tried_although_its_subject_is_parked() -> None:
    events = [incoming(5, "a"), incoming(6, "a", opens=True), incoming(7, "a")]
    names, asked = await ask(events, {}, {("t", "a"): "course:a"})
    assert names == ["Parked", "Applied", "Parked"]
    assert asked == [[6]]


async def test_an_event_decided_too_early_is_asked_again_without_it() -> None:
    events = [incoming(0, "a"), incoming(1, "a", opens=True), incoming(2, "a"), incoming(3, "b")]
    names, asked = await ask(events, {"a": "course:a"}, {})
    assert names == ["Parked", "Applied", "Parked", "Applied"]
    assert asked == [[0, 1, 2, 3], [0, 1, 3]]


class Raw:
    topic, partition, offset, timestamp = "kurslotse.in.nord", 0, 7, 1_796_000_000_000

    def __init__(self, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> None:
        self.headers, self.value = headers, value


def test_a_record_is_read_with_its_identity_and_subject() -> None:
    said = event(announcement("a"), "e-1")
    reading = Reader("").read(Raw(encode_headers(said), encode_data(said.data)))
    assert isinstance(reading, Readable)
    assert reading.incoming.publisher == "nord"
    assert reading.incoming.subject == said.data.subject_key("nord")


def test_an_event_on_another_familys_topic_is_refused() -> None:
    said = event(ParticipantWithdrawn(reference="R-1", withdrawn_on=date(2026, 1, 1)))
    raw = Raw(encode_headers(said), encode_data(said.data))
    raw.topic = "kurslotse.support.nord"
    reading = Reader("").read(raw)
    assert isinstance(reading, Unreadable)
    assert reading.problems[0].code == "wrong_topic"


def test_names_of_an_unreadable_record_are_kept_only_if_they_are_names() -> None:
    raw = Raw([("ce_id", b"Erika Mustermann"), ("ce_type", b"Erika"), ("ce_specversion", b"1.0")], b"{}")
    reading = Reader("").read(raw)
    assert isinstance(reading, Unreadable)
    assert (reading.event_id, reading.event_type) == (None, None)
    assert "Erika" not in str(reading)
