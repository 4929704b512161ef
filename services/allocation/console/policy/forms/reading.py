"""Reads what the form of a policy sends into the document behind it; what the form does not know stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from starlette.datastructures import FormData

from services.allocation.console.policy.fields import Field, fields
from services.allocation.console.policy.forms.shape import Kind, Shape, shape
from services.runtime.web.languages import day_of, msgid

MOST_ROWS: Final = 60
SHOWN, ROWS, KEY, REMOVE = "shown", "rows", "key", "remove"
"""Last parts of the names of inputs that say what the form has shown, and of those of a row."""
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}([.,][0-9]{1,9})?")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""Characters that nobody types and that no page or database shows."""

PROBLEMS: Mapping[str, str] = {
    "not_sent": msgid("The form came without this field, so it stays as it was. Please open the page again."),
    "sent_twice": msgid("The form came with this field more than once. Please open the page again."),
    "rank": msgid("A place in the order is a whole number from 1 on. Please correct it."),
    "rank_twice": msgid("Two goals have the same place. Please give each a place of its own."),
    "key_twice": msgid("This key stands here twice. Please remove one of the two."),
    "too_many": msgid("There are too many entries. Please use the document for so many."),
}


class _Missing:
    """Marks that a field is to be left out."""


MISSING: Final = _Missing()


@dataclass(slots=True)
class Entered:
    """What a form says: the document's fields as plain values, and what was wrong with the form itself."""

    data: dict[str, Any]
    problems: dict[str, str] = field(default_factory=dict)
    """Name of an input -> key of PROBLEMS."""


def entered(form: FormData, base: Mapping[str, Any]) -> Entered:
    """Read a form over the fields of the document that it was made from."""
    found = Entered(deepcopy(dict(base)))
    reader = _Reader(form, found.problems)
    for one in fields():
        put(found.data, one.path, reader.value(one, shape(one.path), one.path, at(base, one.path)), base)
    return found


def at(data: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 -- of a document
    """Return what stands at a path of a document; MISSING: nothing does."""
    here: Any = data
    for name in path.split("."):
        if not isinstance(here, Mapping) or name not in here:
            return MISSING
        here = here[name]
    return here


def put(data: dict[str, Any], path: str, value: Any, base: Mapping[str, Any]) -> None:  # noqa: ANN401 -- the same
    """Set a field, or leave it out; what is usual and stood nowhere stays unwritten."""
    *above, name = path.split(".")
    inner = data
    for part in above:
        inner = inner.setdefault(part, {})
    usual = shape(path).default
    unwritten = at(base, path) is MISSING and not shape(path).required and value == usual
    if value is MISSING or unwritten:
        inner.pop(name, None)
    else:
        inner[name] = value
    if above and not inner:
        data.pop(above[0], None)


def clean(text: str, *, lines: bool = False) -> str:
    """Return a text without characters that nobody types; `lines`: it may have several."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text.strip() if lines else " ".join(text.split())


@dataclass(slots=True)
class _Reader:
    form: FormData
    problems: dict[str, str]

    def value(self, field_: Field, known: Shape, name: str, base: Any) -> Any:  # noqa: ANN401, PLR0911 -- a document's
        match known.kind:
            case Kind.THINGS:
                return self._things(field_, known, name, base)
            case Kind.NAMED_THINGS:
                return self._named_things(field_, known, name, base)
            case Kind.BY_CODE:
                return self._by_code(name, base)
            case Kind.SOME_OF if field_.ordered:
                return self._ordered(known.values, name, base)
            case Kind.SOME_OF:
                return self._ticked(name, base)
            case Kind.WORDS if field_.codes:
                return self._ticked(name, base)
            case Kind.WORDS:
                text = self._one(name)
                return base if text is None else [clean(line) for line in text.splitlines() if clean(line)]
            case _:
                text = self._one(name)
                return base if text is None else plain(known, clean(text))

    def _one(self, name: str) -> str | None:
        """Return the text of an input that has to be there once; None: that is a problem."""
        sent = self.form.getlist(name)
        if len(sent) == 1 and isinstance(sent[0], str):
            return sent[0]
        self.problems[name] = "sent_twice" if len(sent) > 1 else "not_sent"
        return None

    def _ticked(self, name: str, base: Any) -> Any:  # noqa: ANN401 -- of a document
        """Return what is ticked: first what stood there, in its order, also what the form did not show."""
        text = self._one(f"{name}.{SHOWN}")
        if text is None:
            self.problems[name] = self.problems.pop(f"{name}.{SHOWN}")
            return base
        shown, sent = text.split(), [one for one in self.form.getlist(name) if isinstance(one, str)]
        if len(set(sent)) < len(sent) or not set(sent) <= set(shown):
            self.problems[name] = "sent_twice"
            return base
        before = base if isinstance(base, list) else []
        kept = [one for one in before if one in sent or one not in shown]
        return [*kept, *(one for one in shown if one in sent and one not in kept)]

    def _by_code(self, name: str, base: Any) -> Any:  # noqa: ANN401 -- of a document
        text = self._one(f"{name}.{SHOWN}")
        if text is None:
            self.problems[name] = self.problems.pop(f"{name}.{SHOWN}")
            return base
        found = dict(base) if isinstance(base, Mapping) else {}
        for code in text.split():
            number = self._one(f"{name}.{code}")
            if number is None:
                continue
            value = plain(Shape(Kind.WHOLE, required=False, default=None), clean(number))
            if value is MISSING:
                found.pop(code, None)
            else:
                found[code] = value
        return found or MISSING

    def _ordered(self, values: Sequence[str], name: str, base: Any) -> Any:  # noqa: ANN401 -- of a document
        places: list[tuple[int, str]] = []
        for value in values:
            text = self._one(f"{name}.{value}")
            if text is None:
                self.problems[name] = self.problems.pop(f"{name}.{value}")
                return base
            text = clean(text)
            if text and not (_WHOLE.fullmatch(text) and int(text) > 0):
                self.problems[name] = "rank"
                return base
            if text:
                places.append((int(text), value))
        if len({place for place, _ in places}) < len(places):
            self.problems[name] = "rank_twice"
        return [value for _, value in sorted(places, key=lambda one: one[0])]

    def _rows(self, name: str) -> int | None:
        text = self._one(f"{name}.{ROWS}")
        if text is None:
            self.problems[name] = self.problems.pop(f"{name}.{ROWS}")
            return None
        if not _WHOLE.fullmatch(text) or not 0 <= int(text) <= MOST_ROWS:
            self.problems[name] = "too_many"
            return None
        return int(text)

    def _things(self, field_: Field, known: Shape, name: str, base: Any) -> Any:  # noqa: ANN401 -- of a document
        rows, before = self._rows(name), base if isinstance(base, list) else []
        if rows is None:
            return base
        found = []
        for number in range(rows):
            old = before[number] if number < len(before) else {}
            thing = self._thing(field_, known, f"{name}.{number}", old)
            if thing:
                found.append(thing)
        return found or MISSING

    def _named_things(self, field_: Field, known: Shape, name: str, base: Any) -> Any:  # noqa: ANN401 -- the same
        rows, before = self._rows(name), base if isinstance(base, Mapping) else {}
        if rows is None:
            return base
        found: dict[str, Any] = {}
        for number in range(rows):
            typed = self._one(f"{name}.{number}.{KEY}")
            if typed is None:
                return base
            key = clean(typed)
            thing = self._thing(field_, known, f"{name}.{number}", before.get(key, {}))
            if not thing and (not key or self.form.get(f"{name}.{number}.{REMOVE}")):
                continue
            if key in found:
                self.problems[name] = "key_twice"
                key += f" ({number + 1})"
            found[key] = thing
        return found or MISSING

    def _thing(self, field_: Field, known: Shape, name: str, old: Mapping[str, Any]) -> dict[str, Any]:
        """Read one row; empty: it is not filled in, or to be removed."""
        if self.form.get(f"{name}.{REMOVE}"):
            return {}
        thing = dict(old)
        filled = False
        for column in field_.columns:
            own = shape(column.path, known.model) if known.model is not None else shape(column.path)
            before = old.get(column.path, MISSING)
            value = self.value(column, own, f"{name}.{column.path}", before)
            filled = filled or value not in (MISSING, [], "")
            if value is MISSING or (before is MISSING and not own.required and value == own.default):
                thing.pop(column.path, None)
            else:
                thing[column.path] = value
        return thing if filled else {}


def plain(known: Shape, text: str) -> Any:  # noqa: ANN401 -- of a document
    """Return a text as the plain value that a document would have, or as it is if it makes no sense."""
    if not text and known.kind is not Kind.TEXT:
        return MISSING
    match known.kind:
        case Kind.WHOLE if _WHOLE.fullmatch(text):
            return int(text)
        case Kind.DECIMAL if _DECIMAL.fullmatch(text):
            return float(text.replace(",", "."))
        case Kind.YES_NO if text in {"yes", "no"}:
            return text == "yes"
        case Kind.DAY:
            day: date | None = day_of(text)
            return text if day is None else day
        case _:
            return text
