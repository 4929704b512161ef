"""Makes and checks one-time codes (TOTP, RFC 6238: SHA-1, six digits, 30 seconds)."""

import hmac
import re
from dataclasses import dataclass

import pyotp
import segno
from markupsafe import Markup

from services.accounts.methods.domain import STEP_SECONDS, steps_of

_CODE = re.compile(r"^\d{6}\Z", re.ASCII)
_ISSUER = "Kurslotse"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: a QR code, and the secret in groups of four for typing."""

    qr: Markup
    typed: str


def new_secret() -> str:
    """Return a random secret (base32)."""
    return pyotp.random_base32()


def enrolment(secret: str, login: str) -> Enrolment:
    """Return a secret in the forms that apps read; the picture has no script and no style."""
    address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=_ISSUER)
    drawn = segno.make(address, error="m").svg_inline(
        scale=4, border=3, dark="black", light="white", svgclass="kl-qr", lineclass=None, omitsize=True
    )
    typed = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return Enrolment(Markup(drawn), typed)  # noqa: S704 - drawn by segno of squares alone


def step_of(secret: str, code: str, now: float) -> int | None:
    """Return the time step that a code is of, near a second since 1970; None if it is wrong."""
    typed = "".join(code.split())
    if _CODE.match(typed) is None:
        return None
    generator = pyotp.TOTP(secret)
    for step in steps_of(now):
        if hmac.compare_digest(generator.at(step * STEP_SECONDS), typed):
            return step
    return None
