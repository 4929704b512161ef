"""Sends events through the gateway's HTTP interfaces and reads its feeds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import orjson

from services.simulator.doors.http import PatientClient
from services.simulator.doors.protocols import Answer, Page, Rejected, Taken
from services.simulator.world.spreadsheet import SETTINGS
from services.simulator.world.state import Planned

_BATCH: Final = {"Content-Type": "application/cloudevents-batch+json"}
_STRUCTURED: Final = {"Content-Type": "application/cloudevents+json"}
_JSON: Final = {"Content-Type": "application/json"}
_FILE: Final = {"Content-Type": "application/octet-stream"}
_PAGE: Final = 1000


class HttpGateway:
    """Sends and reads for each publisher with its own key."""

    def __init__(self, url: str, keys: Mapping[str, str], client: PatientClient) -> None:
        self._url = url.rstrip("/")
        self._keys = keys
        self._client = client

    async def send(self, publisher: str, events: Sequence[Planned]) -> Sequence[Answer]:
        """Send events in order; what is no plain event comes alone."""
        (first, *others) = events
        match first.door if not others else "event":
            case "registration":
                return [await self._register(first)]
            case "list":
                return [await self._bring(first)]
            case "raw":
                return [await self._raw(first)]
        body = orjson.dumps([_structured(event) for event in events])
        response = await self._post(publisher, "/v1/events", body, _BATCH)
        results = response.json().get("results")
        if not isinstance(results, list) or len(results) != len(events):
            return [_rejected(event, response) for event in events]
        return [_answer(event, result) for event, result in zip(events, results, strict=True)]

    async def _register(self, event: Planned) -> Answer:
        data = dict(event.data)
        if event.official_number is not None:
            del data["reference"]
        body = {
            "id": event.id,
            "event": data,
            "contact": event.contact,
            "official_number": event.official_number,
            "time": event.time.isoformat(),
        }
        response = await self._post(event.publisher, "/v1/registrations", orjson.dumps(body), _JSON)
        if response.is_success:
            return Taken(event, str(response.json()["reference"]))
        return _rejected(event, response)

    async def _bring(self, event: Planned) -> Answer:
        """Store what the columns mean, then upload the file as the office's spreadsheet saved it."""
        path = "/v1/imports/participants"
        settings = await self._client.ask(
            "PUT",
            f"{self._url}{path}/settings",
            content=orjson.dumps(SETTINGS),
            headers={**_JSON, **self._key(event.publisher)},
        )
        if not settings.is_success:
            return _rejected(event, settings)
        file = (event.body or "").encode("cp1252")
        response = await self._post(event.publisher, path, file, _FILE)
        if not response.is_success or response.json()["refused"]:
            return _rejected(event, response)
        return Taken(event)

    async def _raw(self, event: Planned) -> Answer:
        body = (event.body or "").encode()
        response = await self._post(event.publisher, "/v1/events", body, _STRUCTURED)
        return Taken(event) if response.is_success else _rejected(event, response)

    async def _post(
        self, publisher: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> httpx.Response:
        return await self._client.ask(
            "POST", self._url + path, content=body, headers={**headers, **self._key(publisher)}
        )

    def _key(self, publisher: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[publisher]}"}

    async def _get(self, publisher: str, path: str, after: int) -> dict[str, Any]:
        response = await self._client.ask(
            "GET",
            self._url + path,
            params={"after": after, "limit": _PAGE},
            headers=self._key(publisher),
        )
        response.raise_for_status()
        found: dict[str, Any] = response.json()
        return found

    async def addressed(self, publisher: str, after: int) -> Page:
        """Read GET /v1/addressed."""
        found = await self._get(publisher, "/v1/addressed", after)
        events = [item["event"] for item in found["events"]]
        entries = [(str(event["type"]), event["data"]) for event in events]
        return Page(entries, int(found["next"]), more=len(entries) == _PAGE)

    async def findings(self, publisher: str, after: int) -> Page:
        """Read GET /v1/findings."""
        found = await self._get(publisher, "/v1/findings", after)
        entries = [(str(item["kind"]), item) for item in found["findings"]]
        return Page(entries, int(found["next"]), more=len(entries) == _PAGE)


def _structured(event: Planned) -> dict[str, Any]:
    written = {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/{event.publisher}",
        "type": event.type,
        "time": event.time.isoformat(),
        "datacontenttype": "application/json",
        "data": event.data,
    }
    if event.corrects:
        written["corrects"] = event.corrects
    if event.retracts:
        written["retracts"] = event.retracts
    return written


def _answer(event: Planned, result: Mapping[str, Any]) -> Answer:
    if result["accepted"]:
        return Taken(event)
    problems = result.get("problems") or [{}]
    return Rejected(event, str(problems[0].get("code", "unknown")), problems[0].get("field"))


def _rejected(event: Planned, response: httpx.Response) -> Rejected:
    try:
        document = response.json()
    except ValueError:
        document = {}
    problems = document.get("problems") or document.get("findings") or document.get("file_problems") or [{}]
    code = document.get("code") or problems[0].get("code") or response.status_code
    return Rejected(event, str(code), problems[0].get("field"))
