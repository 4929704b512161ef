"""Replaces erased people's ids in what is stored of a run; what the run proves can be checked as before.

An id is replaced by a random one between its neighbours, so that the order of people stays as it was. Lots
are drawn from ids: those of the erased are drawn anew, and the last goal's sum is written anew.
"""

from __future__ import annotations

import secrets
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import orjson

from services.allocation.steering.matching import snapshot as snapshots
from services.checker.values import lot

_LARGEST = 2**128


@dataclass(frozen=True, slots=True)
class Parts:
    """What is stored of a run, as canonical bytes."""

    snapshot: bytes
    result: bytes
    certificate: bytes | None
    remedies: bytes | None


@dataclass(frozen=True, slots=True)
class Renamed:
    """The same run with other ids for the erased: old id -> new id, as text."""

    parts: Parts
    names: Mapping[str, str]
    tiers: Sequence[Mapping[str, Any]]


def holds(snapshot: bytes, gone: Sequence[UUID]) -> bool:
    """Return whether a stored snapshot names one of these people."""
    return any(str(one).encode() in snapshot for one in gone)


def rename(parts: Parts, gone: Sequence[UUID], draw: Callable[[int], int] = secrets.randbelow) -> Renamed:
    """Give erased people, their families and their open proposals other ids; `draw(n)` is below n."""
    seen = orjson.loads(parts.snapshot)
    wanted = {str(one) for one in gone}
    names = _people(seen, wanted, draw)
    lost = [one for one in seen["people"] if one["id"] in names]
    names |= _families(seen, {one["family"] for one in lost if one.get("family")}, draw)
    names |= {one["offer"]["placement"]: str(uuid4()) for one in lost if one.get("offer")}
    snapshot, result = _replaced(parts.snapshot, names), _replaced(parts.result, names)
    read = orjson.loads(result)
    _draw_lots_anew(read, names)
    result = _written(read)
    certificate = parts.certificate
    if certificate is not None:
        claims = orjson.loads(_replaced(certificate, names))
        claims["snapshot"] = snapshots.address(snapshot).hex()
        claims["result"] = snapshots.address(result).hex()
        certificate = _written(claims)
    remedies = None if parts.remedies is None else _replaced(parts.remedies, names)
    return Renamed(Parts(snapshot, result, certificate, remedies), names, read["tiers"])


def _people(seen: Mapping[str, Any], wanted: set[str], draw: Callable[[int], int]) -> dict[str, str]:
    order = [UUID(one["id"]).int for one in seen["people"]]
    return _between(order, [one for one in (UUID(name).int for name in sorted(wanted)) if one in order], draw)


def _families(seen: Mapping[str, Any], wanted: set[str], draw: Callable[[int], int]) -> dict[str, str]:
    order = sorted({UUID(one["family"]).int for one in seen["people"] if one.get("family")})
    return _between(order, sorted(UUID(name).int for name in wanted), draw)


def _between(order: list[int], gone: Sequence[int], draw: Callable[[int], int]) -> dict[str, str]:
    """Give each of some ids of a sorted list a random one that takes its place in the order.

    Raises:
        ValueError: two neighbours have no id between them.
    """
    names: dict[str, str] = {}
    order = [-1, *order, _LARGEST]
    for old in gone:
        at = bisect_left(order, old)
        room = order[at + 1] - order[at - 1] - 1
        if room < 2:  # noqa: PLR2004 - the id itself and another one
            raise ValueError("no id between two neighbours")
        new = old
        while new == old:
            new = order[at - 1] + 1 + draw(room)
        order[at] = new
        names[str(UUID(int=old))] = str(UUID(int=new))
    return names


def _draw_lots_anew(result: dict[str, Any], names: Mapping[str, str]) -> None:
    """Write the sum of lots for the new ids; the old sum less the others' lots would betray the old id."""
    before = {new: old for old, new in names.items()}
    change = sum(
        lot(person, course, section) - lot(before[person], course, section)
        for person, course, section in result["places"]
        if person in before
    )
    for tier in result["tiers"]:
        if tier["name"] == "lot":
            tier["value"] += change
            tier["bound"] += change


def _replaced(raw: bytes, names: Mapping[str, str]) -> bytes:
    for old, new in names.items():
        raw = raw.replace(old.encode(), new.encode())
    return raw


def _written(value: Any) -> bytes:  # noqa: ANN401 - a JSON value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
