"""Takes a new password with the code of a new authenticator app, for whoever enrols or changes it."""

import base64
import binascii
from dataclasses import dataclass, field

import asyncpg

from services.accounts.context import Accounts
from services.accounts.domain import login_name
from services.accounts.methods import store, totp
from services.accounts.methods.domain import weakness
from services.accounts.methods.totp import Enrolment
from services.accounts.pages.words import WEAK
from services.accounts.sealing import SealError
from services.runtime.web.languages import msgid

_FORM, TOTP = "totp form", "totp"


@dataclass(frozen=True, slots=True)
class Offered:
    """A new one-time secret on a page: sealed for the form that comes back, and as an app reads it."""

    sealed: str
    shown: Enrolment


@dataclass(frozen=True, slots=True)
class Proven:
    """What was entered and fits; None is left as it is."""

    email: str
    password: str | None
    secret: str | None
    step: int


@dataclass(slots=True)
class Wrong:
    """What is wrong with which field (msgids)."""

    fields: dict[str, str] = field(default_factory=dict)


def offer(accounts: Accounts, about: str, login: str, sealed: str = "") -> Offered:
    """Return a new secret for a page about an invitation or a person, or the one that was offered before."""
    secret = _unsealed(accounts, about, sealed) or totp.new_secret()
    raw = accounts.sealing.seal(_FORM, about, secret.encode())
    return Offered(base64.urlsafe_b64encode(raw).decode(), totp.enrolment(secret, login))


def _unsealed(accounts: Accounts, about: str, sealed: str) -> str | None:
    try:
        raw = base64.urlsafe_b64decode(sealed)
        return accounts.sealing.unseal(_FORM, about, raw).decode()
    except (SealError, binascii.Error, ValueError):
        return None


def read(
    accounts: Accounts, about: str, entered: dict[str, str], now: float, *, has: bool = False
) -> Proven | Wrong:
    """Read a form; `has`: password and app exist, and what is left empty stays as it is."""
    wrong = Wrong()
    email = login_name(entered.get("email", ""))
    if email is None:
        wrong.fields["email"] = msgid(
            "Please enter an e-mail address; it is your login name, nothing is sent."
        )
    password, code = entered.get("password", ""), entered.get("code", "")
    if password or not has:
        weak = weakness(password, email or "")
        if weak is not None:
            wrong.fields["password"] = WEAK[weak]
        elif password != entered.get("repeat", ""):
            wrong.fields["repeat"] = msgid("The two passwords are not the same.")
    secret, step = None, None
    if code or not has:
        secret = _unsealed(accounts, about, entered.get("sealed", ""))
        step = totp.step_of(secret, code, now) if secret else None
        if step is None:
            wrong.fields["code"] = msgid(
                "The code does not fit. Please enter the six digits that your app shows now for Kurslotse."
            )
    if wrong.fields or email is None:
        return wrong
    return Proven(email, password or None, secret, step or 0)


async def keep(
    accounts: Accounts, conn: asyncpg.Connection, person: asyncpg.Record, proven: Proven, hashed: str | None
) -> None:
    """Store what was proven; `hashed` is the password's hash."""
    if hashed is not None:
        await store.put_password(conn, person["person"], hashed)
    if proven.secret is not None:
        sealed = accounts.sealing.seal(TOTP, str(person["person"]), proven.secret.encode())
        await store.put_totp(conn, person["person"], sealed, proven.step)
