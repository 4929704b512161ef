"""Limits the body and the time of one request; a route raises them for a caller whom it knows."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

SMALL_BODY = 64 * 1024
"""Bytes of a body that anybody may send: forms and acts."""
MORE_UPLOADS = 8
"""Larger bodies that one server reads at once; every one may lie in memory as a whole."""
MORE_UPLOADS_OF_ONE = 2
"""Of these, larger bodies of one caller."""

KEY = "kurslotse.allowance"
"""Where the allowance lies in a request's scope."""
_CLOSE = {"Connection": "close"}


class Uploads:
    """The number of larger bodies that are being read by one server."""

    def __init__(self, most: int = MORE_UPLOADS) -> None:
        self._free = most
        self._of: Counter[str] = Counter()

    def begin(self, caller: str | None) -> int:
        """Take a place and return 0, or return the status that refuses it; None is limited with all alone."""
        if caller is not None and self._of[caller] >= MORE_UPLOADS_OF_ONE:
            return 429
        if self._free == 0:
            return 503
        self._free -= 1
        if caller is not None:
            self._of[caller] += 1
        return 0

    def end(self, caller: str | None) -> None:
        """Give a place back."""
        self._free += 1
        if caller is not None:
            self._of[caller] -= 1
            self._of += Counter()  # forgets who has none


@dataclass(slots=True)
class Allowance:
    """What is left of one request's limits."""

    uploads: Uploads
    timeout: asyncio.Timeout
    body_until: float
    """Loop time at which the body has to be there."""
    limit: int = SMALL_BODY
    read: int = 0
    complete: bool = False
    uploading: bool = False
    caller: str | None = None

    def raise_to(self, limit: int, seconds: float, declared: int | None, caller: str | None = None) -> None:
        """Allow a larger body and more time; a body that declares to be small takes no place.

        Raises:
            HTTPException: 503, for too many larger bodies are being read; 429, if they are this caller's.
        """
        small = declared is not None and declared <= SMALL_BODY
        if not small and not self.uploading:
            refused = self.uploads.begin(caller)
            if refused:
                raise HTTPException(refused, "uploads", headers={"Retry-After": "2"})
            self.uploading, self.caller = True, caller
        now = asyncio.get_running_loop().time()
        self.limit = max(self.limit, limit)
        self.body_until = max(self.body_until, now + seconds)
        until = self.timeout.when()
        if until is not None:
            self.timeout.reschedule(max(until, now + seconds))

    def close(self) -> None:
        """Give back what the request has taken."""
        if self.uploading:
            self.uploads.end(self.caller)
            self.uploading = False


def limited(receive: Receive, allowance: Allowance, declared: int | None) -> Receive:
    """Return a `receive` that stops at the allowance; what is too large is not read to its end."""

    async def receive_within() -> Message:
        if allowance.complete:
            return await receive()
        if declared is not None and declared > allowance.limit:
            raise too_large()
        try:
            async with asyncio.timeout_at(allowance.body_until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "slow", headers=_CLOSE) from None
        if message["type"] != "http.request":
            return message
        allowance.read += len(message.get("body", b""))
        allowance.complete = not message.get("more_body", False)
        if allowance.read > allowance.limit:
            raise too_large()
        return message

    return receive_within


def too_large() -> HTTPException:
    """Return the error of a body over its limit."""
    return HTTPException(413, "too large", headers=_CLOSE)


def declared_length(headers: list[tuple[bytes, bytes]]) -> int | None:
    """Return the Content-Length of a request; None if it declares none (then it may be endless)."""
    if any(name == b"transfer-encoding" for name, _ in headers):
        return None
    lengths = [value for name, value in headers if name == b"content-length"]
    if not lengths:
        return 0
    return int(lengths[0]) if lengths[0].isdigit() else None


def allow_larger(request: Request, limit: int, seconds: float = 120.0, caller: str | None = None) -> None:
    """Allow this request, whose sender is known by now, a larger body and more time.

    A `caller` by name has few of the places, so that slow uploads keep nobody else out.

    Raises:
        HTTPException: 503, for too many larger bodies are being read; 429, if they are this caller's.
    """
    allowance = request.scope.get(KEY)
    if isinstance(allowance, Allowance):
        allowance.raise_to(limit, seconds, declared_length(request.headers.raw), caller)
