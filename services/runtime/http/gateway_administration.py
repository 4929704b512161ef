"""Asks the gateway to register publishers and to make their keys: for the steering side's pages only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import httpx
import orjson

from services.runtime.base.addresses import require_encrypted
from services.runtime.base.settings import ServiceSettings, need
from services.runtime.http.gateway_client import NotTaken, Unreachable, problems_in
from services.runtime.http.trust import trusted

_TIMEOUT = httpx.Timeout(15.0, connect=3.0)  # longer than the gateway waits for the broker
_REFUSALS = frozenset({404, 409, 413, 422})
_PUBLISHERS = "/v1/administration/publishers"


@dataclass(frozen=True, slots=True)
class RegisteredPublisher:
    """A publisher as the gateway holds it; `keys` is the number of its usable keys, where it is told."""

    slug: str
    name: str
    kinds: frozenset[str]
    kreise: tuple[str, ...]
    authority: bool
    supplier_ids: tuple[str, ...]
    active: bool
    version: int
    keys: int = 0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a publisher without its text."""

    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    usable: bool


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key; its text is nowhere else."""

    prefix: str
    text: str = field(repr=False)


Failure = NotTaken | Unreachable
T = TypeVar("T")


class GatewayAdministration:
    """Client of the gateway's internal routes; the gateway refuses every service but the steering side's."""

    def __init__(self, client: httpx.AsyncClient, url: str, key: str) -> None:
        self._client = client
        self._url = require_encrypted("KURSLOTSE_GATEWAY_URL", url).rstrip("/")
        self._key = key

    async def publishers(self, language: str) -> Sequence[RegisteredPublisher] | Failure:
        """List all publishers, those of other Kreise too: whoever asks leaves them out."""
        answer = await self._ask("GET", "", language)
        if isinstance(answer, NotTaken | Unreachable):
            return answer
        return _read(lambda: [_publisher(one) for one in answer["publishers"]])

    async def put(self, asked: RegisteredPublisher, language: str) -> RegisteredPublisher | Failure:
        """Register a publisher, or change the one that was read in this version; 0: there was none."""
        body = {
            "version": asked.version,
            "name": asked.name,
            "kinds": sorted(asked.kinds),
            "kreise": list(asked.kreise),
            "authority": asked.authority,
            "supplier_ids": list(asked.supplier_ids),
        }
        answer = await self._ask("PUT", f"/{asked.slug}", language, body)
        if isinstance(answer, NotTaken | Unreachable):
            return answer
        return _read(lambda: _publisher(answer))

    async def deactivate(self, slug: str, version: int, language: str) -> RegisteredPublisher | Failure:
        """End a publisher that was read in this version: its keys are revoked, its events rejected."""
        answer = await self._ask("POST", f"/{slug}/deactivate", language, {"version": version})
        if isinstance(answer, NotTaken | Unreachable):
            return answer
        return _read(lambda: _publisher(answer))

    async def keys(self, slug: str, language: str) -> Sequence[ApiKey] | Failure:
        """List a publisher's keys, the latest first."""
        answer = await self._ask("GET", f"/{slug}/keys", language)
        if isinstance(answer, NotTaken | Unreachable):
            return answer
        return _read(lambda: [_key(one) for one in answer["keys"]])

    async def make_key(self, slug: str, language: str) -> MadeKey | Failure:
        """Make a key of a publisher."""
        answer = await self._ask("POST", f"/{slug}/keys", language)
        if isinstance(answer, NotTaken | Unreachable):
            return answer
        return _read(lambda: MadeKey(answer["prefix"], answer["text"]))

    async def revoke_key(self, slug: str, prefix: str, language: str) -> Failure | None:
        """End a key at once."""
        answer = await self._ask("POST", f"/{slug}/keys/{prefix}/revoke", language)
        return answer if isinstance(answer, NotTaken | Unreachable) else None

    async def _ask(
        self, method: str, path: str, language: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | Failure:
        headers = {"Authorization": f"Bearer {self._key}", "Accept-Language": language}
        content = None
        if body is not None:
            headers["Content-Type"], content = "application/json", orjson.dumps(body)
        try:
            answer = await self._client.request(
                method, f"{self._url}{_PUBLISHERS}{path}", content=content, headers=headers
            )
        except httpx.HTTPError as error:
            return Unreachable(type(error).__name__)
        if answer.is_success:
            try:
                found: dict[str, Any] = orjson.loads(answer.content) if answer.content else {}
            except orjson.JSONDecodeError:
                return Unreachable("answer")
            return found
        code, messages = problems_in(answer)
        if answer.status_code in _REFUSALS:
            return NotTaken(code or f"http_{answer.status_code}", messages)
        return Unreachable(code or f"http_{answer.status_code}")


def _read(read: Callable[[], T]) -> T | Unreachable:
    """Return what an answer says; one that we do not understand is as good as none."""
    try:
        return read()
    except (LookupError, TypeError, ValueError, AttributeError):
        return Unreachable("answer")


def _publisher(said: Mapping[str, Any]) -> RegisteredPublisher:
    return RegisteredPublisher(
        slug=said["slug"],
        name=said["name"],
        kinds=frozenset(said["kinds"]),
        kreise=tuple(said["kreise"]),
        authority=said["authority"],
        supplier_ids=tuple(said["supplier_ids"]),
        active=said["active"],
        version=said["version"],
        keys=said.get("keys", 0),
    )


def _key(said: Mapping[str, Any]) -> ApiKey:
    revoked = said["revoked_at"]
    return ApiKey(
        prefix=said["prefix"],
        scopes=tuple(said["scopes"]),
        created_at=datetime.fromisoformat(said["created_at"]),
        expires_at=datetime.fromisoformat(said["expires_at"]),
        revoked_at=datetime.fromisoformat(revoked) if revoked else None,
        usable=said["usable"],
    )


def administration_of(settings: ServiceSettings) -> GatewayAdministration:
    """Return the client of the gateway that a service's settings name.

    Raises:
        SettingsError: its address or the service's key is missing.
    """
    return GatewayAdministration(
        httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, verify=trusted()),
        need(settings.gateway_url, "KURSLOTSE_GATEWAY_URL"),
        need(settings.gateway_key, "KURSLOTSE_GATEWAY_KEY"),
    )
