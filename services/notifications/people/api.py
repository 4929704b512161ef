"""Serves `PUT /people/{id}`: the gateway hands over contact data before it accepts a registration."""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from schemas.base import POSTCODE, LanguageCode, Reference, Slug
from schemas.days import is_birth, local_day
from schemas.identity import participant_id
from services.notifications.people import handlers
from services.notifications.people.domain import Contact
from services.notifications.people.keys import PersonSecrets
from services.runtime.base.clock import Clock
from services.runtime.data.db import Pool, transaction
from services.runtime.http.buckets import Failures, source_of

_MAX_BYTES = 16_384

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]


class ContactData(BaseModel):
    """Contact data as the doors hand them over; any part may be missing."""

    model_config = ConfigDict(hide_input_in_errors=True, extra="ignore")

    family_name: Short | None = None
    given_name: Short | None = None
    birth_date: date | None = None
    phone: Short | None = None
    email: Annotated[Short, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    street: Short | None = None
    postcode: Annotated[Short, StringConstraints(pattern=POSTCODE)] | None = None
    town: Short | None = None
    languages: Annotated[tuple[LanguageCode, ...], Field(max_length=10)] = ()

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unknown(cls, value: Any, info: Any) -> Any:  # noqa: ANN401 - any JSON value
        return (() if info.field_name == "languages" else None) if value in ("", None) else value

    def contact(self) -> Contact:
        """Return the domain's value."""
        return Contact(**self.model_dump())


class PersonData(BaseModel):
    """Body of `PUT /people/{participant_id}`."""

    model_config = ConfigDict(hide_input_in_errors=True, extra="ignore")

    publisher: Slug
    organisation: Slug
    reference: Reference
    contact: ContactData


@dataclass(frozen=True, slots=True)
class PeopleDoor:
    """What the route works with; `key` is the gateway's."""

    pool: Pool
    clock: Clock
    secrets: PersonSecrets
    key: str
    failures: Failures = field(default_factory=lambda: Failures(time.monotonic, rate=1 / 3, burst=20))


def _refused(status: int, *problems: Mapping[str, str | None]) -> JSONResponse:
    return JSONResponse({"problems": list(problems)}, status)


def _wrong_key(door: PeopleDoor, request: Request) -> JSONResponse:
    """Refuse a wrong key, and slow down who tries many."""
    source = source_of(request.client.host if request.client else "")
    wait = door.failures.wait_of(source)
    if wait:
        refused = _refused(429, {"code": "key_failures", "field": None})
        refused.headers["Retry-After"] = str(wait)
        return refused
    door.failures.count(source)
    return _refused(401, {"code": "key_unknown", "field": None})


def _over_tls(request: Request) -> bool:
    if request.url.scheme == "https":
        return True
    host = request.client.host if request.client else ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def router(door: PeopleDoor) -> APIRouter:
    """Return the router to be mounted into the service's web app."""
    routes = APIRouter()

    @routes.put("/people/{participant}", include_in_schema=False)
    async def put_person(participant: UUID, request: Request) -> Response:
        """Keep a person's contact data; the same again changes nothing, parts left out stay as they are."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not door.key or not hmac.compare_digest(given.encode(), door.key.encode()):
            return _wrong_key(door, request)
        if not _over_tls(request):
            return _refused(403, {"code": "https_required", "field": None})
        body = await request.body()
        if len(body) > _MAX_BYTES:
            return _refused(413, {"code": "data_too_large", "field": None})
        try:
            person = PersonData.model_validate_json(body)
        except ValidationError as error:
            return _refused(422, *_problems(error))
        if participant != participant_id(person.publisher, person.reference):
            return _refused(422, {"code": "participant_mismatch", "field": "reference"})
        return await _keep(door, participant, person)

    return routes


def _problems(error: ValidationError) -> list[dict[str, str | None]]:
    return [
        {
            "code": "field_missing" if item["type"] == "missing" else "field_invalid",
            "field": ".".join(str(part) for part in item["loc"]),
        }
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]


async def _keep(door: PeopleDoor, participant: UUID, person: PersonData) -> Response:
    born = person.contact.birth_date
    if born is not None and not is_birth(born, local_day(door.clock.now())):
        return _refused(422, {"code": "field_invalid", "field": "contact.birth_date"})
    kept = handlers.PersonRecord(
        participant, person.organisation, person.publisher, person.reference, person.contact.contact()
    )
    try:
        async with transaction(door.pool) as conn:
            await handlers.keep(conn, door.secrets, kept, door.clock.now())
    except handlers.ErasedPersonError:
        return _refused(409, {"code": "participant_erased", "field": "reference"})
    except handlers.ForeignPersonError:
        return _refused(409, {"code": "organisation_mismatch", "field": "organisation"})
    return Response(status_code=204)
