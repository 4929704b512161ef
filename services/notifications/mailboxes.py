"""Checks mailboxes of offices and writes them in the one form that every mail server takes."""

import re
import unicodedata

import idna

_LONGEST = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets
_LONGEST_LOCAL = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")

EXAMPLE = "Write one plain address, for example beratung@example.org."


class MailboxError(ValueError):
    """A mailbox to which no mail can be sent; the message says what to do, never the value."""


def canonical(text: str) -> str:
    """Return a mailbox with its domain in lower case and in punycode.

    Names, several addresses, quoted local parts and address literals are refused: the directory holds
    exactly one mailbox, and what is unusual there is nearly always mistyped.

    Raises:
        MailboxError: it is not one plain mailbox.

    >>> canonical("beratung@JMD-Görlitz.example")
    'beratung@xn--jmd-grlitz-icb.example'
    """
    if any(unicodedata.category(character)[0] in "CZ" for character in text):
        raise MailboxError(f"holds a space, a line break or an invisible character. {EXAMPLE}")
    local, at, domain = text.rpartition("@")
    if not at:
        raise MailboxError(f"has no @. {EXAMPLE}")
    if not local.isascii():
        raise MailboxError(
            "has a letter before the @ that many mail servers refuse (an umlaut, for example)."
            " Ask the office for an address in plain letters."
        )
    if _LOCAL.fullmatch(local) is None or len(local) > _LONGEST_LOCAL:
        raise MailboxError(f"is not one plain address before the @. {EXAMPLE}")
    mailbox = f"{local}@{_domain(domain)}"
    if len(mailbox) > _LONGEST:
        raise MailboxError(f"is longer than {_LONGEST} characters. {EXAMPLE}")
    return mailbox


def _domain(domain: str) -> str:
    try:
        encoded = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise MailboxError(f"has no valid domain after the @. {EXAMPLE}") from None
    host, _, top_level = encoded.rpartition(".")
    if not host or not top_level or top_level.isdigit():
        raise MailboxError(f"has no complete domain after the @. {EXAMPLE}")
    return encoded
