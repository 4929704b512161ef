"""Signs an invented person in to a service's JSON interface, and again when the session has ended."""

from typing import Any

import httpx

from services.simulator.doors.http import PatientClient

_SIGN_IN_AGAIN = frozenset({401, 403})


class DemoSession:
    """One person's session with one service."""

    def __init__(self, url: str, person: str, client: PatientClient) -> None:
        self._url = url.rstrip("/")
        self._person = person
        self._client = client
        self._csrf: str | None = None

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Ask as this person; an old session is renewed once."""
        if self._csrf is None:
            await self._sign_in()
        response = await self._request(method, path, request)
        if response.status_code in _SIGN_IN_AGAIN:
            await self._sign_in()
            response = await self._request(method, path, request)
        return response

    async def _request(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        headers = {"Accept": "application/json", "X-CSRF": self._csrf or ""} | request.get("headers", {})
        return await self._client.ask(method, self._url + path, **request | {"headers": headers})

    async def _sign_in(self) -> None:
        response = await self._client.ask(
            "POST",
            f"{self._url}/demo/sign-in",
            json={"person": self._person},
            headers={"Accept": "application/json"},
        )
        response.raise_for_status()
        self._csrf = str(response.json()["csrf"])
