"""Mails: owed once, claimed with a lease, retried with the same id, never a name in them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry

from services.notifications.delivery import smtp as delivery_smtp
from services.notifications.delivery import store, worker
from services.notifications.delivery.domain import SCHEDULE, Attempted, Fault, Outcome
from services.notifications.delivery.mail import Letter, MailTexts, compose
from services.notifications.delivery.smtp import SmtpServer
from services.notifications.delivery.worker import ServerPause
from services.notifications.metrics import DeliveryMetrics
from services.notifications.people.domain import Contact
from services.runtime.base import failpoints
from services.runtime.data.db import Connection, transaction
from tests.notifications.mail_servers import Mailbox, listening, smtp
from tests.notifications.world import Outbox, World


@asynccontextmanager
async def mail_server(**answers: list[str]) -> AsyncIterator[tuple[Mailbox, SmtpServer]]:
    box = Mailbox(answers)
    async with listening(smtp(box)) as port:
        yield box, SmtpServer.from_url(f"smtp://127.0.0.1:{port}")


@pytest.fixture
async def owed(world: World) -> World:
    """One alert with one mail owed, about somebody whose name we know."""
    await world.announce()
    person = await world.register("a-1")
    await world.keep("a-1", Contact(family_name="Geheimnis", given_name="Gisela", phone="0171-555"))
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    return world


async def delivery(world: World) -> dict[str, Any]:
    rows = await world.rows("SELECT * FROM delivery")
    assert len(rows) == 1
    return dict(rows[0])


async def later(world: World) -> None:
    """Let the wait and the lease be over."""
    await world.rows(
        "UPDATE delivery SET next_at = clock_timestamp(),"
        " lease_until = CASE WHEN lease_token IS NULL THEN NULL ELSE clock_timestamp() - interval '1 s' END"
    )


async def test_a_real_server_gets_reference_and_link_and_no_name(owed: World) -> None:
    async with mail_server() as (box, server):
        assert await owed.delivery_worker(server=server).drain() == 1
        assert await owed.delivery_worker(server=server).drain() == 0
    row = await delivery(owed)
    assert (row["state"], row["attempts"], row["in_doubt"]) == ("sent", 1, 0)
    sent = message_from_bytes(box.taken[0], policy=default)
    body = sent.get_body(("plain",))
    assert body is not None
    assert sent["Message-ID"] == f"<{row['delivery_id']}@hilfe.example>"
    assert f"https://hilfe.example/inbox/{row['alert_id']}" in body.get_content()
    assert sent["Subject"].startswith("Neuer Hinweis KL-")


async def test_a_deferred_mail_is_tried_again_with_the_same_id_and_a_refused_one_is_not(owed: World) -> None:
    async with mail_server(DATA=["451 later"], RCPT=["250 OK", "250 OK", "550 5.1.1 unknown"]) as (
        box,
        server,
    ):
        await owed.delivery_worker(server=server).drain()
        row = await delivery(owed)
        assert (row["state"], row["problem"]) == ("pending", "deferred")
        assert await owed.delivery_worker(server=server).drain() == 0  # not yet
        await later(owed)
        await owed.delivery_worker(server=server).drain()
        assert (await delivery(owed))["state"] == "sent"
        assert len(box.taken) == 1

        await owed.rows("UPDATE delivery SET state = 'pending', sent_at = NULL")
        await owed.delivery_worker(server=server).drain()
    rows = await owed.rows("SELECT recipient, state, problem FROM delivery ORDER BY step")
    assert [tuple(row) for row in rows] == [
        ("office:mbe-probe", "failed", "recipient_refused"),
        ("lead:mbe-probe", "held", None),
    ]


async def test_nobody_listening_is_tried_again(owed: World) -> None:
    server = SmtpServer.from_url("smtp://127.0.0.1:1")
    await owed.delivery_worker(server=server).drain()
    row = await delivery(owed)
    assert (row["state"], row["in_doubt"], row["problem"]) == ("pending", 0, "server_unreachable")


async def test_our_own_fault_is_never_given_up_and_counts_for_no_schedule(owed: World) -> None:
    refused = Attempted(Outcome.OWN_FAULT, 535, Fault.SIGN_IN_REFUSED)
    for _ in range(15):
        await owed.delivery_worker(server=Outbox([refused])).drain()
        await later(owed)
    row = await delivery(owed)
    assert (row["state"], row["attempts"], row["problem"]) == ("pending", 15, "sign_in_refused")

    await owed.delivery_worker(server=Outbox([Attempted(Outcome.RETRY, 451, Fault.DEFERRED)])).drain()
    row = await delivery(owed)
    assert (row["state"], row["problem"]) == ("pending", "deferred")
    assert await owed.value("SELECT next_at < clock_timestamp() + interval '10 s' FROM delivery")
    await later(owed)
    await owed.deliver()
    assert (await delivery(owed))["state"] == "sent"


@pytest.mark.parametrize(
    "mailbox",
    [
        "<jmd>",
        "jmd@[192.0.2.1",
        "jmd(x@example.org",
        "jmd@example.org\r\nBcc: all@example.org",
        "JMD <jmd@example.org>",
        "jürgen@example.org",
        "a@example.org, b@example.org",
        "j\x01md@example.org",
        "",
    ],
)
async def test_a_bad_mailbox_from_before_fails_alone_and_the_lead_hears_of_it(
    owed: World, mailbox: str
) -> None:
    await owed.rows("UPDATE office SET mail = $1 WHERE slug = 'mbe-probe'", mailbox)
    registry = CollectorRegistry()
    worker_ = owed.delivery_worker(count_attempt=DeliveryMetrics.on(registry).count)
    await owed.send_all(worker_)
    rows = await owed.rows("SELECT recipient, state, problem FROM delivery ORDER BY created_at, state")
    assert {tuple(row) for row in rows} == {
        ("office:mbe-probe", "failed", "mailbox_invalid"),
        ("lead:mbe-probe", "sent", None),
    }
    assert [mail["To"] for mail in owed.server.mails] == ["leitung@wohlfahrt.kurslotse.invalid"]
    assert registry.get_sample_value("kurslotse_delivery_faults_total", {"fault": "mailbox_invalid"}) == 1


async def test_a_mailbox_with_an_umlaut_from_before_is_sent_to_in_punycode(owed: World) -> None:
    await owed.rows("UPDATE office SET mail = 'beratung@jmd-görlitz.example'")
    async with mail_server() as (box, server):
        await owed.delivery_worker(server=server).drain()
    assert box.envelopes[0][1] == ["beratung@xn--jmd-grlitz-icb.example"]
    assert (await delivery(owed))["state"] == "sent"


class Broken:
    """A mail server that fails in ways nobody foresaw, for some recipients."""

    def __init__(self, fails_for: str) -> None:
        self.fails_for, self.sent = fails_for, Outbox()

    async def send(self, message: Any, /) -> Attempted:  # noqa: ANN401 - an EmailMessage
        if self.fails_for in str(message["To"]):
            raise ZeroDivisionError
        return await self.sent.send(message)


async def two_owed(world: World) -> None:
    """Owe a second mail, to another office."""
    person = await world.register("b-1")
    await world.consent("b-1", "enrolment_notice", office_="mbe-fern")
    await world.enrol(person)
    await world.settle()


async def test_one_delivery_that_breaks_leaves_the_others_and_the_worker_alone(owed: World) -> None:
    await two_owed(owed)
    broken = Broken("post@mbe-probe")
    for _ in range(3):
        await owed.release()
        await owed.delivery_worker(server=broken).drain()
    assert {str(mail["To"]) for mail in broken.sent.mails} == {
        "post@mbe-fern.kurslotse.invalid",
        "leitung@wohlfahrt.kurslotse.invalid",
    }
    rows = await owed.rows("SELECT recipient, state, problem FROM delivery WHERE state <> 'sent'")
    assert [tuple(row) for row in rows] == [("office:mbe-probe", "failed", "in_doubt")]


async def test_a_mail_that_cannot_be_written_fails_alone(
    owed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_owed(owed)

    def cannot(letter: Letter, texts: MailTexts, public_url: str) -> EmailMessage:
        if letter.to.startswith("post@mbe-probe"):
            raise UnicodeEncodeError("ascii", "ü", 0, 1, "no")
        return compose(letter, texts, public_url)

    monkeypatch.setattr(worker, "compose", cannot)
    while await owed.deliver():
        pass
    rows = await owed.rows("SELECT recipient, state, problem FROM delivery WHERE state <> 'sent'")
    assert [tuple(row) for row in rows] == [("office:mbe-probe", "failed", "message_invalid")]


async def test_a_database_that_fails_for_one_delivery_leaves_the_others_alone(
    owed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_owed(owed)
    settle = store.settle_as_sent
    failed: list[UUID] = []

    async def once(conn: Connection, delivery: UUID, token: UUID) -> None:
        if not failed:
            failed.append(delivery)
            raise ConnectionResetError
        await settle(conn, delivery, token)

    monkeypatch.setattr(store, "settle_as_sent", once)
    assert await owed.deliver() == 2
    assert await owed.value("SELECT count(*) FROM delivery WHERE state = 'sent'") == 1
    await later(owed)
    await owed.deliver()
    assert await owed.value("SELECT count(*) FROM delivery WHERE state <> 'sent'") == 0


async def test_a_server_that_does_not_work_is_left_alone_and_tried_with_one_mail(owed: World) -> None:
    await two_owed(owed)
    now = 0.0
    refused = Attempted(Outcome.OWN_FAULT, 535, Fault.SIGN_IN_REFUSED)
    server = Outbox([refused] * 4)
    worker_ = owed.delivery_worker(server=server, pause=ServerPause(clock=lambda: now))
    tried = []
    for wait in (0.0, 4.9, 0.2, 59.9, 0.2, 299.9, 0.2):
        now += wait
        await owed.rows("UPDATE delivery SET next_at = clock_timestamp() WHERE state = 'pending'")
        await worker_.drain()
        tried.append(len(server.mails))
    assert tried[0] in {1, 2}  # both had begun, or one
    assert [count - tried[0] for count in tried] == [0, 0, 1, 1, 2, 2, 3]
    server.answers.clear()
    now += 1800.0
    while await owed.delivery_worker(server=server).drain():
        await owed.rows("UPDATE delivery SET next_at = clock_timestamp() WHERE state = 'pending'")
    assert await owed.value("SELECT count(*) FROM delivery WHERE state <> 'sent'") == 0


async def test_a_server_that_falls_silent_leaves_the_attempt_in_doubt(
    owed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_smtp, "_SEND_WITHIN", 0.3)
    async with mail_server(DATA=["silence"]) as (_, server):
        await owed.delivery_worker(server=server).drain()
        row = await delivery(owed)
        assert (row["state"], row["in_doubt"]) == ("pending", 1)
        await owed.delivery_worker(server=server).drain()
    assert (await delivery(owed))["state"] == "sent"


async def test_a_server_that_drops_after_the_data_gets_it_once_more_with_the_same_id(owed: World) -> None:
    async with mail_server(DATA=["drop"]) as (box, server):
        await owed.delivery_worker(server=server).drain()
        row = await delivery(owed)
        assert (row["state"], row["in_doubt"], row["problem"]) == ("pending", 1, "connection_lost")
        await owed.delivery_worker(server=server).drain()
    row = await delivery(owed)
    assert row["state"] == "sent"
    (taken,) = box.taken
    assert message_from_bytes(taken, policy=default)["Message-ID"] == f"<{row['delivery_id']}@hilfe.example>"


async def test_two_workers_send_once(owed: World) -> None:
    await asyncio.gather(*(owed.delivery_worker().drain() for _ in range(6)))
    assert len(owed.server.mails) == 1


class CrashError(Exception):
    """The process dies here."""


@pytest.mark.parametrize(("point", "mails_before"), [("delivery_attempt_written", 0), ("delivery_sent", 1)])
async def test_a_crash_around_sending_is_in_doubt_once_with_the_same_id(
    owed: World, point: str, mails_before: int
) -> None:
    async def crash(reached: str, /) -> None:
        if reached == point:
            raise CrashError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failpoints, "failpoint", crash)
        await owed.delivery_worker().drain()
    assert len(owed.server.mails) == mails_before
    assert await owed.deliver() == 0  # the lease still holds
    await later(owed)

    assert await owed.deliver() == 1

    row = await delivery(owed)
    assert (row["state"], row["attempts"], row["in_doubt"]) == ("sent", 2, 1)
    assert {str(sent["Message-ID"]) for sent in owed.server.mails} == {
        f"<{row['delivery_id']}@hilfe.example>"
    }
    outcomes = await owed.rows("SELECT outcome FROM delivery_attempt ORDER BY attempt")
    assert [row["outcome"] for row in outcomes] == ["in_doubt", "sent"]


async def test_an_attempt_in_doubt_is_repeated_once_then_an_operator_decides(owed: World) -> None:
    owed.server.answers = [Attempted(Outcome.IN_DOUBT, None, Fault.CONNECTION_LOST)] * 2
    await owed.deliver()
    await owed.deliver()
    row = (await owed.rows("SELECT * FROM delivery WHERE recipient LIKE 'office:%'"))[0]
    assert (row["state"], row["problem"], row["in_doubt"]) == ("failed", "in_doubt", 2)
    assert await owed.deliver() == 1  # the lead hears of it

    async with transaction(owed.worker) as conn:
        assert await store.resend(conn, row["delivery_id"])
    await owed.deliver()
    assert await owed.value("SELECT count(*) FROM delivery WHERE state <> 'sent'") == 0


async def resend(world: World, delivery: UUID) -> None:
    async with transaction(world.worker) as conn:
        assert await store.resend(conn, delivery)


async def test_what_is_sent_again_is_tried_as_often_as_a_new_one(owed: World) -> None:
    later_ = Attempted(Outcome.RETRY, 451, Fault.DEFERRED)
    own = Attempted(Outcome.OWN_FAULT, 535, Fault.SIGN_IN_REFUSED)
    tries = len(SCHEDULE) + 1
    mine = "SELECT state, attempts, problem FROM delivery WHERE recipient = 'office:mbe-probe'"
    delivery_ = (await delivery(owed))["delivery_id"]
    for again in (0, 1, 2):
        if again:
            await resend(owed, delivery_)
        for _ in range(tries - 1):
            for answer in (own, later_):
                await later(owed)
                await owed.delivery_worker(server=Outbox([answer])).drain()
        assert (await owed.rows(mine))[0]["state"] == "pending"
        await later(owed)
        await owed.delivery_worker(server=Outbox([later_, later_])).drain()
        attempts = (again + 1) * (2 * tries - 1)
        assert tuple((await owed.rows(mine))[0]) == ("failed", attempts, "too_many_attempts")
    await resend(owed, delivery_)
    await owed.delivery_worker(server=Outbox([own])).drain()
    assert await owed.value(
        "SELECT next_at < clock_timestamp() + interval '10 s' FROM delivery WHERE delivery_id = $1", delivery_
    )
    await owed.send_all(owed.delivery_worker())
    await later(owed)
    await owed.deliver()
    assert (await owed.rows(mine))[0]["state"] == "sent"
    assert await owed.value("SELECT count(*) FROM status.attempts_wrong") == 0


@pytest.mark.parametrize("role", ["head", "last"])
@pytest.mark.parametrize("known", [{}, {"head": "b@w.example"}, {"last": "n@w.example"}])
async def test_a_level_emptied_while_a_mail_waits_is_given_up_and_another_hears(
    owed: World, role: str, known: dict[str, str]
) -> None:
    await owed.deliver()
    await owed.rows(
        "INSERT INTO office_telling (office, organisation, enrolments, digest_at, hold, quiet_from, quiet_to,"
        " by_mail, head_mail, last_mail) VALUES ('mbe-probe', 'wohlfahrt', 'at_once', '08:00', 'never',"
        " '20:00', '07:00', true, 'b@w.example', 'n@w.example')"
    )
    async with transaction(owed.worker) as conn:
        row = (await owed.rows("SELECT alert_id FROM delivery"))[0]
        await store.add_mail(
            conn, row["alert_id"], "wohlfahrt", "mbe-probe", recipient=f"{role}:mbe-probe",
            step="escalation-1-2", now=owed.now,
        )  # fmt: skip
    await owed.release()
    left = {name: mail for name, mail in known.items() if name != role}
    await owed.rows(
        "UPDATE office_telling SET head_mail = $1, last_mail = $2", left.get("head"), left.get("last")
    )
    faults: list[Attempted] = []
    await owed.send_all(owed.delivery_worker(count_attempt=faults.append))
    state = "SELECT state, problem FROM delivery WHERE recipient = $1"
    assert tuple((await owed.rows(state, f"{role}:mbe-probe"))[0]) == ("failed", "no_address")
    assert Fault.NO_ADDRESS in {one.fault for one in faults}
    to = next(iter(left.values()), "leitung@wohlfahrt.kurslotse.invalid")
    assert str(owed.server.mails[-1]["To"]) == to


async def test_what_no_level_takes_ends(owed: World) -> None:
    await owed.rows(
        "INSERT INTO office_telling (office, organisation, enrolments, digest_at, hold, quiet_from, quiet_to,"
        " by_mail, head_mail, last_mail) VALUES ('mbe-probe', 'wohlfahrt', 'at_once', '08:00', 'never',"
        " '20:00', '07:00', true, 'b@w.example', 'n@w.example')"
    )
    owed.server.answers = [Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)] * 20
    await owed.send_all(owed.delivery_worker())
    assert len(owed.server.mails) == 4
    assert await owed.value("SELECT count(*) FROM delivery WHERE state <> 'failed'") == 0


async def test_a_late_worker_leaves_the_attempt_of_the_new_holder_open(owed: World) -> None:
    async with transaction(owed.worker) as conn:
        old = (await store.claim(conn, 60.0, 10))[0]
        assert await store.begin_attempt(conn, old["delivery_id"], old["lease_token"], 60.0) == 1
    id_ = old["delivery_id"]
    await later(owed)
    async with transaction(owed.worker) as conn:
        new = (await store.claim(conn, 60.0, 10))[0]
        assert not await store.close_lost_attempt(conn, id_, old["lease_token"])
        assert await store.close_lost_attempt(conn, id_, new["lease_token"])
        assert await store.begin_attempt(conn, id_, new["lease_token"], 60.0) == 2
    async with transaction(owed.worker) as conn:
        for token in (old["lease_token"], new["lease_token"], uuid4()):
            assert not await store.close_lost_attempt(conn, id_, token)
    outcomes = await owed.rows("SELECT outcome FROM delivery_attempt ORDER BY attempt")
    assert [row["outcome"] for row in outcomes] == ["in_doubt", None]
    assert (await delivery(owed))["in_doubt"] == 1


async def test_a_holder_who_lost_the_lease_writes_nothing(owed: World) -> None:
    async with transaction(owed.worker) as conn:
        old = (await store.claim(conn, 60.0, 10))[0]
    await later(owed)
    async with transaction(owed.worker) as conn:
        new = (await store.claim(conn, 60.0, 10))[0]
    async with transaction(owed.worker) as conn:
        assert await store.begin_attempt(conn, old["delivery_id"], old["lease_token"], 60.0) is None
        await store.settle_as_sent(conn, old["delivery_id"], old["lease_token"])
        await store.give_up(conn, old["delivery_id"], old["lease_token"], "zombie")
    row = await delivery(owed)
    assert (row["state"], row["lease_token"]) == ("pending", new["lease_token"])


async def test_withdrawn_before_anything_was_sent_sends_nothing(owed: World) -> None:
    await owed.revoke("a-1")
    assert await owed.deliver() == 0
    assert (await delivery(owed))["state"] == "cancelled"


async def test_delivery_ids_are_the_business_key(owed: World) -> None:
    row = await delivery(owed)
    async with transaction(owed.worker) as conn:
        again: UUID | None = await conn.fetchval(
            "INSERT INTO delivery (delivery_id, alert_id, organisation, office, recipient, channel, step,"
            " created_at) SELECT gen_random_uuid(), alert_id, organisation, office, recipient, channel, step,"
            " created_at FROM delivery ON CONFLICT (alert_id, recipient, channel, step) DO NOTHING"
            " RETURNING delivery_id"
        )
    assert again is None
    assert row["recipient"] == "office:mbe-probe"
