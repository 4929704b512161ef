"""Asks the servers of issuers over HTTP: encrypted, within bounds of time and size, following no redirect."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import httpx
import orjson

from services.accounts.oidc.failures import OidcError, Reason
from services.runtime.base.addresses import AddressError, require_encrypted
from services.runtime.http.trust import trusted

MOST_BYTES = 256 * 1024
_STEP_SECONDS, _WHOLE_SECONDS = 5.0, 10.0
_SERVER_ERRORS, _TOO_MANY = 500, 429


def new_client(trust: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Return a client for `Fetcher`, which its maker closes.

    `trust`: whose certificates it believes; None: those that all our clients believe.
    """
    return httpx.AsyncClient(
        timeout=_STEP_SECONDS, trust_env=False, follow_redirects=False, verify=trust or trusted()
    )


def require_reachable(issuer_url: str, address: str, what: str) -> str:
    """Return an address of an issuer's server if it may be used.

    It has to be encrypted; on this machine it need not be, if the issuer itself is here.

    Raises:
        OidcError: the server names an address that must not be used.
    """
    try:
        parts = urlsplit(require_encrypted(what, address))
    except AddressError as error:
        raise OidcError(Reason.SERVER_WRONG, str(error)) from None
    if not has_port(parts):
        raise OidcError(Reason.SERVER_WRONG, f"{what} names an impossible port")
    if parts.scheme != "https" and (parts.scheme != "http" or urlsplit(issuer_url).scheme != "http"):
        raise OidcError(Reason.SERVER_WRONG, f"{what} is not https")
    return address


def has_port(parts: SplitResult) -> bool:
    """Return whether the port, if there is one, is between 1 and 65535."""
    try:
        return parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: a status below 500, and a JSON object."""

    status: int
    content: Mapping[str, Any] = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether the server did what it was asked."""
        return self.status == httpx.codes.OK


class Fetcher:
    """Asks one server."""

    def __init__(self, client: httpx.AsyncClient, *, seconds: float = _WHOLE_SECONDS) -> None:
        self._client, self._seconds = client, seconds

    async def get(self, address: str, bearer: str | None = None) -> Answer:
        """Get a JSON object.

        Raises:
            OidcError: the server is silent, or its answer is too large or no JSON object.
        """
        more = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return await self._ask(lambda: self._client.build_request("GET", address, headers=_HEADERS | more))

    async def post(self, address: str, form: Mapping[str, str], user: str, password: str) -> Answer:
        """Send a form with client_secret_basic; see `get`.

        Raises:
            OidcError: see `get`.
        """
        # RFC 6749, 2.3.1: both are encoded like a form before they are joined.
        basic = httpx.BasicAuth(quote(user, safe=""), quote(password, safe=""))

        def built() -> httpx.Request:
            request = self._client.build_request("POST", address, data=dict(form), headers=_HEADERS)
            return next(basic.auth_flow(request))

        return await self._ask(built)

    async def _ask(self, build: Callable[[], httpx.Request]) -> Answer:
        try:
            request = build()
        except (httpx.InvalidURL, ValueError) as error:  # of what the server said: an address, a token
            raise OidcError(Reason.SERVER_WRONG, type(error).__name__) from None
        try:
            async with asyncio.timeout(self._seconds):
                status, raw = await self._read(request)
        except (httpx.HTTPError, TimeoutError) as error:
            raise OidcError(Reason.SERVER_SILENT, type(error).__name__) from None
        if status >= _SERVER_ERRORS or status == _TOO_MANY:
            raise OidcError(Reason.SERVER_SILENT, f"status {status}")
        try:
            content = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise OidcError(Reason.SERVER_WRONG, f"status {status} without JSON") from None
        if not isinstance(content, dict):
            raise OidcError(Reason.SERVER_WRONG, "JSON that is no object")
        return Answer(status, content)

    async def _read(self, request: httpx.Request) -> tuple[int, bytes]:
        answer = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise OidcError(Reason.SERVER_WRONG, "a compressed answer")  # it may unfold without end
            parts: list[bytes] = []
            size = 0
            async for part in answer.aiter_raw():
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise OidcError(Reason.SERVER_WRONG, f"an answer of more than {MOST_BYTES} bytes")
            return answer.status_code, b"".join(parts)
        finally:
            await answer.aclose()


_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Kurslotse"}
