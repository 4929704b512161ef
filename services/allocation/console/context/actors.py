"""Who decided, in words: a person of the Kreis, a publisher, a run, a date."""

from collections.abc import Mapping

from starlette.requests import Request

from services.runtime.web.pages import Web
from services.texts.codes import word


def actor_name(web: Web, request: Request, actor: str, names: Mapping[str, str]) -> str:
    """Say who an actor of the history is; `names` are the publishers' by slug."""
    kind, colon, slug = actor.partition(":")
    if colon:
        return names.get(slug, slug)
    known = web.site.persons.get(actor)
    return known.visitor.name if known else word(web.texts(request), kind, "actor")
