"""Reads reports of mail servers about mails that did not arrive (RFC 3464); everything else is no bounce."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parseaddr
from uuid import UUID

LARGEST = 1_000_000
"""A larger message is no report that we read."""
_MOST = 20
_STATUS = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_MESSAGE_ID = re.compile(r"\s*<([0-9a-fA-F-]{36})@[^<>\s]{1,255}>\s*")
_NO_SUCH_MAILBOX = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Status codes (RFC 3463, RFC 7505) that say that a mailbox does not exist or is switched off.

The other codes of 5.1 are not: 5.1.7 and 5.1.8 are about the sender's address.
"""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail that did not arrive: the delivery of its Message-ID, to whom, and the status code."""

    delivery: UUID
    recipient: str
    status: str

    @property
    def no_such_mailbox(self) -> bool:
        """Whether further mails would come back, too."""
        return self.status in _NO_SUCH_MAILBOX


def bounces_of(raw: bytes) -> list[Bounce]:
    """Return what a message says came back; nothing if it is no report, or not about a mail of ours.

    Delays are no bounces. Whoever writes such a report has to know the random Message-ID of the mail.
    """
    if len(raw) > LARGEST:
        return []
    try:
        return list(_read(message_from_bytes(raw)))[:_MOST]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # of hostile messages
        return []


def _read(message: Message) -> Iterator[Bounce]:
    if message.get_content_type() != "multipart/report":
        return
    parts = list(message.walk())
    delivery = next((found for part in parts if (found := _about(part)) is not None), None)
    if delivery is None:
        return
    for part in parts:
        groups = part.get_payload() if part.get_content_type() == "message/delivery-status" else []
        for group in groups if isinstance(groups, list) else []:
            bounce = _failed(group, delivery) if isinstance(group, Message) else None
            if bounce is not None:
                yield bounce


def _about(part: Message) -> UUID | None:
    """Return the delivery of the mail that a part of the report quotes."""
    quoted: object = None
    match part.get_content_type():
        case "message/rfc822":
            inner = part.get_payload()
            quoted = inner[0] if isinstance(inner, list) and inner else None
        case "text/rfc822-headers":
            content = part.get_payload(decode=True)
            quoted = message_from_string(content.decode("latin-1")) if isinstance(content, bytes) else None
    if not isinstance(quoted, Message):
        return None
    found = _MESSAGE_ID.fullmatch(str(quoted.get("Message-ID", "")))
    return UUID(found[1]) if found else None


def _failed(group: Message, delivery: UUID) -> Bounce | None:
    if str(group.get("Action", "")).strip().lower() != "failed":
        return None
    status = _STATUS.match(str(group.get("Status", "")))
    said = str(group.get("Original-Recipient") or group.get("Final-Recipient") or "")
    recipient = parseaddr(said.partition(";")[2].strip())[1].lower()
    return Bounce(delivery, recipient, status[1] if status else "5.0.0") if recipient else None
