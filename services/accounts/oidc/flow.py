"""Keeps one sign-in that is under way in a sealed cookie of the browser that began it."""

import base64
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.oidc.failures import OidcError, Reason
from services.accounts.oidc.once import Once

LASTS_SECONDS = 600
_LONGEST_NEXT = 1_000  # characters; a cookie holds 4096 bytes


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in at one issuer, from the first redirect to the return."""

    issuer: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    """The secret of PKCE (RFC 7636)."""
    next: str
    fresh: bool
    """The person has to show who they are, even if they are signed in at the issuer."""
    begun_at: float
    """Seconds since 1970."""


def begun(issuer: str, next_path: str, *, fresh: bool, now: float) -> Flow:
    """Begin a sign-in with secrets of its own; each has 256 bits."""
    return Flow(
        issuer=issuer,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(32),
        next=next_path if len(next_path) <= _LONGEST_NEXT else "/",
        fresh=fresh,
        begun_at=now,
    )


class FlowCookie:
    """Seals flows into a cookie for ten minutes; each is taken back once."""

    def __init__(
        self, service: str, secret: str, *, secure: bool, now: Callable[[], float] = time.time
    ) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"kurslotse/oidc/{service}".encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))
        self._name = f"{'__Host-' if secure else ''}kurslotse_{service}_oidc"
        self._secure, self._now = secure, now
        self._used = Once(LASTS_SECONDS)

    def keep(self, answer: Response, flow: Flow) -> None:
        """Send a flow with an answer; a second one in the same browser replaces the first."""
        sealed = self._fernet.encrypt_at_time(orjson.dumps(asdict(flow)), int(self._now()))
        answer.set_cookie(
            self._name,
            sealed.decode(),
            max_age=LASTS_SECONDS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",  # the issuer's server leads back here from another site
        )

    def drop(self, answer: Response) -> None:
        """Delete the cookie."""
        answer.delete_cookie(self._name, path="/", secure=self._secure, httponly=True, samesite="lax")

    def take(self, request: Request, issuer: str, state: str | None) -> Flow:
        """Return the flow that this browser began with this issuer and state.

        Raises:
            OidcError: there is none, it is too old, it is another one, or it was taken before.
        """
        flow = self._opened(request.cookies.get(self._name))
        if flow.issuer != issuer or state is None:
            raise OidcError(Reason.FLOW_FOREIGN)
        if not hmac.compare_digest(flow.state.encode(), state.encode()):
            raise OidcError(Reason.FLOW_FOREIGN)
        if not self._used.use(flow.state):
            raise OidcError(Reason.FLOW_USED)
        return flow

    def _opened(self, sealed: str | None) -> Flow:
        if not sealed:
            raise OidcError(Reason.FLOW_UNKNOWN)
        try:
            plain = self._fernet.decrypt_at_time(sealed.encode(), LASTS_SECONDS, int(self._now()))
            kept = orjson.loads(plain)
            return Flow(**{one.name: kept[one.name] for one in fields(Flow)})
        except (InvalidToken, KeyError, TypeError, ValueError):  # ours no longer, or an older version's
            raise OidcError(Reason.FLOW_UNKNOWN) from None
