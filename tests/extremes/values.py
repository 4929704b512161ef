"""Makes payloads that fit an event type's JSON Schema and lie at its edges, about the courses of the pool."""

import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson

from schemas.base import Payload
from schemas.bounds import CONTROLS, EARLIEST, LATEST, latest_day
from schemas.days import add_days, local_day
from schemas.envelope import MAX_BYTES
from schemas.topics import EVENT_TYPES, PUBLISHERS_FAMILIES
from tests.extremes.mending import mended
from tests.extremes.pool import BLOCKING, Pool
from tests.extremes.texts import text

_ANY = 1000
_EXACT = 2**53 - 1  # what JSON says exactly (RFC 8785); readers refuse what lies beyond
_LONGEST_LIST = 100
_OTHER_DAYS = (
    "1970-01-01",
    "2000-02-29",
    "2027-03-28",
    "2026-10-25",
    "2028-02-29",
    "1999-12-31",
    "2026-11-29",
)
_TIMES = ("00:00", "23:59", "23:59:59", "08:30", "12:00:00", "00:00:01")
_MOMENTS = (
    "1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2026-11-29T09:00:00+14:00",
    "2027-03-28T02:30:00+01:00",    "2026-11-29T09:00:00-12:00", "1970-01-01T00:00:00+00:00",
)  # fmt: skip


@cache
def schema_of(kind: type[Payload]) -> Mapping[str, Any]:
    """Return the JSON Schema by which readers take an event's data."""
    return kind.model_json_schema()


@dataclass
class Values:
    """Values of one event: `calm` is the chance that a value is a usual one."""

    chance: random.Random
    pool: Pool
    calm: float
    latest: date = LATEST

    def payload(self, kind: type[Payload]) -> bytes:
        """Return valid data of an event of this type as JSON, now and then with fields nobody knows."""
        if EVENT_TYPES[kind.type_].family in PUBLISHERS_FAMILIES:
            self.latest = latest_day(local_day(self.pool.now))
        while True:
            data = mended(
                kind.type_, self.of("", schema_of(kind), schema_of(kind).get("$defs", {})), self.chance
            )
            if self.chance.random() < 0.1:
                data["unbekannt"] = {"tief": [None, "x" * 300, 2**40]}
            raw = orjson.dumps(data)
            if len(raw) <= MAX_BYTES:
                return raw
            self.calm = min(1.0, self.calm + 0.2)

    def of(self, name: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Return any JSON value that a field of this name and schema may have."""
        if "$ref" in schema:
            return self.of(name, defs[schema["$ref"].rpartition("/")[2]], defs)
        if "anyOf" in schema:
            return self.of(name, self.chance.choice(schema["anyOf"]), defs)
        return schema["const"] if "const" in schema else self._of_type(name, schema, defs)

    def _of_type(self, name: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:  # noqa: ANN401
        found: Any = None
        match schema["type"]:
            case "object":
                found = self._object(schema, defs)
            case "array":
                found = self._array(name, schema, defs)
            case "string":
                found = self._text(name, schema)
            case "integer" | "number":
                found = self._number(schema)
            case "boolean":
                found = self._extreme() and self.chance.random() < 0.5
        return found

    def few(self, known: Sequence[str]) -> str:
        """Return one of these, the first ones most often: then events meet."""
        return known[int(len(known) * self.chance.random() ** 2)]

    def _extreme(self) -> bool:
        return self.chance.random() >= self.calm

    def _object(self, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
        if "properties" in schema:
            required = schema.get("required", ())
            wanted = 0.8 if self._extreme() else 0.35
            return {
                name: self.of(name, one, defs)
                for name, one in schema["properties"].items()
                if name in required or self.chance.random() < wanted
            }
        if "patternProperties" in schema:
            ((_, values),) = schema["patternProperties"].items()
            names = ["0", "1", "999999999"][: self.chance.randrange(4)]
            return {name: self.of(name, values, defs) for name in names}
        longest = schema.get("propertyNames", {}).get("maxLength", 64)
        many = (
            self.chance.choice((0, 1, schema["maxProperties"]))
            if self._extreme()
            else self.chance.randrange(2)
        )
        names = ["reason", "until", *(text(self.chance, 0, longest) for _ in range(many))][:many]
        return {name: self.of(name, schema["additionalProperties"], defs) for name in names}

    def _array(self, name: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", _LONGEST_LIST)
        sizes = (least, least + 1, most, most // 2) if self._extreme() else (least, least + 1, least + 2)
        size = min(self.chance.choice(sizes), most)
        found = [self.of(name, schema["items"], defs) for _ in range(min(size, _LONGEST_LIST))]
        if found and len(found) < size:
            found = (found * size)[:size]
        if len(found) > 1 and self.chance.random() < 0.3:
            found[-1] = found[0]  # whoever lists something twice
        return found

    def _number(self, schema: Mapping[str, Any]) -> int | float:
        least: float = max(schema.get("minimum", -_ANY), -_EXACT)
        most: float = min(schema.get("maximum", _ANY), _EXACT)
        step: float = schema.get("multipleOf", 1)
        if self._extreme():
            found = self.chance.choice((least, most, least + step, most - step))
        else:
            found = least + step * int(min((most - least) / step, 20) * self.chance.random() ** 3)
        return min(max(found, least), most)

    def _text(self, name: str, schema: Mapping[str, Any]) -> str:
        shape = schema.get("format", "")
        known = self.pool.texts(name, is_id=shape == "uuid")
        wanted = 0.98 if name in BLOCKING else 0.5 if self._extreme() else 0.97
        if known and self.chance.random() < wanted:
            return self.few(known)
        if shape:
            return _SHAPES[shape](self)
        return self._code(schema["examples"]) if "examples" in schema else self._like(schema)

    def _like(self, schema: Mapping[str, Any]) -> str:
        """Return a text like a pattern, which has to be one of PATTERNS or any text without controls."""
        pattern = schema.get("pattern")
        if pattern is None or CONTROLS in pattern:
            return text(self.chance, schema.get("minLength", 0), schema.get("maxLength", 255))
        return PATTERNS[pattern](self)

    def id(self) -> str:
        """Return an id of nothing that is known."""
        return str(UUID(int=self.chance.getrandbits(128)))

    def day(self) -> str:
        """Return a day, at most the latest that this event may name."""
        today = local_day(self.pool.now)
        if not self._extreme():
            return min(add_days(today, self.chance.randrange(-90, 120)), self.latest).isoformat()
        edges = (
            EARLIEST,
            self.latest,
            add_days(self.latest, -1),
            today,
            add_days(today, 1),
            add_days(today, -1),
        )
        others = tuple(map(date.fromisoformat, _OTHER_DAYS))
        return max(EARLIEST, min(self.chance.choice(edges * 2 + others), self.latest)).isoformat()

    def moment(self) -> str:
        """Return a point in time with an offset."""
        if self._extreme():
            return self.chance.choice(_MOMENTS)
        return (self.pool.now + timedelta(hours=self.chance.randrange(-2000, 2000))).isoformat()

    def _code(self, known: Sequence[str]) -> str:
        if self._extreme() and self.chance.random() < 0.25:
            return self.chance.choice(("x", "other", "9" * 48, "Neuer_Code", "_", "erased", "waiting"))
        return self.chance.choice(known)

    def month(self) -> str:
        """Return a month."""
        return self.chance.choice(("1900-01", "2199-12", "2026-11", "2027-02", self.pool.today[:7]))

    def letters(self, alphabet: str, longest: int, first: str = "") -> str:
        """Return a word of these letters, the shortest, the longest or any."""
        length = self.chance.choice((1, longest, self.chance.randrange(1, longest + 1)))
        return (first + "".join(self.chance.choice(alphabet) for _ in range(length)))[:longest]


_LOWER, _DIGITS = string.ascii_lowercase, string.digits
_SHAPES: Mapping[str, Callable[[Values], str]] = {
    "uuid": Values.id,
    "date": Values.day,
    "date-time": Values.moment,
}
PATTERNS: Mapping[str, Callable[[Values], str]] = {
    r"^(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])$": Values.month,
    r"^[0-9]{4}-[0-9]{2}$": lambda values: values.chance.choice((values.month(), "0000-00", "9999-99")),
    r"^(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?$": lambda values: values.chance.choice(_TIMES),
    r"^[0-9]{5}$": lambda values: values.chance.choice(("00000", "99999", "99003")),
    r"^[0-9]{8}$": lambda values: values.chance.choice(("00000000", "99999999", "99001999")),
    r"^[0-9a-f]{64}$": lambda values: f"{values.chance.getrandbits(256):064x}",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$": lambda values: values.letters("aZ9._/-", 64, "7"),
    r"^[A-Za-z0-9_]{1,48}$": lambda values: values.letters("aZ9_", 48),
    r"^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$": lambda values: values.letters(_LOWER + _DIGITS, 48),
    r"^[a-z]{1,32}$": lambda values: values.letters(_LOWER, 32),
    r"^[a-z]{2,3}$": lambda values: values.letters(_LOWER, 3, "de"),
    r"^[a-z_]+(?:\.[a-z_]+){0,2}$": lambda values: values.letters(_LOWER, 64),
}
"""Pattern of a text -> makes one; a pattern that is not here fails the test of the values."""
