"""Sends a test mail by the mail server that is set, and keeps how that ended."""

from datetime import datetime

import asyncpg

from services.notifications.delivery.domain import Outcome
from services.notifications.delivery.mail_test import TestMails, record
from services.notifications.delivery.smtp import SmtpServer

NOT_SET = "KURSLOTSE_SMTP is not set: mails to counselling offices are kept and not sent"


async def send_test_mail(
    conn: asyncpg.Connection, smtp: str | None, to: str, public_url: str, now: datetime
) -> str:
    """Return what became of a test mail, in one sentence; `conn` is the support side's database.

    Raises:
        SettingsError: KURSLOTSE_SMTP cannot be read.
    """
    if not smtp:
        return NOT_SET
    done = await TestMails(SmtpServer.from_url(smtp), public_url).send(to)
    await record(conn, done, now)
    if done.outcome is Outcome.SENT:
        return "the mail server has taken the test mail; please look whether it arrives"
    return f"the mail server has not taken the test mail: {done.fault or done.outcome}"
