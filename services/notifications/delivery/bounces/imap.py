"""Reads new messages of the sender's mailbox by IMAP, encrypted, and changes nothing there."""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from services.notifications.delivery.bounces.domain import LARGEST
from services.runtime.base.settings import SettingsError

_SECONDS = 15.0
_MOST = 50
_FORM = "imaps://user:password@host:993/INBOX"
_SIZE = re.compile(rb"RFC822\.SIZE ([0-9]{1,12})")
_TLS = 993


class MailboxUnreadableError(Exception):
    """The mailbox cannot be read now; the message holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a mailbox was read: its generation (UIDVALIDITY) and the last message's number."""

    generation: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages after a position, without those that are too large to be a report."""

    position: Position
    messages: list[bytes]


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    """A mailbox on an IMAP server, with TLS from the start."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, url: str) -> "ImapMailbox":
        """Read KURSLOTSE_BOUNCES; user and password are percent-encoded.

        Raises:
            SettingsError: it has another form; the message never holds the password.
        """
        try:
            parts = urlsplit(url)
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            port = parts.port or _TLS
        except ValueError:
            raise SettingsError(f"KURSLOTSE_BOUNCES cannot be read; write {_FORM}") from None
        folder = unquote(parts.path.strip("/")) or "INBOX"
        unfit = any(not one.isprintable() or one in '"\\' for one in folder)
        if parts.scheme != "imaps" or not (parts.hostname and user and password) or parts.query or unfit:
            raise SettingsError(
                f"KURSLOTSE_BOUNCES must read {_FORM}, with user and password percent-encoded"
            )
        return cls(parts.hostname, port, user, password, folder)

    def after(self, position: Position) -> Arrived:
        """Return the next messages after a position; blocks, so it is called in a thread.

        Raises:
            MailboxUnreadableError: the server does not answer, or refuses.
        """
        try:
            with self._opened() as client:
                return _read(client, position)
        except (imaplib.IMAP4.error, OSError, ValueError, IndexError, TypeError) as error:
            raise MailboxUnreadableError(type(error).__name__) from None

    @contextmanager
    def _opened(self) -> Iterator[imaplib.IMAP4_SSL]:
        context = self.tls_context or ssl.create_default_context()
        client = imaplib.IMAP4_SSL(self.host, self.port, ssl_context=context, timeout=_SECONDS)
        try:
            client.login(self.user, self.password)
            client.select(f'"{self.folder}"', readonly=True)
            yield client
        finally:
            client.shutdown()


def _read(client: imaplib.IMAP4_SSL, position: Position) -> Arrived:
    told = client.response("UIDVALIDITY")[1]
    generation = int(told[0] or b"0")
    last = position.last if position.generation == generation else 0
    _, found = client.uid("SEARCH", f"UID {last + 1}:*")
    numbers = sorted(int(one) for one in (found[0] or b"").split() if int(one) > last)[:_MOST]
    messages = []
    for number in numbers:
        _, sized = client.uid("FETCH", str(number), "(RFC822.SIZE)")
        size = _SIZE.search(b" ".join(one for one in sized if isinstance(one, bytes)))
        if size is None or int(size[1]) > LARGEST:
            continue
        _, parts = client.uid("FETCH", str(number), "(BODY.PEEK[])")
        messages += [part[1] for part in parts if isinstance(part, tuple)]
    return Arrived(Position(generation, numbers[-1] if numbers else last), messages)
