"""Makes made-up data keep the rules between fields that a JSON Schema cannot say."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from schemas.counts import CountsReported
from schemas.providers import CourseAnnounced, CourseChanged, CourseCompleted
from schemas.support import AttendanceRecorded

Data = dict[str, Any]


def mended(type_: str, data: Data, chance: random.Random) -> Data:
    """Return the data of an event with what its model asks for beyond its schema."""
    mend = _MENDS.get(type_)
    if mend is not None:
        mend(data, chance)
    return data


def _sections(data: Data, chance: random.Random) -> None:
    """Number sections in order, let none start before the one before it, and end none before it starts."""
    sections = data.get("sections")
    if not sections:
        return
    numbers = sorted(chance.sample(range(1, 21), len(sections)))
    if chance.random() < 0.7:
        numbers = list(range(1, len(sections) + 1))
    starts = sorted(section["starts_on"] for section in sections)
    data["sections"] = [
        section | {"number": number, "starts_on": start, "ends_on": max(start, section["ends_on"])}
        for section, number, start in zip(sections, numbers, starts, strict=True)
    ]


def _totals(data: Data, _chance: random.Random) -> None:
    data["b1"] = min(data["b1"], data["sat"])
    data["a2"] = min(data["a2"], data["sat"] - data["b1"])
    data["below"] = min(data["below"], data["sat"] - data["b1"] - data["a2"])
    data["both"] = min(data["both"], data["b1"], data["lid"])


def _once_each(data: Data, _chance: random.Random) -> None:
    data["entries"] = list({entry["participant"]: entry for entry in data["entries"]}.values())


def _bands(data: Data, _chance: random.Random) -> None:
    for part in data["parts"]:
        if part.get("high") is not None:
            part["low"], part["high"] = sorted((part["low"], part["high"]))


_MENDS: Mapping[str, Callable[[Data, random.Random], None]] = {
    CourseAnnounced.type_: _sections,
    CourseChanged.type_: _sections,
    CourseCompleted.type_: _totals,
    AttendanceRecorded.type_: _once_each,
    CountsReported.type_: _bands,
}
