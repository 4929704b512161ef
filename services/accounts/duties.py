"""Says which pages an organisation adds to its administrators' menu: who adds others, who has keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.accounts.domain import Kind, Role, Side
from services.runtime.web.languages import msgid


class Duty(StrEnum):
    """What somebody may do beside looking after people and roles."""

    ORGANISATIONS = "organisations"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the menu: its address, and what it is called (msgid)."""

    address: str
    name: str


PAGES_OF: Mapping[Duty, Page] = {
    Duty.ORGANISATIONS: Page("/organisations", msgid("Organisations")),
    Duty.KEYS: Page("/keys", msgid("API keys")),
}
_ADDERS = frozenset({Role.ADMINISTRATOR, Role.OPERATOR})


def duties_of(side: Side, kind: Kind, role: Role, *, founding: bool) -> tuple[Duty, ...]:
    """Return the duties of a role in an organisation.

    On the steering side the Kreis adds organisations, on the support side the founding one.

    >>> duties_of(Side.STEERING, Kind.KREIS, Role.OPERATOR, founding=False)
    (<Duty.ORGANISATIONS: 'organisations'>,)
    >>> duties_of(Side.SUPPORT, Kind.REGISTERING_OFFICE, Role.ADMINISTRATOR, founding=False)
    ()
    """
    adds = kind is Kind.KREIS if side is Side.STEERING else founding
    if adds and role in _ADDERS:
        return (Duty.ORGANISATIONS,)
    if side is Side.STEERING and kind is Kind.PROVIDER and role is Role.ADMINISTRATOR:
        return (Duty.KEYS,)
    return ()
