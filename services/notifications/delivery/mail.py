"""Writes and sends e-mails about alerts: a reference and a link, never a name; German, then English."""

import asyncio
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import aiosmtplib

from services.notifications.delivery.domain import Outcome, reference_of
from services.runtime.web.languages import LANGUAGES, load, msgid

LOCALE = Path(__file__).parents[1] / "locale"
_PERMANENT = 500
_CONNECT_WITHIN = 10.0
_SEND_WITHIN = 15.0  # shorter than the lease of the delivery, which must not run out meanwhile

_SUBJECTS = {
    "notice": msgid("New notice %(reference)s"),
    "escalation": msgid("Notice %(reference)s is waiting for an answer"),
    "undelivered": msgid("Notice %(reference)s could not be delivered to the office"),
    "withdrawn": msgid("Notice %(reference)s was withdrawn"),
}
_BODIES = {
    "notice": msgid("There is a notice about a person who gave consent to your office. Please look here:"),
    "escalation": msgid("Your office has not answered this notice yet. Please see that somebody does:"),
    "undelivered": msgid("The office's mailbox refused this notice. Please see that somebody looks at it:"),
    "withdrawn": msgid("The reason for this notice no longer exists. There is nothing more to do:"),
}
_FOOTER = msgid("This mail holds no names on purpose. Please answer in the inbox, not by mail.")


class MailTexts:
    """The texts of the mails: subjects in German, bodies in German and English."""

    def __init__(self) -> None:
        texts = load([LOCALE])
        self._german, self._languages = texts["de"], tuple(texts[code] for code in LANGUAGES)

    def subject(self, kind: str, reference: str) -> str:
        """Return the subject."""
        return self._german.gettext(_SUBJECTS[kind], reference=reference)

    def body(self, kind: str, link: str) -> str:
        """Return the text around the link."""
        parts = [
            "\n".join([texts.gettext(_BODIES[kind]), link, "", texts.gettext(_FOOTER)])
            for texts in self._languages
        ]
        return "\n\n--\n\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail about an alert; `delivery` makes its Message-ID, the same at every attempt."""

    delivery: UUID
    alert: UUID
    to: str
    step: str


def compose(letter: Letter, texts: MailTexts, public_url: str) -> EmailMessage:
    """Write the message."""
    host = urlsplit(public_url).hostname or "localhost"
    domain = host if "." in host and not host.replace(".", "").isdigit() else "kurslotse.invalid"
    kind = letter.step.partition("-")[0]
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{letter.delivery}@{domain}>"
    message["From"] = Address("Kurslotse", "kurslotse", domain)
    message["To"] = letter.to
    message["Subject"] = texts.subject(kind, reference_of(letter.alert))
    message["Auto-Submitted"] = "auto-generated"
    message["X-Kurslotse-Delivery"] = str(letter.delivery)
    message.set_content(texts.body(kind, f"{public_url.rstrip('/')}/inbox/{letter.alert}"))
    return message


@dataclass(frozen=True, slots=True)
class Attempted:
    """How an attempt to send ended, as far as it is known."""

    outcome: Outcome
    code: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, given as `smtp://host:port` or `smtps://user:password@host:port`."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None

    @classmethod
    def from_url(cls, url: str) -> "SmtpServer":
        """Read KURSLOTSE_SMTP.

        Raises:
            ValueError: it has another form; the message never holds the password.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            msg = "KURSLOTSE_SMTP must read smtp://host:port or smtps://user:password@host:port"
            raise ValueError(msg)
        tls = parts.scheme == "smtps"
        return cls(parts.hostname, parts.port or (465 if tls else 25), tls, parts.username, parts.password)

    async def send(self, message: EmailMessage) -> Attempted:
        """Try to send once; the outcome tells whether trying again helps."""
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.tls,
            start_tls=None if not self.tls else False,
            username=self.user,
            password=self.password,
            timeout=_CONNECT_WITHIN,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            return _refused_before(error)
        try:
            async with asyncio.timeout(_SEND_WITHIN):
                await client.send_message(message, timeout=_SEND_WITHIN)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            return _by_code(min(codes, default=_PERMANENT), "recipient")
        except aiosmtplib.SMTPResponseException as error:
            return _by_code(error.code, "response")
        except (aiosmtplib.SMTPException, OSError) as error:
            # The connection was lost on the way, or nobody answered: the server may have taken the message.
            return Attempted(Outcome.IN_DOUBT, None, type(error).__name__)
        finally:
            client.close()
        return Attempted(Outcome.SENT, 250, "")


def _refused_before(error: Exception) -> Attempted:
    if isinstance(error, aiosmtplib.SMTPResponseException) and not isinstance(
        error, aiosmtplib.SMTPConnectError
    ):
        return _by_code(error.code, "greeting")
    return Attempted(Outcome.RETRY, None, type(error).__name__)


def _by_code(code: int, where: str) -> Attempted:
    outcome = Outcome.REFUSED if code >= _PERMANENT else Outcome.RETRY
    return Attempted(outcome, code, f"{where}_{code}")
