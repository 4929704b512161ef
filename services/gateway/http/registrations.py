"""Serves POST /v1/registrations: one person in one call, whose name goes to the support side first."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.envelope import Problem, problems_of
from schemas.offices import ParticipantRegistered
from services.gateway.acceptance.domain import Ready, Refused, check
from services.gateway.acceptance.handlers import known_otherwise
from services.gateway.http import cloudevents, openapi
from services.gateway.http.context import (
    GatewayContext,
    admit,
    apply_rate_limit,
    context_of,
    flag,
    language,
    problem_response,
    read_body,
)
from services.gateway.http.errors import RequestRejectedError
from services.gateway.http.events import MOST_PROBLEMS, take
from services.gateway.people.client import Kept, NotKept, Unavailable
from services.gateway.people.numbers import NumberScheme, NumberText
from services.gateway.people.references import Minted, known_reference, number_mac, reference_for
from services.gateway.publishers.domain import Caller
from services.runtime.data.db import acquire, transaction
from services.runtime.http.json_body import JsonError, read_json

router = APIRouter()
MAX_REGISTRATION = 65_536


class OfficialNumber(BaseModel):
    """An official number of a person; used to recognise the person again, then dropped."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    scheme: NumberScheme
    number: NumberText


class RegistrationRequest(BaseModel):
    """A registration: facts for steering, contact data for the support side."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(min_length=1, max_length=128)]
    event: dict[str, Any]
    """Data of ParticipantRegistered; without `reference` if an official number is given."""
    contact: dict[str, Any] | None = None
    official_number: OfficialNumber | None = None
    time: str | None = None


@router.post(
    "/v1/registrations", status_code=202, openapi_extra=openapi.REGISTRATION, responses=openapi.ANSWERS
)
async def post_registration(request: Request) -> Response:
    """Register a person: says yes only when the name is kept and the facts are on their way."""
    context = context_of(request)
    caller = await admit(request, "events")
    await apply_rate_limit(context, caller, 1)
    asked = _read(await read_body(request, MAX_REGISTRATION))
    now = context.clock.now()
    minted = await _reference(context, caller, asked, mint=not flag(request, "dry_run"))
    item = _check(caller, asked, minted, now)
    if isinstance(item, Refused):
        return problem_response(request, item.status, item.problems[:MOST_PROBLEMS], event_id=item.id)
    data = item.event.data
    if not isinstance(data, ParticipantRegistered):
        raise TypeError("a registration is a ParticipantRegistered")
    participant = data.participant_id(caller.publisher.slug)
    duplicates = minted.likely_duplicates if minted is not None else ()
    if flag(request, "dry_run"):
        return _answer(request, item, "" if minted is None else data.reference, participant, duplicates)
    async with acquire(context.worker) as conn:
        await _known_otherwise(conn, context, caller, item)
    if asked.contact is not None:
        await _hand_over(context, caller, participant, data.reference, asked)
    async with transaction(context.worker) as conn:
        (taken,) = await take(conn, caller.publisher, [item], context, now)
    context.metrics.count([taken])
    if isinstance(taken, Refused):
        return problem_response(request, taken.status, taken.problems, event_id=taken.id)
    return _answer(request, taken, data.reference, participant, duplicates)


def _read(body: bytes) -> RegistrationRequest:
    try:
        document = read_json(body)
    except JsonError as error:
        raise RequestRejectedError(400, cloudevents.json_problem(error)) from None
    try:
        return RegistrationRequest.model_validate(document)
    except ValidationError as error:
        problems = problems_of(error)
        # An unknown field is not named: its name may itself tell something about a person.
        unknown = {"extra_forbidden"}
        named = tuple(
            Problem("field_unknown", "registration") if problem.params.get("rule") in unknown else problem
            for problem in problems
        )
        raise RequestRejectedError(422, named[0], further=named[1:MOST_PROBLEMS]) from None


async def _reference(
    context: GatewayContext, caller: Caller, asked: RegistrationRequest, *, mint: bool
) -> Minted | None:
    """Return the minted reference for an official number; None if the office brings its own."""
    given = asked.event.get("reference")
    if asked.official_number is None:
        if given is None:
            raise RequestRejectedError(422, Problem("reference_missing", "event.reference"))
        return None
    if given is not None:
        raise RequestRejectedError(422, Problem("reference_and_number", "event.reference"))
    number = asked.official_number
    mac = number_mac(context.installation_key, number.scheme, number.number)
    if not mint:
        async with acquire(context.worker) as conn:
            return await known_reference(conn, caller.publisher, mac) or Minted("", UUID(int=0), ())
    probe = _check(caller, asked, Minted("K0", UUID(int=0), ()), context.clock.now())
    if isinstance(probe, Refused):
        # No reference is minted for what would be refused anyway.
        raise RequestRejectedError(probe.status, probe.problems[0], further=probe.problems[1:MOST_PROBLEMS])
    async with transaction(context.worker) as conn:
        return await reference_for(conn, caller.publisher, mac)


def _check(
    caller: Caller, asked: RegistrationRequest, minted: Minted | None, now: datetime
) -> Ready | Refused:
    data = asked.event if minted is None else asked.event | {"reference": minted.reference or "K0"}
    attributes = {"specversion": "1.0", "id": asked.id, "type": ParticipantRegistered.type_}
    if asked.time is not None:
        attributes["time"] = asked.time
    try:
        raw = orjson.dumps(data)
    except TypeError:
        return Refused(asked.id, 422, (Problem("number_not_canonical"),))
    return check(caller.publisher, caller.families, attributes, raw, now)


async def _known_otherwise(
    conn: asyncpg.Connection, context: GatewayContext, caller: Caller, item: Ready
) -> None:
    reused = await known_otherwise(conn, caller.publisher, item, context.identity_key)
    if reused is not None:
        raise RequestRejectedError(reused.status, reused.problems[0])


async def _hand_over(
    context: GatewayContext, caller: Caller, participant: UUID, reference: str, asked: RegistrationRequest
) -> None:
    """Give the contact data to the support side; no connection is held meanwhile."""
    handed = await context.people.put(caller.publisher, participant, reference, asked.contact or {})
    match handed:
        case Kept():
            return
        case NotKept(problems):
            raise RequestRejectedError(422, problems[0], further=problems[1:])
        case Unavailable(retry_after):
            raise RequestRejectedError(503, Problem("people_unavailable"), retry_after=retry_after)


def _answer(
    request: Request, item: Ready, reference: str, participant: UUID, duplicates: tuple[UUID, ...]
) -> Response:
    adviser, spoken = context_of(request).adviser, language(request)
    warnings = [*item.warnings]
    if duplicates:
        warnings.append(Problem("likely_duplicate"))
    return JSONResponse(
        {
            "accepted": [item.id],
            "reference": reference,
            "participant": str(participant),
            "likely_duplicates": [str(duplicate) for duplicate in duplicates],
            "warnings": [adviser.as_json(problem, spoken, item.id) for problem in warnings],
        },
        status_code=202,
        headers={"Content-Language": spoken},
    )
