"""Serves what a program's author needs: HTTP doors, events and schemas; nothing is loaded from elsewhere."""

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

from schemas.envelope import Problem
from schemas.publishing.export import async_api, documents
from schemas.topics import EVENT_TYPES, Family, event_types_on
from services.gateway.http.errors import RequestRejectedError
from services.runtime.web.pages import STATIC

router = APIRouter(include_in_schema=False)
_FILES = {
    "swagger-ui.js": STATIC / "vendor" / "swagger-ui.js",
    "swagger-ui.css": STATIC / "vendor" / "swagger-ui.css",
    "api.js": Path(__file__).parent / "static" / "api.js",
    "api.css": Path(__file__).parent / "static" / "api.css",
}
_FAMILIES = {
    Family.IN: "What providers and offices say: POST /v1/events, or the topic kurslotse.in.{publisher}",
    Family.SUPPORT: "What only the support side reads: the same door, or kurslotse.support.{publisher}",
    Family.OUT: "What comes back: GET /v1/findings and /v1/addressed, or the topic kurslotse.out.{publisher}",
}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<link rel="stylesheet" href="/docs/files/api.css">{head}</head><body>{body}</body></html>
"""


@router.get("/docs")
async def http_doors() -> Response:
    """Show the HTTP doors by Swagger UI."""
    head = '<link rel="stylesheet" href="/docs/files/swagger-ui.css">'
    body = (
        '<p><a href="/docs/events">The events and their schemas</a> · <a href="/openapi.json">OpenAPI</a></p>'
        '<div id="api"></div><noscript>This page needs JavaScript; openapi.json says the same.</noscript>'
        '<script src="/docs/files/swagger-ui.js"></script><script src="/docs/files/api.js"></script>'
    )
    return HTMLResponse(_PAGE.format(title="Kurslotse gateway: HTTP doors", head=head, body=body))


@router.get("/docs/events")
async def events() -> Response:
    """List the events that publishers say and hear, with the schema of each."""
    return HTMLResponse(_events_page())


@cache
def _events_page() -> str:
    parts = [
        "<h1>Kurslotse: events</h1>",
        '<p><a href="/docs">The HTTP doors</a> · <a href="/docs/asyncapi.json">AsyncAPI</a></p>',
        "<p>CloudEvents 1.0; on Kafka in binary mode, attributes in ce_ headers, data as JSON.</p>",
    ]
    messages = async_api()["components"]["messages"]
    for family, says in _FAMILIES.items():
        rows = "".join(
            f'<tr><th scope="row"><a href="/docs/{name}.writer.json">{name}</a></th><td>{summary}</td></tr>'
            for name, summary in sorted(
                (one.name, escape(messages[one.name]["summary"])) for one in event_types_on(family)
            )
        )
        head = '<tr><th scope="col">Type</th><th scope="col">Says</th></tr>'
        parts.append(f"<h2>{escape(says)}</h2><table>{head}{rows}</table>")
    return _PAGE.format(title="Kurslotse: events", head="", body="".join(parts))


@router.get("/docs/asyncapi.json")
async def asyncapi() -> Response:
    """Return the AsyncAPI document; its schemas lie beside it."""
    return _document("asyncapi.json")


@router.get("/docs/{type_}.writer.json")
async def schema(type_: str) -> Response:
    """Return the JSON Schema of what may be written in an event of this type."""
    if type_ not in EVENT_TYPES:
        raise RequestRejectedError(404, Problem("no_such_door"))
    return _document(f"{type_}.writer.json")


@cache
def _documents() -> Mapping[str, bytes]:
    """Write all documents once: a schema is made of its model anew each time."""
    return documents()


def _document(name: str) -> Response:
    return Response(_documents()[name], media_type="application/json")


@router.get("/docs/files/{name}")
async def file(name: str) -> Response:
    """Return what the page of the HTTP doors loads."""
    if name not in _FILES:
        raise RequestRejectedError(404, Problem("no_such_door"))
    return FileResponse(_FILES[name])
