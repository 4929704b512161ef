"""Times the desk's search by name and its lists in an office with many people.

`python -m tests.benchmarks.desk_search --people 20000`; servers of its own, pages as a clerk asks for them.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import tempfile
from pathlib import Path
from time import perf_counter, process_time

from schemas.identity import participant_id
from services.notifications.people import crypto
from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from tests.benchmarks.stage import machine, quantile, say
from tests.databases import Templates
from tests.notifications.pages import Browser, pages_on
from tests.notifications.world import DESK, PUBLISHERS, TODAY, TOWN, World, world_on
from tests.serving import Servers, servers_running

FAMILY = (
    "Müller",
    "Yilmaz",
    "محمدی",
    "Шевченко",
    "Al-Hassan",
    "Nguyễn",
    "Kowalska",
    "Öztürk",
    "Popescu",
    "Haile",
)
GIVEN = ("Yuliya", "محمد", "Олена", "Ayşe", "Fatima", "Mohammed", "Anna", "José", "Selam", "Reza")
SEARCHES = ("Mueller Julia", "Mohamed", "Schewtschenko", "Hasan", "Niemandskind")
LISTS = ("/people", "/people?state=waiting&sort=waiting", "/people?sort=deadline&page=1", "/desk")
EACH = 3


async def fill(world: World, people: int) -> None:
    """Register people at the desk, each with a name, a secret and a key; half of them with a place."""
    chance = random.Random(1)
    ids = [participant_id(DESK, f"BG-{number}") for number in range(people)]
    organisation = PUBLISHERS[DESK][0]
    secrets = world.secrets
    made = {one: chance.randbytes(32) for one in ids}
    async with transaction(secrets.pool) as conn:
        await conn.executemany(
            "INSERT INTO person_secret (person, kek, wrapped) VALUES ($1, $2, $3)",
            [
                (name, secrets.keks.current, secrets._wrapped(made[one], name))  # noqa: SLF001 - in bulk
                for one in ids
                for name in [secrets.identity_key.of_person(one)]
            ],
        )
    rows, keys = [], []
    for number, one in enumerate(ids):
        data_key = crypto.new_data_key()
        contact = Contact(
            f"{chance.choice(FAMILY)}{chance.choice(('', '', '-Krüger', 'ov', 'a'))}", chance.choice(GIVEN)
        )
        rows.append((one, organisation, DESK, f"BG-{number}", crypto.seal(contact, data_key, one), world.now))
        keys.append((one, organisation, crypto.wrap(data_key, made[one], one, organisation)))
    async with transaction(world.worker) as conn:
        await conn.executemany(
            "INSERT INTO person (participant_id, organisation, office, reference, sealed, kept_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            rows,
        )
        await conn.executemany(
            "INSERT INTO person_key (participant_id, organisation, wrapped) VALUES ($1, $2, $3)", keys
        )
        await conn.execute(
            "INSERT INTO participant_fact (participant_id, office, organisation, kreis, town, asylum_phase,"
            " registered_on, stated) SELECT p, $2, $3, '99001', $4, 'none', $5::date - (n % 300)::int, 1"
            " FROM unnest($1::uuid[]) WITH ORDINALITY AS p (p, n)",
            ids, DESK, organisation, TOWN, TODAY,
        )  # fmt: skip
        await conn.execute(
            "INSERT INTO placement (placement_id, version, participant_id, course_id, provider, own_course,"
            " office, office_organisation, kreis, entry_section, starts_on, ends_on, state, released, reason,"
            " decided_at) SELECT gen_random_uuid(), 3, p, gen_random_uuid(), 'vhs-probe', 'k', $2, $3,"
            " '99001', 1, $4, $4, (ARRAY['declined', 'reserved', 'started'])[1 + n % 3], true, '{}', now()"
            " FROM unnest($1::uuid[]) WITH ORDINALITY AS p (p, n)",
            ids[::2], DESK, organisation, TODAY,
        )  # fmt: skip
        await conn.execute("ANALYZE person, person_key, participant_fact, placement")


async def timed(browser: Browser) -> None:
    """Search and list again and again; say how long each took."""
    for text in SEARCHES:
        taken, spent, found = [], [], 0
        for _ in range(EACH):
            begun, worked = perf_counter(), process_time()
            answer = await browser.post("/people/search", name=text)
            taken.append(perf_counter() - begun)
            spent.append(process_time() - worked)
            found = answer.text.count("kl-situation")
            assert answer.status_code in {200, 429}
            browser.http.cookies.update(answer.cookies)
        say(f"search {text!r}: {found} shown, {_told(taken, spent)}")
    for address in LISTS:
        taken, spent = [], []
        for _ in range(EACH):
            begun, worked = perf_counter(), process_time()
            await browser.page(address)
            taken.append(perf_counter() - begun)
            spent.append(process_time() - worked)
        say(f"{address}: {_told(taken, spent)}")


def _told(taken: list[float], spent: list[float]) -> str:
    """Say how long it took by the clock, and by this process's share of the processor."""
    return (
        f"median {quantile(taken, 0.5):.2f} s, longest {max(taken):.2f} s by the clock; "
        f"{quantile(spent, 0.5):.2f} s of processor in this process"
    )


async def measure(servers: Servers, people: int) -> None:
    """Fill an office, and ask its pages."""
    templates = Templates(servers)
    made = [await templates.copy(service, "bench-") for service in ("notifications", "keys")]
    async with world_on(*made) as world:
        await fill(world, people)
        async with pages_on(world, DESK) as pages:
            await timed(pages[DESK])


def main() -> None:
    """Measure, and say on what."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    say(machine())
    with tempfile.TemporaryDirectory() as folder, servers_running(Path(folder)) as servers:
        asyncio.run(measure(servers, asked.people))


if __name__ == "__main__":
    main()
