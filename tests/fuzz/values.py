"""Makes values that fit a JSON Schema now and then, and otherwise what breaks programs."""

import random
import string
from collections.abc import Mapping
from typing import Any
from uuid import UUID

NASTY_TEXTS = (
    "", " ", "0", "-1", "null", "true", "NaN", "1e400", "9" * 30, "9" * 5000, "-9223372036854775809",
    "9999-12-31", "0001-01-01", "2026-02-30", "24:00", "08:30:00Z", "2026-11-29T10:00:00+99:99",
    "\x00", "a\x00b", "\n", "a\nb", "\u202e", "e\u0301", "\ufeff", "\U0001f600" * 50, "ä" * 300, "x" * 5000,
    "%s%n", "{{7*7}}", "<b>", "'; --", "../../etc/passwd", "a/../b", "%2e%2e", "[" * 200, "=cmd|'!A0",
    "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "urn:uuid:x",
    "99001", "99001001", "de", "en", "auto", "1", "2", "100000", "\ud800".encode("utf-8", "replace").decode(),
)  # fmt: skip
NASTY_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 0.1, 1e308, 1e-320, [],
    {}, [[]], [None], {"": ""}, {"a": {"b": {"c": []}}}, ["x"] * 2000,
)  # fmt: skip
_PLAIN: Mapping[object, tuple[Any, ...]] = {
    "integer": (0, 1, 2, 20, -1, 57, 2**31, 2**63),
    "number": (0.0, 1.5, -1.0, 1e308, 5e-324),
    "boolean": (True, False),
    "null": (None,),
}
_DEEPEST = 6


class Values:
    """Values of one run; ids and words that the services have shown are offered to them again."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.seen: list[str] = ["a"]

    def know(self, text: str) -> None:
        """Remember something a service has said."""
        if len(self.seen) < 5000:
            self.seen.append(text)
        else:
            self.seen[self.chance.randrange(len(self.seen))] = text

    def text(self) -> str:
        """Return a text: nasty, known, or any characters."""
        kind = self.chance.random()
        if kind < 0.45:
            return self.chance.choice(NASTY_TEXTS)
        if kind < 0.8:
            return self.chance.choice(self.seen)
        if kind < 0.9:
            return str(UUID(int=self.chance.getrandbits(128), version=4))
        letters = string.printable if self.chance.random() < 0.5 else "äöü€\U0001f600\u0000\u2028\x7f"
        return "".join(self.chance.choice(letters) for _ in range(self.chance.randrange(40)))

    def of(self, schema: Mapping[str, Any], components: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: ANN401
        """Return a value for a schema; one in seven is something else."""
        if self.chance.random() < 0.15 or depth > _DEEPEST:
            return self.chance.choice((*NASTY_VALUES, self.text()))
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.of(components.get("schemas", {}).get(name, {}), components, depth + 1)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.of(self.chance.choice(schema[choice]), components, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.chance.choice(schema["enum"])
        return self._of_type(schema, components, depth)

    def _of_type(self, schema: Mapping[str, Any], components: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = self.chance.choice(kind)
        if kind == "object":
            properties = schema.get("properties", {})
            kept = {name: one for name, one in properties.items() if self.chance.random() < 0.85}
            made = {name: self.of(one, components, depth + 1) for name, one in kept.items()}
            return made | ({self.text(): self.text()} if self.chance.random() < 0.2 else {})
        if kind == "array":
            items = schema.get("items", {})
            return [self.of(items, components, depth + 1) for _ in range(self.chance.randrange(4))]
        return self.chance.choice(_PLAIN[kind]) if kind in _PLAIN else self.text()
