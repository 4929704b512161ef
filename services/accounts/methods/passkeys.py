"""Registers passkeys and checks what they sign (WebAuthn), with challenges that are used once."""

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import webauthn
from starlette.requests import Request
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.accounts.context import Accounts
from services.accounts.methods import store
from services.runtime.web.visit.sessions import session_of

_NAME = "Kurslotse"
_REFUSED = (WebAuthnException, KeyError, TypeError, ValueError)


class PasskeyError(Exception):
    """The browser's answer does not show the passkey that was asked for."""


@dataclass(frozen=True, slots=True)
class Party:
    """For which site passkeys are made: its domain and its origin."""

    domain: str
    origin: str


def party_of(accounts: Accounts, request: Request) -> Party | None:
    """Return the site of a request; None where browsers make no passkeys: under a bare IP address.

    The host must be that of the public address; on one machine, `localhost` stands for its loopback address.
    """
    public, asked = urlsplit(accounts.public_url), request.url.hostname or ""
    known = public.hostname or ""
    if asked == "localhost" and known in {"127.0.0.1", "::1", ""}:
        return Party(asked, f"{request.url.scheme}://{request.url.netloc}")
    if asked != known or _is_address(known):
        return None
    return Party(known, f"{public.scheme}://{public.netloc}")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def registration(
    conn: asyncpg.Connection, request: Request, party: Party, person: UUID, name: str
) -> dict[str, Any]:
    """Return what a browser needs to make a passkey for a person."""
    known = await store.passkeys(conn, person)
    options = webauthn.generate_registration_options(
        rp_id=party.domain,
        rp_name=_NAME,
        user_id=person.bytes,
        user_name=name,
        user_display_name=name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row["credential"]) for row in known],
    )
    await store.put_challenge(conn, options.challenge, _browser(request))
    return _json(options)


async def authentication(conn: asyncpg.Connection, request: Request, party: Party) -> dict[str, Any]:
    """Return what a browser needs to sign with any passkey of this site."""
    options = webauthn.generate_authentication_options(
        rp_id=party.domain, user_verification=UserVerificationRequirement.REQUIRED
    )
    await store.put_challenge(conn, options.challenge, _browser(request))
    return _json(options)


async def register(
    conn: asyncpg.Connection,
    request: Request,
    party: Party,
    credential: Any,  # noqa: ANN401 - the browser's
    *,
    person: UUID,
    name: str,
) -> None:
    """Keep the passkey that a browser has made.

    Raises:
        PasskeyError: it does not answer a challenge of this browser, or is no sound passkey.
    """
    challenge = await _challenge(conn, request, credential)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _REFUSED as error:
        raise PasskeyError("not a passkey that was asked for") from error
    try:
        async with conn.transaction():
            await store.add_passkey(
                conn,
                person,
                credential=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=name[:80],
            )
    except asyncpg.UniqueViolationError as error:
        raise PasskeyError("known already") from error


async def authenticate(
    conn: asyncpg.Connection,
    request: Request,
    party: Party,
    credential: Any,  # noqa: ANN401 - the browser's
) -> asyncpg.Record:
    """Return the person whose passkey has signed.

    Raises:
        PasskeyError: nobody's has, or a copy of one.
    """
    challenge = await _challenge(conn, request, credential)
    try:
        row = await store.passkey(conn, base64url_to_bytes(credential["rawId"]))
        if row is None:
            raise PasskeyError("unknown passkey")
        shown = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            credential_public_key=row["public_key"],
            credential_current_sign_count=row["sign_count"],
            require_user_verification=True,
        )
    except _REFUSED as error:
        raise PasskeyError("not signed by a passkey that is known") from error
    await store.use_passkey(conn, row["credential"], shown.new_sign_count)
    return row


async def _challenge(conn: asyncpg.Connection, request: Request, credential: Any) -> bytes:  # noqa: ANN401
    """Use up the challenge that an answer names."""
    try:
        client = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        challenge = base64url_to_bytes(client["challenge"])
    except _REFUSED as error:
        raise PasskeyError("no answer to a challenge") from error
    if not await store.take_challenge(conn, challenge, _browser(request)):
        raise PasskeyError("an old challenge, or another browser's")
    return challenge


def _browser(request: Request) -> bytes:
    """Return what tells browsers apart: the token of its forms, hashed."""
    return hashlib.sha256(session_of(request).csrf.encode()).digest()


def _json(options: Any) -> dict[str, Any]:  # noqa: ANN401 - one of two kinds of options
    made: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return made
