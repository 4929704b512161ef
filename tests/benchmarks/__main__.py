"""Measures Kurslotse on this machine; see --help."""

import argparse
import asyncio
import logging
import tempfile
from pathlib import Path

from tests.benchmarks import attendance, latency, memory, reentry, teaching_day
from tests.benchmarks.engine import steering
from tests.benchmarks.stage import machine, say
from tests.serving import servers_running

PARTS = ("attendance", "latency", "memory", "reentry", "steering", "teaching-day")
USUALLY = ("attendance", "latency", "memory")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...", description="Measure; broker and database on this machine."
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; usually {', '.join(USUALLY)}"
    )
    parser.add_argument("--events", type=int, default=20_000, help="events of a run of `attendance`")
    parser.add_argument("--pairs", type=int, default=3, help="alternating runs of `attendance`")
    parser.add_argument("--profile", action="store_true", help="profile `attendance` before it is measured")
    parser.add_argument("--seconds", type=int, default=40, help="how long `latency` plays")
    parser.add_argument(
        "--rate", type=int, nargs="+", default=[300], help="events a second of `latency`, one after the other"
    )
    parser.add_argument(
        "--processes", type=int, choices=(1, 2), default=1, help="of notifications, `latency`"
    )
    parser.add_argument("--plot", type=Path, help="draw the rates of `latency` into this SVG")
    parser.add_argument("--tries", type=int, default=10, help="freed seats of `reentry`")
    parser.add_argument("--people", type=int, default=1_500, help="people who wait in `reentry`")
    parser.add_argument("--courses", type=int, default=60, help="courses of `reentry`")
    parser.add_argument("--course-days", type=int, default=23_000, help="of `teaching-day`")
    parser.add_argument("--entries", type=int, default=350_000, help="of `teaching-day`, in all")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    asked.parts = asked.parts or list(USUALLY)
    return asked


async def measure(asked: argparse.Namespace) -> None:
    """Measure what needs a broker and a database, all on one pair."""
    with tempfile.TemporaryDirectory() as folder, servers_running(Path(folder)) as servers:
        if "attendance" in asked.parts:
            await attendance.attendance(
                servers, events=asked.events, pairs=asked.pairs, profile=asked.profile
            )
        if "latency" in asked.parts:
            await latency.latency(
                servers,
                seconds=asked.seconds,
                rates=asked.rate,
                processes=asked.processes,
                plot=asked.plot,
            )
        if "teaching-day" in asked.parts:
            await teaching_day.teaching_day(servers, course_days=asked.course_days, entries=asked.entries)
        if "reentry" in asked.parts:
            await reentry.reentry(servers, tries=asked.tries, people=asked.people, courses=asked.courses)


def main() -> None:
    """Measure, and say on what."""
    asked = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # new topics take a moment to be seen
    say(machine())
    if {"attendance", "latency", "reentry", "teaching-day"} & set(asked.parts):
        asyncio.run(measure(asked))
    if "memory" in asked.parts:
        memory.memory()
    if "steering" in asked.parts:
        asyncio.run(steering.main())
    say(f"{machine()} (afterwards)")


if __name__ == "__main__":
    main()
