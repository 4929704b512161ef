"""Makes the JSON Schema of policy documents for editors; it is published as policy/files/schema.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from services.allocation.policy.domain import Policy

PUBLISHED = Path(__file__).parent / "files" / "schema.json"


def schema() -> dict[str, Any]:
    """Make the schema: one policy, or a list of them."""
    made = Policy.model_json_schema(ref_template="#/$defs/{model}")
    definitions = made.pop("$defs")
    definitions["Policy"] = made
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy of a municipality (Kurslotse)",
        "anyOf": [
            {"type": "array", "items": {"$ref": "#/$defs/Policy"}},
            {"$ref": "#/$defs/Policy"},
        ],
        "$defs": dict(sorted(definitions.items())),
    }


def written() -> bytes:
    """Write the schema as it is published."""
    return orjson.dumps(schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
