"""Writes a policy as a document to start from, with a remark in the visitor's language on every field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from textwrap import wrap
from typing import Any, Final

import yaml

from services.allocation.console.policy.help import HELP
from services.allocation.console.policy.words import GOALS
from services.allocation.policy.domain import Policy
from services.runtime.web.languages import Texts, msgid

WIDTH: Final = 100
OPEN: Final = msgid("Move a line up to make it count more, delete it to leave it out.")


def as_document(texts: Texts, policy: Policy, begins: date, source: str) -> str:
    """Write a policy as a document (YAML); what stands there by default is left out."""
    data = policy.model_dump(mode="json", exclude_defaults=True, exclude={"kreise", "valid_from", "source"})
    for agreement in data.get("pooling", ()):
        if "until" in agreement:
            agreement["until"] = date.fromisoformat(agreement["until"])
    return written(texts, {"valid_from": begins, "source": source, **data})


def written(texts: Texts, fields: Mapping[str, Any]) -> str:
    """Write the fields of a policy, plain values as a document has them, with a remark on each."""
    known = {one.field: one.text for one in HELP}
    order = [*(name for name in known if name in fields), *(name for name in fields if name not in known)]
    return "\n".join(
        "\n".join((*_remark(texts, known.get(name, ""), name), _field(texts, name, fields))) for name in order
    )


def _remark(texts: Texts, text: str, name: str) -> Iterator[str]:
    said = texts.plain(text) if text else ""
    if name == "goals":
        said = f"{said} {texts.plain(OPEN)}"
    yield from wrap(said, WIDTH, initial_indent="# ", subsequent_indent="# ")


def _field(texts: Texts, name: str, fields: Mapping[str, Any]) -> str:
    if name == "goals" and fields[name] and all(goal in GOALS for goal in fields[name]):
        lines = (f"  - {goal}  # {texts.plain(GOALS[goal])}" for goal in fields[name])
        return "\n".join(("goals:", *lines, ""))
    flow = None if isinstance(fields[name], dict | list) else False
    return yaml.safe_dump(
        {name: fields[name]}, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=flow
    )
