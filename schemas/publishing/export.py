"""Exports JSON Schemas and the AsyncAPI document, and checks that published versions stay readable."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.publishing.compatibility import breaks
from schemas.topics import EVENT_TYPES, PER_PUBLISHER, EventType, Family, event_types_on

PUBLISHED = Path(__file__).parents[1] / "published"

BOUNDED_SINCE = "0003"
"""The first version in which days, times, texts and lists have bounds (docs/decisions/0021). Nobody had been
given an earlier one, so those are compared without bounds; from here on a bound is never tightened again."""


def _close(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Forbid fields that are not named, at every depth: what a writer may send."""
    if isinstance(schema, dict):
        closed = {key: _close(value) for key, value in schema.items()}
        if closed.get("type") == "object" and "properties" in closed:
            closed["additionalProperties"] = False
        return closed
    return [_close(item) for item in schema] if isinstance(schema, list) else schema


def writer_schema(event_type: EventType) -> dict[str, Any]:
    """JSON Schema of what writers may send: closed, code lists as enumerations."""
    schema = event_type.payload.model_json_schema(mode="serialization")
    required = event_type.payload.model_json_schema(mode="validation").get("required", [])
    closed: dict[str, Any] = _close(schema)
    closed["required"] = required
    closed["$id"] = f"https://kurslotse.example/schemas/{event_type.name}.writer.json"
    return closed


def reader_schema(event_type: EventType) -> dict[str, Any]:
    """JSON Schema of what readers accept: open, unknown codes allowed."""
    schema = event_type.payload.model_json_schema(mode="validation")
    schema["$id"] = f"https://kurslotse.example/schemas/{event_type.name}.reader.json"
    return schema


def async_api() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document: channels by topic family, one message a type."""
    channels: dict[str, Any] = {}
    for family in Family:
        messages = {
            event_type.name: {"$ref": f"#/components/messages/{event_type.name}"}
            for event_type in event_types_on(family)
        }
        address = f"kurslotse.{family}" + (".{publisher}" if family in PER_PUBLISHER else "")
        channels[str(family)] = {"address": address, "messages": messages}
        if family in PER_PUBLISHER:
            channels[str(family)]["parameters"] = {"publisher": {"description": "Slug of the publisher"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kurslotse",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in binary mode: attributes in ce_* headers, data as JSON.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": (event_type.payload.__doc__ or "").strip().splitlines()[0],
                    "payload": {"$ref": f"./{name}.writer.json"},
                }
                for name, event_type in EVENT_TYPES.items()
            }
        },
    }


def _dump(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def documents() -> dict[str, bytes]:
    """Return every document to publish, by file name."""
    found = {"asyncapi.json": _dump(async_api())}
    for name, event_type in EVENT_TYPES.items():
        found[f"{name}.writer.json"] = _dump(writer_schema(event_type))
        found[f"{name}.reader.json"] = _dump(reader_schema(event_type))
    return found


def history(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (version, file name, schema) of everything ever published."""
    for path in sorted(folder.glob("*/*.json")):
        if path.name != "asyncapi.json" and path.parent.name != "golden":
            yield path.parent.name, path.name, orjson.loads(path.read_bytes())


def golden(folder: Path) -> Iterator[tuple[Path, str, bytes]]:
    """Yield (path, event type, data) of the golden corpus, which must parse for ever."""
    for path in sorted((folder / "golden").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            if line:
                yield path, path.stem, line


def check(folder: Path) -> list[str]:
    """Return what is wrong with the published documents; empty if nothing is.

    FULL_TRANSITIVE: the reader of today understands every version ever written, and every reader ever
    published understands what is written today.
    """
    versions = _versions(folder)
    if not versions:
        return [f"nothing is published in {folder}: run python -m schemas.publishing.export --publish"]
    today = documents()
    return [
        *(
            f"{name}: differs from version {versions[-1]}; run python -m schemas.publishing.export --publish"
            for name in _changed(folder / versions[-1], today)
        ),
        *_incompatible(folder, today),
        *_unread(folder),
    ]


def _versions(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if path.name.isdigit())


def _changed(published: Path, today: dict[str, bytes]) -> list[str]:
    return [
        name
        for name, text in today.items()
        if not (published / name).exists() or (published / name).read_bytes() != text
    ]


def _incompatible(folder: Path, today: dict[str, bytes]) -> Iterator[str]:
    for version, name, schema in history(folder):
        written = ".writer." in name
        twin = name.replace(".writer.", ".reader.") if written else name.replace(".reader.", ".writer.")
        if twin not in today:
            yield f"{name}: published in {version} and gone; a type is never removed, only superseded"
            continue
        other = orjson.loads(today[twin])
        writer, reader = (schema, other) if written else (other, schema)
        found = breaks(writer, reader, bounds=version >= BOUNDED_SINCE)
        yield from (f"{name} of {version}: {text}" for text in found)


def _unread(folder: Path) -> Iterator[str]:
    missing = dict.fromkeys(EVENT_TYPES)
    for path, type_, line in golden(folder):
        missing.pop(type_, None)
        if type_ not in EVENT_TYPES:
            yield f"{path.name}: no such event type any more"
            continue
        try:
            EVENT_TYPES[type_].payload.model_validate_json(line)
        except ValidationError as error:
            yield f"{path.name}: a golden sample no longer parses ({error.error_count()} errors)"
    yield from (f"{name}: has no golden sample" for name in missing)


def publish(folder: Path) -> str:
    """Write a new published version if anything differs from the latest; return its name."""
    versions, today = _versions(folder), documents()
    if versions and not _changed(folder / versions[-1], today):
        return versions[-1]
    version = f"{len(versions) + 1:04d}"
    (folder / version).mkdir(parents=True)
    for name, text in today.items():
        (folder / version / name).write_bytes(text)
    return version


def main(arguments: list[str]) -> int:
    """Run `--check` (changes nothing) or `--publish`."""
    if arguments == ["--publish"]:
        print(f"schemas: published version {publish(PUBLISHED)}")  # noqa: T201 - a command's answer
        return 0
    wrong = check(PUBLISHED)
    for line in wrong:
        print(line, file=sys.stderr)  # noqa: T201 - a command's answer
    if not wrong:
        print(f"schemas: {len(EVENT_TYPES)} event types compatible with every published version")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
