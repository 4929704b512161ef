"""Writes e-mails about alerts: a reference and a link, never a name; German, then English."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from services.notifications.delivery.domain import reference_of
from services.notifications.mailboxes import MailboxError, canonical
from services.runtime.web.languages import LANGUAGES, load, msgid

LOCALE = Path(__file__).parents[1] / "locale"

_SUBJECTS = {
    "notice": msgid("New notice %(reference)s"),
    "escalation": msgid("Notice %(reference)s is waiting for an answer"),
    "undelivered": msgid("Notice %(reference)s could not be delivered to the office"),
    "withdrawn": msgid("Notice %(reference)s was withdrawn"),
}
_BODIES = {
    "notice": msgid("There is a notice about a person who gave consent to your office. Please look here:"),
    "escalation": msgid("Your office has not answered this notice yet. Please see that somebody does:"),
    "undelivered": msgid(
        "This notice did not reach the office's mailbox. Please see that somebody looks at it:"
    ),
    "withdrawn": msgid("The reason for this notice no longer exists. There is nothing more to do:"),
}
_FOOTER = msgid("This mail holds no names on purpose. Please answer in the inbox, not by mail.")
_TEST_SUBJECT = msgid("Test mail of Kurslotse")
_TEST_BODY = msgid(
    "This is a test: the mail server of Kurslotse works. It is about nobody. There is nothing to do, and"
    " nobody reads an answer."
)


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

    def test_subject(self) -> str:
        """Return the subject of a test mail."""
        return self._german.gettext(_TEST_SUBJECT)

    def test_body(self) -> str:
        """Return the text of a test mail, always the same."""
        return "\n\n--\n\n".join(texts.gettext(_TEST_BODY) for texts in self._languages) + "\n"


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail about an alert; `delivery` makes its Message-ID, the same at every attempt."""

    delivery: UUID
    alert: UUID
    to: str
    step: str


def compose(letter: Letter, texts: MailTexts, public_url: str) -> EmailMessage:
    """Write the message, in plain ASCII whatever its texts hold.

    Raises:
        MailboxError: the directory's mailbox is none.
    """
    domain = own_domain(public_url)
    kind = letter.step.partition("-")[0]
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{letter.delivery}@{domain}>"
    message["From"] = Address("Kurslotse", "kurslotse", domain)
    message["To"] = Address(addr_spec=canonical(letter.to))
    message["Subject"] = texts.subject(kind, reference_of(letter.alert))
    message["Auto-Submitted"] = "auto-generated"
    message["X-Kurslotse-Delivery"] = str(letter.delivery)
    link = f"{public_url.rstrip('/')}/inbox/{letter.alert}"
    message.set_content(texts.body(kind, link), cte="quoted-printable")
    return message


def own_domain(public_url: str) -> str:
    """Return the domain from which mails come: that of the pages, or an invalid one if they have none."""
    host = urlsplit(public_url).hostname or ""
    try:
        return canonical(f"kurslotse@{host}").rpartition("@")[2]
    except MailboxError:
        return "kurslotse.invalid"
