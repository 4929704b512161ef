"""Serves a person's own data to the office that registered them: a file, and a sheet in plain German."""

import asyncio
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.access.collecting import PersonData, as_json, collect
from services.notifications.pages import store
from services.notifications.pages.access.plain import data_sheet
from services.notifications.pages.context import Clerk, Context, PageContext, full_name, slug_of
from services.notifications.people.domain import Purpose
from services.notifications.sheets.typesetting import pdf
from services.runtime.data.db import transaction
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import fresh_sign_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/people", include_in_schema=False)


@router.get("/{participant}/data")
async def explained(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Say what the person gets, and lead to file and sheet."""
    async with context.open(visitor) as conn:
        row = await store.own_person(conn, participant, slug_of(visitor))
        if row is None:
            raise not_found()
        names = await context.names(conn, visitor, Purpose.REGISTRATION, [participant])
        office = await store.publisher(conn, slug_of(visitor))
    return web_of(request).page(
        request,
        "person-data.html",
        person=row,
        full_name=full_name(names.get(participant)),
        authority=bool(office is None or office["authority"]),
    )


async def _collected(context: PageContext, visitor: Visitor, participant: UUID) -> PersonData:
    """Read what is held of one of the office's own people; the look is logged as one for the person."""
    async with context.open(visitor) as conn:
        row = await store.own_person(conn, participant, slug_of(visitor))
        if row is None:
            raise not_found()
        names = await context.names(conn, visitor, Purpose.ACCESS, [participant])
        office = await store.publisher(conn, slug_of(visitor))
    async with transaction(context.worker) as conn:
        return await collect(
            conn,
            context.secrets.identity_key,
            participant,
            reference=row["reference"],
            office=office["name"] if office else row["office"],
            contact=names.get(participant),
            authority=bool(office is None or office["authority"]),
            today=context.today(),
        )


@router.get("/{participant}/data/file", dependencies=[fresh_sign_in])
async def as_file(context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Give everything as a file (JSON)."""
    data = await _collected(context, visitor, participant)
    return Response(
        orjson.dumps(as_json(data), option=orjson.OPT_INDENT_2),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="auskunft.json"'},
    )


@router.get("/{participant}/data/sheet", dependencies=[fresh_sign_in])
async def as_sheet(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Give everything as a sheet in plain German (PDF)."""
    data = await _collected(context, visitor, participant)
    sheet = data_sheet(data, web_of(request).in_language("de"), context.places.now)
    raw = await asyncio.to_thread(pdf, [sheet], context.now())
    headers = {"Content-Disposition": 'inline; filename="auskunft.pdf"'}
    return Response(raw, media_type="application/pdf", headers=headers)
