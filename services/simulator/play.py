"""Plays one day after the other: reads the feeds, plans the events, decides, sends, in this order."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import assert_never

from services.simulator.actors import mistakes, offices, providers
from services.simulator.doors.ledger import Accepted, Lines, Refused, wall_clock
from services.simulator.doors.protocols import Answer, Console, Control, Gateway, Inbox, Rejected, Taken
from services.simulator.world import kreis, state
from services.simulator.world.calendar import is_working_day
from services.simulator.world.canaries import CanaryFile, of_event, of_person
from services.simulator.world.records import Records, moment
from services.simulator.world.state import Planned, State

_AT_ONCE = 400
"""Events in one request."""

_CLERKS = 6
"""People whom one office registers at the same time."""


@dataclass
class Files:
    """The files of a simulation: memory, accepted and refused events, planted words."""

    state: Path
    ledger: Lines
    refused: Lines
    canaries: CanaryFile

    @classmethod
    def open(cls, directory: Path) -> "Files":
        """Open the files of a state directory."""
        directory.mkdir(parents=True, exist_ok=True)
        return cls(
            state=directory / "state.json",
            ledger=Lines(directory / "ledger.jsonl"),
            refused=Lines(directory / "refused.jsonl"),
            canaries=CanaryFile(directory / "canaries.json"),
        )

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()
        self.refused.close()


def load_memory(directory: Path, *, seed: int, start: date, people: int) -> State:
    """Return the memory of an earlier run with the same settings, or a fresh one."""
    known = state.load(directory / "state.json")
    if known is not None and (known.seed, known.start, known.people) == (seed, start, people):
        return known
    return State(seed=seed, start=start, people=people)


@dataclass
class Simulation:
    """The invented Kreis with the interfaces through which its people act."""

    records: Records
    files: Files
    gateway: Gateway
    consoles: Sequence[Console]
    """The coordinators of each Kreis; those of the first one are watched."""
    inbox: Inbox
    control: Control

    @property
    def memory(self) -> State:
        """What is remembered from day to day."""
        return self.records.state

    async def next_day(self) -> date:
        """Play one day, or the rest of a day that was cut off; return it."""
        if self.memory.planned_for is None:
            await self._plan()
        return await self._act()

    async def _plan(self) -> None:
        memory = self.memory
        day = memory.start if memory.day is None else memory.day + timedelta(days=1)
        await self.control.quiet()
        if is_working_day(day):  # nobody reads letters on a Sunday
            await self._read_feeds(day, findings=day.weekday() == 0)
        meant = [*providers.plan(self.records, day), *offices.plan(self.records, day)]
        memory.planned = mistakes.make_mistakes(self.records, day, meant)
        memory.planned_for = day
        self.files.canaries.plant(self._words(memory.planned))
        state.save(self.files.state, memory)

    async def _act(self) -> date:
        memory = self.memory
        day = memory.planned_for
        if day is None:
            raise AssertionError("a day is planned before it is played")
        await self.control.set_clock(moment(day))
        for workers in (*self.consoles, self.inbox):
            for name, value in (await workers.work(day)).items():
                memory.count(name, value)
        await self._send_all(day, memory.planned)
        memory.day, memory.planned_for, memory.planned = day, None, []
        memory.days += 1
        state.save(self.files.state, memory)
        return day

    async def open_up(self, day: date) -> None:
        """Finish the steering of a day that somebody watches, and what coordinators ask on a working day."""
        await self.control.quiet()
        if not is_working_day(day):
            return
        await self.consoles[0].ask_questions()
        await self.control.quiet()

    async def look_back(self) -> None:
        """Wait until the last day's events are dealt with, and read what came of them."""
        await self.control.quiet()
        last = self.memory.day
        await self._read_feeds(self.memory.start if last is None else last + timedelta(days=1), findings=True)
        state.save(self.files.state, self.memory)

    async def _read_feeds(self, day: date, *, findings: bool) -> None:
        """Read what was addressed to each publisher since the last day, and with `findings` also those."""
        slugs = [record["slug"] for record in kreis.PUBLISHERS]
        async with asyncio.TaskGroup() as group:
            heard = {slug: group.create_task(self._addressed(slug)) for slug in slugs}
            found = {slug: group.create_task(self._findings(slug)) for slug in slugs if findings}
        for slug, task in heard.items():
            entries, self.memory.cursors[slug] = task.result()
            self.records.hear(day, entries)
        for slug, look in found.items():
            kinds, self.memory.findings[slug] = look.result()
            for kind in kinds:
                self.memory.count(f"findings.{kind}")

    async def _addressed(self, slug: str) -> tuple[list[tuple[str, dict[str, object]]], int]:
        entries: list[tuple[str, dict[str, object]]] = []
        after, more = self.memory.cursors.get(slug, 0), True
        while more:
            page = await self.gateway.addressed(slug, after)
            entries.extend((type_, dict(data)) for type_, data in page.entries)
            after, more = page.next, page.more
        return entries, after

    async def _findings(self, slug: str) -> tuple[list[str], int]:
        kinds: list[str] = []
        after, more = self.memory.findings.get(slug, 0), True
        while more:
            page = await self.gateway.findings(slug, after)
            kinds.extend(kind for kind, _ in page.entries)
            after, more = page.next, page.more
        return kinds, after

    async def _send_all(self, day: date, planned: Sequence[Planned]) -> None:
        async with asyncio.TaskGroup() as group:
            for slug in sorted({event.publisher for event in planned}):
                own = [event for event in planned if event.publisher == slug]
                group.create_task(self._send_of(day, slug, own))

    async def _send_of(self, day: date, slug: str, events: Sequence[Planned]) -> None:
        """Register people, several at once; then send the other events in their order, in batches."""
        clerks = asyncio.Semaphore(_CLERKS)

        async def say(bunch: Sequence[Planned]) -> None:
            async with clerks:
                for answer in await self.gateway.send(slug, bunch):
                    self._note(day, answer)

        people = [event for event in events if event.door == "registration"]
        async with asyncio.TaskGroup() as group:
            for event in people:
                group.create_task(say([event]))
        for bunch in _bunches([event for event in events if event.door != "registration"]):
            await say(bunch)

    def _note(self, day: date, answer: Answer) -> None:
        event = answer.event
        match answer:
            case Taken():
                self.files.ledger.add(
                    Accepted(
                        door=event.door,
                        publisher=event.publisher,
                        id=event.id,
                        type=event.type,
                        day=day.isoformat(),
                        at=wall_clock(),
                    )
                )
                self.memory.count(f"accepted.{event.type.removeprefix('de.kurslotse.').removesuffix('.v1')}")
                for number in _people_of(event):
                    person = self.records.people[number]
                    self.records.registered(person, answer.reference or person.reference)
            case Rejected():
                self.files.refused.add(
                    Refused(
                        door=event.door,
                        publisher=event.publisher,
                        id=event.id,
                        type=event.type,
                        day=day.isoformat(),
                        code=answer.code,
                        field=answer.field,
                        wrong=event.wrong,
                    )
                )
                self.memory.count("refused.meant" if event.wrong else "refused.unexpected")
            case _:
                assert_never(answer)

    def _words(self, planned: Iterable[Planned]) -> Iterable[str]:
        for event in planned:
            yield from of_event(event)
            for number in _people_of(event):
                yield from of_person(self.records.people[number])


def _people_of(event: Planned) -> Sequence[int]:
    """Return the numbers of the people whom a registration or a list registers."""
    match event.door:
        case "registration":
            return [int(event.id.split("-")[1])]
        case "list":
            return [int(number) for number in event.data["people"]]
        case "event" | "raw":
            return []


def _bunches(events: Sequence[Planned]) -> Iterable[Sequence[Planned]]:
    bunch: list[Planned] = []
    for event in events:
        if event.door != "event":
            if bunch:
                yield bunch
            yield [event]
            bunch = []
            continue
        bunch.append(event)
        if len(bunch) == _AT_ONCE:
            yield bunch
            bunch = []
    if bunch:
        yield bunch
