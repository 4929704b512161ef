"""Mail servers of a test: real SMTP on this machine, with TLS and sign-in, that answer as they are told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """The inside of a mail server: keeps what it takes, answers each command as told (default: 250)."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    taken: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    signed_in: list[tuple[bytes, bytes]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    def answer(self, command: str) -> str:
        told = self.answers.get(command, [])
        return told.pop(0) if told else "250 OK"

    async def handle_MAIL(self, *told: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's name and arguments
        _server, _session, envelope, address, _options = told
        envelope.mail_from = address
        return self.answer("MAIL")

    async def handle_RCPT(self, *told: Any) -> str:  # noqa: ANN401, N802
        _server, _session, envelope, address, _options = told
        answer = self.answer("RCPT")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        answer = self.answer("DATA")
        if answer == "drop":
            server.transport.abort()
            await asyncio.Event().wait()
        if answer == "silence":
            await asyncio.Event().wait()
        if answer.startswith("250"):
            self.taken.append(envelope.content)
            self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
            self.encrypted.append(session.ssl is not None)
        return answer

    def authenticate(self, *arguments: Any) -> AuthResult:  # noqa: ANN401 - aiosmtpd's own
        data = arguments[-1]
        assert isinstance(data, LoginPassword)
        self.signed_in.append((data.login, data.password))
        if data.password == b"p@ss:w%rd":
            return AuthResult(success=True)
        refusal = self.answer("AUTH")
        return AuthResult(
            success=False, handled=False, message="535 5.7.8 no" if refusal == "250 OK" else refusal
        )


@asynccontextmanager
async def listening(
    make: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen on a port of this machine; with `tls` encrypted from the start."""
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def smtp(box: Mailbox, **options: Any) -> Callable[[], asyncio.Protocol]:  # noqa: ANN401 - aiosmtpd's options
    return lambda: SMTP(box, hostname="mail.example", **options)


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate for this machine from an authority of its own, and who trusts it."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


def certificates(folder: Path, *, name: str = "127.0.0.1", days: int = 1) -> Certificates:
    """Make a certificate for an address; with negative `days` it has run out."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "mail.pem", folder / "mail.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, private)
    return Certificates(server, ssl.create_default_context(cafile=str(certificate)))
