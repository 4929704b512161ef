"""Lays out a menu: a few sections on top, and below them the pages of the section that is open."""

from collections.abc import Sequence
from dataclasses import dataclass

Entry = tuple[str, str]
"""Address and msgid of a page."""


@dataclass(frozen=True, slots=True)
class Section:
    """Pages that are reached by one entry of the menu; pages that no section names stand by themselves."""

    name: str
    """A msgid."""
    addresses: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Where further pages of the section lie that are in no menu, such as one person's."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a menu."""

    address: str
    label: str
    current: bool
    """Whether it leads to the page that is open, or to its section."""


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu as it is shown."""

    top: Sequence[Link]
    name: str = ""
    """Of the section that is open."""
    below: Sequence[Link] = ()
    """Its pages, if it has several."""


def laid_out(entries: Sequence[Entry], sections: Sequence[Section], path: str) -> Menu:
    """Lay out the entries of a role for the page at a path.

    >>> entries = [("/", "Today"), ("/courses", "Courses"), ("/providers", "Providers")]
    >>> menu = laid_out(entries, [Section("Supply", ("/courses", "/providers"))], "/providers/vhs")
    >>> [(link.label, link.current) for link in menu.top]
    [('Today', False), ('Supply', True)]
    >>> [(link.label, link.current) for link in menu.below]
    [('Courses', False), ('Providers', True)]

    Of addresses that lie in one another the nearest one counts.

    >>> menu = laid_out([("/inbox", "Inbox"), ("/inbox/team", "Team")], [], "/inbox/team")
    >>> [(link.label, link.current) for link in menu.top]
    [('Inbox', False), ('Team', True)]
    """
    own = [address for address, _ in entries]
    further = [also for one in sections if {*own} & {*one.addresses} for also in one.also]
    nearest = max((one for one in (*own, *further) if _within(path, one)), key=len, default="")
    top: list[Link] = []
    name = ""
    below: Sequence[Link] = ()
    seen: set[str] = set()
    for address, label in entries:
        section = next((one for one in sections if address in one.addresses), None)
        if section is None:
            top.append(Link(address, label, address == nearest))
        elif section.name not in seen:
            seen.add(section.name)
            links = [Link(*entry, entry[0] == nearest) for entry in entries if entry[0] in section.addresses]
            here = nearest in {*section.addresses, *section.also}
            top.append(Link(address, section.name if len(links) > 1 else label, here))
            if here and len(links) > 1:
                name, below = section.name, links
    return Menu(top, name, below)


def _within(path: str, address: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))
