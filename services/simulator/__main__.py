"""Plays the invented Kreis: `python -m services.simulator [--seconds N]`. The only wiring."""

import argparse
import asyncio
import json
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx

from services.simulator import summary
from services.simulator.actors.coordinators import ConsoleCoordinators
from services.simulator.actors.counsellors import InboxCounsellors
from services.simulator.doors.control import HttpControl, NoDemoError
from services.simulator.doors.gateway import HttpGateway
from services.simulator.doors.http import PatientClient, Unanswered
from services.simulator.doors.session import DemoSession
from services.simulator.doors.sink import MailBox, mail_sink
from services.simulator.play import Files, Simulation, load_memory
from services.simulator.settings import OPENED, SettingsError, SimulatorSettings
from services.simulator.world.kreis import JMD, MBE_NORTH
from services.simulator.world.people import YEAR
from services.simulator.world.records import Records

_ANSWER_SECONDS = 30.0


@dataclass
class RunningSimulation:
    """A simulation with its clients and its mail sink, and how long it has played."""

    settings: SimulatorSettings
    stopped: asyncio.Event
    simulation: Simulation
    box: MailBox
    clients: list[PatientClient]
    began: float = field(default_factory=time.monotonic)
    days: int = 0

    def summarise(self) -> None:
        """Write the figures so far to summary.json."""
        figures = summary.summarise(
            self.simulation.memory,
            mails=self.box.taken,
            repeats=sum(client.repeats for client in self.clients),
            seconds=time.monotonic() - self.began,
            days=self.days,
        )
        summary.write(self.settings.state / "summary.json", figures)


@asynccontextmanager
async def _running(settings: SimulatorSettings, stopped: asyncio.Event) -> AsyncIterator[RunningSimulation]:
    keys = json.loads(settings.keys.read_text())
    memory = load_memory(settings.state, seed=settings.seed, start=settings.start, people=settings.people)
    files = Files.open(settings.state)
    box = MailBox(settings.state / "mails.jsonl")
    host, _, port = settings.smtp_sink.rpartition(":")
    server = await mail_sink(box, host, int(port))
    clients: list[PatientClient] = []
    opened: list[httpx.AsyncClient] = []

    def client() -> PatientClient:
        """Make a client with cookies of its own: each person has one."""
        opened.append(httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False))
        clients.append(PatientClient(opened[-1], stopped))
        return clients[-1]

    def person(url: str, key: str) -> DemoSession:
        return DemoSession(url, key, client())

    try:
        control = HttpControl(settings.control_url, settings.control_token, client())
        await control.require_demo()
        simulation = Simulation(
            records=Records.of(memory),
            files=files,
            gateway=HttpGateway(settings.gateway_url, keys, client()),
            consoles=(
                ConsoleCoordinators(
                    settings.seed,
                    person(settings.console_url, "jana-vogt"),
                    person(settings.console_url, "peter-lindner"),
                    memory.start,
                    opens_on=settings.opens_on,
                ),
                ConsoleCoordinators(
                    settings.seed,
                    person(settings.console_url, "nils-hansen"),
                    person(settings.console_url, "nils-hansen"),
                    None,
                ),
            ),
            inbox=InboxCounsellors(
                settings.seed,
                {
                    MBE_NORTH: person(settings.support_url, "sara-demir"),
                    JMD: person(settings.support_url, "tim-albers"),
                },
            ),
            control=control,
        )
        yield RunningSimulation(settings, stopped, simulation, box, clients)
    finally:
        for one in opened:
            await one.aclose()
        server.close()
        box.close()
        files.close()


async def _play(running: RunningSimulation, until: float) -> None:
    settings, simulation = running.settings, running.simulation
    opened = settings.state / OPENED
    while not running.stopped.is_set() and simulation.memory.days <= YEAR:
        if time.monotonic() >= until and simulation.memory.days >= settings.at_least:
            break
        began = time.monotonic()
        day = await simulation.next_day()
        running.days += 1
        running.summarise()
        took = time.monotonic() - began
        people, alerts = len(simulation.memory.references), simulation.memory.counts.get("inbox.seen", 0)
        sys.stdout.write(
            f"{day}, day {simulation.memory.days} in {took:.2f} s: people {people}, alerts seen {alerts}\n"
        )
        sys.stdout.flush()
        if settings.speed is not None and simulation.memory.days >= settings.history:
            await simulation.open_up(day)
            if not opened.exists():
                opened.write_text(day.isoformat(), encoding="utf-8")
            left = min(60 / settings.speed - took, until - time.monotonic())
            with suppress(TimeoutError):
                await asyncio.wait_for(running.stopped.wait(), max(0.0, left))


async def run(settings: SimulatorSettings, seconds: float | None) -> int:
    """Play until stopped; with `seconds`, end by itself after reading what the last day has led to."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with _running(settings, stopped) as running:
        try:
            await _play(running, math.inf if seconds is None else time.monotonic() + seconds)
            if not stopped.is_set():
                await running.simulation.look_back()
                if seconds is None:
                    running.summarise()
                    await stopped.wait()
        except* Unanswered:
            pass  # told to stop while a door did not answer: the day goes on at the next start
        finally:
            running.summarise()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read settings and play."""
    parser = argparse.ArgumentParser(prog="python -m services.simulator", description=__doc__)
    parser.add_argument("--seconds", type=float, help="end by itself after this time")
    seconds: float | None = parser.parse_args(arguments).seconds
    try:
        settings = SimulatorSettings.from_env(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        return asyncio.run(run(settings, seconds))
    except Unanswered:
        return 0  # told to stop before anything was played
    except NoDemoError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
