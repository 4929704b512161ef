"""Serves /v1/administration: the steering side's pages register publishers and make keys, and nobody else.

The gateway does not know who visits a page; that a Kreis changes its own publishers only is decided there.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.base import Ags5
from schemas.bounds import INT4, Text
from schemas.codes import PublisherKind
from schemas.envelope import Problem, problems_of
from services.gateway.http import cloudevents
from services.gateway.http.context import GatewayContext, context_of, read_body
from services.gateway.http.errors import RequestRejectedError
from services.gateway.http.events import MOST_PROBLEMS
from services.gateway.publishers import by_page, store
from services.gateway.publishers.domain import KeyRejected, Publisher, Registration, RegistrationError
from services.gateway.publishers.keys import administrator_of
from services.runtime.data.db import acquire, transaction
from services.runtime.http.json_body import JsonError, read_json
from services.runtime.kafka.administration import KafkaAdmin, TopicsNotMadeError, publisher_topics

router = APIRouter(prefix="/v1/administration/publishers", include_in_schema=False)
_MOST_BYTES, _BODY_SECONDS = 16_384, 20.0
_BROKER_SECONDS = 8.0  # less than the pages wait for us

Version = Annotated[int, Field(ge=0, le=INT4)]
"""The version that the page has read; 0: there was none."""


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PublisherBody(_Closed):
    """A publisher as a page asks for it."""

    version: Version
    name: Annotated[Text, Field(min_length=1)]
    kinds: Annotated[tuple[PublisherKind, ...], Field(min_length=1, max_length=3)]
    kreise: Annotated[tuple[Ags5, ...], Field(min_length=1, max_length=500)]
    authority: bool
    supplier_ids: Annotated[tuple[Annotated[Text, Field(min_length=1)], ...], Field(max_length=500)] = ()


class VersionBody(_Closed):
    """Which version of a publisher is meant."""

    version: Version


Body = TypeVar("Body", bound=_Closed)


async def admitted(request: Request) -> GatewayContext:
    """Return the context if the service that administers publishers asks.

    Raises:
        RequestRejectedError: it is somebody else.
    """
    context = context_of(request)
    await context.keys.check(request)
    async with acquire(context.worker) as conn:
        who = await administrator_of(conn, request.headers.get("authorization"))
    if isinstance(who, KeyRejected):
        raise RequestRejectedError(who.status, Problem(who.code))
    return context


async def _body_of(request: Request, model: type[Body]) -> Body:
    try:
        return model.model_validate(read_json(await read_body(request, _MOST_BYTES, _BODY_SECONDS)))
    except JsonError as error:
        raise RequestRejectedError(400, cloudevents.json_problem(error)) from None
    except ValidationError as error:
        first, *further = problems_of(error)[:MOST_PROBLEMS]
        raise RequestRejectedError(422, first, further=tuple(further)) from None


@router.get("")
async def list_publishers(request: Request) -> Response:
    """List all publishers, with the number of their usable keys."""
    context = await admitted(request)
    async with acquire(context.worker) as conn:
        keys = await store.open_keys(conn)
        found = await store.publishers(conn)
    return JSONResponse(
        {"publishers": [_as_json(one) | {"keys": keys.get(one.slug, 0)} for one in found.values()]}
    )


@router.put("/{slug}")
async def put_publisher(request: Request, slug: str) -> Response:
    """Register a publisher or change it; topics come first, so that it can send."""
    context = await admitted(request)
    body = await _body_of(request, PublisherBody)
    if body.authority and PublisherKind.OFFICE not in body.kinds:
        raise RequestRejectedError(422, Problem("authority_not_for", "authority"))
    asked = Registration(
        slug=slug,
        name=body.name,
        kinds=tuple(kind.value for kind in body.kinds),
        kreise=body.kreise,
        authority=body.authority,
        supplier_ids=body.supplier_ids,
    )

    def make_topics(whose: str) -> None:
        names = publisher_topics(whose, context.prefix)
        KafkaAdmin(context.broker).make_missing(names, seconds=_BROKER_SECONDS)

    try:
        done = await by_page.put_publisher(
            context.worker,
            asked,
            version=body.version,
            make_topics=make_topics,
            prefix=context.prefix,
            now=context.clock.now(),
        )
    except RegistrationError:
        raise RequestRejectedError(422, Problem("field_invalid", "slug", {"rule": "value"})) from None
    except TopicsNotMadeError as error:
        code = "broker_not_allowed" if error.denied else "broker_unavailable"
        raise RequestRejectedError(503, Problem(code), retry_after=5) from None
    return JSONResponse(_as_json(done))


@router.post("/{slug}/deactivate")
async def deactivate(request: Request, slug: str) -> Response:
    """Revoke a publisher's keys and announce it inactive; only a command ends its Kafka user."""
    context = await admitted(request)
    body = await _body_of(request, VersionBody)
    async with transaction(context.worker) as conn:
        done = await by_page.deactivate(
            conn, slug, version=body.version, prefix=context.prefix, now=context.clock.now()
        )
    return JSONResponse(_as_json(done))


@router.get("/{slug}/keys")
async def list_keys(request: Request, slug: str) -> Response:
    """List a publisher's keys; their texts are kept nowhere."""
    context = await admitted(request)
    async with acquire(context.worker) as conn:
        rows = await by_page.keys_of(conn, slug)
    return JSONResponse({"keys": [_key_as_json(row) for row in rows]})


@router.post("/{slug}/keys")
async def make_key(request: Request, slug: str) -> Response:
    """Make a key; its text is in this answer and nowhere else."""
    context = await admitted(request)
    async with transaction(context.worker) as conn:
        key = await by_page.make_key(conn, slug)
    return JSONResponse({"prefix": key.prefix, "text": key.text}, 201)


@router.post("/{slug}/keys/{prefix}/revoke")
async def revoke_key(request: Request, slug: str, prefix: str) -> Response:
    """End a key at once."""
    context = await admitted(request)
    async with transaction(context.worker) as conn:
        await by_page.revoke_key(conn, slug, prefix)
    return Response(status_code=204)


def _as_json(publisher: Publisher) -> dict[str, Any]:
    return {
        "slug": publisher.slug,
        "name": publisher.name,
        "kinds": sorted(publisher.kinds),
        "kreise": list(publisher.kreise),
        "authority": publisher.authority,
        "supplier_ids": list(publisher.supplier_ids),
        "active": publisher.active,
        "version": publisher.version,
    }


def _key_as_json(row: asyncpg.Record) -> Mapping[str, Any]:
    def said(moment: datetime | None) -> str | None:
        return moment.isoformat() if moment is not None else None

    return {
        "prefix": row["prefix"],
        "scopes": sorted(row["scopes"]),
        "created_at": said(row["created_at"]),
        "expires_at": said(row["expires_at"]),
        "revoked_at": said(row["revoked_at"]),
        "usable": row["usable"],
    }
