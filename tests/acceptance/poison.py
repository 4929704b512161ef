"""Sends records among a Kreis' events on which readers used to fail, and looks where each of them went."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from confluent_kafka import Message, Producer

from schemas.topics import Family, topic

POISONED = Path(__file__).parents[1] / "fixtures" / "poisoned"
"""With this folder in PYTHONPATH the handlers of all services fail on marked events."""

_READERS = {Family.IN: "allocation", Family.SUPPORT: "notifications"}
_DAY = "2026-03-02"
_CANCELLED = {"course": "poison-1", "cancelled_on": _DAY}
_ENDLESS = _CANCELLED | {"cancelled_on": "9999-12-31"}
_NEED = {"need": "childcare", "town": "05315000", "month": "2026-03"}
_CONSENT = {"reference": "x-1", "office": "mbe", "purposes": ["enrolment_notice"], "given_on": "9999-12-31"}


@dataclass(frozen=True, slots=True)
class Poison:
    """A record, the family of topics it goes to, and the code with which it is refused."""

    name: str
    family: Family
    type: str
    data: bytes
    code: str
    headers: Mapping[str, bytes] = field(default_factory=dict)


def _said(name: str, family: Family, type_: str, data: Any, code: str, **headers: bytes) -> Poison:  # noqa: ANN401 - JSON
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Poison(name, family, f"de.kurslotse.{type_}.v1", raw, code, headers)


KINDS: Sequence[Poison] = (
    _said("raises", Family.IN, "course-cancelled", _CANCELLED, "refused_after_crashes"),
    _said("raises", Family.SUPPORT, "need-reported", _NEED, "refused_after_crashes"),
    _said("year-9999", Family.IN, "course-cancelled", _ENDLESS, "date_too_late"),
    _said("year-9999", Family.SUPPORT, "consent-granted", _CONSENT, "date_too_late"),
    _said("not-json", Family.IN, "course-cancelled", b'{"course":', "json_malformed"),
    _said("deep", Family.SUPPORT, "need-reported", b"[" * 30_000, "json_malformed"),
    _said("not-utf8", Family.IN, "course-cancelled", _CANCELLED, "header_not_utf8", ce_source=b"\xff"),
    _said("line-end", Family.SUPPORT, "need-reported", _NEED, "id_malformed", ce_id=b"e-1\n"),
)
DEADLY: Sequence[Poison] = (
    _said("kills", Family.IN, "course-cancelled", _CANCELLED, "refused_after_crashes"),
    _said("kills", Family.SUPPORT, "need-reported", _NEED, "refused_after_crashes"),
)


@dataclass
class Poisoner:
    """Sends poison to the topics of publishers in turn; remembers what lies where."""

    kafka: Mapping[str, Any]
    topics: Mapping[Family, Sequence[str]]
    sent: dict[tuple[Family, str, int], Poison] = field(default_factory=dict)

    def send(self, poison: Poison) -> None:
        """Send a record and wait until the broker has it."""
        number = len(self.sent)
        topics = self.topics[poison.family]
        where: list[Message] = []
        producer = Producer({**self.kafka, "compression.type": ("none", "snappy", "lz4", "zstd")[number % 4]})
        producer.produce(
            topics[number % len(topics)],
            key=b"poison",
            value=poison.data,
            headers=list({
                "ce_specversion": b"1.0", "ce_id": f"{poison.name}-{number}".encode(),
                "ce_source": b"/poison", "ce_type": poison.type.encode(), **poison.headers,
            }.items()),
            on_delivery=lambda error, message: where.append(message) if error is None else None,
        )  # fmt: skip
        producer.flush(60)
        (message,) = where
        self.sent[poison.family, message.topic() or "", message.offset() or 0] = poison

    async def wrong(self, addresses: Mapping[str, str]) -> list[str]:
        """Return what became of a record that should not have; also others set aside, and pauses."""
        wrong: list[str] = []
        for family, service in _READERS.items():
            conn = await asyncpg.connect(addresses[service])
            try:
                rows = await conn.fetch('SELECT topic, "offset", code FROM runtime.quarantine')
                paused = await conn.fetch("SELECT topic, why FROM runtime.paused")
            finally:
                await conn.close()
            found = {(row["topic"], row["offset"]): row["code"] for row in rows}
            ours = {key[1:]: poison for key, poison in self.sent.items() if key[0] is family}
            wrong += [
                f"{poison.name} at {where} became {found.get(where)}, not {poison.code}"
                for where, poison in ours.items()
                if found.get(where) != poison.code
            ]
            wrong += [
                f"{where} was set aside though nothing is wrong with it"
                for where, code in found.items()
                if code == "refused_after_crashes" and where not in ours
            ]
            wrong += [f"{service} paused {row['topic']}: {row['why']}" for row in paused]
        return wrong


async def poisoner(kafka: Mapping[str, Any], allocation: str, prefix: str) -> Poisoner:
    """Return a poisoner for the providers and offices that this installation knows."""
    conn = await asyncpg.connect(allocation)
    try:
        rows = await conn.fetch("SELECT slug, kinds FROM runtime.publisher WHERE active ORDER BY slug")
    finally:
        await conn.close()
    topics = {
        family: [topic(family, row["slug"], prefix=prefix) for row in rows if kind in row["kinds"]]
        for family, kind in ((Family.IN, "provider"), (Family.SUPPORT, "office"))
    }
    return Poisoner(kafka, topics)
