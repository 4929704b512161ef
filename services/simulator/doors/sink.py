"""Receives the mail of the invented offices and records what the checker of a run needs of it."""

import asyncio
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.simulator.doors.ledger import Lines, read_lines, wall_clock


class MailBox:
    """Keeps Message-ID, recipients, subject and text of every mail that was taken."""

    def __init__(self, path: Path) -> None:
        self.taken = sum(1 for _ in read_lines(path))
        self._lines = Lines(path)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail; answered only when it is written down."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        message = message_from_bytes(raw, policy=default)
        body = message.get_body(("plain",))
        self._lines.add(
            {
                "message_id": str(message.get("Message-ID", "")),
                "to": list(envelope.rcpt_tos),
                "from": envelope.mail_from,
                "subject": str(message.get("Subject", "")),
                "headers": {name: str(value) for name, value in message.items()},
                "text": body.get_content() if body is not None else "",
                "at": wall_clock(),
            }
        )
        self.taken += 1
        return "250 OK"

    def close(self) -> None:
        """Close the record."""
        self._lines.close()


async def mail_sink(box: MailBox, host: str, port: int) -> asyncio.Server:
    """Listen for mail in the running event loop."""
    return await asyncio.get_running_loop().create_server(
        lambda: SMTP(box, enable_SMTPUTF8=True, hostname="postfach.kurslotse.invalid"), host, port
    )
