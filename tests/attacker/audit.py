"""Attacks everything that an installation has published: `python -m tests.attacker.audit HOME`.

HOME is the folder of a running installation: run.json names its databases, installation.json its tokens. The
attacker knows, from the databases themselves, who was registered, who began a course and when, and takes all
publications of all quarters together. Ends with 1 if a count has fewer than k possible values, or something
of somebody is certain, or metrics and tables differ from what was published.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import inf
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from services.allocation.figures.counting import COUNTED_BY
from services.notifications.metrics import SCRAPED
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.bands import UNTOLD
from services.runtime.disclosure.figures import Counts, Figure, Part, Publication
from services.texts.figures import ARRIVALS, COUNSELLING, FIGURES, NEEDS, SUPPORT, TOWN, need_of_town
from tests.attacker.attack import Attacker, Group, Leak, Statement
from tests.attacker.worlds import about_people, profiles, statements

_REGISTERED = """
SELECT date_trunc('quarter', p.first_registered_on::timestamp)::date AS quarter, p.participant AS who,
    min(s.started_on) AS started
FROM participant AS p LEFT JOIN placement AS s USING (participant)
WHERE p.kreis = $1 AND p.status <> 'merged' GROUP BY p.participant
"""
_BEGAN = """
SELECT date_trunc('quarter', starts_on::timestamp)::date AS quarter, participant_id AS who FROM (
    SELECT DISTINCT ON (participant_id) participant_id, kreis, starts_on FROM placement
    WHERE state IN ('started', 'interrupted', 'transferred', 'left', 'completed')
    ORDER BY participant_id, starts_on, placement_id) AS f
WHERE kreis = $1
"""


SIDES = ("allocation", "notifications")
_MANY = 500


@dataclass(frozen=True, slots=True)
class Known:
    """Who is in a publication's group, and what is known of them anyhow."""

    group: Group
    facts: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the attack on one figure found; `corrected` publications do not fit today's records."""

    figure: str
    publications: int
    counts: int
    corrected: int
    leaks: tuple[Leak, ...]


def attack(figure: Figure, told: Sequence[tuple[Publication, Known]]) -> Verdict:
    """Attack all publications of a figure together, knowing who is in each."""
    if not about_people(figure):  # of courses alone: tests/unit/runtime/disclosure/test_course_signals.py
        return Verdict(figure.name, len(told), 0, 0, ())
    possible = profiles(figure)
    facts: list[Statement] = []
    said: list[Statement] = []
    corrected = counts = 0
    for one, knowledge in told:
        sure = {fact.has for fact in knowledge.facts}
        parts = [s for s in statements(figure, one.bands, knowledge.group) if s.has not in sure]
        if not knowledge.group:
            continue  # nobody was counted
        fits = Attacker([*knowledge.facts, *parts], possible).consistent
        corrected += not fits
        if fits:
            facts += knowledge.facts
            said += parts
            counts += len(parts)
    if not said:
        return Verdict(figure.name, len(told), 0, corrected, ())
    sure = {fact.has for fact in facts}
    asked = [part.name for part in about_people(figure) if part.name not in sure]
    k = min(one.k for one, _ in told)
    leaks = Attacker([*facts, *said], possible).leaks(k, asked)
    silent = [replace(one, low=0, high=None) for one in said]
    anyhow = Attacker([*facts, *silent], possible).leaks(k, asked)
    found = tuple(leak for leak in leaks if leak not in anyhow)
    return Verdict(figure.name, len(told), counts, corrected, found)


async def _known(
    allocation: asyncpg.Connection, notifications: asyncpg.Connection, one: Publication
) -> Known:
    first = one.quarter.first
    match one.figure:
        case ARRIVALS.name:
            rows = [row for row in await allocation.fetch(_REGISTERED, one.kreis) if row["quarter"] == first]
            return _arrived(rows, one)
        case COUNSELLING.name:
            rows = [row for row in await notifications.fetch(_BEGAN, one.kreis) if row["quarter"] == first]
            return _all_have(frozenset(row["who"].int for row in rows), "began")
        case _ if one.figure in COUNTED_BY:
            return await _counted_again(allocation, one)
        case _:
            return Known(_nameless(one, _MANY))  # reports of needs: nobody knows who made them


async def _counted_again(allocation: asyncpg.Connection, one: Publication) -> Known:
    """Let the attacker know exactly how many are in the group of a figure about places or courses."""
    figure = FIGURES[one.figure]
    counted = await COUNTED_BY[one.figure](allocation, one.kreis, one.quarter, one.counted_on)
    roots = [part for part in figure.parts if part.of is None and part.counts is not Counts.COURSES]
    group = _nameless(one, int(counted[roots[0].name] or 0))
    return Known(group) if roots[0].counts is Counts.SEATS else _all_have(group, roots[0].name)


def _nameless(one: Publication, size: int) -> Group:
    """Number things that are in one quarter only, such as enrolments."""
    start = int(f"{one.kreis}{one.quarter.first:%Y%m}") * 10**6
    return frozenset(range(start, start + size))


def _all_have(group: Group, name: str) -> Known:
    return Known(group, (Statement(group, name, len(group), len(group)),) if group else ())


def _arrived(rows: Sequence[asyncpg.Record], one: Publication) -> Known:
    alike: dict[bool, set[int]] = defaultdict(set)
    for row in rows:
        started = row["started"] is not None and row["started"] <= one.counted_on
        alike[started].add(row["who"].int)
    facts = [
        Statement(frozenset(group), name, *((len(group),) * 2 if has else (0, 0)))
        for started, group in alike.items()
        for name, has in (("registered", True), ("started", started))
    ]
    return Known(frozenset().union(*alike.values()), tuple(facts))


def differing(allocation: Sequence[Publication], notifications: Sequence[Publication]) -> list[str]:
    """Name what the steering side keeps of the support side's figures and was not told so."""
    said = {(one.kreis, one.figure, one.quarter): one for one in notifications}
    support = {figure.name for figure in SUPPORT}
    return [
        f"{one.kreis} {one.figure} {one.quarter.first}: differs from what the support side published"
        for one in allocation
        if one.figure in support and said.get((one.kreis, one.figure, one.quarter)) != one
    ]


def wrong_gauges(text: str, told: Sequence[Publication], *, support: bool) -> list[str]:
    """Name what is on a /metrics page and is no published bound, or not for the support side to show."""
    latest: dict[tuple[str, str], Publication] = {}
    for one in sorted(told, key=lambda one: one.quarter):
        latest[one.kreis, one.figure] = one
    wrong = []
    for metric in text_string_to_metric_families(text):
        if support and metric.name not in SCRAPED.names:
            wrong.append(f"{metric.name}: is scraped and not registered")
        for sample in metric.samples:
            if metric.name in {"kurslotse_published_low", "kurslotse_published_high"}:
                labels = sample.labels
                band = latest[labels["kreis"], labels["figure"]].bands.get(labels["part"])
                if band is None:
                    wrong.append(f"{metric.name} {labels}: {sample.value}, nothing published")
                    continue
                bound = band.low if metric.name.endswith("low") else band.high
                if sample.value != (inf if bound is None else bound):
                    wrong.append(f"{metric.name} {labels}: {sample.value}, published {bound}")
    return wrong


async def audit(home: Path, prefix: str) -> int:
    """Attack one installation; return how much was found."""
    facts, kept = [
        json.loads(await asyncio.to_thread((home / name).read_text, "utf-8"))
        for name in ("run.json", "installation.json")
    ]
    parts, start = urlsplit(facts["database_url"]), f"{prefix.replace('-', '_')}kurslotse_"
    allocation, notifications = [
        await asyncpg.connect(parts._replace(path=f"/{start}{side}").geturl()) for side in SIDES
    ]
    try:
        told = dict(zip(SIDES, [await published(allocation), await published(notifications)], strict=True))
        pairs = [(one, await _known(allocation, notifications, one)) for one in told["allocation"]]
    finally:
        await allocation.close()
        await notifications.close()
    wrong = differing(told["allocation"], told["notifications"])
    async with httpx.AsyncClient(trust_env=False) as client:
        for side in SIDES:
            token = kept["services"][side]["ops_token"]
            page = await client.get(
                f"{facts['addresses'][f'{side}_ops']}/metrics", headers={"Authorization": f"Bearer {token}"}
            )
            page.raise_for_status()
            wrong += wrong_gauges(page.text, told[side], support=side == "notifications")
    wrong += _attacked(pairs)
    print("\n".join(wrong) or "nothing was found")  # noqa: T201 - a command's answer
    return len(wrong)


def _attacked(pairs: Sequence[tuple[Publication, Known]]) -> list[str]:
    wrong = []
    by_town = by_town_of({name for one, _ in pairs for name in one.bands})
    for kreis, figure in product(sorted({one.kreis for one, _ in pairs}), (*FIGURES.values(), *by_town)):
        mine = [pair for pair in pairs if (pair[0].kreis, pair[0].figure) == (kreis, figure.name)]
        if figure in by_town:
            towns = dict.fromkeys((part.name for part in figure.parts[1:]), UNTOLD)
            mine = [
                (replace(one, bands={**towns, **one.bands}), known)
                for one, known in mine
                if {*towns} & {*one.bands}
            ]
        if mine:
            verdict = attack(figure, mine)
            print(kreis, json.dumps(asdict(verdict), default=list))  # noqa: T201 - a command's answer
            wrong += [f"{kreis} {figure.name}: {leak}" for leak in verdict.leaks]
    return wrong


def by_town_of(names: Collection[str]) -> list[Figure]:
    """Make a figure of the towns of each group, apart from other questions about it: there are many towns."""
    towns: dict[str, list[str]] = defaultdict(list)
    for name in sorted(name for name in names if name.startswith(TOWN)):
        towns[need_of_town(name)[1] or "registered"].append(name)
    return [
        Figure(
            ARRIVALS.name if of == "registered" else NEEDS.name,
            "",
            (
                Part(of),
                *(Part(name, of=of, apart_from=tuple(some[:at])) for at, name in enumerate(some)),
            ),
        )
        for of, some in towns.items()
    ]


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Attack everything that an installation has published.")
    parser.add_argument("home", type=Path, help="folder of the running installation")
    parser.add_argument("--prefix", default="", help="prefix of its names")
    given = parser.parse_args()
    return 1 if asyncio.run(audit(given.home, given.prefix)) else 0


if __name__ == "__main__":
    sys.exit(main())
