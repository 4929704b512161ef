"""Reads the forms and JSON bodies of these pages."""

from typing import Any

from starlette.requests import Request

from services.runtime.web.bodies import form_of

LONGEST = 500


async def fields_of(request: Request) -> dict[str, str]:
    """Return the text fields of a form, each cut where no honest entry reaches."""
    form = await form_of(request)
    return {name: value[:LONGEST] for name, value in form.items() if isinstance(value, str)}


async def json_of(request: Request) -> dict[str, Any]:
    """Return the object of a JSON body, empty if there is none; what is no JSON was refused before."""
    raw = await request.body()
    found = await request.json() if raw.strip() and "json" in request.headers.get("content-type", "") else {}
    return found if isinstance(found, dict) else {}


def text_of(body: dict[str, Any], name: str) -> str:
    """Return a text of a body, empty if it is none."""
    value = body.get(name)
    return value[:LONGEST] if isinstance(value, str) else ""
