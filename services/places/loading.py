"""Reads a directory file and loads it into a database, in the caller's transaction."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date

import asyncpg

from services.places import store
from services.places.domain import (
    ALWAYS,
    OPEN,
    Directory,
    Edition,
    ManyEndError,
    PlacesError,
    Said,
    Town,
    say,
)
from services.places.gv100ad import is_gv100ad, read_gv100ad
from services.places.lines import read_lines
from services.places.merging import Place, merge
from services.places.table import read_table

SHOWN_FAULTS = 20
UNREADABLE = say("The file has mistakes; nothing was loaded.")


@dataclass(frozen=True, slots=True)
class File:
    """A directory file that was read and may be loaded."""

    edition: Edition
    towns: tuple[Town, ...]
    skipped: tuple[str, ...] = ()
    """The lines left out, each with what is wrong."""
    asked_day: bool = False
    """The day was given with `--as-of`: an older edition is meant."""


def read_file(
    name: str, raw: bytes, *, today: date, as_of: date | None = None, skip_broken: bool = False
) -> File:
    """Read a file, GV100AD or CSV.

    `as_of` is the day for which it tells the towns; without it GV100AD says it itself, and a CSV is of today.

    Raises:
        PlacesError: it cannot be read, or lines are broken and are not to be skipped.
    """
    read = read_lines(raw)
    if read.fault is not None:
        raise PlacesError(f"nothing was loaded: {read.fault.told(name)}", UNREADABLE, [read.fault])
    directory = read_gv100ad(read.lines) if is_gv100ad(read.lines) else read_table(read.lines)
    skipped = tuple(fault.told(name) for fault in directory.faults)
    if not directory.towns or (skipped and not skip_broken):
        raise PlacesError(_listed(skipped), UNREADABLE, directory.faults)
    day = _day_of(directory, name, today, as_of)
    areas = directory.areas
    if skipped:  # who is missing may stand in a broken line: nobody ends
        areas = frozenset()
    edition = Edition(
        day, directory.source, name[:200], hashlib.sha256(raw).digest(), areas, len(directory.towns)
    )
    return File(edition, directory.towns, skipped, as_of is not None)


def _error(said: Said, command: str = "") -> PlacesError:
    """Return an error; `command` says what to do on the command line."""
    return PlacesError(" ".join(filter(None, (f"nothing was loaded: {said}", command))), said)


def _listed(faults: tuple[str, ...]) -> str:
    more = len(faults) - SHOWN_FAULTS
    shown = [f"  {fault}" for fault in faults[:SHOWN_FAULTS]]
    shown += [f"  ... and {more} more"] if more > 0 else []
    return "\n".join(["nothing was loaded:", *shown, "With --skip-broken the right lines are loaded."])


def _day_of(directory: Directory, name: str, today: date, as_of: date | None) -> date:
    day = directory.day or as_of or today
    if as_of is not None and as_of != day:
        raise _error(
            say(
                "%(name)s tells the towns of %(day)s, not of %(asked)s.",
                name=name,
                day=str(day),
                asked=str(as_of),
            ),
            "Please leave --as-of out or correct it.",
        )
    if day > today and directory.day is None:
        raise _error(
            say(
                "%(day)s is still to come. Please give the day for which %(name)s tells the towns.",
                day=str(as_of),
                name=name,
            )
        )
    return day


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file has changed."""

    edition: Edition
    new: int
    changed: int
    ended: int

    def __str__(self) -> str:
        """Say it in a line."""
        if not self.new + self.changed + self.ended:
            return f"{self.edition.towns} towns as of {self.edition.day}: nothing new"
        told = f"{self.edition.towns} towns as of {self.edition.day}"
        return f"{told}: {self.new} new, {self.changed} changed, {self.ended} ended"


async def load(conn: asyncpg.Connection, file: File, *, many_may_end: bool = False) -> Loaded:
    """Load a file into this database; loading it again changes nothing.

    Raises:
        PlacesError: it is older than what is loaded and the day was not given, names unknown successors, or
            would end so many towns that it may be cut off.
    """
    await store.lock(conn)
    stored = await store.towns(conn)
    spoken_of = file.edition.areas or frozenset(town.kreis for town in file.towns)
    others = [one for one in await store.editions(conn) if one.tells(spoken_of)]
    if others and _same(file, others[-1]):
        return Loaded(others[-1], 0, 0, 0)
    place = _place_of(file, others)
    _check_successors(file, stored)
    changes = merge(stored, file.towns, file.edition.areas, place)
    if changes.ends_many and not many_may_end:
        said = say(
            "%(ended)s of %(stood)s towns do not stand in %(name)s and would end. It may be cut off.",
            ended=changes.ended,
            stood=changes.stood,
            name=file.edition.name,
        )
        raise ManyEndError(f"nothing was loaded: {said} If it is right, load it with --many-end.", said)
    await store.write(conn, changes)
    areas = file.edition.areas or spoken_of
    await store.add_edition(conn, replace(file.edition, areas=areas), len(file.skipped))
    return Loaded(file.edition, len(changes.new), len(changes.changed) - changes.ended, changes.ended)


def _same(file: File, latest: Edition) -> bool:
    """Return whether a file is the one that was loaded last for its areas; a CSV does not say its day."""
    return file.edition.sha256 == latest.sha256 and (not file.asked_day or file.edition.day == latest.day)


def _place_of(file: File, others: list[Edition]) -> Place:
    day = file.edition.day
    before = max((one.day for one in others if one.day < day), default=None)
    after = min((one.day for one in others if one.day > day), default=None)
    if after is not None and not file.asked_day:
        latest = max(one.day for one in others)
        raise _error(
            say(
                "%(name)s tells the towns of %(day)s, and those of %(latest)s are loaded already.",
                name=file.edition.name,
                day=str(day),
                latest=str(latest),
            ),
            f"To add what was before, load it with --as-of {day}.",
        )
    return Place(day, before, after)


def _check_successors(file: File, stored: list[Town]) -> None:
    known = {town.ags for town in (*stored, *file.towns)}
    for town in file.towns:
        for successor in town.successors:
            if successor not in known:
                raise _error(
                    say(
                        "%(town)s (%(name)s) has the successor %(successor)s, which is no town of the file or"
                        " of the loaded directory. Please add it or correct the key.",
                        town=town.ags,
                        name=town.short_name,
                        successor=successor,
                    )
                )


def period(town: Town) -> str:
    """Say in which days a town holds."""
    begins = "" if town.valid_from == ALWAYS else f"from {town.valid_from}"
    ends = "" if town.valid_to == OPEN else f"until {town.valid_to} (not included)"
    return " ".join(part for part in (begins, ends) if part) or "always"
