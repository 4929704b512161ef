"""Sends a test mail without anything about a person, and keeps only when it was and how it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from uuid import uuid4

import asyncpg

from services.notifications.delivery.domain import Attempted, Outcome
from services.notifications.delivery.mail import MailTexts, own_domain
from services.notifications.delivery.smtp import SmtpServer
from services.notifications.mailboxes import canonical
from services.runtime.http.buckets import TokenBucket

ACCEPTED = "accepted"
_PER_SECOND, _AT_ONCE = 3 / 60, 3


@dataclass(frozen=True, slots=True)
class LastTest:
    """The last test mail of the installation: business time, and `ACCEPTED` or what went wrong."""

    tested_at: datetime
    outcome: str

    @property
    def accepted(self) -> bool:
        """Whether the mail server took it."""
        return self.outcome == ACCEPTED


async def last_test(conn: asyncpg.Connection) -> LastTest | None:
    """Return the last test mail; None if there was none. For the web role and the worker."""
    row = await conn.fetchrow("SELECT tested_at, outcome FROM mail_test")
    return None if row is None else LastTest(row["tested_at"], row["outcome"])


async def record(conn: asyncpg.Connection, attempted: Attempted, now: datetime) -> None:
    """Keep how a test ended, in place of the one before."""
    await conn.execute(
        "INSERT INTO mail_test (tested_at, outcome) VALUES ($1, $2)"
        " ON CONFLICT (last) DO UPDATE SET tested_at = $1, outcome = $2",
        now,
        outcome_of(attempted),
    )


def outcome_of(attempted: Attempted) -> str:
    """Return the one word that is kept of an attempt.

    >>> outcome_of(Attempted(Outcome.SENT, 250)), outcome_of(Attempted(Outcome.IN_DOUBT))
    ('accepted', 'in_doubt')
    """
    if attempted.outcome is Outcome.SENT:
        return ACCEPTED
    return str(attempted.fault or attempted.outcome)


@dataclass(slots=True)
class TestMails:
    """Sends test mails by the installation's mail server, a few a minute at most.

    Without a `server` none is set; `public_url` gives the sender's domain.
    """

    __test__ = False  # no class of tests

    server: SmtpServer | None = None
    public_url: str = ""
    monotonic: Callable[[], float] = time.monotonic
    _texts: MailTexts = field(default_factory=MailTexts)
    _bucket: TokenBucket | None = None

    def wait(self) -> float:
        """Count one test; return 0, or the seconds to wait (then it may not be sent)."""
        now = self.monotonic()
        self._bucket = self._bucket or TokenBucket(_PER_SECOND, _AT_ONCE, _AT_ONCE, now)
        return self._bucket.take(1, now)

    async def send(self, to: str) -> Attempted:
        """Try once to send the test mail, by the same rules of encryption as every mail.

        Raises:
            MailboxError: the address is none.
            ValueError: no mail server is set.
        """
        if self.server is None:
            raise ValueError("no mail server is set")
        message = EmailMessage(policy=SMTP)
        domain = own_domain(self.public_url)
        message["Message-ID"] = f"<{uuid4()}@{domain}>"
        message["From"] = Address("Kurslotse", "kurslotse", domain)
        message["To"] = Address(addr_spec=canonical(to))
        message["Subject"] = self._texts.test_subject()
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(self._texts.test_body(), cte="quoted-printable")
        return await self.server.send(message)
