"""Kills services, broker and database (-9) while a Kreis is simulated: nothing is lost, nothing done twice.

Among the events lie records on which readers used to fail for good: a handler raises, or its process ends.
KURSLOTSE_KILLS says how many kills (40 for a release), KURSLOTSE_KILL_SEED repeats a run.
"""

import json
import os
import random
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.checker import check
from tests.acceptance.installation import SERVICES, Installation, installed
from tests.acceptance.poison import DEADLY, KINDS, POISONED, Poisoner, poisoner
from tests.serving import REPOSITORY

VICTIMS = (*SERVICES, "kafka", "postgres")
KILLS = int(os.environ.get("KURSLOTSE_KILLS", "3"))
DAYS_AFTER = 3
DEADLY_BEFORE = (1, 2)
"""Before which kills a record is sent at which the process ends by itself: each costs four starts."""
_BACK_SECONDS = 120.0


def played(found: Installation) -> int:
    days: int = found.summary().get("days_played", 0)
    return days


def running(found: Installation, name: str) -> int | None:
    """Return the process id under which somebody runs now."""
    for one in found.status()["processes"]:
        if one["name"] == name and one["state"] == "running":
            pid: int | None = one["pid"]
            return pid
    return None


def kill_some(found: Installation, rng: random.Random, poisons: Poisoner) -> list[dict[str, float | str]]:
    """Kill one after the other at random moments, poison before each kill; each time until it runs again."""
    faults: list[dict[str, float | str]] = []
    order = [VICTIMS[n % len(VICTIMS)] for n in range(KILLS)]
    rng.shuffle(order)
    for number, victim in enumerate(order):
        poisons.send(KINDS[number % len(KINDS)])
        if number in DEADLY_BEFORE:
            poisons.send(DEADLY[DEADLY_BEFORE.index(number)])
        moment = time.monotonic() + rng.uniform(0.2, 4.0)
        while time.monotonic() < moment:
            time.sleep(0.05)
        pid = found.until(f"{victim} runs", _BACK_SECONDS, partial(running, found, victim))
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        while running(found, victim) in (None, pid):
            assert time.monotonic() < killed + _BACK_SECONDS, f"{victim} did not come back\n{found.tail()}"
            time.sleep(0.2)
        faults.append(
            {"victim": victim, "seconds": round(time.monotonic() - killed, 1), "day": played(found)}
        )
    return faults


@pytest.mark.timeout(300 + 60 * KILLS)
async def test_whatever_is_killed_each_accepted_id_has_its_effect_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("KURSLOTSE_KILL_SEED", random.SystemRandom().randrange(10**6)))
    rng = random.Random(seed)
    folders = {"PYTHONPATH": os.pathsep.join((str(POISONED), str(REPOSITORY)))}
    with installed(tmp_path / "home", "", None, "up", "--demo", settings=folders) as found:
        poisons = await poisoner(found.kafka, found.database("allocation"), found.prefix)
        simulator = found.simulating(10**6)
        try:
            found.until("the first days", 180, lambda: played(found) >= DAYS_AFTER)
            faults = kill_some(found, rng, poisons)
            day = played(found)
            found.until("days after the last kill", 300, lambda: played(found) >= day + DAYS_AFTER)
        finally:
            simulator.terminate()
            simulator.wait(60)
        repeats = found.summary()["requests_repeated"]
        finish = found.simulating(0)  # ends the day that was cut off, waits until all is quiet
        assert finish.wait(240) == 0, found.tail()
        verdict = await check(found.simulator, found.databases)
        verdict.expect("poison", await poisons.wrong(found.databases), len(poisons.sent))
    report = {
        "seed": seed,
        "kills": Counter(str(fault["victim"]) for fault in faults),
        "back after seconds, slowest": max(float(fault["seconds"]) for fault in faults),
        "days": played(found),
        "requests repeated": repeats,
        "checked": verdict.checked,
    }
    print(json.dumps(report, indent=1))  # noqa: T201 - figures for the report
    assert verdict.wrong == [], report
    assert verdict.checked["I1"] > 200
