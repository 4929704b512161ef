"""Says which passwords are too weak, and which time step a one-time code is of."""

from enum import StrEnum

LEAST, MOST = 12, 200
STEP_SECONDS = 30
_COMMON = (
    "passwort",
    "password",
    "kurslotse",
    "willkommen",
    "123456",
    "qwertz",
    "qwerty",
    "sommer",
    "winter",
)
_FILLING = 5


class Weak(StrEnum):
    """Why a password cannot be taken."""

    SHORT = "short"
    LONG = "long"
    COMMON = "common"


def weakness(password: str, login: str) -> Weak | None:
    """Return why a password is too weak for this login name, or None.

    A common word or the login name may be in it, if enough is left beside it.

    >>> weakness("kurz", "ada@kreis.example").value
    'short'
    >>> weakness("Passwort1234", "ada@kreis.example").value
    'common'
    >>> weakness("sieben rote Fahrräder", "ada@kreis.example") is None
    True
    """
    if len(password) < LEAST:
        return Weak.SHORT
    if len(password) > MOST:
        return Weak.LONG
    rest = password.casefold()
    for word in (*_COMMON, *(part for part in login.split("@") if len(part) >= 3)):  # noqa: PLR2004 - a word
        rest = rest.replace(word, "")
    letters = rest.strip("0123456789!?.,-_ ")
    return Weak.COMMON if len(letters) < _FILLING or len(set(letters)) < _FILLING else None


def steps_of(now: float) -> tuple[int, int, int]:
    """Return the time steps whose codes are taken at a second since 1970: this one and its neighbours.

    >>> steps_of(90.0)
    (3, 2, 4)
    """
    step = int(now) // STEP_SECONDS
    return step, step - 1, step + 1
