"""Mails: owed once, claimed with a lease, retried with the same id, never a name in them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

from services.notifications.delivery import mail, store
from services.notifications.delivery.domain import Outcome
from services.notifications.delivery.mail import Attempted, SmtpServer
from services.notifications.people.domain import Contact
from services.runtime.base import failpoints
from services.runtime.data.db import transaction
from tests.notifications.world import World


class Sink:
    """A mail server's inside: keeps what it takes, refuses as told."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.answers: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer == "silence":
            await asyncio.Event().wait()
        if answer.startswith("250"):
            self.taken.append(envelope.content.decode())
        return answer


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[Sink, SmtpServer]]:
    sink = Sink()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(sink), "127.0.0.1", 0)
    try:
        port = listening.sockets[0].getsockname()[1]
        yield sink, SmtpServer.from_url(f"smtp://127.0.0.1:{port}")
    finally:
        listening.close()
        await listening.wait_closed()


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
    async with mail_server() as (sink, server):
        assert await owed.delivery_worker(server=server).drain() == 1
        assert await owed.delivery_worker(server=server).drain() == 0
    row = await delivery(owed)
    assert (row["state"], row["attempts"], row["in_doubt"]) == ("sent", 1, 0)
    taken = sink.taken[0]
    assert f"<{row['delivery_id']}@hilfe.example>" in taken
    assert f"https://hilfe.example/inbox/{row['alert_id']}" in taken
    assert "Neuer Hinweis KL-" in taken
    assert not any(secret in taken for secret in ("Geheimnis", "Gisela", "0171"))


async def test_4xx_is_tried_again_with_the_same_id_and_5xx_is_not(owed: World) -> None:
    async with mail_server() as (sink, server):
        sink.answers = ["451 later", "250 taken"]
        await owed.delivery_worker(server=server).drain()
        row = await delivery(owed)
        assert (row["state"], row["problem"]) == ("pending", "response_451")
        assert await owed.delivery_worker(server=server).drain() == 0  # not yet
        await later(owed)
        await owed.delivery_worker(server=server).drain()
        assert (await delivery(owed))["state"] == "sent"
        assert len(sink.taken) == 1

        await owed.rows("UPDATE delivery SET state = 'pending', sent_at = NULL")
        sink.answers = ["550 no such office"]
        await owed.delivery_worker(server=server).drain()
    rows = await owed.rows("SELECT recipient, state, problem FROM delivery ORDER BY step")
    assert [tuple(row) for row in rows] == [
        ("office:mbe-probe", "failed", "refused"),
        ("lead:mbe-probe", "pending", None),
    ]


async def test_nobody_listening_is_tried_again(owed: World) -> None:
    server = SmtpServer.from_url("smtp://127.0.0.1:1")
    await owed.delivery_worker(server=server).drain()
    row = await delivery(owed)
    assert (row["state"], row["in_doubt"]) == ("pending", 0)


async def test_a_server_that_falls_silent_leaves_the_attempt_in_doubt(
    owed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_SEND_WITHIN", 0.3)
    async with mail_server() as (sink, server):
        sink.answers = ["silence"]
        await owed.delivery_worker(server=server).drain()
        row = await delivery(owed)
        assert (row["state"], row["in_doubt"]) == ("pending", 1)
        await owed.delivery_worker(server=server).drain()
    assert (await delivery(owed))["state"] == "sent"


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
        with pytest.raises(ExceptionGroup):
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
    owed.server.answers = [Attempted(Outcome.IN_DOUBT, None, "cut")] * 2
    await owed.deliver()
    await owed.deliver()
    row = (await owed.rows("SELECT * FROM delivery WHERE recipient LIKE 'office:%'"))[0]
    assert (row["state"], row["problem"], row["in_doubt"]) == ("failed", "in_doubt", 2)
    assert await owed.deliver() == 1  # the lead hears of it

    async with transaction(owed.worker) as conn:
        assert await store.resend(conn, row["delivery_id"])
    await owed.deliver()
    assert await owed.value("SELECT count(*) FROM delivery WHERE state <> 'sent'") == 0


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
