"""Fills in the form of a policy as a browser does, from the inputs that a page shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from starlette.datastructures import FormData

from services.allocation.console.policy.fields import Codes
from services.allocation.console.policy.forms.controls import Control, Maker
from services.allocation.console.policy.forms.reading import Entered
from services.allocation.console.policy.forms.shape import Kind
from services.allocation.console.policy.sentences import Wording
from services.allocation.law import documents, mistakes
from services.allocation.law.rulebook import load_rulebook
from services.runtime.web.languages import Texts, load

BOOK = load_rulebook()
DAY = date(2026, 3, 2)


@cache
def german() -> Texts:
    return load((mistakes.LOCALE, mistakes.LOCALE.parents[1] / "texts" / "locale"))["de"]


@cache
def codes() -> Mapping[Codes, Sequence[str]]:
    rules = BOOK.on(DAY)
    return {"class": [one.code for one in rules.priorities.classes], "type": sorted(rules.course_types)}


def values_of(document: str) -> dict[str, Any]:
    value = documents.read(document).value
    assert isinstance(value, dict)
    return value


def sent(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List what a browser sends if nobody changes anything."""
    groups = Maker(Wording(german()), codes(), Entered(dict(data)), None).groups()
    return [pair for group in groups for control in group.controls for pair in inputs(control)]


def form(pairs: Sequence[tuple[str, str]]) -> FormData:
    return FormData([(name, value) for name, value in pairs])


def inputs(control: Control) -> Iterator[tuple[str, str]]:
    match control.kind:
        case Kind.THINGS | Kind.NAMED_THINGS:
            yield f"{control.name}.rows", str(len(control.rows))
            for row in control.rows:
                for cell in row:
                    yield from inputs(cell)
        case Kind.BY_CODE:
            yield f"{control.name}.shown", control.codes
            for inner in control.inner:
                yield from inputs(inner)
        case Kind.SOME_OF if control.ordered:
            for value, _ in control.options:
                place = control.value.index(value) + 1 if value in control.value else ""
                yield f"{control.name}.{value}", str(place)
        case Kind.SOME_OF:
            yield f"{control.name}.shown", control.codes
            yield from ((control.name, value) for value, _ in control.options if value in control.value)
        case _:
            yield control.name, str(control.value)
