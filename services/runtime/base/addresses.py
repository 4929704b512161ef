"""Judges whether what travels to an address can be read on the way: plain text stays on this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

Network = IPv4Network | IPv6Network

_INSTEAD: Mapping[str, str] = {
    "http": "https://...",
    "kafka": "ssl://host:port",
    "sasl": "sasl+ssl://user:password@host:port",
    "smtp": "smtps://host:465, or smtp+starttls://host:587",
    "postgresql": "postgresql://...?sslmode=verify-full",
}
"""Scheme that travels in plain text -> how to write the same address encrypted."""
_KAFKA = frozenset({"kafka", "ssl", "sasl", "sasl+ssl"})
_ENCRYPTED = frozenset({"https", "ssl", "sasl+ssl", "smtps", "smtp+starttls"})
_SSL_MODES = frozenset({"require", "verify-ca", "verify-full"})  # others fall back to plain text


class AddressError(ValueError):
    """An address must not be used; the message names the setting and never holds the address."""


def require_encrypted(name: str, address: str) -> str:
    """Return the address if what travels to it is encrypted or stays on this machine.

    Knows http, Kafka, SMTP and PostgreSQL addresses; several hosts are separated by commas. A password in
    the address changes nothing: SCRAM hides the password, not what is said afterwards.

    Raises:
        AddressError: says what to write instead.

    >>> require_encrypted("KURSLOTSE_KAFKA", "kafka://127.0.0.1:9092")
    'kafka://127.0.0.1:9092'
    """
    if any(character.isspace() or character in "\\#" for character in address):
        raise AddressError(f"{name} holds a space, a backslash or a #, which no address needs")
    try:
        parts = urlsplit(address)
        hosts = _hosts(address, parts)
    except ValueError:
        raise AddressError(f"{name} cannot be read as an address") from None
    scheme = "postgresql" if parts.scheme == "postgres" else parts.scheme
    if scheme not in _INSTEAD and scheme not in _ENCRYPTED:
        known = ", ".join(sorted({*_INSTEAD, *_ENCRYPTED}))
        raise AddressError(f"{name} must begin with one of {known} and ://")
    if not hosts:
        raise AddressError(f"{name} names no host")
    if scheme in _ENCRYPTED or (scheme == "postgresql" and _ssl_mode(parts) in _SSL_MODES):
        return address
    if all(map(is_this_machine, hosts)):
        return address
    raise AddressError(
        f"{name} would send data in plain text to another machine; write {_INSTEAD[scheme]}"
        " (plain text is for 127.0.0.1, ::1 and localhost only)"
    )


def is_this_machine(host: str) -> bool:
    """Return whether a host is a loopback address, `localhost`, or the folder of a Unix socket.

    >>> [is_this_machine(host) for host in ("127.0.0.1", "::1", "localhost", "/run/x", "10.0.0.1", "0.0.0.0")]
    [True, True, True, True, False, False]
    """
    if host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _hosts(address: str, parts: SplitResult) -> list[str]:
    """Return every host that a client of this address may connect to."""
    where = parts.netloc.rpartition("@")[2]
    if parts.scheme in _KAFKA:  # read as runtime/kafka reads it: the password may hold anything
        where = address.partition("://")[2].rpartition("@")[2].rstrip("/")
    hosts = [_host(one) for one in where.split(",")] if where else []
    if parts.scheme in {"postgres", "postgresql"}:
        asked = parse_qs(parts.query)
        hosts += [
            _host(one)
            for key in ("host", "hostaddr")
            for text in asked.get(key, ())
            for one in text.split(",")
        ]
    if "" in hosts:
        raise ValueError("an empty host")
    return hosts


def _host(text: str) -> str:
    socket = unquote(text)
    return socket if socket.startswith("/") else urlsplit(f"//{text}").hostname or ""


def _ssl_mode(parts: SplitResult) -> str:
    modes = parse_qs(parts.query).get("sslmode", [""])
    return modes[0] if len(modes) == 1 else ""


@dataclass(frozen=True, slots=True)
class Proxies:
    """The machines that may stand in front of us: they end TLS and say who really asks."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, name: str, text: str) -> "Proxies":
        """Read addresses and networks separated by commas.

        Raises:
            AddressError: one of them is neither.
        """
        try:
            return cls(tuple(ip_network(part.strip()) for part in text.split(",") if part.strip()))
        except ValueError:
            raise AddressError(f"{name} must list addresses or networks like 10.0.0.5, 10.1.0.0/24") from None

    def hold(self, host: str) -> bool:
        """Return whether a peer is one of them.

        >>> Proxies.parse("X", "10.1.0.0/24").hold("10.1.0.7")
        True
        """
        try:
            address = ip_address(host)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in network for network in self.networks)

    def client_of(self, peer: str, forwarded: Sequence[str]) -> str:
        """Return who asks: the last address in X-Forwarded-For that is none of ours; else the peer.

        What stands further left was written by the client, who may write anything.
        """
        client = peer
        listed = [part.strip() for line in forwarded for part in line.split(",")]
        while listed and self.hold(client):
            client = listed.pop()
            if not _is_address(client):
                return peer
        return client


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def require_listening(name: str, host: str, proxies: Proxies, *, encrypted: bool = False) -> None:
    """Let a server listen in plain text on this machine, or elsewhere with TLS or behind a named TLS proxy.

    Raises:
        AddressError: others could connect in plain text.
    """
    if not is_this_machine(host) and not proxies.networks and not encrypted:
        raise AddressError(
            f"{name} would answer other machines in plain text; listen on 127.0.0.1, set KURSLOTSE_TLS to a"
            " file with certificate and key, or KURSLOTSE_PROXIES to the addresses of the proxies that end"
            " TLS in front of it"
        )


def by_name(address: str) -> str:
    """Return a web address of this machine by its name: browsers make no passkeys for numbers.

    >>> by_name("http://127.0.0.1:8101/desk"), by_name("https://kurs.example/127.0.0.1"), by_name("")
    ('http://localhost:8101/desk', 'https://kurs.example/127.0.0.1', '')
    """
    parts = urlsplit(address)
    if parts.hostname != "127.0.0.1":
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.replace("127.0.0.1", "localhost")))
