"""Sets the supervisor's clock, once nothing of the day before is under way."""

import time
from datetime import datetime
from typing import Final

import httpx

from services.simulator.doors.http import PatientClient

LONGEST_SECONDS: Final = 300.0
"""After so long without rest the system has a fault that somebody must look at."""

_LONGEST_PAUSE: Final = 0.25


class NeverQuietError(Exception):
    """The system did not come to rest; the message says what was under way."""


class NoDemoError(Exception):
    """The installation is not a demo: nobody plays there."""


class HttpControl:
    """Asks `GET /installation` and `GET /quiet`, and sends `POST /clock`."""

    def __init__(
        self, url: str, token: str, client: PatientClient, *, longest: float = LONGEST_SECONDS
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client = client
        self._longest = longest

    async def require_demo(self) -> None:
        """Refuse an installation for people, before anything is said to it.

        Raises:
            NoDemoError: it is one.
        """
        response = await self._client.ask("GET", f"{self._url}/installation", headers=self._headers)
        if response.status_code != httpx.codes.OK or response.json().get("kind") != "demo":
            raise NoDemoError(f"{self._url} is not a demo: invented people are played on a demo only.")

    async def quiet(self) -> None:
        """Ask until all is quiet, more and more seldom."""
        started = time.monotonic()
        pause = 0.05
        while True:
            response = await self._client.ask("GET", f"{self._url}/quiet", headers=self._headers)
            response.raise_for_status()
            answer = response.json()
            if answer["quiet"]:
                return
            if time.monotonic() - started > self._longest:
                raise NeverQuietError("; ".join(str(why) for why in answer["why"]))
            await self._client.pause(pause)
            pause = min(_LONGEST_PAUSE, pause * 1.5)

    async def set_clock(self, now: datetime) -> None:
        """Set the business time."""
        response = await self._client.ask(
            "POST", f"{self._url}/clock", json={"now": now.isoformat()}, headers=self._headers
        )
        if response.status_code == httpx.codes.CONFLICT:
            return  # it is later already: this day was begun before a restart
        response.raise_for_status()
