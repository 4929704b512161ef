"""Reads the settings of sign-in from the environment, once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.accounts.sessions.domain import Limits
from services.runtime.base.settings import SettingsError

VARIABLES = (
    "KURSLOTSE_SESSION_IDLE_MINUTES",
    "KURSLOTSE_SESSION_HOURS",
    "KURSLOTSE_FRESH_SIGN_IN_MINUTES",
    "KURSLOTSE_ARGON2_PASSES",
    "KURSLOTSE_ARGON2_MEMORY_KIB",
    "KURSLOTSE_ARGON2_LANES",
)
"""Everything that is read."""


@dataclass(frozen=True, slots=True)
class Argon2:
    """The cost of a password's hash; hashes made at another cost are made again at the next sign-in."""

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """How long sessions live and what a password's hash costs."""

    limits: Limits = field(default_factory=Limits)
    argon2: Argon2 = field(default_factory=Argon2)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "AccountSettings":
        """Read the settings; all have defaults.

        Raises:
            SettingsError: one is no number or out of bounds.
        """
        standard, cost = Limits(), Argon2()
        return cls(
            Limits(
                idle=60.0
                * _number(env, "KURSLOTSE_SESSION_IDLE_MINUTES", int(standard.idle / 60), 1, 24 * 60),
                absolute=3600.0
                * _number(env, "KURSLOTSE_SESSION_HOURS", int(standard.absolute / 3600), 1, 24),
                fresh=60.0 * _number(env, "KURSLOTSE_FRESH_SIGN_IN_MINUTES", int(standard.fresh / 60), 1, 60),
            ),
            Argon2(
                _number(env, "KURSLOTSE_ARGON2_PASSES", cost.passes, 1, 20),
                _number(env, "KURSLOTSE_ARGON2_MEMORY_KIB", cost.memory_kib, 8_192, 1_048_576),
                _number(env, "KURSLOTSE_ARGON2_LANES", cost.lanes, 1, 16),
            ),
        )


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        msg = f"{name} must be a number from {least} to {most}"
        raise SettingsError(msg)
    return int(text)
