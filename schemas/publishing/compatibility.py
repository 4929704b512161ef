"""Compares two JSON Schemas: finds what a reader would refuse of what a writer may send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import gt, lt
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Roots:
    """The two whole schemas, and whether limits of single values are compared."""

    writer: Schema
    reader: Schema
    bounds: bool


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def _options(schema: Schema, root: Schema) -> list[Schema]:
    resolved = _resolve(schema, root)
    if "anyOf" in resolved:
        return [option for item in resolved["anyOf"] for option in _options(item, root)]
    return [resolved]


def _type(schema: Schema) -> str:
    if "const" in schema:
        return {str: "string", int: "integer"}.get(type(schema["const"]), "unknown")
    return str(schema.get("type", "any"))


_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_BOUNDS = [(name, float("-inf"), lt) for name in _LOWER] + [(name, float("inf"), gt) for name in _UPPER]
"""Keyword, what it is where it is absent, and how a writer's value breaks a reader's."""


def _out_of_bounds(writer: Schema, reader: Schema, path: str) -> Iterator[str]:
    for name, absent, breaks_bound in _BOUNDS:
        if breaks_bound(writer.get(name, absent), reader.get(name, absent)):
            yield f"{path}: the reader asks {name} {reader[name]}"
    for name in ("pattern", "format", "multipleOf"):
        if name in reader and writer.get(name) != reader[name] and "enum" not in writer:
            yield f"{path}: the reader asks {name} {reader[name]}"


def _narrower(writer: Schema, reader: Schema, path: str) -> Iterator[str]:
    if "enum" in reader and not set(writer.get("enum", [object()])) <= set(reader["enum"]):
        yield f"{path}: the reader knows fewer values"
    if "const" in reader and writer.get("const") != reader["const"]:
        yield f"{path}: the reader knows only one value"


def _compare(writer: Schema, reader: Schema, roots: _Roots, path: str) -> Iterator[str]:
    readers = _options(reader, roots.reader)
    for option in _options(writer, roots.writer):
        fitting = [
            item
            for item in readers
            if _type(item) in {_type(option), "any"} or (_type(option), _type(item)) == ("integer", "number")
        ]
        if not fitting:
            yield f"{path}: the reader does not take {_type(option)}"
            continue
        troubles = [list(_inside(option, item, roots, path)) for item in fitting]
        if all(troubles):
            yield from min(troubles, key=len)


def _inside(writer: Schema, reader: Schema, roots: _Roots, path: str) -> Iterator[str]:
    yield from _narrower(writer, reader, path)
    if roots.bounds:
        yield from _out_of_bounds(writer, reader, path)
    if _type(writer) == "object" and "properties" in reader:
        properties = writer.get("properties", {})
        for name in reader.get("required", []):
            if name not in writer.get("required", []):
                yield f"{path}.{name}: the reader needs it, the writer may leave it out"
        for name, item in reader["properties"].items():
            if name in properties:
                yield from _compare(properties[name], item, roots, f"{path}.{name}")
    if _type(writer) == "array" and "items" in reader and "items" in writer:
        yield from _compare(writer["items"], reader["items"], roots, f"{path}[]")


def breaks(writer: Schema, reader: Schema, *, bounds: bool = True) -> list[str]:
    """List what the reader would refuse of what the writer may send; empty if compatible.

    Without `bounds`, the limits of single values are left out of the comparison.
    """
    return list(_compare(writer, reader, _Roots(writer, reader, bounds), "data"))
