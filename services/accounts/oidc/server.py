"""Knows an issuer's server: what it announces about itself, and the keys with which it signs."""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from authlib.oidc.discovery import get_well_known_url
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key
from pydantic import BaseModel, ConfigDict, ValidationError

from services.accounts.oidc.failures import OidcError, Reason
from services.accounts.oidc.fetching import Fetcher, require_reachable
from services.accounts.oidc.issuers import Issuer

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that are believed: by public keys only."""
KEPT_SECONDS = 3_600.0
RENEWED_EVERY_SECONDS = 30.0
"""How often tokens that name unknown keys may make us ask for the keys again."""
SILENT_SECONDS = 2.0
"""How long a server that did not answer is not asked again; else everybody would wait in a row."""
_LEAST_RSA_BITS = 2_048
_MOST_KEYS = 100
_ADDRESSES = (
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
)


class ServerMetadata(BaseModel):
    """OpenID Connect Discovery 1.0, section 3, with RFC 8414, RFC 9207 and RP-initiated logout."""

    model_config = ConfigDict(frozen=True, strict=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    response_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    code_challenge_methods_supported: list[str] | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> Sequence[str]:
        """The server's signatures that are believed."""
        return [name for name in ALGORITHMS if name in self.id_token_signing_alg_values_supported]


def read_metadata(issuer: Issuer, content: Mapping[str, Any]) -> ServerMetadata:
    """Check what a server announces.

    Raises:
        OidcError: it is another issuer, or it cannot be used safely.
    """
    try:
        found = ServerMetadata.model_validate(content)
    except ValidationError as error:
        fields = {str(item["loc"][0]) for item in error.errors()}
        raise OidcError(
            Reason.SERVER_WRONG, f"discovery lacks or spoils {', '.join(sorted(fields))}"
        ) from None
    if found.issuer != issuer.url:
        raise OidcError(Reason.OTHER_ISSUER, "discovery names another issuer")
    for name in _ADDRESSES:
        address: str | None = getattr(found, name)
        if address is not None:
            require_reachable(issuer.url, address, name)
    methods = found.code_challenge_methods_supported
    lacking = {
        "the response type code": "code" not in found.response_types_supported,
        "PKCE with S256": methods is not None and "S256" not in methods,
        "client_secret_basic": "client_secret_basic" not in found.token_endpoint_auth_methods_supported,
        f"one of the signatures {', '.join(ALGORITHMS)}": not found.algorithms,
    }
    for what, lacks in lacking.items():
        if lacks:
            raise OidcError(Reason.SERVER_WRONG, f"the server does not offer {what}")
    return found


def read_keys(content: Mapping[str, Any]) -> KeySet:
    """Read the public keys of a JWK set that can verify signatures; others are left out.

    Raises:
        OidcError: there is none.
    """
    listed = content.get("keys")
    keys = [key for key in (listed if isinstance(listed, list) else [])[:_MOST_KEYS] if _is_usable(key)]
    read = []
    for key in keys:
        try:
            read.append(import_key(key))
        except (JoseError, ValueError, TypeError):
            continue  # one broken key does not spoil the others
    if not read:
        raise OidcError(Reason.SERVER_WRONG, "no usable key")
    return KeySet(read)


def _is_usable(key: object) -> bool:
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return False
    if key.get("kty") == "EC":
        return True
    return key.get("kty") == "RSA" and _bits(key.get("n")) >= _LEAST_RSA_BITS


def _bits(number: object) -> int:
    if not isinstance(number, str):
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(number + "==")).bit_length()
    except ValueError:
        return 0


class IssuerServer:
    """Keeps what one server announces and its keys for an hour."""

    def __init__(
        self, issuer: Issuer, fetcher: Fetcher, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer, self._fetcher, self._monotonic = issuer, fetcher, monotonic
        self._metadata: tuple[float, ServerMetadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._renewed_at: float | None = None
        self._failed: tuple[float, OidcError] | None = None
        self._lock = asyncio.Lock()

    async def metadata(self) -> ServerMetadata:
        """Return what the server announces.

        Raises:
            OidcError: the server is silent, or cannot be used.
        """
        async with self._lock:
            return await self._known_metadata()

    async def keys(self) -> KeySet:
        """Return the server's keys.

        Raises:
            OidcError: see `metadata`.
        """
        async with self._lock:
            if self._keys is None or self._monotonic() - self._keys[0] > KEPT_SECONDS:
                return await self._fetched_keys()
            return self._keys[1]

    async def newer_keys(self) -> KeySet | None:
        """Ask for the keys because a token names an unknown one; None if that was done a moment ago.

        Raises:
            OidcError: see `metadata`.
        """
        async with self._lock:
            now = self._monotonic()
            if self._renewed_at is not None and now - self._renewed_at < RENEWED_EVERY_SECONDS:
                return None
            self._renewed_at = now
            return await self._fetched_keys()

    async def _known_metadata(self) -> ServerMetadata:
        now = self._monotonic()
        if self._metadata is None or now - self._metadata[0] > KEPT_SECONDS:
            address = get_well_known_url(self._issuer.url, external=True)
            self._metadata = (now, read_metadata(self._issuer, await self._asked(address, "discovery")))
        return self._metadata[1]

    async def _fetched_keys(self) -> KeySet:
        metadata = await self._known_metadata()
        now = self._monotonic()
        keys = read_keys(await self._asked(metadata.jwks_uri, "the key set"))
        self._keys = (now, keys)
        return keys

    async def _asked(self, address: str, what: str) -> Mapping[str, Any]:
        if self._failed is not None and self._monotonic() - self._failed[0] < SILENT_SECONDS:
            raise OidcError(self._failed[1].reason, self._failed[1].detail)
        try:
            answer = await self._fetcher.get(address)
        except OidcError as error:
            self._failed = (self._monotonic(), error)
            raise
        if not answer.good:
            raise OidcError(Reason.SERVER_WRONG, f"{what} answers {answer.status}")
        return answer.content
