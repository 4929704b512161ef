"""Refuses addresses to which no webhook may go: private ones, this machine, and what only looks public."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from services.runtime.base.settings import SettingsError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_MOST_ADDRESSES = 16
_WITHIN = 5.0
_CARRY_IPV4 = (
    (ip_network("::/96"), 0),  # IPv4-compatible
    (ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (ip_network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (ip_network("64:ff9b::/96"), 0),  # NAT64
    (ip_network("2002::/16"), 80),  # 6to4
)
"""Networks of IPv6 whose addresses stand for one of IPv4, and how many bits follow that one.

64:ff9b:1::/48, the NAT64 of local networks, is closed as a whole: each network chooses where its addresses
hold the one of IPv4 (RFC 8215).
"""
_CLOSED = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24",
        "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "::/8", "100::/64", "2001::/23", "2001:db8::/32",
        "3fff::/20", "5f00::/16", "64:ff9b:1::/48", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
"""Never a receiver of webhooks, whatever the libraries of this machine call public or somebody names."""
_OWN = tuple(ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
"""Private networks: an installation may name parts of these."""


class ForbiddenAddressError(Exception):
    """A name stands for an address to which no webhook may go."""


class UnknownNameError(Exception):
    """A name stands for no address."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask this machine's resolver for the addresses of a name.

    Raises:
        UnknownNameError: there are none, or nobody answers.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_WITHIN):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise UnknownNameError from error
    return [str(one[4][0]) for one in found]


@dataclass(frozen=True, slots=True)
class Guard:
    """Finds the addresses of a host and lets only those pass to which a webhook may go."""

    allowed: Sequence[Network] = ()
    """Private networks to which this installation's webhooks may go."""
    resolve: Resolve = resolve

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host, each of them checked; whoever connects uses these and asks no more.

        Raises:
            ForbiddenAddressError: one of them is forbidden.
            UnknownNameError: there are none.
        """
        literal = _literal(host)
        found = [host] if literal is not None else await self.resolve(host, port)
        checked = [self._checked(one) for one in list(dict.fromkeys(found))[:_MOST_ADDRESSES]]
        if not checked:
            raise UnknownNameError
        return checked

    def _checked(self, text: str) -> str:
        address = _literal(text)
        if address is None or not self.permits(address):
            raise ForbiddenAddressError
        return str(address)

    def permits(self, address: Address) -> bool:
        """Return whether a webhook may go to an address."""
        inner = _ipv4_within(address)
        if any(
            one.version == network.version and one in network for one in inner for network in self.allowed
        ):
            return True
        return all(_is_public(one) for one in inner)


def _literal(text: str) -> Address | None:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None


def _ipv4_within(address: Address) -> Sequence[Address]:
    """Return the address for which this one stands, or itself."""
    if isinstance(address, IPv4Address):
        return [address]
    for network, below in _CARRY_IPV4:
        if address in network:
            return [IPv4Address((int(address) >> below) & 0xFFFFFFFF)]
    return [address]


def _is_public(address: Address) -> bool:
    closed = any(address.version == network.version and address in network for network in _CLOSED)
    return address.is_global and not address.is_multicast and not closed


def networks_of(name: str, text: str) -> tuple[Network, ...]:
    """Read the private networks to which an installation's webhooks may go besides public addresses.

    Raises:
        SettingsError: one of them is no private network; this machine's own can never be named.

    >>> networks_of("X", "10.20.0.0/16, fd00:1::/32")
    (IPv4Network('10.20.0.0/16'), IPv6Network('fd00:1::/32'))
    """
    found = []
    for part in filter(None, map(str.strip, text.split(","))):
        try:
            network = ip_network(part)
        except ValueError:
            raise SettingsError(f"{name} must list networks like 10.20.0.0/16") from None
        if not any(network.version == own.version and _within(network, own) for own in _OWN):
            raise SettingsError(
                f"{name} may only list private networks (parts of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16,"
                " fc00::/7); every public address is allowed anyway, this machine's own never are"
            )
        found.append(network)
    return tuple(found)


def _within(network: Network, other: Network) -> bool:
    first, last = network[0], network[-1]
    return first in other and last in other
