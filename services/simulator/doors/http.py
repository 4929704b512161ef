"""Repeats a request until it is answered: no event may be lost because a service is being restarted."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import httpx

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_SECONDS = 2.0
_LAST_SECONDS = 2.0


class Unanswered(Exception):  # noqa: N818 - what happened, not a mistake of ours
    """The simulation was stopped while a request had no answer."""


class PatientClient:
    """Repeats a request, with the same ids, until there is an answer; counts the repeats."""

    def __init__(self, client: httpx.AsyncClient, stopped: asyncio.Event) -> None:
        self._client = client
        self._stopped = stopped
        self.repeats = 0

    async def ask(self, method: str, url: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Return the first answer that is not a temporary failure."""
        attempt = 0
        while True:
            try:
                response = await self._answer(self._client.request(method, url, **request))
            except httpx.TransportError:
                pass
            else:
                if response.status_code not in _TRY_AGAIN:
                    return response
            self.repeats += 1
            delay = min(_LONGEST_SECONDS, 0.05 * 2**attempt)
            await self.pause(delay * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            attempt += 1

    async def _answer(self, asked: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        """Wait for the answer, but only for a moment once the simulation is stopped."""
        answer = asyncio.ensure_future(asked)
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({answer, stopped}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({answer}, timeout=_LAST_SECONDS)
            if not answer.done():
                raise Unanswered
            return answer.result()
        finally:
            answer.cancel()
            stopped.cancel()

    async def pause(self, seconds: float) -> None:
        """Wait some seconds, or stop at once when the simulation is stopped."""
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except TimeoutError:
            return
        raise Unanswered
