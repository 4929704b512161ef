"""Mails that came back: read once by IMAP, believed only about mails of ours, told to somebody else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.notifications.delivery import store
from services.notifications.delivery.bounces.imap import ImapMailbox
from services.notifications.delivery.bounces.worker import BounceReader
from services.runtime.data.db import transaction
from tests.notifications.bounced import ImapServer, imap, report
from tests.notifications.mail_servers import certificates
from tests.notifications.world import MBE, World

OFFICE = "post@mbe-probe.kurslotse.invalid"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ImapServer]:
    made = certificates(tmp_path)
    async with imap(ImapServer(), made.server) as found:
        found.mailbox = ImapMailbox("127.0.0.1", found.port, "k", "p", tls_context=made.trusting)
        yield found


async def sent(world: World, people: int = 1) -> UUID:
    """Have mails about some people sent as one; return its delivery."""
    await world.announce()
    for n in range(people):
        person = await world.register(f"p-{n}")
        await world.consent(f"p-{n}", "enrolment_notice")
        await world.enrol(person)
    await world.settle()
    await world.deliver()
    found: UUID = await world.value("SELECT delivery_id FROM delivery WHERE carried_by IS NULL")
    return found


async def read(world: World, server: ImapServer) -> int:
    return await BounceReader(world.worker, server.mailbox).drain(world.now)


async def test_what_came_back_is_told_to_the_lead_and_the_mailbox_gets_no_more(
    world: World, server: ImapServer
) -> None:
    delivery = await sent(world, 2)
    server.messages = {
        1: b"Subject: Abwesend\r\n\r\nBis Montag.",
        4: report(delivery, OFFICE),
        5: report(uuid4(), OFFICE),  # of nobody
        9: b"x" * 2_000_000,
    }
    assert await read(world, server) == 1
    assert await read(world, server) == 0
    assert not {"STORE", "EXPUNGE", "COPY", "SELECT"} & set(server.commands)  # nothing is changed there
    rows = await world.rows("SELECT state, problem FROM delivery WHERE recipient LIKE 'office:%'")
    assert [tuple(row) for row in rows] == [("bounced", "bounced")] * 2
    assert await world.value("SELECT count(*) FROM status.attempts_wrong") == 0
    await world.deliver()
    assert str(world.server.mails[-1]["To"]) == "leitung@wohlfahrt.kurslotse.invalid"
    assert "2 Hinweise konnten" in str(world.server.mails[-1]["Subject"])
    (row,) = await world.rows("SELECT office, role, address, status FROM suppression")
    assert tuple(row) == (MBE, "office", OFFICE, "5.1.1")

    # The next one goes to the lead without knocking, and to another address of the office at once.
    person = await world.register("q-1")
    await world.consent("q-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    tried = len(world.server.mails)
    await world.send_all(world.delivery_worker())
    assert [str(mail["To"]) for mail in world.server.mails[tried:]] == ["leitung@wohlfahrt.kurslotse.invalid"]
    await world.rows("UPDATE office SET mail = 'neu@wohlfahrt.example' WHERE slug = $1", MBE)
    person = await world.register("q-2")
    await world.consent("q-2", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    await world.deliver()
    assert str(world.server.mails[-1]["To"]) == "neu@wohlfahrt.example"


async def test_a_full_mailbox_is_told_once_and_tried_again(world: World, server: ImapServer) -> None:
    delivery = await sent(world)
    server.messages = {1: report(delivery, OFFICE, status="5.2.2")}
    assert await read(world, server) == 1
    assert await world.value("SELECT count(*) FROM suppression") == 0
    assert await world.value("SELECT count(*) FROM delivery WHERE recipient LIKE 'lead:%'") == 1


async def test_what_came_back_is_sent_again_when_somebody_wants_it(world: World, server: ImapServer) -> None:
    delivery = await sent(world, 2)
    server.messages = {1: report(delivery, OFFICE)}
    assert await read(world, server) == 1
    carried = await world.value("SELECT delivery_id FROM delivery WHERE carried_by = $1", delivery)
    await world.rows("DELETE FROM suppression")
    for number, one in enumerate((delivery, carried), 1):
        async with transaction(world.worker) as conn:
            assert await store.resend(conn, one)
            assert not await store.resend(conn, one)
        assert await world.value("SELECT count(*) FROM status.attempts_wrong") == 0
        await world.send_all(world.delivery_worker())
        row = (await world.rows("SELECT state, sent_at FROM delivery WHERE delivery_id = $1", one))[0]
        assert row["state"] == "sent"
        assert row["sent_at"] is not None
        assert await world.value("SELECT count(*) FROM status.attempts_wrong") == 0
        # The same mail can come back once more.
        server.messages[number + 1] = report(one, OFFICE)
        assert await read(world, server) == 1
        await world.rows("DELETE FROM suppression")
    # An attempt that nobody asked for is still found.
    await world.rows(
        "INSERT INTO delivery_attempt (delivery_id, attempt, token, ended_at, outcome)"
        " SELECT delivery_id, attempts + 1, gen_random_uuid(), clock_timestamp(), 'sent' FROM delivery"
        " WHERE delivery_id = $1",
        delivery,
    )
    assert await world.value("SELECT count(*) FROM status.attempts_wrong") == 1


async def test_a_forged_report_about_another_mailbox_does_nothing(world: World, server: ImapServer) -> None:
    delivery = await sent(world)
    server.messages = {1: report(delivery, "leitung@wohlfahrt.kurslotse.invalid")}
    assert await read(world, server) == 0
    assert await world.value("SELECT state FROM delivery") == "sent"


async def test_a_mailbox_made_anew_is_read_from_its_beginning(world: World, server: ImapServer) -> None:
    delivery = await sent(world)
    server.messages = {900: b"Subject: x\r\n\r\n"}
    await read(world, server)
    server.generation, server.messages = 8, {1: report(delivery, OFFICE)}
    assert await read(world, server) == 1


async def test_a_mailbox_that_cannot_be_read_stops_nothing(world: World, server: ImapServer) -> None:
    delivery = await sent(world)
    server.messages, server.accepts = {1: report(delivery, OFFICE)}, False
    assert await read(world, server) == 0
    server.mailbox = replace(server.mailbox, port=1)
    assert await read(world, server) == 0
    server.mailbox, server.accepts = replace(server.mailbox, port=server.port), True
    untrusting = replace(server.mailbox, tls_context=None)
    assert await BounceReader(world.worker, untrusting).drain(world.now) == 0
    assert await read(world, server) == 1
