"""Receivers of webhooks in a test: real HTTPS on this machine under invented names, answering as told."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notifications.delivery.webhooks.guard import Guard, UnknownNameError
from services.notifications.delivery.webhooks.sender import WebhookSender

LOOPBACK = (ip_network("127.0.0.0/8"),)
NAME = "fach.example"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate for invented names, and who trusts it."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


def certificates(folder: Path, *names: str) -> Certificates:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a receiver of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "hook.pem", folder / "hook.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, private)
    return Certificates(server, ssl.create_default_context(cafile=str(certificate)))


@dataclass
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes
    server_name: str | None = None


@dataclass
class Receiver:
    """Answers as told, then 204 for ever; `silence` never answers, `flood` never ends."""

    answers: deque[str] = field(default_factory=deque)
    taken: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    names: list[str | None] = field(default_factory=list)
    sender: WebhookSender = field(default_factory=WebhookSender)
    """One that reaches it, where a test sets it."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")[1:]
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.taken.append(Received(headers, body))
            told = self.answers.popleft() if self.answers else "204 No Content"
            if told == "silence":
                await asyncio.Event().wait()
            if told == "drop":
                return
            if told == "flood":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                    await writer.drain()
            status, *more = told.split("\n")
            extra = "".join(f"{line}\r\n" for line in more)
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{extra}\r\n".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    receiver: Receiver, tls: ssl.SSLContext, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    tls.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await receiver.serve(reader, writer)

    server = await asyncio.start_server(served, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Names:
    """A resolver that answers as told, each time the next answer, the last one for ever."""

    answers: dict[str, list[Sequence[str]]]
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        told = self.answers.get(host)
        if not told:
            raise UnknownNameError
        return told.pop(0) if len(told) > 1 else told[0]


def sender(made: Certificates, names: Names, *, seconds: float = 5.0, inside: bool = True) -> WebhookSender:
    """Return a sender that trusts the test's certificates; with `inside` it may reach this machine."""
    guard = Guard(LOOPBACK if inside else (), names.resolve)
    return WebhookSender(guard, lambda: made.trusting, seconds=seconds)
