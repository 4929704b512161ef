import socket
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib

from services.simulator.doors.ledger import read_lines
from services.simulator.doors.sink import MailBox, mail_sink


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def test_the_sink_writes_a_mail_down_before_it_says_yes(tmp_path: Path) -> None:
    box, port = MailBox(tmp_path / "mails.jsonl"), free_port()
    server = await mail_sink(box, "127.0.0.1", port)
    message = EmailMessage()
    message["From"] = "kurslotse@kurslotse.invalid"
    message["To"] = "postfach@mbe-nord.kurslotse.invalid"
    message["Message-ID"] = "<1f0e7a90-0000-5000-8000-000000000001@kurslotse.invalid>"
    message["Subject"] = "Neuer Hinweis"
    message.set_content("Ein Hinweis mit Umlaut: ä\n")
    async with server:
        errors, answer = await aiosmtplib.send(message, hostname="127.0.0.1", port=port, start_tls=False)
        assert (errors, answer) == ({}, "OK")
        (mail,) = read_lines(tmp_path / "mails.jsonl")
    assert mail["message_id"] == "<1f0e7a90-0000-5000-8000-000000000001@kurslotse.invalid>"
    assert mail["to"] == ["postfach@mbe-nord.kurslotse.invalid"]
    assert "ä" in mail["text"]
    assert box.taken == 1
    box.close()
