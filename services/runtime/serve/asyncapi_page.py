"""Renders an AsyncAPI document as plain HTML: FastStream's own page loads its scripts from elsewhere."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import orjson


def page_of(document: Mapping[str, Any]) -> str:
    """Return a page that lists channels with their messages, and the payload schemas these name."""
    title, components = escape(document["info"]["title"]), document["components"]
    channels = "".join(
        f"<h3>{escape(name)}</h3><p>{escape(channel.get('description') or '')}</p>"
        f"<p>Topics: <code>{escape(channel['address'])}</code></p>"
        f"<ul>{_payloads(channel, components)}</ul>"
        for name, channel in document["channels"].items()
    )
    schemas = "".join(
        f'<h3 id="{escape(name)}">{escape(name)}</h3><pre>{escape(_json(schema))}</pre>'
        for name, schema in components["schemas"].items()
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><h1>{title}</h1><p><a href="asyncapi.json">AsyncAPI {escape(document["asyncapi"])}</a></p>'
        f"<h2>Channels</h2>{channels}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _payloads(channel: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """Return a list item with a link for each payload schema of a channel's messages."""
    names = (
        name
        for message in channel["messages"].values()
        for name in _schema_names(components["messages"][_last(message["$ref"])]["payload"], components)
    )
    return "".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>' for name in names)


def _schema_names(payload: Mapping[str, Any], components: Mapping[str, Any]) -> Iterable[str]:
    """Return the payload schemas that a message's schema stands for: itself, or the ones it chooses from."""
    if "$ref" not in payload:
        return []
    name = _last(payload["$ref"])
    schema = components["schemas"][name]
    choices = schema.get("anyOf") or schema.get("oneOf")
    return [one for choice in choices for one in _schema_names(choice, components)] if choices else [name]


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _json(schema: Mapping[str, Any]) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
