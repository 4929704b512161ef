"""Reads JSON that strangers send, and refuses what readers would understand differently."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

_DEEPEST = 250  # what orjson can write; it reads four times as much
_LOOKED_AT = 10_000  # brackets, commas and texts
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]+|[\]}]+|,', re.DOTALL)


class JsonError(ValueError):
    """The text is not the JSON that we take; `code` says why: malformed, deep, number or twice."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_json(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read one JSON value (UTF-8, as RFC 8259 writes it: no NaN, no lone surrogates).

    Raises:
        JsonError: malformed; nested too deeply to be read; a number is too large for every type; or an object
            names a field twice, of which each reader would take another one.
    """
    try:
        value = orjson.loads(raw)
        orjson.dumps(value)
    except orjson.JSONDecodeError as error:
        raise JsonError(_why(raw, error)) from None
    except orjson.JSONEncodeError:  # a quarter of the depth that can be read
        raise JsonError("deep") from None
    if _may_hold_twice(raw):
        try:
            json.loads(raw, object_pairs_hook=_each_once, parse_int=str)
        except RecursionError:
            raise JsonError("deep") from None
    return value


def _why(raw: bytes, error: orjson.JSONDecodeError) -> str:
    if "infinity" in error.msg:
        return "number"
    return "deep" if _depth(raw) > _DEEPEST else "malformed"


def _depth(raw: bytes) -> int:
    depth = deepest = 0
    for match in _TOKEN.finditer(raw):
        token = match[0]
        if token[:1] in b"[{":
            depth += len(token)
            deepest = max(deepest, depth)
        elif token[:1] in b"]}":
            depth -= len(token)
    return deepest


def _may_hold_twice(raw: bytes) -> bool:
    return raw.count(b":") > 1


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonError("twice")
    return found


def elements(raw: bytes) -> Iterator[bytes] | None:
    """Split the text of a JSON array into its elements, without reading them; None if it is no array.

    Depth costs nothing here: one element that nobody can read does not hide the others.

    >>> [bytes(one) for one in elements(b'[{"a": "]"}, 2]') or ()]
    [b'{"a": "]"}', b' 2']
    """
    text = raw.strip()
    return _elements(text[1:-1]) if text.startswith(b"[") and text.endswith(b"]") else None


def _elements(inner: bytes) -> Iterator[bytes]:
    depth = begin = 0
    for match in _TOKEN.finditer(inner):
        token = match[0]
        if token[:1] in b"[{":
            depth += len(token)
        elif token[:1] in b"]}":
            depth -= len(token)
        elif token == b"," and depth == 0:
            yield inner[begin : match.start()]
            begin = match.end()
    if begin or inner.strip():
        yield inner[begin:]


def text_member(raw: bytes, name: bytes) -> str | None:
    """Find a member of an object's text without reading the object; None if it is no plain text.

    >>> text_member(b'{"data": {"id": "x"}, "id": "e-1"}', b"id")
    'e-1'
    """
    depth, named = 0, None
    for match in islice(_TOKEN.finditer(raw), _LOOKED_AT):
        token = match[0]
        if token[:1] == b'"' and depth == 1:
            if named is not None and raw[named : match.start()].strip() == b":":
                return token[1:-1].decode(errors="replace")
            named = match.end() if token[1:-1] == name else None
            continue
        named = None
        if token[:1] in b"[{":
            depth += len(token)
        elif token[:1] in b"]}":
            depth -= len(token)
    return None
