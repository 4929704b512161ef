"""Asking a door until it answers: a service that is being restarted is no reason to lose an event."""

import asyncio
import random
from typing import Any

import httpx

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_SECONDS = 2.0


class Unanswered(Exception):  # noqa: N818 - what happened, not a mistake of ours
    """The game was stopped while a door did not answer."""


class PatientClient:
    """Repeats a request, with the same ids, until there is an answer; counts the repeats."""

    def __init__(self, client: httpx.AsyncClient, stopped: asyncio.Event) -> None:
        self._client = client
        self._stopped = stopped
        self.repeats = 0

    async def ask(self, method: str, url: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Return the first answer that is one."""
        attempt = 0
        while True:
            try:
                response = await self._client.request(method, url, **request)
            except httpx.TransportError:
                pass
            else:
                if response.status_code not in _TRY_AGAIN:
                    return response
            self.repeats += 1
            await self._pause(attempt)
            attempt += 1

    async def _pause(self, attempt: int) -> None:
        """Back off with jitter, or stop at once when the game is stopped."""
        delay = min(_LONGEST_SECONDS, 0.05 * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        try:
            await asyncio.wait_for(self._stopped.wait(), delay)
        except TimeoutError:
            return
        raise Unanswered
