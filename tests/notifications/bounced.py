"""Reports of mail servers, and an IMAP server of a test with TLS that holds them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from services.notifications.delivery.bounces.imap import ImapMailbox

_REPORT = """\
From: MAILER-DAEMON@mx.example\r
To: kurslotse@hilfe.example\r
Subject: Undelivered Mail Returned to Sender\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="grenze"\r
\r
--grenze\r
Content-Type: text/plain; charset=us-ascii\r
\r
I'm sorry to have to inform you that your message could not be delivered.\r
\r
--grenze\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
Arrival-Date: Mon, 2 Mar 2026 10:00:00 +0100\r
\r
Final-Recipient: rfc822; {recipient}\r
{original}Action: {action}\r
Status: {status}\r
Diagnostic-Code: smtp; 550 {status} no such user\r
\r
--grenze\r
Content-Type: {kind}\r
\r
Message-ID: <{delivery}@hilfe.example>\r
Subject: Neuer Hinweis KL-7D1C1AE4\r
\r
--grenze--\r
"""


def report(
    delivery: UUID,
    recipient: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    headers_only: bool = False,
    original: str = "",
) -> bytes:
    """Write a report as Postfix does."""
    return _REPORT.format(
        recipient=recipient,
        action=action,
        status=status,
        delivery=delivery,
        original=f"Original-Recipient: rfc822;{original}\r\n" if original else "",
        kind="text/rfc822-headers" if headers_only else "message/rfc822",
    ).encode()


@dataclass
class ImapServer:
    """As much of IMAP as a reader needs; messages are numbered from 1, or from what a test says."""

    messages: dict[int, bytes] = field(default_factory=dict)
    generation: int = 7
    commands: list[str] = field(default_factory=list)
    port: int = 0
    accepts: bool = True
    mailbox: ImapMailbox = field(default_factory=lambda: ImapMailbox("127.0.0.1", 1, "k", "p"))
    """As a reader sees it, where a test sets it."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                tag, _, command = line.partition(" ")
                self.commands.append(command.split(" ", 1)[0].upper())
                for said in self._answer(command):
                    writer.write(said)
                good = self.accepts or not command.upper().startswith("LOGIN")
                writer.write(f"{tag} {'OK' if good else 'NO'} done\r\n".encode())
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def _answer(self, command: str) -> list[bytes]:
        words = command.upper().split()
        if words[0] == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1\r\n"]
        if words[0] in {"EXAMINE", "SELECT"}:
            return [f"* {len(self.messages)} EXISTS\r\n* OK [UIDVALIDITY {self.generation}] ok\r\n".encode()]
        if words[:2] == ["UID", "SEARCH"]:
            first = int(words[3].partition(":")[0])
            # As the protocol has it, `n:*` always names the last message.
            found = [one for one in self.messages if one >= first] or list(self.messages)[-1:]
            return [f"* SEARCH {' '.join(map(str, found))}\r\n".encode()]
        if words[:2] == ["UID", "FETCH"]:
            raw = self.messages[int(words[2])]
            if "SIZE" in words[3]:
                return [f"* 1 FETCH (UID {words[2]} RFC822.SIZE {len(raw)})\r\n".encode()]
            return [f"* 1 FETCH (UID {words[2]} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n"]
        return []


@asynccontextmanager
async def imap(server: ImapServer, tls: ssl.SSLContext) -> AsyncIterator[ImapServer]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
