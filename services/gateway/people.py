"""Hands names and contact data to the support side; keeps and logs none of it."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from schemas.envelope import Problem
from services.gateway.publishers.domain import Publisher

RETRY_AFTER = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """The contact data is stored."""


@dataclass(frozen=True, slots=True)
class NotKept:
    """The contact data will never be stored like this."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody answered as they should; trying again helps."""

    retry_after: int = RETRY_AFTER


Handed = Kept | NotKept | Unavailable


class People(Protocol):
    """Where names go."""

    async def put(
        self, publisher: Publisher, participant: UUID, reference: str, contact: Mapping[str, Any]
    ) -> Handed:
        """Store contact data under a participant id; the same again changes nothing."""
        ...


class InsecurePeopleUrlError(ValueError):
    """Names must not travel unencrypted."""


def check_url(url: str) -> str:
    """Accept https, or http to this machine; return it without a slash at the end.

    Raises:
        InsecurePeopleUrlError: names would travel in the clear.

    >>> check_url("http://127.0.0.1:8003/")
    'http://127.0.0.1:8003'
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return url.rstrip("/")
    raise InsecurePeopleUrlError("KURSLOTSE_PEOPLE_URL must be https (http only to this machine)")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class NoPeople:
    """Nobody was named who keeps names: registrations with contact data have to wait."""

    async def put(
        self,
        publisher: Publisher,  # noqa: ARG002 - nobody is asked
        participant: UUID,  # noqa: ARG002
        reference: str,  # noqa: ARG002
        contact: Mapping[str, Any],  # noqa: ARG002
    ) -> Handed:
        """Store nothing."""
        return Unavailable(60)


class HttpPeople:
    """notifications' `PUT /people/{participant_id}`."""

    def __init__(self, url: str, key: str, client: httpx.AsyncClient) -> None:
        self._url = check_url(url)
        self._headers = {"Authorization": f"Bearer {key}"}
        self._client = client

    async def put(
        self, publisher: Publisher, participant: UUID, reference: str, contact: Mapping[str, Any]
    ) -> Handed:
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


def _problems(answer: httpx.Response) -> tuple[Problem, ...]:
    """Read codes and fields of a refusal, and nothing else of it."""
    try:
        listed = answer.json().get("problems", [])
        fields = [str(item.get("field") or "contact")[:64] for item in listed if isinstance(item, dict)]
    except (ValueError, AttributeError):
        fields = []
    allowed = [name if name.replace("_", "").replace(".", "").isalnum() else "contact" for name in fields]
    return tuple(Problem("contact_invalid", field=name) for name in allowed or ["contact"])
