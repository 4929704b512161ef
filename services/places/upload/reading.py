"""Reads one directory of towns: run as a process of its own that holds no secret and no connection.

    python -m services.places.upload.reading PARENT CPU_SECONDS MEMORY_BYTES

Two frames come in (how to read, the file), one goes out (what was read, or why it could not be); ADR 0022.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from services.places.domain import Edition, Fault, PlacesError, Said, Town, say
from services.places.loading import SHOWN_FAULTS, File, read_file
from services.runtime.base.subprocesses import ProcessorTimeUsedUpError, answer_once

TOO_COSTLY = say("The file takes too long or needs too much memory to be read. Is it the right one?")
UNEXPECTED = say("The file could not be read. Please tell who runs Kurslotse.")


def asked(name: str, today: date, as_of: date | None) -> bytes:
    """Write how a file is to be read."""
    return orjson.dumps({"name": name, "today": today, "as_of": as_of})


def answer(how: bytes, raw: bytes) -> bytes:
    """Read a file; whatever happens, the answer says it."""
    asked_for = orjson.loads(how)
    as_of = asked_for["as_of"]
    try:
        file = read_file(
            asked_for["name"],
            raw,
            today=date.fromisoformat(asked_for["today"]),
            as_of=date.fromisoformat(as_of) if as_of else None,
        )
        return orjson.dumps({"file": _written(file)})
    except PlacesError as error:
        return _refused(error.said, error.faults)
    except (MemoryError, RecursionError, ProcessorTimeUsedUpError):
        return _refused(TOO_COSTLY)
    except Exception:  # noqa: BLE001 - its words could hold what the file says
        return _refused(UNEXPECTED)


def _refused(said: Said, faults: Sequence[Fault] = ()) -> bytes:
    shown = [
        [one.line, one.column, one.field, _said(one.what), _said(one.todo)] for one in faults[:SHOWN_FAULTS]
    ]
    return orjson.dumps({"said": _said(said), "faults": shown, "more": max(0, len(faults) - SHOWN_FAULTS)})


def _said(said: Said) -> list[Any]:
    return [said.msgid, dict(said.params)]


def _written(file: File) -> dict[str, Any]:
    edition = file.edition
    return {
        "day": edition.day,
        "source": edition.source,
        "name": edition.name,
        "sha256": edition.sha256.hex(),
        "areas": sorted(edition.areas),
        "asked_day": file.asked_day,
        "towns": [
            [
                town.ags,
                town.name,
                town.kreis_name,
                town.postcodes,
                town.valid_from,
                town.valid_to,
                town.successors,
                town.more_postcodes,
            ]
            for town in file.towns
        ],
    }


def read_answer(raw: bytes) -> tuple[File | None, PlacesError | None, int]:
    """Return the file that was read, or what is wrong and how many mistakes are not told."""
    found = orjson.loads(raw)
    if "file" in found:
        return _file(found["file"]), None, 0
    faults = [
        Fault(line, column, _again(what), _again(todo), name)
        for line, column, name, what, todo in found["faults"]
    ]
    said = _again(found["said"])
    return None, PlacesError(said, said, faults), found["more"]


def _again(written: Sequence[Any]) -> Said:
    message, params = written
    return say(message, **params)


def _file(found: Mapping[str, Any]) -> File:
    towns = tuple(
        Town(
            ags,
            name,
            kreis_name,
            tuple(postcodes),
            date.fromisoformat(begins),
            date.fromisoformat(ends),
            tuple(successors),
            more,
        )
        for ags, name, kreis_name, postcodes, begins, ends, successors, more in found["towns"]
    )
    edition = Edition(
        date.fromisoformat(found["day"]),
        found["source"],
        found["name"],
        bytes.fromhex(found["sha256"]),
        frozenset(found["areas"]),
        len(towns),
    )
    return File(edition, towns, (), found["asked_day"])


def main() -> None:
    """Read one file and end."""
    answer_once(2, answer)


if __name__ == "__main__":
    main()
