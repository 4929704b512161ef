"""Reads a YAML or JSON file as plain texts, lists and objects, each with its line; nothing is guessed.

YAML's own types are left out, for they turn `14:00` into 840, `no` into false and `01001` into 513: every
value stays the text that was written (None for an empty one), and the reader's model says what it means.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_LARGEST = 300_000  # bytes; a thousand offices are smaller
_DEEPEST = 8
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})

Place = tuple[str | int, ...]


class UnreadableError(ValueError):
    """A file that cannot be read; the message names the line and says what to do."""


@dataclass(frozen=True, slots=True)
class Lined:
    """The content of a file, and the line of each value in it by its place."""

    content: Any
    lines: Mapping[Place, int] = field(repr=False)

    def line_of(self, place: Place) -> int:
        """Return the line of a value, or of the nearest one around it that the file has."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_file(path: Path) -> Lined:
    """Read a file.

    Raises:
        UnreadableError: it is not plain YAML or JSON.
    """
    with path.open("rb") as file:
        raw = file.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise UnreadableError(f"{path.name}: larger than {_LARGEST} bytes. Is it the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"{path.name}, line {line}: not UTF-8. Please save it as UTF-8.") from None
    try:
        return read_text(text)
    except UnreadableError as error:
        raise UnreadableError(f"{path.name}, {error}") from None


def read_text(text: str) -> Lined:
    """Read a text; see `read_file`."""
    try:
        _check_events(text)
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise UnreadableError(_said(error)) from None
    lines: dict[Place, int] = {}
    return Lined(None if node is None else _plain(node, (), lines), lines)


def _said(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    where = "line 1" if mark is None else f"line {mark.line + 1}"
    return f"{where}: {problem}. Please check indentation, quotes and brackets there."


def _check_events(text: str) -> None:
    """Refuse anchors, aliases, tags, depth and a second document before anything is built from them."""
    depth = documents = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = _line_of(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise UnreadableError(f"line {line}: a second document (---). Please write one list.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise UnreadableError(f"line {line}: an anchor or alias (& or *). Please write the values out.")
        if getattr(event, "tag", None) not in {None, "!"}:
            raise UnreadableError(f"line {line}: a tag (!). Please write the plain value.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise UnreadableError(f"line {line}: nested too deeply. Please check the brackets there.")


def _line_of(part: yaml.Event | yaml.Node) -> int:
    return part.start_mark.line + 1 if part.start_mark is not None else 1


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:  # noqa: ANN401 - text, list or object
    lines[place] = _line_of(node)
    match node:
        case yaml.MappingNode():
            return dict(_pairs(node, place, lines))
        case yaml.SequenceNode():
            return [_plain(item, (*place, number), lines) for number, item in enumerate(node.value)]
        case _:
            return _text(node, place)


def _pairs(node: yaml.MappingNode, place: Place, lines: dict[Place, int]) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = _line_of(key)
        name = _text(key, place) if isinstance(key, yaml.ScalarNode) else None
        if name is None:
            raise UnreadableError(f"line {line}: a field without a name. Please write `name: value`.")
        if name in seen:
            raise UnreadableError(
                f"line {line}: {name!r} a second time (first in line {seen[name]})."
                " Please keep one of them, or begin a new entry with a hyphen."
            )
        seen[name] = line
        result = _plain(value, (*place, name), lines)
        lines[*place, name] = line
        yield name, result


def _text(node: yaml.Node, place: Place) -> str | None:
    value = str(node.value)
    if getattr(node, "style", None) is None and value in _EMPTY:
        return None
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        where = f", field {place[-1]}" if place else ""
        raise UnreadableError(
            f"line {_line_of(node)}{where}: a line break or control character inside a value."
            " Please write the value in one line."
        )
    return value
