"""Makes up an instance in one piece, has the command solve and check it, and prints what came of it.

`python -m tests.benchmarks.engine.instance --people 50000 --courses 2500 --limit 60`: places in a square,
each
person with courses drawn from the nearest ones, nothing else divides them; five tiers.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

TIERS = ("urgent", "duty", "waiting", "distance", "lot")
CHOICES = 20
SIDE = 1_000


def made_up(people: int, courses: int, seats: float, seed: int) -> dict[str, Any]:
    """Make up an instance with so many free seats a person."""
    chance = random.Random(seed)
    place = [(chance.randrange(SIDE), chance.randrange(SIDE)) for _ in range(courses)]
    size = [chance.randrange(12, 26) for _ in range(courses)]
    scale = seats * people / sum(size)
    known = [
        {
            "id": f"c{at}",
            "capacity": (capacity := max(2, round(one * scale)) + (taken := chance.randrange(4))),
            "minimum": chance.choice((0, capacity // 2, capacity // 2, 2 * capacity // 3)),
            "taken": taken,
        }
        for at, one in enumerate(size)
    ]
    order = sorted(range(courses), key=lambda at: place[at])
    pairs = []
    for person in range(people):
        x, y = chance.randrange(SIDE), chance.randrange(SIDE)
        first = max(0, min(x * courses // SIDE - 200, courses - 400))
        near = sorted(
            order[first : first + 400], key=lambda at: abs(place[at][0] - x) + abs(place[at][1] - y)
        )
        urgent, waited = int(chance.random() < 1 / 3), chance.randrange(365)
        for at in chance.sample(near[: 4 * CHOICES], min(CHOICES, len(near))):
            apart = abs(place[at][0] - x) + abs(place[at][1] - y)
            pairs.append(
                (f"p{person}", f"c{at}", (urgent, 1 - urgent, waited, -apart, chance.getrandbits(16)))
            )
    return {
        "tiers": TIERS,
        "people": [{"id": f"p{at}"} for at in range(people)],
        "courses": known,
        "pairs": pairs,
    }


def _command(*words: str) -> float:
    begun = perf_counter()
    subprocess.run([sys.executable, "-m", "services.cli", "steering", *words], check=True)
    return perf_counter() - begun


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Make up, solve, print, check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--courses", type=int, default=2_500)
    parser.add_argument("--seats", type=float, default=1.4, help="free seats a person")
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        file, out = Path(folder) / "instance.json", Path(folder) / "result.json"
        file.write_text(json.dumps(made_up(asked.people, asked.courses, asked.seats, asked.seed)))
        took = _command("solve", "--instance", str(file), "--out", str(out), "--limit", str(asked.limit))
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        result = json.loads(out.read_bytes())
        _tell(f"{asked.people} x {asked.courses}: {result['status']} after {took:.1f} s, peak {most} MB")
        bounds, proven = result.get("bounds", result["tiers"]), result.get("proven", len(TIERS))
        for at, (name, value, bound) in enumerate(zip(TIERS, result["tiers"], bounds, strict=True)):
            _tell(f"  {name:9}{value:>14}  of at most {bound:>14}{'  proven' if at < proven else ''}")
        _tell(f"  gap of the first unproven tier {result['gap']:.2e}; placed {len(result['placed'])}")
        _command("check", "--instance", str(file), "--result", str(out))


if __name__ == "__main__":
    main()
