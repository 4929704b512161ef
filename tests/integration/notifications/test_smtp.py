"""The mail server: always encrypted, signed in to as written, its answers judged by whose fault they are."""

import asyncio
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest

from services.notifications.delivery import smtp as delivery_smtp
from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.delivery.mail import Letter, MailTexts, compose
from services.notifications.delivery.smtp import SmtpServer
from services.runtime.base.settings import SettingsError
from tests.notifications.mail_servers import Certificates, Mailbox, certificates, listening, smtp

LETTER = Letter(uuid4(), uuid4(), "beratung@jmd-görlitz.example", "notice-1")
MESSAGE = compose(LETTER, MailTexts(), "https://hilfe.görlitz.example/")


@pytest.fixture
def tls(tmp_path: Path) -> Certificates:
    return certificates(tmp_path)


async def test_a_mail_is_plain_ascii_and_its_domains_are_punycode() -> None:
    box = Mailbox()
    async with listening(smtp(box)) as port:
        attempted = await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert attempted == Attempted(Outcome.SENT, 250)
    assert box.taken[0].isascii()
    own = "hilfe.xn--grlitz-wxa.example"
    assert box.envelopes == [(f"kurslotse@{own}", ["beratung@xn--jmd-grlitz-icb.example"])]
    sent = message_from_bytes(box.taken[0], policy=default)
    assert sent["Message-ID"] == f"<{LETTER.delivery}@{own}>"
    assert sent["To"] == "beratung@xn--jmd-grlitz-icb.example"
    body = sent.get_body(("plain",))
    assert body is not None
    assert f"https://hilfe.görlitz.example/inbox/{LETTER.alert}" in body.get_content()


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_server_is_signed_in_to_over_tls_with_decoded_user_and_password(
    scheme: str, tls: Certificates
) -> None:
    box = Mailbox()
    if scheme == "smtps":
        made, outer = smtp(box, auth_require_tls=False, authenticator=box.authenticate), tls.server
    else:
        options = {"require_starttls": True, "auth_required": True, "authenticator": box.authenticate}
        made, outer = smtp(box, tls_context=tls.server, **options), None
    async with listening(made, outer) as port:
        url = f"{scheme}://user%40example.org:p%40ss%3Aw%25rd@127.0.0.1:{port}"
        server = replace(SmtpServer.from_url(url), tls_context=tls.trusting)
        assert await server.send(MESSAGE) == Attempted(Outcome.SENT, 250)
    assert box.signed_in == [(b"user@example.org", b"p@ss:w%rd")]
    if scheme == "smtp+starttls":
        assert box.encrypted == [True]


@pytest.mark.parametrize(
    ("answer", "code"),
    [("535 5.7.8 no", 535), ("534 5.7.9 stronger", 534), ("530 5.7.0 first", 530), ("454 4.7.0 later", 454)],
)
async def test_a_refused_sign_in_is_our_own_fault(answer: str, code: int, tls: Certificates) -> None:
    box = Mailbox({"AUTH": [answer] * 9})
    made = smtp(box, tls_context=tls.server, auth_required=True, authenticator=box.authenticate)
    async with listening(made) as port:
        server = SmtpServer.from_url(f"smtp+starttls://u:wrong@127.0.0.1:{port}")
        attempted = await replace(server, tls_context=tls.trusting).send(MESSAGE)
    assert attempted == Attempted(Outcome.OWN_FAULT, code, Fault.SIGN_IN_REFUSED)
    assert box.taken == []


async def test_a_server_without_sign_in_is_our_own_fault(tls: Certificates) -> None:
    box = Mailbox()
    async with listening(
        smtp(box, tls_context=tls.server, auth_exclude_mechanism=["PLAIN", "LOGIN"])
    ) as port:
        server = SmtpServer.from_url(f"smtp+starttls://u:p@127.0.0.1:{port}")
        attempted = await replace(server, tls_context=tls.trusting).send(MESSAGE)
    assert (attempted.outcome, attempted.fault) == (Outcome.OWN_FAULT, Fault.SIGN_IN_REFUSED)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize("wrong", ["unknown authority", "another name", "run out"])
async def test_a_certificate_that_is_not_trusted_gets_no_mail_and_no_password(
    scheme: str, wrong: str, tmp_path: Path
) -> None:
    made = certificates(
        tmp_path,
        name="192.0.2.1" if wrong == "another name" else "127.0.0.1",
        days=-1 if wrong == "run out" else 1,
    )
    box = Mailbox()
    starttls = {} if scheme == "smtps" else {"tls_context": made.server}
    options = {"auth_require_tls": False, "authenticator": box.authenticate, **starttls}
    async with listening(smtp(box, **options), made.server if scheme == "smtps" else None) as port:
        server = SmtpServer.from_url(f"{scheme}://u:p%40ss%3Aw%25rd@127.0.0.1:{port}")
        if wrong != "unknown authority":
            server = replace(server, tls_context=made.trusting)
        attempted = await server.send(MESSAGE)
    assert attempted == Attempted(Outcome.OWN_FAULT, None, Fault.TLS_FAILED)
    assert (box.taken, box.signed_in) == ([], [])


async def test_a_server_without_starttls_gets_no_mail_and_no_password() -> None:
    box = Mailbox()
    made = smtp(box, auth_require_tls=False, authenticator=box.authenticate)
    async with listening(made) as port:
        server = SmtpServer.from_url(f"smtp+starttls://u:p%40ss%3Aw%25rd@127.0.0.1:{port}")
        attempted = await server.send(MESSAGE)
    assert attempted == Attempted(Outcome.OWN_FAULT, None, Fault.TLS_FAILED)
    assert (box.taken, box.signed_in) == ([], [])


@pytest.mark.parametrize(
    ("command", "answer", "attempted"),
    [
        ("MAIL", "550 5.7.1 not your domain", Attempted(Outcome.OWN_FAULT, 550, Fault.SENDER_REFUSED)),
        ("MAIL", "553 sender unknown", Attempted(Outcome.OWN_FAULT, 553, Fault.SENDER_REFUSED)),
        ("MAIL", "451 later", Attempted(Outcome.OWN_FAULT, 451, Fault.SENDER_REFUSED)),
        ("MAIL", "530 5.7.0 sign in", Attempted(Outcome.OWN_FAULT, 530, Fault.SIGN_IN_REFUSED)),
        ("MAIL", "421 shutting down", Attempted(Outcome.OWN_FAULT, 421, Fault.SERVER_BUSY)),
        ("RCPT", "421 shutting down", Attempted(Outcome.OWN_FAULT, 421, Fault.SERVER_BUSY)),
        ("RCPT", "450 4.2.0 greylisted", Attempted(Outcome.RETRY, 450, Fault.DEFERRED)),
        ("RCPT", "452 4.2.2 mailbox full", Attempted(Outcome.RETRY, 452, Fault.DEFERRED)),
        ("RCPT", "530 5.7.0 sign in", Attempted(Outcome.OWN_FAULT, 530, Fault.SIGN_IN_REFUSED)),
        ("RCPT", "554 5.7.1 Relay access denied", Attempted(Outcome.OWN_FAULT, 554, Fault.RELAY_DENIED)),
        ("RCPT", "550 we do not relay", Attempted(Outcome.OWN_FAULT, 550, Fault.RELAY_DENIED)),
        ("RCPT", "550 5.7.1 not authorised", Attempted(Outcome.RETRY, 550, Fault.POLICY)),
        ("RCPT", "550 5.1.1 unknown", Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)),
        ("RCPT", "553 no such mailbox", Attempted(Outcome.REFUSED, 553, Fault.RECIPIENT_REFUSED)),
        ("DATA", "421 shutting down", Attempted(Outcome.OWN_FAULT, 421, Fault.SERVER_BUSY)),
        ("DATA", "451 later", Attempted(Outcome.RETRY, 451, Fault.DEFERRED)),
        ("DATA", "554 5.7.1 looks like spam", Attempted(Outcome.RETRY, 554, Fault.CONTENT_REFUSED)),
        ("DATA", "550 5.1.1 unknown", Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)),
    ],
)
async def test_only_what_is_said_about_the_mailbox_is_the_recipients_fault(
    command: str, answer: str, attempted: Attempted
) -> None:
    box = Mailbox({command: [answer]})
    async with listening(smtp(box)) as port:
        assert await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE) == attempted
    assert box.taken == []


OWN_SENDER = "<kurslotse@hilfe.example>"


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer",
    [
        f"550 5.1.8 {OWN_SENDER}: Sender address rejected: Domain not found",
        f"450 4.1.8 {OWN_SENDER}: Sender address rejected: Domain not found",
        f"550 5.1.0 {OWN_SENDER}: Sender address rejected: User unknown in local recipient table",
        f"550 5.1.1 {OWN_SENDER}: Sender address rejected: undeliverable address: no mailbox",
        f"553 5.7.1 {OWN_SENDER}: Sender address rejected: not logged in",
        f"501 5.1.7 {OWN_SENDER}: bad address",
        "553 5.1.8 Domain of sender address kurslotse@hilfe.example does not exist",
        "550 Sender verify failed",
        "550-Verification failed for <kurslotse@hilfe.example>\r\n550 Sender verify failed",
        "451 Could not complete sender verify callout",
        "550 5.1.0 <kurslotse@hilfe.example> sender rejected",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    ],
)
async def test_a_sender_refused_late_is_our_own_fault(command: str, answer: str) -> None:
    box = Mailbox({command: [answer]})
    async with listening(smtp(box)) as port:
        attempted = await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert attempted == Attempted(Outcome.OWN_FAULT, int(answer[:3]), Fault.SENDER_REFUSED)


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.1.1 <sender@jmd.example>: Recipient address rejected: User unknown",
        "550 5.1.1 <an-unknown-sender@jmd.example>: Recipient address rejected: host said: Sender rejected",
        "550 5.1.10 <a@jmd.example>: the sender must not write here",
        "550 5.1.1 <x@y.example>: Recipient address rejected: User unknown in relay recipient table",
        "550 5.1.1 relay access denied",
        "550 5.2.1 mailbox switched off; unable to relay",
        "550 <relay@jmd.example>: no such mailbox",
        "550 relay@jmd.example denied",
        "550 mx-relay denied: no such mailbox",
        "550 host relay.example says no such mailbox",
        "550 User unknown in relay recipient table",
        "550 known, but not relay-able",
    ],
)
async def test_a_mailbox_that_is_missing_is_nobody_elses_fault(answer: str) -> None:
    box = Mailbox({"RCPT": [answer]})
    async with listening(smtp(box)) as port:
        attempted = await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert attempted == Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)


@pytest.mark.parametrize(
    "answer",
    [
        "454 4.7.1 <x@y.example>: Relay access denied",
        "550 5.7.1 Relaying denied. Proper authentication required.",
        "450 4.7.1 Relaying temporarily denied. Cannot resolve PTR record",
        "550 relay not permitted",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 RELAYING PROHIBITED",
    ],
)
async def test_a_server_that_does_not_relay_for_us_is_our_own_fault(answer: str) -> None:
    box = Mailbox({"RCPT": [answer]})
    async with listening(smtp(box)) as port:
        attempted = await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert attempted == Attempted(Outcome.OWN_FAULT, int(answer[:3]), Fault.RELAY_DENIED)


class Says(asyncio.Protocol):
    """A server that says one thing and hangs up, or nothing at all."""

    def __init__(self, said: bytes, *, hang_up: bool) -> None:
        self.said, self.hang_up = said, hang_up

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self.said)
        if self.hang_up:
            transport.close()


@pytest.mark.parametrize(
    ("said", "hang_up", "fault"),
    [
        (b"554 5.7.1 go away\r\n", True, Fault.SERVER_REFUSED),
        (b"421 too many\r\n", True, Fault.SERVER_BUSY),
        (b"", True, Fault.SERVER_UNREACHABLE),
        (b"", False, Fault.SERVER_UNREACHABLE),
        (b"220 hello\r\n", True, Fault.SERVER_UNREACHABLE),
        (b"220 hello\r\n", False, Fault.SERVER_UNREACHABLE),
        (b"HTTP/1.1 400 Bad Request\r\n", True, Fault.SERVER_UNREACHABLE),
    ],
)
async def test_a_server_that_does_not_work_is_our_own_fault(
    said: bytes, hang_up: bool, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_smtp, "_CONNECT_WITHIN", 0.5)
    async with listening(lambda: Says(said, hang_up=hang_up)) as port:
        attempted = await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert attempted.outcome is Outcome.OWN_FAULT
    assert attempted.fault is fault


class Refuses(asyncio.Protocol):
    """A server that says hello and refuses every command."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 hello\r\n")

    def data_received(self, _data: bytes) -> None:
        self.transport.write(b"550 not you\r\n")

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport.close()


async def test_a_server_that_refuses_to_be_greeted_is_our_own_fault() -> None:
    async with listening(Refuses) as port:
        attempted = await SmtpServer.from_url(f"smtp://127.0.0.1:{port}").send(MESSAGE)
    assert attempted == Attempted(Outcome.OWN_FAULT, 550, Fault.SERVER_REFUSED)


async def test_a_name_that_nobody_knows_is_our_own_fault() -> None:
    server = SmtpServer.from_url("smtps://mail.kurslotse.invalid")
    attempted = await server.send(MESSAGE)
    assert (attempted.outcome, attempted.fault) == (Outcome.OWN_FAULT, Fault.SERVER_UNREACHABLE)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://127.0.0.1:2525", ("127.0.0.1", 2525, False, False)),
        ("smtp://localhost", ("localhost", 25, False, False)),
        ("smtp://[::1]:2525/", ("::1", 2525, False, False)),
        ("smtp://mail.example", ("mail.example", 587, False, True)),
        ("smtp://mail.example:25", ("mail.example", 25, False, True)),
        ("smtp+starttls://localhost:587", ("localhost", 587, False, True)),
        ("smtps://mail.example", ("mail.example", 465, True, False)),
        ("smtps://127.0.0.1:4650", ("127.0.0.1", 4650, True, False)),
    ],
)
def test_nothing_leaves_this_machine_unencrypted(url: str, expected: tuple[str, int, bool, bool]) -> None:
    server = SmtpServer.from_url(url)
    assert (server.host, server.port, server.tls, server.start_tls) == expected


@pytest.mark.parametrize(
    ("url", "who"),
    [
        ("smtps://user%40example.org:p%40ss%3Aw%25rd@mail.example", ("user@example.org", "p@ss:w%rd")),
        ("smtps://user@example.org:secret@mail.example", ("user@example.org", "secret")),
        ("smtps://u:%C3%BCber@mail.example", ("u", "über")),
        ("smtps://mail.example", (None, None)),
    ],
)
def test_user_and_password_are_decoded(url: str, who: tuple[str | None, str | None]) -> None:
    server = SmtpServer.from_url(url)
    assert (server.user, server.password) == who
    assert "secret" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example:25",
        "http://mail.example",
        "smtp://",
        "smtps://u:secret@",
        "smtps://u:secret@mail.example:0",
        "smtps://u:secret@mail.example:99999",
        "smtps://u:secret@mail.example:port",
        "smtps://u:sec#ret@mail.example",
        "smtps://u:secret@mail.example/folder",
        "smtps://u:secret@mail.example?tls=no",
        "smtps://user@mail.example",
        "smtps://u:secret%FF@mail.example",
        "smtps://u:secret@[::1",
    ],
)
def test_an_address_of_another_form_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="KURSLOTSE_SMTP") as error:
        SmtpServer.from_url(url)
    assert "secret" not in str(error.value)
    assert "example" not in str(error.value)
