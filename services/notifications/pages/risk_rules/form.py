"""Reads the form by which a head changes the parameters of the rules; errors are said at their fields."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from schemas.days import add_days
from services.notifications.pages.risk_rules import words
from services.notifications.pages.risk_rules.words import FIELDS, Unit
from services.notifications.risk.parameters import Parameters, Version
from services.runtime.web.languages import Texts, day_of

LONGEST_REASON = 500
_SHOWN = 600
_MOST_DAYS_AHEAD = 366
_NUMBER = re.compile(r"[0-9]{1,6}([.,][0-9]{1,6})?", re.ASCII)


@dataclass(slots=True)
class RulesForm:
    """A form as entered, with its errors (field -> msgid and parameters), and the version it makes."""

    values: dict[str, str]
    errors: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    version: Version | None = None

    @property
    def reason(self) -> str:
        """Why the values are changed."""
        return self.values["reason"]

    @property
    def mark(self) -> str:
        """What tells whether the same was tried before it is put in force."""
        if self.version is None:
            return ""
        parameters = self.version.parameters
        said = [self.version.valid_from, parameters and parameters.model_dump()]
        return hashlib.sha256(orjson.dumps(said)).hexdigest()

    def told(self, texts: Texts) -> dict[str, str]:
        """Return the errors in the visitor's language."""
        return {
            name: texts.gettext(message, **{key: _written(texts, value) for key, value in params.items()})
            for name, (message, params) in self.errors.items()
        }


def _written(texts: Texts, value: object) -> str:
    return texts.date(value) if isinstance(value, date) else shown(texts, value)


def value_of(parameters: Parameters, name: str) -> Any:  # noqa: ANN401 - a number or a flag
    """Return a parameter by the name of its field."""
    part, _, rest = name.partition("-")
    found = getattr(parameters, part)
    return getattr(found, rest) if rest else found


def as_entered(name: str, value: Any) -> Any:  # noqa: ANN401 - a number or a flag
    """Return a parameter as it is entered: shares in percent.

    >>> as_entered("share-raise_at", 0.07), as_entered("consecutive-days", 4)
    (Decimal('7.00'), 4)
    """
    return Decimal(str(value)) * 100 if FIELDS[name].unit is Unit.PERCENT else value


def shown(texts: Texts, value: object) -> str:
    """Write a value as people enter it, without zeros at its end."""
    if isinstance(value, bool):
        return texts.plain(words.YES) if value else texts.plain(words.NO)
    text = f"{Decimal(str(value)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", ",") if texts.language == "de" else text


def values_of(parameters: Parameters, texts: Texts) -> dict[str, str]:
    """Return the values of parameters, as somebody would enter them."""
    found = {}
    for name, one in FIELDS.items():
        value = value_of(parameters, name)
        is_flag = one.unit is Unit.FLAG
        found[name] = ("1" if value else "") if is_flag else shown(texts, as_entered(name, value))
    return found


def bounds(name: str) -> tuple[Any, Any]:
    """Return the least and the greatest value of a field, as they are entered.

    >>> bounds("consecutive-days"), bounds("share-raise_at")
    ((1, 40), (Decimal('1.00'), Decimal('100')))
    """
    model: type[BaseModel] = Parameters
    part, _, rest = name.partition("-")
    info = model.model_fields[part]
    if rest:
        assert info.annotation is not None  # noqa: S101 - every part is a model
        info = info.annotation.model_fields[rest]
    low, high = (
        next(value for one in info.metadata if (value := getattr(one, side, None)) is not None)
        for side in ("ge", "le")
    )
    return as_entered(name, low), as_entered(name, high)


def changes_of(before: Parameters, after: Parameters) -> Iterator[tuple[str, Any, Any]]:
    """Yield what changed: the name of the field, before and after as they are entered."""
    for name in FIELDS:
        old, new = value_of(before, name), value_of(after, name)
        if old != new:
            yield name, as_entered(name, old), as_entered(name, new)


def read(sent: FormData, today: date) -> RulesForm:
    """Read the form; without errors a version is made of it."""
    names = (*FIELDS, "usual", "valid_from", "reason")
    texts = {name: sent.get(name) for name in names}
    whole = {
        name: text.replace("\0", "").strip() if isinstance(text, str) else "" for name, text in texts.items()
    }
    found = RulesForm({name: text[:_SHOWN] for name, text in whole.items()})
    parameters = None if whole["usual"] == "1" else _parameters(found)
    valid_from = day_of(whole["valid_from"])
    if valid_from is None or not today <= valid_from <= add_days(today, _MOST_DAYS_AHEAD):
        found.errors["valid_from"] = (words.NO_DAY, {"today": today})
    if not whole["reason"]:
        found.errors["reason"] = (words.NO_REASON, {})
    elif len(whole["reason"]) > LONGEST_REASON:
        found.errors["reason"] = (words.LONG_REASON, {})
    if not found.errors and valid_from is not None:
        found.version = Version(valid_from, parameters)
    return found


def _parameters(found: RulesForm) -> Parameters | None:
    """Make parameters of what was entered; None if something is wrong, which is noted at its field."""
    made: dict[str, Any] = {}
    for name, one in FIELDS.items():
        value = found.values[name] == "1" if one.unit is Unit.FLAG else _number(found, name)
        part, _, rest = name.partition("-")
        if rest:
            made.setdefault(part, {})[rest] = value
        else:
            made[part] = value
    if found.errors:
        return None
    try:
        return Parameters.model_validate(made)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            name = "-".join([str(part) for part in item["loc"]] + _lower(item.get("ctx", {})))
            found.errors[name] = (words.OUT_OF_ORDER[name], {})
        return None


def _lower(ctx: Mapping[str, Any]) -> list[str]:
    return [str(ctx["lower"])] if "lower" in ctx else []


def _number(found: RulesForm, name: str) -> int | float | None:
    """Return a number within the bounds of its field; None is noted as an error."""
    text, unit = found.values[name], FIELDS[name].unit
    low, high = bounds(name)
    value = Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
    if value is None or not low <= value <= high or (unit is Unit.WHOLE and value != int(value)):
        message = words.NO_WHOLE if unit is Unit.WHOLE else words.NO_NUMBER
        found.errors[name] = (message, {"low": low, "high": high})
        return None
    if unit is Unit.WHOLE:
        return int(value)
    return float(value / 100 if unit is Unit.PERCENT else value)
