"""Sends one mail by the mail server that is set, to see that it takes mails."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from services.notifications.delivery.domain import Outcome
from services.notifications.delivery.mail import own_domain
from services.notifications.delivery.smtp import SmtpServer

NOT_SET = "KURSLOTSE_SMTP is not set: mails to counselling offices are kept and not sent"


async def send_test_mail(smtp: str | None, to: str, public_url: str) -> str:
    """Return what became of a test mail, in one sentence.

    Raises:
        SettingsError: KURSLOTSE_SMTP cannot be read.
    """
    if not smtp:
        return NOT_SET
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Kurslotse", "kurslotse", own_domain(public_url))
    message["To"] = Address(addr_spec=to)
    message["Subject"] = "Kurslotse: Test"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("This is a test: the mail server takes mails from Kurslotse.\n")
    done = await SmtpServer.from_url(smtp).send(message)
    if done.outcome is Outcome.SENT:
        return "the mail server has taken the test mail; please look whether it arrives"
    return f"the mail server has not taken the test mail: {done.fault or done.outcome}"
