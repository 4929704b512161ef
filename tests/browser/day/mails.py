"""A mail server that keeps what it takes, as text."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from tests.allocation.process import free_port


class Mails:
    """What has arrived: address, subject, body."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        raw = envelope.original_content
        assert raw is not None
        message = message_from_bytes(raw, policy=policy.default)
        body = message.get_body()
        self.taken.append(f"{message['To']}\n{message['Subject']}\n{body.get_content() if body else ''}")
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mails, str]]:
    """Run it on this machine; yields it with the address for KURSLOTSE_SMTP."""
    box, port = Mails(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
