"""Reads YAML that people write into plain values, with the line and column of everything in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Protocol

import yaml

from services.allocation.law.mistakes import DocumentError, Mistake

LONGEST = 30_000
"""Characters; a policy has some thousands, and reading takes time in which nobody else is served."""
DEEPEST = 20
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks to YAML, but to no editor: the lines would be counted differently."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?")

Path = tuple[str | int, ...]


class _Mark(Protocol):
    """A place as the reader of YAML knows it, counted from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document's content and where it stands."""

    value: object
    values: Mapping[Path, Place]
    keys: Mapping[Path, Place]
    written: Mapping[Path, str]
    """Scalars as they were typed: `01001`, not 513."""
    mistakes: Sequence[Mistake] = ()
    """What is wrong with single values, where the rest could be read all the same."""

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Return where a field stands, or the innermost one around it."""
        if key and path in self.keys:
            return self.keys[path]
        while path not in self.values:
            path = path[:-1]
        return self.values[path]

    def mistake(
        self, path: Path, code: str, params: Mapping[str, str | int] | None = None, *, key: bool = False
    ) -> Mistake:
        """Make a mistake in a field."""
        place = self.place(path, key=key)
        return Mistake(place.line, place.column, shown(path), code, params or {})


def shown(path: Path) -> str:
    """Write a path as people read it, lists counted from 1."""
    return " > ".join(str(part + 1) if isinstance(part, int) else part for part in path)


@dataclass(slots=True)
class _Reader:
    """Collects what is found on the way through the nodes."""

    loader: yaml.SafeLoader
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def read(self, node: yaml.Node, path: Path) -> object:
        self.values[path] = _place(node.start_mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, at)) for at, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, value in node.value:
            place = _place(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(place, path, "key_kind")
                continue
            inner = (*path, str(key.value))
            if inner in self.keys:
                self._wrong(place, inner, "key_twice", name=key.value, first=self.keys[inner].line)
                continue
            self.keys[inner] = place
            made[key.value] = self.read(value, inner)
        return made

    def _scalar(self, node: yaml.Node, path: Path) -> object:
        self.written[path] = str(node.value)
        try:
            value: object = self.loader.construct_object(node)
        except (ValueError, OverflowError):  # 2026-02-30 looks like a day; an endless number is none, too
            code = "no_such_day" if node.tag.endswith(":timestamp") else "number_endless"
            self._wrong(self.values[path], path, code, value=str(node.value)[:40])
            return None
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and not _NUMBER.fullmatch(node.value)
        ):
            return str(node.value)  # 010 is not 8, and 12:30 is not 750, to whoever typed it
        return value

    def _wrong(self, place: Place, path: Path, code: str, **params: str | int) -> None:
        self.mistakes.append(Mistake(place.line, place.column, shown(path), code, params))


def read(text: str, *, partly: bool = False) -> Document:
    """Read one YAML document: plain values only, no references, no types, no name twice.

    `partly`: what is wrong with single values is kept in the document, so that all else can be looked at.

    Raises:
        DocumentError: with the line and column of each mistake.
    """
    if len(text) > LONGEST:
        raise DocumentError([Mistake(1, 1, "", "too_long", {"most": LONGEST})])
    if odd := _ODD_BREAKS.search(text):
        raise DocumentError([_of_character(text, odd.start())])
    loader = _Plain(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise DocumentError([Mistake(1, 1, "", "empty")])
        reader = _Reader(loader)
        value = reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        raise DocumentError([_of_yaml(error)]) from error
    finally:
        loader.dispose()
    if reader.mistakes and not partly:
        raise DocumentError(reader.mistakes)
    return Document(value, reader.values, reader.keys, reader.written, reader.mistakes)


def read_file(path: FilePath) -> Document:
    """Read a file; it is written in UTF-8, with or without a byte order mark.

    Raises:
        DocumentError: with the line and column of each mistake.
        OSError: there is no such file, or it cannot be read.
    """
    return read(decoded(path.read_bytes()))


def decoded(raw: bytes) -> str:
    """Return a document's text.

    Raises:
        DocumentError: it is not written in UTF-8.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise DocumentError([Mistake(line, column, "", "not_utf8")]) from error


class _Plain(yaml.SafeLoader):
    """Refuses what plain values do not need, before anything is built from it.

    The reader in Python, although libyaml's is faster: that one lets more through, and what one machine
    accepts another one has to be able to read.
    """

    def __init__(self, text: str) -> None:
        try:
            super().__init__(text)
        except yaml.reader.ReaderError as error:
            raise DocumentError([_of_character(text, error.position)]) from error
        self._depth = self._documents = 0

    def get_event(self) -> yaml.Event:
        """Look at each event on its way."""
        event: yaml.Event = super().get_event()  # type: ignore[no-untyped-call] # of the stubs
        self._documents += isinstance(event, yaml.DocumentStartEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            self._depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
        code = ""
        if self._documents > 1:
            code = "several_documents"
        elif self._depth > DEEPEST:
            code = "too_deep"
        elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            code = "alias"
        elif getattr(event, "tag", None):
            code = "tag"
        if code:
            place = _place(event.start_mark)
            raise DocumentError([Mistake(place.line, place.column, "", code)])
        return event


def _place(mark: _Mark | None) -> Place:
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


_PROBLEMS: Sequence[tuple[str, str]] = (
    ("'\\t'", "syntax_tab"),
    ("quoted scalar", "syntax_quote"),
    ("expected <block end>", "syntax_indent"),
    ("expected ',' or", "syntax_bracket"),
    ("mapping values are not allowed", "syntax_colon"),
    ("could not find expected ':'", "syntax_colon"),
    ("cannot start any token", "syntax_character"),
)


def _of_yaml(error: yaml.MarkedYAMLError) -> Mistake:
    problem, mark = error.problem or "", error.problem_mark or error.context_mark
    told = f"{error.context or ''} {problem}"
    code = next((code for part, code in _PROBLEMS if part in told), "syntax")
    if code in {"syntax_quote", "syntax_bracket"} and error.context_mark is not None:
        mark = error.context_mark  # where it was opened, not where the reader gave up
    place = _place(mark)
    return Mistake(place.line, place.column, "", code, {"problem": problem} if code == "syntax" else {})


def _of_character(text: str, position: int) -> Mistake:
    before = text[:position]
    return Mistake(before.count("\n") + 1, position - before.rfind("\n"), "", "syntax_character")
