"""How the pages say publishers' events: only through the gateway, each with an id chosen before."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import orjson

from schemas.base import Payload
from schemas.envelope import encode_data


@dataclass(frozen=True, slots=True)
class Taken:
    """The gateway has it; its effect follows."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The gateway will not take it; `problems` are its messages in the visitor's language."""

    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nobody can say; sending the same again is safe."""


Said = Taken | NotTaken | Unreachable


class Gateway:
    """The gateway's HTTP door, spoken to as a service that may speak for its publishers."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._key = key

    async def say(self, publisher: str, event_id: str, payload: Payload, language: str) -> Said:
        """Send one event of a publisher; the same id with the same data is one event."""
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": f"/{publisher}",
            "type": payload.type_,
            "data": orjson.loads(encode_data(payload)),
        }
        try:
            answer = await self._client.post(
                f"{self._url}/v1/events",
                content=orjson.dumps(event),
                headers={
                    "Authorization": f"Bearer {self._key}",
                    "X-Kurslotse-Publisher": publisher,
                    "Content-Type": "application/cloudevents+json",
                    "Accept-Language": language,
                },
            )
        except httpx.HTTPError:
            return Unreachable()
        if answer.is_success:
            return Taken()
        if answer.status_code in {400, 403, 409, 413, 422}:
            return NotTaken(_messages(answer))
        return Unreachable()


def _messages(answer: httpx.Response) -> list[str]:
    try:
        problems = answer.json()["problems"]
        return [" ".join(filter(None, (one.get("message"), one.get("what_to_do")))) for one in problems]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
