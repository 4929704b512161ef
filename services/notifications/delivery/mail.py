"""Writes e-mails about alerts: references and links, never a name; text and HTML, German then English."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from services.notifications.delivery import mail_html
from services.notifications.delivery.domain import reference_of
from services.notifications.delivery.holding.domain import kind_of
from services.notifications.mailboxes import MailboxError, canonical
from services.runtime.web.languages import LANGUAGES, Texts, load, msgid

LOCALE = Path(__file__).parents[1] / "locale"

_SUBJECTS = {
    "notice": msgid("New notice %(reference)s"),
    "escalation": msgid("Notice %(reference)s is waiting for an answer"),
    "undelivered": msgid("Notice %(reference)s could not be delivered to the office"),
    "withdrawn": msgid("Notice %(reference)s was withdrawn"),
    "repeat": msgid("Nobody has looked at notice %(reference)s yet"),
    "snooze": msgid("Notice %(reference)s is due again"),
    "declined": msgid("Nobody takes care of notice %(reference)s"),
    "unhooked": msgid("A webhook of your office is switched off"),
}
_SEVERAL = {
    "notice": msgid("%(num)s new notices"),
    "escalation": msgid("%(num)s notices are waiting for an answer"),
    "undelivered": msgid("%(num)s notices could not be delivered to the office"),
    "withdrawn": msgid("%(num)s notices were withdrawn"),
    "repeat": msgid("Nobody has looked at %(num)s notices yet"),
    "snooze": msgid("%(num)s notices are due again"),
    "declined": msgid("Nobody takes care of %(num)s notices"),
    "unhooked": msgid("Webhooks of your office are switched off"),
}
_BODIES = {
    "notice": msgid("There is a notice about a person who gave consent to your office. Please look here:"),
    "escalation": msgid("Your office has not answered this notice yet. Please see that somebody does:"),
    "undelivered": msgid(
        "This notice did not reach the office's mailbox. Please see that somebody looks at it:"
    ),
    "withdrawn": msgid("The reason for this notice no longer exists. There is nothing more to do:"),
    "repeat": msgid("Nobody in your office has looked at this notice yet. Please look here:"),
    "snooze": msgid("Your office has put this notice off until now. Please look here:"),
    "declined": msgid(
        "Your office has declined this notice, and the person has allowed no other office. Nobody takes care"
        " of it unless the registering office or the school enters a consent for another office:"
    ),
    "unhooked": msgid(
        "A webhook of your office no longer works and is switched off; notices come by mail instead. Please"
        " look at the page of your office. This notice was to go there:"
    ),
}
_SEVERAL_BODIES = {
    "notice": msgid("There are notices about people who gave consent to your office. Please look here:"),
    "escalation": msgid("Your office has not answered these notices yet. Please see that somebody does:"),
    "undelivered": msgid(
        "These notices did not reach the office's mailbox. Please see that somebody looks at them:"
    ),
    "withdrawn": msgid("The reasons for these notices no longer exist. There is nothing more to do:"),
    "repeat": msgid("Nobody in your office has looked at these notices yet. Please look here:"),
    "snooze": msgid("Your office has put these notices off until now. Please look here:"),
    "declined": msgid(
        "Your office has declined these notices, and the people have allowed no other office. Nobody takes"
        " care of them unless the registering office or the school enters a consent for another office:"
    ),
    "unhooked": msgid(
        "Webhooks of your office no longer work and are switched off; notices come by mail instead. Please"
        " look at the page of your office. These notices were to go there:"
    ),
}
_FOOTER = msgid("This mail holds no names on purpose. Please answer in the inbox, not by mail.")
_TEST_SUBJECT = msgid("Test mail of Kurslotse")
_TEST_BODY = msgid(
    "This is a test: the mail server of Kurslotse works. It is about nobody. There is nothing to do, and"
    " nobody reads an answer."
)


@dataclass(frozen=True, slots=True)
class AlertLink:
    """An alert as a mail names it."""

    reference: str
    address: str


class MailTexts:
    """The texts of the mails: subjects in German, bodies in German and English."""

    def __init__(self) -> None:
        texts = load([LOCALE])
        self._german, self._languages = texts["de"], tuple(texts[code] for code in LANGUAGES)

    def subject(self, kind: str, references: Sequence[str]) -> str:
        """Return the subject."""
        if len(references) == 1:
            return self._german.gettext(_SUBJECTS[kind], reference=references[0])
        return self._german.gettext(_SEVERAL[kind], num=len(references))

    def body(self, kind: str, links: Sequence[AlertLink]) -> str:
        """Return the text around the links."""
        parts = [
            "\n".join([_said(texts, kind, len(links)), *_listed(links), "", texts.gettext(_FOOTER)])
            for texts in self._languages
        ]
        return "\n\n--\n\n".join(parts) + "\n"

    def html(self, kind: str, subject: str, links: Sequence[AlertLink]) -> str:
        """Return the same as an HTML page."""
        parts = [
            mail_html.Part(texts.language, _said(texts, kind, len(links)), texts.gettext(_FOOTER))
            for texts in self._languages
        ]
        return mail_html.page(subject, parts, [(link.reference, link.address) for link in links])

    def test_subject(self) -> str:
        """Return the subject of a test mail."""
        return self._german.gettext(_TEST_SUBJECT)

    def test_body(self) -> str:
        """Return the text of a test mail, always the same."""
        return "\n\n--\n\n".join(texts.gettext(_TEST_BODY) for texts in self._languages) + "\n"


def _said(texts: Texts, kind: str, number: int) -> str:
    return texts.gettext((_BODIES if number == 1 else _SEVERAL_BODIES)[kind])


def _listed(links: Sequence[AlertLink]) -> list[str]:
    if len(links) == 1:
        return [links[0].address]
    return [f"{link.reference}: {link.address}" for link in links]


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail about an alert, or about several.

    `delivery` makes its Message-ID, the same at every attempt; `others` are the deliveries and alerts that
    ride along, `earlier` the deliveries whose mails told of the same alerts before.
    """

    delivery: UUID
    alert: UUID
    to: str
    step: str
    others: Sequence[tuple[UUID, UUID]] = ()
    earlier: Sequence[UUID] = ()


def compose(letter: Letter, texts: MailTexts, public_url: str) -> EmailMessage:
    """Write the message, in plain ASCII whatever its texts hold.

    Mails about one alert form a thread (RFC 5322, 3.6.4).

    Raises:
        MailboxError: the directory's mailbox is none.
    """
    domain = own_domain(public_url)
    kind = kind_of(letter.step)
    alerts = list(dict.fromkeys([letter.alert, *(alert for _, alert in letter.others)]))
    links = [AlertLink(reference_of(alert), f"{public_url.rstrip('/')}/inbox/{alert}") for alert in alerts]
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(letter.delivery, domain)
    earlier = [message_id(one, domain) for one in letter.earlier if one != letter.delivery]
    if earlier:
        message["In-Reply-To"] = earlier[-1]
        message["References"] = " ".join(earlier)
    message["From"] = Address("Kurslotse", "kurslotse", domain)
    message["To"] = Address(addr_spec=canonical(letter.to))
    message["Subject"] = texts.subject(kind, [link.reference for link in links])
    message["Auto-Submitted"] = "auto-generated"
    for delivery in (letter.delivery, *(one for one, _ in letter.others)):
        message["X-Kurslotse-Delivery"] = str(delivery)
    message.set_content(texts.body(kind, links), cte="quoted-printable")
    html = texts.html(kind, str(message["Subject"]), links)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def message_id(delivery: UUID, domain: str) -> str:
    """Return the Message-ID of a delivery's mail."""
    return f"<{delivery}@{domain}>"


def own_domain(public_url: str) -> str:
    """Return the domain from which mails come: that of the pages, or an invalid one if they have none."""
    host = urlsplit(public_url).hostname or ""
    try:
        return canonical(f"kurslotse@{host}").rpartition("@")[2]
    except MailboxError:
        return "kurslotse.invalid"
