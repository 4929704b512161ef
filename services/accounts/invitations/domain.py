"""Says whether a link still opens anything, and which roles it may give."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from services.accounts.domain import Kind, Role, Side, roles_of

VALID_DAYS = 7


class LinkState(StrEnum):
    """What became of a link."""

    OPEN = "open"
    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Link:
    """What is known of a link, by the database's clock."""

    used: bool
    withdrawn: bool
    expired: bool


def state_of(link: Link) -> LinkState:
    """Return what a link is good for.

    >>> state_of(Link(used=True, withdrawn=False, expired=True)).value
    'used'
    """
    if link.used:
        return LinkState.USED
    if link.withdrawn:
        return LinkState.WITHDRAWN
    return LinkState.EXPIRED if link.expired else LinkState.OPEN


def givable(side: Side, kind: Kind, wanted: Collection[str]) -> tuple[Role, ...] | None:
    """Return the roles wanted, in their usual order; None if there are none or one cannot be given.

    >>> givable(Side.SUPPORT, Kind.PROVIDER, ["coordinator"]) is None
    True
    """
    known = roles_of(side, kind)
    if not wanted or not set(wanted) <= {role.value for role in known}:
        return None
    return tuple(role for role in known if role.value in wanted)
