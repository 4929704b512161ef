"""Validates documents with pydantic and turns its errors into mistakes with line and column."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.allocation.law.documents import Document, Path
from services.allocation.law.mistakes import DocumentError, Mistake

T = TypeVar("T")
_KEY = "[key]"  # pydantic's last step of a path to the key itself

Told = tuple[str, dict[str, str | int]]


def checked(document: Document, kind: TypeAdapter[T], names: Iterable[str]) -> T:
    """Read a document as a type, strictly; `names` are fields that may be suggested for unknown ones.

    Raises:
        DocumentError: with the line and column of each mistake.
    """
    raw = json.dumps(document.value, default=str)
    try:
        return kind.validate_json(raw, strict=True)
    except ValidationError as error:
        known = sorted(set(names))
        raise DocumentError([_mistake(document, item, known) for item in error.errors()]) from None


def _mistake(document: Document, item: Mapping[str, Any], names: list[str]) -> Mistake:
    path: Path = tuple(item["loc"])
    at_key = bool(path) and path[-1] == _KEY
    if at_key:
        path = path[:-1]
    kind, ctx = str(item["type"]), item.get("ctx", {})
    written = str(path[-1]) if at_key and path else document.written.get(path, "")
    if kind == "missing":
        return document.mistake(path, "missing", {"name": str(path[-1]) if path else ""})
    if kind == "extra_forbidden":
        name = str(path[-1])
        if name in names:  # a field of another part
            return document.mistake(path, "unknown_field_here", {"name": name}, key=True)
        like = get_close_matches(name, names, 1)
        params = {"name": name} | ({"like": like[0]} if like else {})
        return document.mistake(path, "unknown_field_like" if like else "unknown_field", params, key=True)
    if "path" in ctx:  # one of our own: it names the field itself
        own = {name: value for name, value in ctx.items() if name != "path"}
        return document.mistake((*path, *ctx["path"]), kind, own)
    code, told = _told(kind, ctx, written, str(item["msg"]))
    return document.mistake(path, code, told, key=at_key)


def _told(kind: str, ctx: Mapping[str, Any], written: str, message: str) -> Told:
    known = _KINDS.get(kind)
    if known is not None:
        return known(ctx, written[:60])
    return "other", {"problem": message}


def _plain(code: str) -> Callable[[Mapping[str, Any], str], Told]:
    return lambda _ctx, _written: (code, {})


def _bound(code: str, name: str, of: str) -> Callable[[Mapping[str, Any], str], Told]:
    return lambda ctx, _written: (code, {name: _short(ctx[of])})


def _short(number: object) -> int | str:
    return int(number) if isinstance(number, int | float) and number == int(number) else str(number)


def _one_of(ctx: Mapping[str, Any], written: str) -> Told:
    if not written:
        return "not_text", {}
    expected = str(ctx["expected"]).replace(" or ", ", ").replace("'", "")
    like = get_close_matches(written, expected.split(", "), 1)
    if like:
        return "not_one_of_like", {"value": written, "like": like[0]}
    return "not_one_of", {"value": written, "expected": expected}


def _text(_ctx: Mapping[str, Any], written: str) -> Told:
    return ("not_text_quote", {"value": written}) if written else ("not_text", {})


def _pattern(ctx: Mapping[str, Any], written: str) -> Told:
    code = {"^[0-9]{5}$": "kreis_not_five", "^[0-9]{8}$": "town_not_eight"}.get(str(ctx["pattern"]))
    if code is None and "/" in str(ctx["pattern"]):
        code = "course_form"
    return (code, {"value": written}) if code else ("pattern", {})


_KINDS: Mapping[str, Callable[[Mapping[str, Any], str], Told]] = {
    "int_type": _plain("not_whole"),
    "int_parsing": _plain("not_whole"),
    "int_from_float": _plain("not_whole"),
    "float_type": _plain("not_number"),
    "float_parsing": _plain("not_number"),
    "finite_number": _plain("not_number"),
    "bool_type": _plain("not_yes_no"),
    "date_type": _plain("not_day"),
    "date_parsing": _plain("not_day"),
    "date_from_datetime_parsing": _plain("not_day"),
    "date_from_datetime_inexact": _plain("not_day"),
    "list_type": _plain("not_list"),
    "tuple_type": _plain("not_list"),
    "dict_type": _plain("not_mapping"),
    "model_type": _plain("not_mapping"),
    "model_attributes_type": _plain("not_mapping"),
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "literal_error": _one_of,
    "enum": _one_of,
    "greater_than_equal": _bound("too_small", "least", "ge"),
    "less_than_equal": _bound("too_large", "most", "le"),
    "string_too_short": _bound("text_short", "least", "min_length"),
    "string_too_long": _bound("text_long", "most", "max_length"),
    "too_short": _bound("list_short", "least", "min_length"),
    "too_long": _bound("list_long", "most", "max_length"),
}
