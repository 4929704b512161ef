"""Verifies ID tokens and logout tokens: who signed them, for whom, for which sign-in, and when."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import (
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from services.accounts.oidc.failures import OidcError, Reason
from services.accounts.oidc.issuers import Issuer

Claims = Mapping[str, Any]

_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LOGOUT_SECONDS = 600
"""How old a logout token may be; so long its `jti` has to be remembered."""
_ID_TOKEN_TYPES = (None, "JWT")
_LOGOUT_TOKEN_TYPES = ("logout+jwt", "application/logout+jwt", "JWT", None)
_LONGEST_SUBJECT = 255  # OpenID Connect Core, section 2

_OF_CLAIM: Mapping[str, Reason] = {
    "iss": Reason.OTHER_ISSUER,
    "aud": Reason.TOKEN_FOREIGN,
    "azp": Reason.TOKEN_FOREIGN,
    "nonce": Reason.NONCE,
    "exp": Reason.TOKEN_EXPIRED,
    "nbf": Reason.TOKEN_EARLY,
    "iat": Reason.TOKEN_EARLY,
    "at_hash": Reason.TOKEN_FORGED,
}


class UnknownKeyError(Exception):
    """A token names a key that is not among those known; perhaps the server has new ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the ID token of one sign-in has to say.

    `fresh_since`: the person must have shown who they are since then (seconds since 1970); None: whenever.
    """

    nonce: str
    access_token: str
    fresh_since: float | None


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """An issuer says that sessions of a person, or one of its own sessions, have ended."""

    subject: str | None
    sid: str | None
    jti: str


def decode(token: object, keys: KeySet, algorithms: Sequence[str]) -> jwt.Token:
    """Return a token that one of the keys has signed; nothing of what it says is believed yet.

    Raises:
        UnknownKeyError: the token names another key.
        OidcError: the token is not signed as it has to be.
    """
    if not isinstance(token, str) or not algorithms:
        raise OidcError(Reason.SERVER_WRONG, "no token")
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        return jwt.decode(token, keys, registry=registry)
    except InvalidKeyIdError:
        raise UnknownKeyError from None
    except JoseError as error:
        raise OidcError(Reason.TOKEN_FORGED, error.error) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:  # not even a token
        raise OidcError(Reason.TOKEN_FORGED, type(error).__name__) from None


def check_id_token(issuer: Issuer, token: jwt.Token, expected: Expected, now: float) -> Claims:
    """Return the claims of an ID token of the code flow (OpenID Connect Core, section 3.1.3.7).

    Raises:
        OidcError: a claim is missing or wrong.
    """
    _check_type(token, _ID_TOKEN_TYPES)
    claims = token.claims
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise OidcError(Reason.NONCE, "nonce")
    if not isinstance(claims.get("at_hash", ""), str):
        raise OidcError(Reason.TOKEN_FORGED, "at_hash")
    checked = CodeIDToken(
        claims,
        token.header,
        {
            "iss": {"essential": True, "value": issuer.url},
            "aud": {"essential": True, "value": issuer.client_id},
        },
        {"client_id": issuer.client_id, "nonce": expected.nonce, "access_token": expected.access_token},
    )
    try:
        checked.validate(now=int(now), leeway=issuer.clock_skew)
    except JoseError as error:
        raise _of_claim(error) from None
    _check_subject(claims.get("sub"))
    _check_freshness(issuer, claims.get("auth_time"), expected.fresh_since, now)
    _check_strength(issuer, claims)
    return claims


def check_logout_token(issuer: Issuer, token: jwt.Token, now: float) -> LogoutNotice:
    """Return what a logout token says (OpenID Connect Back-Channel Logout 1.0, section 2.6).

    Whether its `jti` came before is the caller's to see.

    Raises:
        OidcError: a claim is missing or wrong.
    """
    _check_type(token, _LOGOUT_TOKEN_TYPES)
    claims = token.claims
    registry = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=issuer.clock_skew,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "value": issuer.client_id},
        iat={"essential": True},
        jti={"essential": True},
        events={"essential": True},
    )
    try:
        registry.validate(claims)
    except JoseError as error:
        raise _of_claim(error) from None
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
        raise OidcError(Reason.TOKEN_FORGED, "events")
    if "nonce" in claims:  # then it may be an ID token
        raise OidcError(Reason.TOKEN_FORGED, "nonce")
    if claims["iat"] < now - _LOGOUT_SECONDS - issuer.clock_skew:
        raise OidcError(Reason.TOKEN_EXPIRED, "iat")
    subject, sid = claims.get("sub"), claims.get("sid")
    if not all(one is None or (isinstance(one, str) and one) for one in (subject, sid)):
        raise OidcError(Reason.TOKEN_FORGED, "sub or sid")
    if subject is None and sid is None:
        raise OidcError(Reason.TOKEN_FORGED, "neither sub nor sid")
    return LogoutNotice(subject, sid, claims["jti"])


def seconds_remembered(issuer: Issuer) -> float:
    """Return how long the `jti` of a logout token must be remembered."""
    return _LOGOUT_SECONDS + 2.0 * issuer.clock_skew


def _check_type(token: jwt.Token, types: Sequence[str | None]) -> None:
    if token.header.get("typ") not in types:
        raise OidcError(Reason.TOKEN_FORGED, "typ")


def _of_claim(error: JoseError) -> OidcError:
    """Return the error for a wrong claim, which names the claim and not what it says."""
    match error:
        case ExpiredTokenError():
            return OidcError(Reason.TOKEN_EXPIRED, "exp")
        case InvalidClaimError():
            return OidcError(_OF_CLAIM.get(error.claim, Reason.TOKEN_FORGED), error.claim)
        case MissingClaimError():
            return OidcError(Reason.TOKEN_FORGED, f"without {error.claim}")
        case _:
            return OidcError(Reason.TOKEN_FORGED, error.error)


def _check_subject(subject: object) -> None:
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
        raise OidcError(Reason.TOKEN_FORGED, "sub")


def _check_freshness(issuer: Issuer, auth_time: object, since: float | None, now: float) -> None:
    """Check when the person showed who they are; Authlib does not, and takes max_age=0 for none."""
    if auth_time is None and since is None:
        return
    if not isinstance(auth_time, int | float) or isinstance(auth_time, bool) or not auth_time >= 0:  # nor NaN
        raise OidcError(Reason.NOT_FRESH if since is not None else Reason.TOKEN_FORGED, "auth_time")
    if auth_time > now + issuer.clock_skew:
        raise OidcError(Reason.TOKEN_EARLY, "auth_time")
    if since is not None and auth_time < since - issuer.clock_skew:
        raise OidcError(Reason.NOT_FRESH, "auth_time")


def _check_strength(issuer: Issuer, claims: Claims) -> None:
    if issuer.required_acr and claims.get("acr") not in issuer.required_acr:
        raise OidcError(Reason.TOO_WEAK, "acr")
    used = claims.get("amr")
    if not all(isinstance(used, list) and method in used for method in issuer.required_amr):
        raise OidcError(Reason.TOO_WEAK, "amr")
