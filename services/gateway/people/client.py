"""Hands names and contact data to the support side; stores and logs none of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import httpx

from schemas.envelope import Problem
from services.gateway.publishers.domain import Publisher
from services.runtime.base.addresses import require_encrypted
from services.runtime.base.settings import ServiceSettings, need
from services.runtime.http.trust import trusted

RETRY_AFTER = 5
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Kept:
    """The support side has stored the contact data."""


@dataclass(frozen=True, slots=True)
class NotKept:
    """The support side will never store these contact data."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The support side did not answer as it should; trying again helps."""

    retry_after: int = RETRY_AFTER


HandOver = Kept | NotKept | Unavailable


class PeopleClient(Protocol):
    """Stores names and contact data."""

    async def put(
        self, publisher: Publisher, participant: UUID, reference: str, contact: Mapping[str, Any]
    ) -> HandOver:
        """Store contact data under a participant id; the same again changes nothing."""
        ...


class NoPeopleClient:
    """Stands in where no support side is set: registrations with contact data have to wait."""

    async def put(
        self,
        publisher: Publisher,  # noqa: ARG002 - nobody is asked
        participant: UUID,  # noqa: ARG002
        reference: str,  # noqa: ARG002
        contact: Mapping[str, Any],  # noqa: ARG002
    ) -> HandOver:
        """Store nothing."""
        return Unavailable(60)


class HttpPeopleClient:
    """Client of notifications' `PUT /people/{participant_id}`."""

    def __init__(self, url: str, key: str, client: httpx.AsyncClient) -> None:
        self._url = require_encrypted("KURSLOTSE_PEOPLE_URL", url).rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._client = client

    async def put(
        self, publisher: Publisher, participant: UUID, reference: str, contact: Mapping[str, Any]
    ) -> HandOver:
        """Store contact data under a participant id."""
        body = {
            "publisher": publisher.slug,
            "organisation": publisher.organisation,
            "reference": reference,
            "contact": dict(contact),
        }
        try:
            answer = await self._client.put(
                f"{self._url}/people/{participant}", json=body, headers=self._headers, follow_redirects=False
            )
        except httpx.HTTPError:
            return Unavailable()
        if answer.is_success:
            return Kept()
        if answer.status_code in {400, 409, 413, 422}:
            return NotKept(_problems(answer))
        return Unavailable()


def people_client(settings: ServiceSettings) -> PeopleClient:
    """Return the client of the support side that the settings name."""
    if settings.people_url is None:
        return NoPeopleClient()
    client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, verify=trusted())
    return HttpPeopleClient(settings.people_url, need(settings.people_key, "KURSLOTSE_PEOPLE_KEY"), client)


def _problems(answer: httpx.Response) -> tuple[Problem, ...]:
    """Read the fields of a refusal and nothing else, since it may repeat what it refuses."""
    try:
        listed = answer.json().get("problems", [])
        fields = [str(item.get("field") or "contact")[:64] for item in listed if isinstance(item, dict)]
    except (ValueError, AttributeError):
        fields = []
    allowed = [name if name.replace("_", "").replace(".", "").isalnum() else "contact" for name in fields]
    return tuple(Problem("contact_invalid", field=name) for name in allowed or ["contact"])
