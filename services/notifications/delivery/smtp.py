"""Hands mails to the mail server, encrypted, and tells whose fault it is if it does not take them."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.runtime.base.addresses import is_this_machine
from services.runtime.base.settings import SettingsError

# Together shorter than the lease of a delivery, which must not run out meanwhile.
_CONNECT_WITHIN = 12.0
_SEND_WITHIN = 15.0
_PERMANENT = 500
_GOING_DOWN = 421
_SIGN_IN = frozenset({530, 534, 535, 538})  # RFC 4954, section 6
_FORM = "smtps://user:password@host:465, smtp+starttls://user:password@host:587, or smtp://127.0.0.1:25"
_ON_ONE_LINE = SMTP.clone(max_line_length=998)  # a folded Message-ID is lost on some servers
_ENHANCED = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_ADDRESS = re.compile(r"<[^<>\s]*>|\S{1,320}@\S{1,320}")
_ABOUT_SENDER = frozenset({"1.7", "1.8"})
"""Class and detail of status codes (RFC 3463) about the sender's address."""
_SENDER = re.compile(
    r"\bsender(?:'s)?\s+(?:(?:address|domain)\s+)?(?:(?:verify|verification|callout)\s+)?(?:is\s+|was\s+)?"
    r"(?:rejected(?!\s+by)|refused(?!\s+by)|failed|unknown|invalid|not\s+(?:found|verified)|does\s+not\s+exist)"
    r"|\bcould\s+not\s+complete\s+sender\s+verify"
    r"|\b(?:unknown|invalid|bad|unrouteable|unverifiable)\s+sender\b"
    r"|\bdomain\s+of\s+sender\s+address\b"
    r"|\bsend\s+as\s+this\s+sender\b",
    re.IGNORECASE,
)
_RECIPIENT = re.compile(r"recipient\s+address\s+rejected", re.IGNORECASE)
_RELAY = re.compile(
    r"(?<![\w.-])relay(?:ing)?\s+(?:access\s+)?(?:is\s+)?(?:temporarily\s+)?"
    r"(?:denied|not\s+(?:permitted|allowed)|prohibited|disallowed)"
    r"|\b(?:not|cannot|won't|unable\s+to|permitted\s+to|allowed\s+to|refuse\s+to)\s+relay(?:\b(?!-))"
    r"|\bno\s+relaying\b"
    r"|\ballowed\s+rcpthosts\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server: TLS from the start (`smtps`), by STARTTLS, or in plain text on this machine only."""

    host: str
    port: int
    tls: bool
    start_tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)
    """None: the certificates that this machine trusts."""

    @classmethod
    def from_url(cls, url: str) -> "SmtpServer":
        """Read KURSLOTSE_SMTP; user and password are percent-encoded.

        `smtp` and `smtp+starttls` mean STARTTLS, which is required; only on this machine `smtp` is plain.

        Raises:
            SettingsError: it has another form; the message never holds the password.
        """
        try:
            parts = urlsplit(url)
            user, password = _decoded(parts.username), _decoded(parts.password)
            port = parts.port
        except ValueError:
            raise SettingsError(
                f"KURSLOTSE_SMTP cannot be read; write {_FORM}, with user and password percent-encoded"
            ) from None
        extra = parts.path.strip("/") or parts.query or parts.fragment
        if parts.scheme not in {"smtp", "smtp+starttls", "smtps"} or not parts.hostname or port == 0 or extra:
            raise SettingsError(f"KURSLOTSE_SMTP must read {_FORM}")
        if (user is None) != (password is None):
            raise SettingsError(
                "KURSLOTSE_SMTP names a user without a password, or a password without a user"
            )
        tls = parts.scheme == "smtps"
        plain = parts.scheme == "smtp" and is_this_machine(parts.hostname)
        usual = 465 if tls else 25 if plain else 587
        return cls(parts.hostname, port or usual, tls, not tls and not plain, user, password)

    async def send(self, message: EmailMessage) -> Attempted:
        """Try to send once; the outcome tells whether trying again helps, and whose fault it is."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls,
            start_tls=False,
            tls_context=self.tls_context,
            timeout=_CONNECT_WITHIN,
        )
        try:
            return await self._greet(client) or await _hand_over(client, message)
        finally:
            client.close()

    async def _greet(self, client: aiosmtplib.SMTP) -> Attempted | None:
        """Connect, encrypt and sign in; return what failed, or None. Nothing has been sent yet."""
        usual = Fault.SERVER_UNREACHABLE
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                await client.connect()
                if self.start_tls:
                    usual = Fault.TLS_FAILED
                    await client.starttls()
                if self.user is not None:
                    usual = Fault.SIGN_IN_REFUSED
                    await client.login(self.user, self.password or "")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Attempted(Outcome.OWN_FAULT, getattr(error, "code", None), _while_greeting(error, usual))
        return None


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote(text, errors="strict")


def _while_greeting(error: Exception, usual: Fault) -> Fault:
    if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)):
        return Fault.TLS_FAILED
    match error:
        case aiosmtplib.SMTPResponseException(code=code) if code == _GOING_DOWN:
            return Fault.SERVER_BUSY
        case aiosmtplib.SMTPConnectResponseError() | aiosmtplib.SMTPHeloError():
            return Fault.SERVER_REFUSED
        case aiosmtplib.SMTPServerDisconnected() | TimeoutError():
            return Fault.TLS_FAILED if usual is Fault.TLS_FAILED else Fault.SERVER_UNREACHABLE
        case _:
            return usual


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def _hand_over(client: aiosmtplib.SMTP, message: EmailMessage) -> Attempted:
    (sender,), (recipient,) = message["From"].addresses, message["To"].addresses
    raw = message.as_bytes(policy=_ON_ONE_LINE)
    handing_over = False
    try:
        async with asyncio.timeout(_SEND_WITHIN):
            await client.mail(sender.addr_spec)
            await client.rcpt(recipient.addr_spec)
            handing_over = True
            await client.data(raw, timeout=_SEND_WITHIN)
    except aiosmtplib.SMTPResponseException as error:
        return _answered(error)
    except (aiosmtplib.SMTPException, OSError) as error:
        if any(isinstance(cause, ssl.SSLError) for cause in _causes(error)) and not handing_over:
            return Attempted(Outcome.OWN_FAULT, None, Fault.TLS_FAILED)
        # Lost while the message was on its way, the server may have taken it; before, it has not.
        if handing_over:
            return Attempted(Outcome.IN_DOUBT, None, Fault.CONNECTION_LOST)
        return Attempted(Outcome.OWN_FAULT, None, Fault.SERVER_UNREACHABLE)
    return Attempted(Outcome.SENT, 250)


def _answered(error: aiosmtplib.SMTPResponseException) -> Attempted:
    """Judge an answer: only what the server says about the recipient's mailbox is the recipient's fault."""
    outcome, fault = _judged(error, _enhanced(error.message))
    return Attempted(outcome, error.code, fault)


def _judged(error: aiosmtplib.SMTPResponseException, status: str) -> tuple[Outcome, Fault]:
    match error:
        case _ if (own := _own_fault(error, status)) is not None:
            return Outcome.OWN_FAULT, own
        case _ if error.code < _PERMANENT:
            return Outcome.RETRY, Fault.DEFERRED
        case aiosmtplib.SMTPRecipientRefused() if status.startswith("5.7."):
            return Outcome.RETRY, Fault.POLICY  # a rule of our server or of theirs: only the text would tell
        case aiosmtplib.SMTPRecipientRefused():
            return Outcome.REFUSED, Fault.RECIPIENT_REFUSED
        case _ if status.startswith(("5.1.", "5.2.")):  # about the mailbox, only said late
            return Outcome.REFUSED, Fault.RECIPIENT_REFUSED
        case _:
            return Outcome.RETRY, Fault.CONTENT_REFUSED


def _own_fault(error: aiosmtplib.SMTPResponseException, status: str) -> Fault | None:
    match error:
        case _ if error.code == _GOING_DOWN:
            return Fault.SERVER_BUSY
        case _ if error.code in _SIGN_IN:
            return Fault.SIGN_IN_REFUSED
        case aiosmtplib.SMTPHeloError():
            return Fault.SERVER_REFUSED
        case _ if isinstance(error, aiosmtplib.SMTPSenderRefused) or _about_sender(error.message, status):
            return Fault.SENDER_REFUSED
        case aiosmtplib.SMTPRecipientRefused() if _about_relaying(error.message, status):
            return Fault.RELAY_DENIED
        case _:
            return None


def _about_sender(message: str, status: str) -> bool:
    """Return whether a server refuses our sender, which many say only after the recipient or the mail.

    >>> _about_sender("5.1.0 <kurslotse@x.example>: Sender address rejected: User unknown", "5.1.0")
    True
    >>> _about_sender("5.1.1 <sender@x.example>: Recipient address rejected: User unknown", "5.1.1")
    False
    """
    if status[2:] in _ABOUT_SENDER:
        return True
    said = _ADDRESS.sub(" ", message)
    return _SENDER.search(said) is not None and _RECIPIENT.search(said) is None


def _about_relaying(message: str, status: str) -> bool:
    """Return whether a server takes no mails of ours for others; a code about a mailbox says something else.

    >>> _about_relaying("5.7.1 Relay access denied", "5.7.1")
    True
    >>> _about_relaying("5.1.1 <a@x.example>: User unknown in relay recipient table", "5.1.1")
    False
    """
    return status[2:4] not in {"1.", "2."} and _RELAY.search(_ADDRESS.sub(" ", message)) is not None


def _enhanced(message: str) -> str:
    """Return the enhanced status code of an answer (RFC 3463); "" if it has none.

    >>> _enhanced("5.7.1 Relay access denied"), _enhanced("no such office")
    ('5.7.1', '')
    """
    found = _ENHANCED.match(message)
    return found[1] if found else ""
