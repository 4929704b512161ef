"""Sends one webhook: to a checked address, by the name's own certificate, within bounds of time and size."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address
from uuid import UUID

import httpcore
from standardwebhooks.webhooks import Webhook

from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.delivery.webhooks.domain import Target, UrlFault, judged, target_of
from services.notifications.delivery.webhooks.guard import ForbiddenAddressError, Guard, UnknownNameError
from services.runtime.http.trust import trusted

_STEP_SECONDS = 8.0
_WHOLE_SECONDS = 20.0  # shorter than the lease of a delivery
_MOST_BYTES = 64 * 1024
_MOST_TRIED = 4
_TIMEOUTS = dict.fromkeys(("connect", "read", "write", "pool"), _STEP_SECONDS)

_FAULTS = (
    ForbiddenAddressError,
    UnknownNameError,
    TimeoutError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    OSError,
)

Options = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]


def _now() -> datetime:
    return datetime.now(UTC)


def _usual_trust() -> ssl.SSLContext:
    found = trusted()
    return found if isinstance(found, ssl.SSLContext) else ssl.create_default_context()


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to nothing but addresses that the guard has checked a moment ago.

    TLS and the Host header keep the name, because only the address of the connection is replaced.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard, self._usual = guard, httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own argument
        local_address: str | None = None,
        socket_options: Options | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check, and connect to the first of the addresses that answers."""
        error: Exception = httpcore.ConnectError()
        for address in (await self._guard.addresses(host, port))[:_MOST_TRIED]:
            try:
                return await self._usual.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise error

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's interface
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
        socket_options: Options | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: webhooks go to no sockets of this machine."""
        raise httpcore.ConnectError("no webhook goes to a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._usual.sleep(seconds)


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends webhooks, each on a connection of its own, so that each address is checked anew."""

    guard: Guard = field(default_factory=Guard)
    trust: Callable[[], ssl.SSLContext] = _usual_trust
    now: Callable[[], datetime] = _now
    seconds: float = _WHOLE_SECONDS

    async def send(self, delivery: UUID, url: str, body: str, secrets: Sequence[bytes]) -> Attempted:
        """Try once; each of the secrets signs, the current one first."""
        target = target_of(url)
        if isinstance(target, UrlFault):
            return Attempted(Outcome.REFUSED, None, Fault.ADDRESS_FORBIDDEN)
        headers = signed(str(delivery), self.now(), body, secrets)
        try:
            async with asyncio.timeout(self.seconds):
                status, retry_after = await self._post(target, headers, body.encode())
        except _FAULTS as error:
            return _failed(error)
        return judged(status, retry_after, self.now())

    async def _post(
        self, target: Target, headers: Sequence[tuple[str, str]], body: bytes
    ) -> tuple[int, str | None]:
        """Send, and read the status and Retry-After; of the answer's body at most so much that it may end."""
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self.trust(),
            network_backend=_CheckedNetwork(self.guard),
            max_keepalive_connections=0,
            retries=0,
        )
        address = httpcore.URL(
            scheme=b"https", host=_bracketed(target.host), port=target.port, target=target.path.encode()
        )
        said = [("Host", _host_header(target)), *headers, ("Content-Length", str(len(body)))]
        async with (
            pool,
            pool.stream(
                "POST", address, headers=said, content=body, extensions={"timeout": _TIMEOUTS}
            ) as answer,
        ):
            found = {name.lower(): value for name, value in answer.headers}
            size = 0
            async for part in answer.aiter_stream():
                size += len(part)
                if size > _MOST_BYTES:
                    break
            return answer.status, found.get(b"retry-after", b"").decode("latin-1") or None


def _failed(error: Exception) -> Attempted:
    match error:
        case ForbiddenAddressError():
            return Attempted(Outcome.REFUSED, None, Fault.ADDRESS_FORBIDDEN)
        case UnknownNameError():
            fault = Fault.NAME_UNKNOWN
        case TimeoutError() | httpcore.TimeoutException():
            fault = Fault.ENDPOINT_SILENT
        case _ if any(isinstance(one, ssl.SSLError) for one in (error, error.__cause__, error.__context__)):
            fault = Fault.ENDPOINT_TLS
        case _:
            fault = Fault.ENDPOINT_UNREACHABLE
    return Attempted(Outcome.RETRY, None, fault)


def _bracketed(host: str) -> bytes:
    return host.encode("ascii")


def _host_header(target: Target) -> str:
    host = f"[{target.host}]" if _is_ipv6(target.host) else target.host
    return host if target.port == 443 else f"{host}:{target.port}"  # noqa: PLR2004 - https


def _is_ipv6(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv6Address)
    except ValueError:
        return False


def signed(id_: str, at: datetime, body: str, secrets: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return the headers of a webhook, signed by each secret."""
    signatures = [Webhook(secret).sign(id_, at, body) for secret in secrets]
    return [
        ("Content-Type", "application/json"),
        ("User-Agent", "Kurslotse"),
        ("Accept-Encoding", "identity"),
        ("webhook-id", id_),
        ("webhook-timestamp", str(int(at.timestamp()))),
        ("webhook-signature", " ".join(signatures)),
    ]
