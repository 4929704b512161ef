"""Finds the codes in a payload that are not on their code list, and replaces them in its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, reduce
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from schemas.codes import UNKNOWN, Known


@cache
def _plan(model: type[BaseModel]) -> tuple[tuple[str, Any], ...]:
    """List (field, annotation) of the fields that can hold codes, however deep."""
    found = []
    for name, info in model.model_fields.items():
        shape = _known_of(info.metadata) or _shape(info.annotation)
        if shape is not None:
            found.append((name, shape))
    return tuple(found)


def _known_of(metadata: Iterable[Any]) -> Known | None:
    return next((item for item in metadata if isinstance(item, Known)), None)


def _shape(annotation: Any) -> Any:  # noqa: ANN401 - a type expression
    """Reduce a type expression to what matters here: Known, a model, [shape] for a tuple, or None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        return _known_of(metadata) or _shape(inner)
    if origin in {Union, UnionType}:
        return next(filter(None, map(_shape, get_args(annotation))), None)
    if origin is tuple:
        inner_shape = _shape(get_args(annotation)[0])
        return None if inner_shape is None else [inner_shape]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if _plan(annotation) else None
    return None


def _walk(value: Any, shape: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - follows the payload
    if value is None:
        return
    if isinstance(shape, Known):
        if value not in shape.values:
            yield path
    elif isinstance(shape, list):
        for index, item in enumerate(value):
            yield from _walk(item, shape[0], f"{path}.{index}")
    else:
        yield from _unknown(value, f"{path}.")


def _all_known(payload: BaseModel) -> bool:
    """Return whether every code is on its list; faster than collecting the paths of those that are not."""
    for name, shape in _plan(type(payload)):
        value = getattr(payload, name)
        if value is None:
            continue
        inner = shape[0] if type(shape) is list else shape
        values = value if type(shape) is list else (value,)
        if type(inner) is Known:
            known = inner.values
            if not all(item in known for item in values):
                return False
        elif type(inner) is list or not all(_all_known(item) for item in values):
            return False
    return True


def unknown_fields(payload: BaseModel) -> tuple[str, ...]:
    """Return the path of each field whose code is on no list of ours."""
    return () if _all_known(payload) else tuple(_unknown(payload, ""))


def _unknown(payload: BaseModel, before: str) -> Iterator[str]:
    for name, shape in _plan(type(payload)):
        yield from _walk(getattr(payload, name), shape, before + name)


def places_of_codes(model: type[BaseModel]) -> dict[str, Known]:
    """Return the list of each field of a payload that holds codes, by its path without positions."""
    found: dict[str, Known] = {}
    for name, shape in _plan(model):
        inner = shape
        while isinstance(inner, list):
            inner = inner[0]
        if isinstance(inner, Known):
            found[name] = inner
        else:
            found |= {f"{name}.{path}": known for path, known in places_of_codes(inner).items()}
    return found


def without_unknown(data: Any, paths: Iterable[str]) -> None:  # noqa: ANN401 - any JSON value
    """Write `UNKNOWN` over the codes at these paths of JSON data; a list names it once."""
    lists = []
    for path in paths:
        *outer, last = path.split(".")
        holder = reduce(_at, outer, data)
        if isinstance(holder, list):
            holder[int(last)] = UNKNOWN
            lists.append(holder)
        else:
            holder[last] = UNKNOWN
    for found in lists:
        found[:] = dict.fromkeys(found)


def _at(holder: Any, part: str) -> Any:  # noqa: ANN401 - any JSON value
    return holder[int(part)] if isinstance(holder, list) else holder[part]
