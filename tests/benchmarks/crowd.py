"""Makes a big Kreis of an installation, and measures how long its pages take.

    cp -a HOME COPY, kurslotse up --demo --home COPY, then
    python -m tests.benchmarks.crowd grow COPY --times 14 --attendance 1000000
    python -m tests.benchmarks.crowd measure COPY --rounds 30

`grow` writes what is there once more under new ids, times - 1 times: people, courses, placements, their
steps and reasons on the steering side, people, participation and attendance on the other. `measure` reads
each page of the main visitors in turn, prints p50 and p95 in ms and the page's size; nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from services.runtime.data import roles
from tests.benchmarks.stage import machine, quantile, say

NOT_COPIED = frozenset(
    {
        "analysis_task", "erasure_task", "expiry_order", "policy_event", "policy_version", "pooled_kreis",
        "pooling_decision", "progress", "published_counts", "published_figure", "remedy_sum",
        "steering_content", "steering_lease", "steering_request", "steering_run", "travel_table",
        "travel_minutes",
    }
)  # fmt: skip
"""Tables that say something of the whole Kreis or of the machine."""
PEOPLES = frozenset({"participant", "participant_id", "course", "course_id", "placement", "placement_id"})
"""A table with one of these columns is about people or courses."""
LIKE = {"course_section": "course"}
"""Tables that are copied as often as another."""
SUFFIXED = frozenset({"reference", "own_course", "own_number"})
PAGES = {
    "jana-vogt": (
        "/",
        "/waiting",
        "/waiting?page=100",
        "/proposals",
        "/reservations",
        "/authority",
        "/expired",
        "/remedies",
        "/courses",
        "/providers",
        "/figures",
        "/outcomes",
        "/runs",
        "/search?for=N-10",
        "/waiting.csv",
        "/courses.csv",
    ),
    "mira-kern": ("/provider",),
}
SUPPORT_PAGES = {
    "ole-brandt": ("/desk", "/people"),
    "mira-kern": ("/roster",),
    "sara-demir": ("/inbox",),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table that is copied."""

    name: str
    kind: str

    def copied(self) -> str:
        """Return the expression for its value in copy number `k.n`."""
        name = f't."{self.name}"'
        match self.kind:
            case "uuid":
                return f"md5(k.n || {name}::text)::uuid"
            case "uuid[]":
                return f"ARRAY(SELECT md5(k.n || u)::uuid FROM unnest({name}::text[]) AS u)"
            case "text" if self.name in SUFFIXED:
                return f"{name} || '-' || k.n"
            case _:
                return name


async def _columns(conn: asyncpg.Connection) -> dict[str, list[Column]]:
    rows = await conn.fetch(
        """
        SELECT c.relname AS tab, a.attname AS name, format_type(a.atttypid, NULL) AS kind
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND a.attidentity = '' AND a.attgenerated = ''
        ORDER BY c.relname, a.attnum
        """
    )
    found: dict[str, list[Column]] = {}
    for row in rows:
        found.setdefault(row["tab"], []).append(Column(row["name"], row["kind"]))
    return found


async def grow_database(address: str, times: int, most: dict[str, int]) -> None:
    """Copy every table about people or courses; of those in `most` until they hold so many rows."""
    conn = await asyncpg.connect(address)
    made: dict[str, int] = {}
    try:
        await conn.execute("SET session_replication_role = replica")
        for table, columns in (await _columns(conn)).items():
            if table in NOT_COPIED or not PEOPLES & {one.name for one in columns}:
                continue
            count = await conn.fetchval(f'SELECT count(*) FROM "{table}"')
            wanted = max(times, -(-most.get(table, 0) // count) if count else 0)
            copies = made[table] = made.get(LIKE.get(table, ""), wanted)
            names = ", ".join(f'"{one.name}"' for one in columns)
            values = ", ".join(one.copied() for one in columns)
            begun = time.monotonic()
            await conn.execute(
                f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" AS t, '
                f"generate_series(2, {copies}) AS k (n) ON CONFLICT DO NOTHING",
                timeout=1800,
            )
            after = await conn.fetchval(f'SELECT count(*) FROM "{table}"')
            say(f"{table}: {count} -> {after} rows ({time.monotonic() - begun:.0f} s)")
        await conn.execute("VACUUM ANALYZE", timeout=1800)
    finally:
        await conn.close()


def _run(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "run.json").read_text("utf-8"))
    return found


async def grow(home: Path, times: int, attendance: int, courses: int) -> None:
    """Grow the databases of both sides."""
    found = _run(home)
    for service in ("allocation", "notifications"):
        name = roles.database_name(found["prefix"], service)
        say(f"{service}:")
        await grow_database(
            roles.address_of(found["database_url"], name),
            times,
            {"attendance": attendance, "course": courses},
        )


def _ids(text: str, address: str) -> Iterator[str]:
    for part in text.split(f'href="{address}/')[1:2]:
        yield f"{address}/{UUID(part[:36])}"


async def measure(home: Path, rounds: int) -> None:
    """Read each page so often; every round goes through all pages."""
    addresses = _run(home)["addresses"]
    for site, visitors in (
        (addresses["console"], PAGES),
        (addresses["inbox"].removesuffix("/inbox"), SUPPORT_PAGES),
    ):
        for person, pages in visitors.items():
            async with httpx.AsyncClient(base_url=site, timeout=120, trust_env=False) as http:
                (await http.post("/demo/sign-in", json={"person": person})).raise_for_status()
                all_pages = list(pages)
                for listed, one in (
                    ("/waiting", "/people"),
                    ("/courses", "/courses"),
                    ("/reservations", "/placements"),
                ):
                    if listed in pages:
                        all_pages += _ids((await http.get(listed)).text, one)
                taken: dict[str, list[float]] = {page: [] for page in all_pages}
                sizes: dict[str, int] = {}
                for _ in range(rounds):
                    for page in all_pages:
                        begun = time.perf_counter()
                        answer = await http.get(page)
                        taken[page].append((time.perf_counter() - begun) * 1000)
                        sizes[page] = len(answer.content) if answer.is_success else -answer.status_code
            for page, times in taken.items():
                say(
                    f"{person:12} {page[:40]:40} p50 {quantile(times, 0.5):6.0f} ms"
                    f"  p95 {quantile(times, 0.95):6.0f} ms  {sizes[page] / 1000:7.0f} kB"
                )


def main() -> None:
    """Grow or measure, and say on what."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("grow", "measure"))
    parser.add_argument("home", type=Path)
    parser.add_argument("--times", type=int, default=14)
    parser.add_argument("--attendance", type=int, default=1_000_000, help="rows of attendance at least")
    parser.add_argument("--courses", type=int, default=1_500, help="courses at least")
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    say(machine())
    if asked.what == "grow":
        asyncio.run(grow(asked.home, asked.times, asked.attendance, asked.courses))
    else:
        asyncio.run(measure(asked.home, asked.rounds))
        say(f"{machine()} (afterwards)")


if __name__ == "__main__":
    main()
