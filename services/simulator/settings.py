"""Reads the simulator's settings from its environment, once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

DEFAULT_SEED = 99001
DEFAULT_START = date(2025, 10, 6)
DEFAULT_HISTORY = 50
"""Seven weeks and a Monday."""
OPENED = "opened"
"""File in the state folder that says on which day the demo has opened."""
DEFAULT_SPEED = 1 / 3
"""Days per minute: there is time to look before the next one begins."""


class SettingsError(Exception):
    """A setting is missing or cannot be understood; the message never holds its value."""


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Addresses of the services, keys of the played publishers, size and speed of the simulation."""

    gateway_url: str
    """KURSLOTSE_GATEWAY_URL"""
    keys: Path
    """KURSLOTSE_SIM_KEYS: JSON file {publisher slug: API key}"""
    console_url: str
    """KURSLOTSE_CONSOLE_URL: allocation's public address"""
    support_url: str
    """KURSLOTSE_SUPPORT_URL: notifications' public address"""
    control_url: str
    """KURSLOTSE_CONTROL_URL: the supervisor's control address"""
    control_token: str = field(repr=False)
    """KURSLOTSE_CONTROL_TOKEN"""
    smtp_sink: str
    """KURSLOTSE_SMTP_SINK: host:port where the played mail boxes listen"""
    state: Path
    """KURSLOTSE_SIM_STATE: directory of state, ledger, canaries, mails, summary"""
    seed: int = DEFAULT_SEED
    """KURSLOTSE_SIM_SEED"""
    start: date = DEFAULT_START
    """KURSLOTSE_SIM_START: first simulated day (a Monday)"""
    people: int = 1500
    """KURSLOTSE_SIM_PEOPLE: people over a year"""
    history: int = DEFAULT_HISTORY
    """KURSLOTSE_SIM_HISTORY: days played at full speed; on the last of them the demo opens"""
    at_least: int = 0
    """KURSLOTSE_SIM_DAYS: days played before `--seconds` ends the simulation, on however slow a machine"""
    speed: float | None = DEFAULT_SPEED
    """KURSLOTSE_SIM_SPEED: days per minute after that, or 'max'"""

    @property
    def opens_on(self) -> date | None:
        """The day on which somebody begins to watch, or None if nobody does."""
        return None if self.speed is None else self.start + timedelta(days=self.history - 1)

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "SimulatorSettings":
        """Read all settings; an absent or unreadable one is named, never shown."""
        speed = env.get("KURSLOTSE_SIM_SPEED", str(DEFAULT_SPEED))
        try:
            return cls(
                gateway_url=_required(env, "KURSLOTSE_GATEWAY_URL"),
                keys=Path(_required(env, "KURSLOTSE_SIM_KEYS")),
                console_url=_required(env, "KURSLOTSE_CONSOLE_URL"),
                support_url=_required(env, "KURSLOTSE_SUPPORT_URL"),
                control_url=_required(env, "KURSLOTSE_CONTROL_URL"),
                control_token=env.get("KURSLOTSE_CONTROL_TOKEN", ""),
                smtp_sink=_required(env, "KURSLOTSE_SMTP_SINK"),
                state=Path(_required(env, "KURSLOTSE_SIM_STATE")),
                seed=int(env.get("KURSLOTSE_SIM_SEED", str(DEFAULT_SEED))),
                start=date.fromisoformat(env.get("KURSLOTSE_SIM_START", DEFAULT_START.isoformat())),
                people=int(env.get("KURSLOTSE_SIM_PEOPLE", "1500")),
                history=int(env.get("KURSLOTSE_SIM_HISTORY", str(DEFAULT_HISTORY))),
                at_least=int(env.get("KURSLOTSE_SIM_DAYS", "0")),
                speed=None if speed == "max" else float(speed),
            )
        except ValueError as error:
            raise SettingsError("a KURSLOTSE_SIM_* setting cannot be read as a number or date") from error


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name)
    if not value:
        msg = f"{name} is not set"
        raise SettingsError(msg)
    return value
