"""Forges stored runs of an installation in every way and counts what the independent check notices.

The forger is careful: sums, named courses and hashes are made to fit what was forged. Nothing is written.

    KURSLOTSE_HOME=... kurslotse up; python -m tests.benchmarks.engine.forged --runs 40
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import orjson

from services.allocation.steering.explain.store import all_runs
from services.allocation.steering.runs.audit import Stored, check, stored
from services.checker import run as check_run
from services.embedded.stack.discovery import environment_of
from services.runtime.data.db import connect

Json = dict[str, Any]
Forgery = Callable[[check_run.Run, Json, random.Random], bool]
"""Changes a result; False: this run has nothing of the kind."""


def swapped(run: check_run.Run, result: Json, chance: random.Random) -> bool:
    """Give the seat of somebody to somebody who waits, may sit there, and ranks lower."""
    stored = run.snapshot
    goals = check_run.leading(stored.policy["goals"])
    ranks = {
        name: [stored.class_of(who) if goal == "priority" else -stored.waited(who) for goal in goals]
        for name, who in stored.people.items()
    }
    pairs = [
        (place, other)
        for place in result["places"]
        for other in stored.people
        if other not in run.places and ranks[other] > ranks[place[0]]
        and (place[1], place[2]) in stored.allowed(other)
    ]  # fmt: skip
    if not pairs:
        return False
    place, other = chance.choice(pairs)
    place[0] = other
    return True


def dropped(run: check_run.Run, result: Json, chance: random.Random) -> bool:
    """Take somebody's seat away; it stays free."""
    alone = [one for one in result["places"] if not run.snapshot.needs[one[1]]]
    if alone:
        result["places"].remove(chance.choice(alone))
    return bool(alone)


def ineligible(run: check_run.Run, result: Json, chance: random.Random) -> bool:
    """Seat somebody where a rule speaks against it."""
    stored = run.snapshot
    waiting = [name for name in stored.people if name not in run.places]
    if not waiting or not stored.entries:
        return False
    name = chance.choice(waiting)
    wrong = [place for place in stored.entries if stored.forbidden(name, *place)]
    if wrong:
        result["places"].append([name, *chance.choice(wrong)])
    return bool(wrong)


def over_capacity(run: check_run.Run, result: Json, chance: random.Random) -> bool:
    """Seat more than there are seats, people of whom nothing else is wrong."""
    stored = run.snapshot
    for course, number in chance.sample(stored.entries, len(stored.entries)):
        room = stored.seats((course, number, 0)) - run.occupancy[course, number, 0]
        more = [
            name
            for name in stored.people
            if name not in run.places and (course, number) in stored.allowed(name)
        ]
        if len(more) > room:
            result["places"] += [[name, course, number] for name in more[: room + 1]]
            return True
    return False


def under_minimum(run: check_run.Run, result: Json, chance: random.Random) -> bool:
    """Start a course with fewer people than it needs."""
    started = [name for name, need in run.snapshot.needs.items() if need > 1 and run.counts[name]]
    if not started:
        return False
    course = chance.choice(started)
    there = [one for one in result["places"] if one[1] == course]
    for one in there[1:]:
        result["places"].remove(one)
    return True


FORGERIES: dict[str, Forgery] = {
    one.__name__: one for one in (swapped, dropped, ineligible, over_capacity, under_minimum)
}


def _fitting(run: Stored, result: Json) -> Stored:
    """Make everything else fit a forged result."""
    stored = check_run.Run(run.snapshot, orjson.dumps(result))
    needs = stored.snapshot.needs
    result["started"] = sorted(name for name, need in needs.items() if need and stored.counts[name])
    result["tiers"] = [
        {**tier, "value": total, "bound": total if tier["proven"] else max(total, tier["bound"])}
        for tier, (_, total) in zip(result["tiers"], check_run.sums(stored), strict=True)
    ]
    raw = orjson.dumps(result)
    claims = orjson.loads(run.certificate or b"{}")
    claims |= {"result": hashlib.sha256(raw).hexdigest(), "started": result["started"]}
    return replace(run, result=raw, certificate=orjson.dumps(claims), remedies=None, remedies_shown=())


def of_result(run: Stored, chance: random.Random) -> Iterator[tuple[str, Stored]]:
    """Yield the run with a forged result, once for each kind that it has."""
    for name, forge in FORGERIES.items():
        result = orjson.loads(run.result)
        if forge(check_run.Run(run.snapshot, run.result), result, chance):
            yield name, _fitting(run, result)


def of_certificate(run: Stored, chance: random.Random) -> Iterator[tuple[str, Stored]]:
    """Yield the run with forged claims."""
    claims = orjson.loads(run.certificate or b"{}")
    cut_offs = claims["cutoffs"]
    able = [one for one in cut_offs if isinstance(one[3], list)]  # a higher one would only promise more
    if able:
        one = chance.choice(able)
        forged = [[*it[:3], "locked"] if it is one else it for it in cut_offs]
        yield "cut-off too low", replace(run, certificate=orjson.dumps({**claims, "cutoffs": forged}))
    yield (
        "certificate of another run",
        replace(
            run, certificate=orjson.dumps({**claims, "snapshot": hashlib.sha256(b"another").hexdigest()})
        ),
    )


def of_remedies(run: Stored, chance: random.Random) -> Iterator[tuple[str, Stored]]:
    """Yield the run with forged remedies."""
    known = orjson.loads(run.remedies or b"[]")
    helped = [one for one in known if one["code"] != "none"]
    if not helped:
        return
    one = chance.choice(helped)
    others = check_run.Run(run.snapshot, run.result).snapshot.entries
    elsewhere = chance.choice([it for it in others if it != (one["course"], one["section"])])

    def told(**changed: Any) -> Stored:  # noqa: ANN401 - JSON values
        forged = [{**it, **changed} if it is one else it for it in known]
        return replace(run, remedies=orjson.dumps(forged), remedies_shown=())

    yield "remedy without its change", told(changes=[{"op": "person", "id": one["person"], "set": {}}])
    yield "remedy that names another course", told(course=elsewhere[0], section=elsewhere[1])
    yield (
        "remedy left out",
        replace(run, remedies=orjson.dumps([it for it in known if it is not one]), remedies_shown=()),
    )


async def _read(conn: asyncpg.Connection, most: int, chance: random.Random) -> list[Stored]:
    runs = list(await all_runs(conn))
    return [await stored(conn, run) for run in chance.sample(runs, min(most, len(runs)))]


async def _stored_runs(most: int, chance: random.Random) -> list[Stored]:
    conn = await connect(environment_of("allocation", os.environ)["KURSLOTSE_DB_WORKER"], name="forged")
    try:
        return await _read(conn, most, chance)
    finally:
        await conn.close()


def main() -> None:
    """Forge, check, count."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engine.forged", description=__doc__)
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--each", type=int, default=20, help="forgeries of a kind")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    made, caught, kinds = Counter[str](), Counter[str](), dict[str, Counter[str]]()
    for run in asyncio.run(_stored_runs(asked.runs, chance)):
        for forged_of in (of_result, of_certificate, of_remedies):
            for name, forged in forged_of(run, chance):
                if made[name] == asked.each:
                    continue
                found = check(forged).findings
                made[name] += 1
                caught[name] += bool(found)
                kinds.setdefault(name, Counter()).update({one.split(":")[0] for one in found})
    for name, number in made.items():
        seen = ", ".join(f"{kind} {n}" for kind, n in kinds[name].most_common(4))
        sys.stdout.write(f"{name:34} {caught[name]:4} of {number:4} caught ({seen})\n")
    raise SystemExit(made != caught)


if __name__ == "__main__":
    main()
