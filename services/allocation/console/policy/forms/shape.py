"""Reads from the schema of policies what each field takes, its bounds, and whether it has to be there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from services.allocation.policy.domain import Policy


class Kind(StrEnum):
    """What a field takes."""

    WHOLE = "whole"
    DECIMAL = "decimal"
    YES_NO = "yes_no"
    DAY = "day"
    TEXT = "text"
    ONE_OF = "one_of"
    SOME_OF = "some_of"
    """Several of a closed set."""
    WORDS = "words"
    """Any words, one in a line."""
    BY_CODE = "by_code"
    """A whole number for each of some codes."""
    THINGS = "things"
    """A list of things that have fields themselves."""
    NAMED_THINGS = "named_things"
    """The same, each named by a key."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A field as the schema has it."""

    kind: Kind
    required: bool
    default: Any
    """Plain, as a document has it; None where there is none."""
    least: float | None = None
    most: float | None = None
    longest: int | None = None
    values: tuple[str, ...] = ()
    """Of a closed set."""
    model: type[BaseModel] | None = None
    """Of one of several things."""


def shape(path: str, model: type[BaseModel] = Policy) -> Shape:
    """Return the shape of the field at a path (`reservation.days`).

    Raises:
        KeyError: the schema has no such field.
    """
    name, _, rest = path.partition(".")
    info = model.model_fields[name]
    if rest:
        inner = _model(info.annotation)
        if inner is None:
            raise KeyError(path)
        return shape(rest, inner)
    return _of(info)


def leaves(model: type[BaseModel] = Policy, before: str = "") -> Iterator[str]:
    """Name every field of the schema that holds a value; `[]` stands for one of several things."""
    for name, info in model.model_fields.items():
        path = f"{before}{name}"
        inner = _model(info.annotation)
        if inner is not None:
            yield from leaves(inner, f"{path}.")
            continue
        thing = _of(info).model
        if thing is None:
            yield path
        else:
            yield from leaves(thing, f"{path}[].")


def _model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 -- of typing
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _bare(annotation: Any) -> tuple[Any, list[Any]]:  # noqa: ANN401 -- of typing
    """Return a type without what is said about it, and that; None beside it is left out."""
    said: list[Any] = []
    while True:
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            said += args[1:]
            annotation = args[0]
        elif origin in {Union, UnionType}:
            (annotation,) = [one for one in args if one is not NoneType]
        else:
            return annotation, [inner for one in said for inner in getattr(one, "metadata", [one])]


def _of(info: FieldInfo) -> Shape:
    bare, said = _bare(info.annotation)
    said = [*info.metadata, *said]
    kind, values, model = _kind(bare)
    bounds = said if kind is not Kind.BY_CODE else _bare(get_args(bare)[1])[1]
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return Shape(
        kind,
        info.is_required(),
        list(default) if isinstance(default, tuple) else default,
        least=_bound(bounds, "ge"),
        most=_bound(bounds, "le"),
        longest=None if (longest := _bound(said, "max_length")) is None else int(longest),
        values=values,
        model=model,
    )


def _bound(said: list[Any], name: str) -> float | None:
    """Return a bound by its name in the vocabulary of pydantic's `Field`."""
    found = (getattr(one, name, None) for one in said)
    return next((bound for bound in found if isinstance(bound, int | float)), None)


def _kind(bare: Any) -> tuple[Kind, tuple[str, ...], type[BaseModel] | None]:  # noqa: ANN401, PLR0911 -- of typing
    origin, args = get_origin(bare), get_args(bare)
    if origin is Literal:
        return Kind.ONE_OF, tuple(str(one) for one in args), None
    if origin is tuple:
        inner, _ = _bare(args[0])
        if _model(inner):
            return Kind.THINGS, (), inner
        if get_origin(inner) is Literal:
            return Kind.SOME_OF, tuple(str(one) for one in get_args(inner)), None
        if isinstance(inner, type) and issubclass(inner, Enum):
            return Kind.SOME_OF, tuple(str(one.value) for one in inner), None
        return Kind.WORDS, (), None
    if origin is dict:
        inner, _ = _bare(args[1])
        return (Kind.NAMED_THINGS, (), inner) if _model(inner) else (Kind.BY_CODE, (), None)
    plain = {bool: Kind.YES_NO, int: Kind.WHOLE, float: Kind.DECIMAL, date: Kind.DAY, str: Kind.TEXT}
    return plain[bare], (), None
