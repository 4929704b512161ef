"""Signs people in at one issuer: the code flow with PKCE, and logout in both directions."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt

from schemas.days import local_day
from services.accounts.oidc.door import Identity
from services.accounts.oidc.failures import OidcError, Reason
from services.accounts.oidc.fetching import Answer, Fetcher
from services.accounts.oidc.flow import Flow
from services.accounts.oidc.issuers import EMAIL, EMAIL_VERIFIED, Issuer, claim_of
from services.accounts.oidc.once import Once
from services.accounts.oidc.server import IssuerServer, ServerMetadata
from services.accounts.oidc.tokens import (
    Claims,
    Expected,
    LogoutNotice,
    UnknownKeyError,
    check_id_token,
    check_logout_token,
    decode,
    seconds_remembered,
)

_LONGEST_NAME, _LONGEST_EMAIL, _LONGEST_SID = 200, 254, 1_000
_OF_ID_TOKENS = frozenset({"iss", "aud", "azp", "exp", "iat", "nbf", "auth_time", "acr", "amr", "sid"})
"""Claims about a sign-in, which only a signed token may make."""
_NAMES = ("name", "preferred_username", EMAIL, "sub")
_TRY_LATER = frozenset({"temporarily_unavailable", "server_error"})
_THEIR_CHOICE = frozenset({"access_denied", "login_required", "interaction_required", "consent_required"})


class OidcClient:
    """Kurslotse as a client of one issuer."""

    def __init__(
        self, issuer: Issuer, fetcher: Fetcher, return_to: str, now: Callable[[], float] = time.time
    ) -> None:
        self.issuer = issuer
        self._fetcher, self._return_to, self._now = fetcher, return_to, now
        self._server = IssuerServer(issuer, fetcher)
        self._logouts = Once(seconds_remembered(issuer))

    async def address(self, flow: Flow) -> str:
        """Return the address at the issuer's server to which the browser goes to sign in.

        Raises:
            OidcError: the server is silent, or cannot be used.
        """
        metadata = await self._server.metadata()
        asked: dict[str, str] = {"prompt": "login", "max_age": "0"} if flow.fresh else {}
        if self.issuer.required_acr:
            asked["acr_values"] = " ".join(self.issuer.required_acr)
        return str(
            prepare_grant_uri(
                metadata.authorization_endpoint,
                self.issuer.client_id,
                "code",
                redirect_uri=self._return_to,
                scope=" ".join(self.issuer.scopes),
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),  # type: ignore[no-untyped-call] # of the stubs
                code_challenge_method="S256",
                **asked,
            )
        )

    async def finish(self, flow: Flow, said: Mapping[str, str]) -> tuple[Identity, Claims]:
        """Return who signed in, and all that the issuer says about them.

        Args:
            flow: The sign-in to which the answer belongs: its state has been compared.
            said: The parameters with which the issuer's server led the browser back.

        Raises:
            OidcError: nobody is signed in; it says why.
        """
        metadata = await self._server.metadata()
        code = _code(self.issuer, metadata, said)
        tokens = await self._redeemed(metadata, code, flow.verifier)
        id_token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(access, str) or not access:
            raise OidcError(Reason.SERVER_WRONG, "no access token")
        token = await self._decoded(metadata, id_token)
        expected = Expected(
            nonce=flow.nonce,
            access_token=access,
            fresh_since=flow.begun_at if flow.fresh else None,
        )
        verified = check_id_token(self.issuer, token, expected, self._now())
        claims = await self._completed(metadata, verified, access)
        return self._identity(claims, str(id_token)), claims

    async def logout_address(self, id_token: str, return_to: str) -> str | None:
        """Return the address that signs out at the issuer and leads back; None if it offers none.

        Raises:
            OidcError: the server is silent, or cannot be used.
        """
        end = (await self._server.metadata()).end_session_endpoint
        if end is None:
            return None
        asked = {
            "id_token_hint": id_token,
            "client_id": self.issuer.client_id,
            "post_logout_redirect_uri": return_to,
        }
        return str(add_params_to_uri(end, list(asked.items())))

    async def notice(self, logout_token: object) -> LogoutNotice:
        """Return what a logout token says; each is believed once.

        Raises:
            OidcError: the token is not one of this issuer's, or it came before.
        """
        token = await self._decoded(await self._server.metadata(), logout_token)
        notice = check_logout_token(self.issuer, token, self._now())
        if not self._logouts.use(notice.jti):
            raise OidcError(Reason.FLOW_USED, "jti")
        return notice

    async def _redeemed(self, metadata: ServerMetadata, code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._return_to,
            "code_verifier": verifier,
        }
        answer = await self._fetcher.post(
            metadata.token_endpoint, form, self.issuer.client_id, self.issuer.client_secret
        )
        if not answer.good:
            raise _of_token_endpoint(answer)
        return answer.content

    async def _decoded(self, metadata: ServerMetadata, token: object) -> jwt.Token:
        try:
            return decode(token, await self._server.keys(), metadata.algorithms)
        except UnknownKeyError:
            newer = await self._server.newer_keys()
        try:
            if newer is not None:
                return decode(token, newer, metadata.algorithms)
        except UnknownKeyError:
            pass
        raise OidcError(Reason.TOKEN_FORGED, "an unknown key")

    async def _completed(self, metadata: ServerMetadata, claims: Claims, access: str) -> Claims:
        """Add what only the UserInfo endpoint says; what the ID token says itself counts more."""
        wanted = {"name", EMAIL, *self.issuer.claims_used(self._today())}
        lacking = any(claim_of(claims, name) is None for name in wanted)
        if not lacking or metadata.userinfo_endpoint is None:
            return claims
        answer = await self._fetcher.get(metadata.userinfo_endpoint, bearer=access)
        if not answer.good:
            raise OidcError(Reason.SERVER_WRONG, f"UserInfo answers {answer.status}")
        if answer.content.get("sub") != claims["sub"]:
            raise OidcError(Reason.SERVER_WRONG, "UserInfo is about another person")
        more = {name: value for name, value in answer.content.items() if name not in _OF_ID_TOKENS}
        return {**more, **claims}

    def _identity(self, claims: Claims, id_token: str) -> Identity:
        used = self.issuer.claims_used(self._today())
        email, sid, auth_time = claims.get(EMAIL), claims.get("sid"), claims.get("auth_time")
        named = isinstance(email, str) and len(email) <= _LONGEST_EMAIL and email.isprintable()
        return Identity(
            issuer=self.issuer.key,
            subject=claims["sub"],
            sid=sid if isinstance(sid, str) and 0 < len(sid) <= _LONGEST_SID else None,
            name=_name(claims),
            email=email if named and claims.get(EMAIL_VERIFIED) is not False else None,
            claims={name: value for name in sorted(used) if (value := claim_of(claims, name)) is not None},
            id_token=id_token,
            auth_time=None if auth_time is None else datetime.fromtimestamp(auth_time, UTC),
        )

    def _today(self) -> date:
        return local_day(datetime.fromtimestamp(self._now(), UTC))


def _code(issuer: Issuer, metadata: ServerMetadata, said: Mapping[str, str]) -> str:
    """Return the code of an authorization response (RFC 6749, 4.1.2; RFC 9207)."""
    named = said.get("iss")
    if named is None and metadata.authorization_response_iss_parameter_supported:
        raise OidcError(Reason.OTHER_ISSUER, "no iss in the response")
    if named is not None and named != issuer.url:
        raise OidcError(Reason.OTHER_ISSUER, "another iss in the response")
    error = said.get("error")
    if error in _THEIR_CHOICE:
        raise OidcError(Reason.REFUSED, error)
    if error in _TRY_LATER:
        raise OidcError(Reason.SERVER_SILENT, error)
    code = said.get("code")
    if error is not None or not code:
        raise OidcError(Reason.SERVER_WRONG, "an error response" if error else "no code")
    return code


def _of_token_endpoint(answer: Answer) -> OidcError:
    error = answer.content.get("error")
    if error == "invalid_grant":
        return OidcError(Reason.CODE_REFUSED, "invalid_grant")
    if error in {"invalid_client", "unauthorized_client"}:
        return OidcError(Reason.SERVER_WRONG, "the server does not accept this client's id or secret")
    return OidcError(Reason.SERVER_WRONG, f"the token endpoint answers {answer.status}")


def _name(claims: Claims) -> str:
    for key in _NAMES:
        value = claims.get(key)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:_LONGEST_NAME]
    return ""
