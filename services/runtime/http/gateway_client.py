"""Sends events and registrations to the gateway on behalf of the publisher for whom a page is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx
import orjson

from schemas.base import Payload
from schemas.envelope import encode_data
from services.runtime.base.addresses import require_encrypted
from services.runtime.base.settings import ServiceSettings, need
from services.runtime.http.trust import trusted

_REFUSALS = frozenset({400, 409, 413, 422})
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_LARGE = httpx.Timeout(90.0, connect=3.0)
"""A file is sent, read by a process and loaded."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The gateway has committed it; its effect follows."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The gateway will never take it."""

    code: str
    messages: Sequence[str]
    """What is wrong and what to do, in the visitor's language."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody can say whether it was taken; sending the same again is safe."""

    code: str


GatewayAnswer = Taken | NotTaken | Unreachable


class GatewayClient:
    """Client of the gateway's HTTP API; its service key may speak for every publisher."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = require_encrypted("KURSLOTSE_GATEWAY_URL", url).rstrip("/")
        self._key = key

    async def send(self, publisher: str, event_id: str, payload: Payload, language: str) -> GatewayAnswer:
        """Send one event of a publisher; the same id with the same data is one event."""
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/{publisher}",
            "type": payload.type_,
            "data": orjson.loads(encode_data(payload)),
        }
        headers = {"Content-Type": "application/cloudevents+json", "Accept-Language": language}
        return await self._post("/v1/events", publisher, event, headers, _REFUSALS | {403})

    async def register(self, office: str, event_id: str, data: Mapping[str, Any]) -> GatewayAnswer:
        """Send the facts of a registration; its contact data are kept here already."""
        body = {"id": event_id, "event": dict(data), "contact": None, "official_number": None}
        headers = {"Content-Type": "application/json"}
        # A service key that does not open the door (403) is a mistake of the installation, not of the office.
        return await self._post("/v1/registrations", office, body, headers, _REFUSALS)

    async def load_places(
        self, name: str, raw: bytes, *, as_of: date | None, many_end: bool
    ) -> GatewayAnswer:
        """Give a directory of towns; the same again changes nothing."""
        params = {"name": name, "many_end": "1" if many_end else "0"}
        if as_of is not None:
            params["as_of"] = as_of.isoformat()
        try:
            answer = await self._client.put(
                f"{self._url}/v1/administration/places",
                params=params,
                content=raw,
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=_LARGE,
            )
        except httpx.HTTPError as error:
            return Unreachable(type(error).__name__)
        return self._answered(answer, _REFUSALS)

    async def _post(
        self,
        path: str,
        publisher: str,
        body: Mapping[str, Any],
        headers: dict[str, str],
        refusals: frozenset[int],
    ) -> GatewayAnswer:
        own = {"Authorization": f"Bearer {self._key}", "X-Kurslotse-Publisher": publisher}
        try:
            answer = await self._client.post(
                f"{self._url}{path}", content=orjson.dumps(body), headers=own | headers
            )
        except httpx.HTTPError as error:
            return Unreachable(type(error).__name__)
        return self._answered(answer, refusals)

    @staticmethod
    def _answered(answer: httpx.Response, refusals: frozenset[int]) -> GatewayAnswer:
        if answer.is_success:
            return Taken()
        code, messages = problems_in(answer)
        if answer.status_code in refusals:
            return NotTaken(code or f"http_{answer.status_code}", messages)
        return Unreachable(f"http_{answer.status_code}")


def problems_in(answer: httpx.Response) -> tuple[str, list[str]]:
    """Read the first code and all messages of a refusal; empty if it is not one of the gateway's."""
    try:
        problems = answer.json()["problems"]
        messages = [" ".join(filter(None, (one.get("message"), one.get("what_to_do")))) for one in problems]
        return str(problems[0]["code"])[:64], messages
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", []


def gateway_of(settings: ServiceSettings) -> GatewayClient:
    """Return the client of the gateway that a service's settings name.

    Raises:
        SettingsError: its address or the service's key is missing.
    """
    return GatewayClient(
        httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, verify=trusted()),
        need(settings.gateway_url, "KURSLOTSE_GATEWAY_URL"),
        need(settings.gateway_key, "KURSLOTSE_GATEWAY_KEY"),
    )
