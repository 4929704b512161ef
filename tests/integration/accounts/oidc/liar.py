"""A proxy before a real OpenID Connect server that changes single answers of it."""

import base64
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from joserfc import jwt
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.integration.accounts.oidc.browser import NO_TLS
from tests.integration.accounts.oidc.server import signing_key

Change = Callable[[dict[str, Any]], dict[str, Any]]
DISCOVERY, KEYS, TOKEN, USER_INFO = "/.well-known/openid-configuration", "/jwks", "/token", "/me"
_OF_CONNECTION = {"transfer-encoding", "content-length", "connection", "keep-alive", "date"}
_ANY = JWSRegistry(algorithms=["RS256"], strict_check_header=False)


def claims_in(token: str) -> dict[str, Any]:
    """Read a token's claims without asking who signed it."""
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


class Liar:
    """Passes everything on and back, except for what it was told to change."""

    def __init__(self, upstream: str, own: str) -> None:
        self.upstream, self.own = upstream, own
        self.changes: dict[str, Change] = {}
        """Path -> what becomes of the JSON object that the server answers there."""
        self.answers: dict[str, Response] = {}
        """Path -> what is answered instead of asking the server."""
        self.asked: list[str] = []
        """Paths in order."""
        self.key = signing_key("liar")
        self.app = Starlette(routes=[Route("/{path:path}", self._pass, methods=["GET", "POST"])])
        self._http = httpx.AsyncClient(trust_env=False, verify=NO_TLS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def publish_own_key(self) -> None:
        """Add the liar's key to the server's, so that what it signs is signed well."""
        own = self.key.as_dict(private=False)
        self.changes[KEYS] = lambda said: {"keys": [*said["keys"], own]}

    def change_id_token(self, change: Change, header: Mapping[str, Any] | None = None) -> None:
        """Sign changed claims anew with the liar's key."""

        def changed(said: dict[str, Any]) -> dict[str, Any]:
            return said | {"id_token": self.signed(change(claims_in(said["id_token"])), header)}

        self.changes[TOKEN] = changed

    def signed(self, claims: dict[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """Sign claims with the liar's key."""
        return jwt.encode({"alg": "RS256", "kid": "liar", **(header or {})}, claims, self.key, registry=_ANY)

    async def _pass(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        target = self.upstream + path + (f"?{request.url.query}" if request.url.query else "")
        headers = [(name, value) for name, value in request.headers.items() if name not in _OF_CONNECTION]
        said = await self._http.request(request.method, target, headers=headers, content=await request.body())
        body = said.content
        if path in self.changes and said.is_success:
            body = json.dumps(self.changes[path](said.json())).encode()
        answer = Response(body, said.status_code)
        kept = [(n, v) for n, v in said.headers.raw if n.decode().lower() not in _OF_CONNECTION]
        answer.raw_headers = [
            *((n.lower(), v) for n, v in kept),
            (b"content-length", str(len(body)).encode()),
        ]
        return answer
