"""Reads all figures of an installation that runs, for each of its visitors, and says which disagree.

    python -m tests.figures HOME [--all]

Prints figure, value and how many places tell it; exit status 1 if two places tell different values.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

import httpx

from tests.figures.reading import Told, told_to, values_of

COORDINATION = ("jana-vogt", "peter-lindner")
PROVIDERS = ("mira-kern",)


async def read(site: str, person: str) -> list[Told]:
    """Sign in as somebody of the demo and read everything."""
    async with httpx.AsyncClient(base_url=site, timeout=120, trust_env=False) as http:
        (await http.post("/demo/sign-in", json={"person": person})).raise_for_status()
        found = await told_to(http)
    return [Told(one.name, one.of, one.value, f"{person} {one.where}") for one in found]


async def main(home: Path, *, of_each: bool) -> int:
    """Print the table; return 1 if figures disagree."""
    site = json.loads((home / "run.json").read_text("utf-8"))["addresses"]["console"]
    found = [told for person in (*COORDINATION, *PROVIDERS) for told in await read(site, person)]
    wrong = 0
    for (name, of), values in sorted(values_of(found).items()):
        different = len(values) > 1
        wrong += different
        if of and not different and not of_each:
            continue
        for value, where in values.items():
            places = sorted(set(where))
            sys.stdout.write(
                f"{'DIFFERENT ' if different else ''}{name}{f'[{of}]' if of else ''}\t{value}"
                f"\t{len(places)} places: {', '.join(places[:6])}\n"
            )
    sys.stdout.write(f"{len(found)} figures read, {wrong} disagree\n")
    return int(wrong > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--all", action="store_true", help="also figures of single courses and reasons")
    wanted = parser.parse_args()
    sys.exit(asyncio.run(main(wanted.home, of_each=wanted.all)))
