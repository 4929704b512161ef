"""The test mail: sent by the real client, its answer said plainly, nothing kept but time and outcome."""

import logging
import re

import pytest

from services.notifications.delivery.mail_test import LastTest, last_test
from tests.notifications.mail_servers import Mailbox, listening, smtp
from tests.notifications.pages import further, pages_on
from tests.notifications.world import MBE, PROVIDER, World

ADMIN, OPERATOR = "verwaltung", "betrieb"
PEOPLE = further((ADMIN, MBE, "administrator"), (OPERATOR, MBE, "operator"))
TO = "pruefung@stadt.example"


async def kept(world: World) -> LastTest | None:
    async with world.visiting("wohlfahrt") as conn:
        return await last_test(conn)


@pytest.mark.parametrize("who", [ADMIN, OPERATOR])
async def test_a_test_mail_is_accepted(world: World, who: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    box = Mailbox()
    async with (
        listening(smtp(box)) as port,
        pages_on(world, who, people=PEOPLE, smtp=f"smtp://127.0.0.1:{port}") as pages,
    ):
        assert await kept(world) is None
        page = await pages[who].page("/mail")
        assert "Ein Mailserver ist eingestellt" in page
        answer = await pages[who].post("/mail/test", to=TO)
        assert answer.status_code == 303
        page = await pages[who].page("/mail")
    assert "Der Mailserver hat die Testmail angenommen." in page
    assert "Antwort des Servers: 250." in page
    assert [to for _, to in box.envelopes] == [[TO]]
    assert b"Person" not in box.taken[0]
    assert await kept(world) == LastTest(world.now, "accepted")
    ours = [record for record in caplog.records if record.name not in {"mail.log", "httpx"}]  # the test's own
    assert TO not in "".join(record.getMessage() + str(vars(record)) for record in ours)
    assert TO not in page
    columns = await world.rows("SELECT * FROM mail_test")
    assert [dict(row) for row in columns] == [{"last": True, "tested_at": world.now, "outcome": "accepted"}]


@pytest.mark.parametrize(
    ("command", "answer", "told", "outcome"),
    [
        ("RCPT", "550 5.1.1 nobody", "Das Postfach wurde abgelehnt.", "recipient_refused"),
        ("RCPT", "550 relay access denied", "sendet für diesen Rechner nichts", "relay_denied"),
        ("MAIL", "553 5.7.1 not you", "hat den Absender abgelehnt", "sender_refused"),
        ("DATA", "451 4.3.0 later", "nimmt die Mail jetzt nicht an", "deferred"),
    ],
)
async def test_a_refusal_is_said_with_its_code(
    world: World, command: str, answer: str, told: str, outcome: str
) -> None:
    box = Mailbox({command: [answer]})
    async with (
        listening(smtp(box)) as port,
        pages_on(world, ADMIN, people=PEOPLE, smtp=f"smtp://127.0.0.1:{port}") as pages,
    ):
        await pages[ADMIN].post("/mail/test", to=TO)
        page = await pages[ADMIN].page("/mail")
    assert told in page
    assert f"Antwort des Servers: {answer[:3]}." in page
    last = await kept(world)
    assert last == LastTest(world.now, outcome)
    assert not last.accepted


async def test_a_server_that_is_not_there_is_unreachable(world: World) -> None:
    async with listening(smtp(Mailbox())) as port:
        pass
    async with pages_on(world, ADMIN, people=PEOPLE, smtp=f"smtp://127.0.0.1:{port}") as pages:
        await pages[ADMIN].post("/mail/test", to=TO)
        assert "Der Mailserver ist nicht erreichbar." in await pages[ADMIN].page("/mail")


async def test_without_a_server_nothing_can_be_tested(world: World) -> None:
    async with pages_on(world, ADMIN, PROVIDER, people=PEOPLE) as pages:
        page = await pages[ADMIN].page("/mail")
        assert "Es ist kein Mailserver eingestellt; Mails warten." in page
        assert 'name="to"' not in page
        assert (await pages[ADMIN].post("/mail/test", to=TO)).status_code == 409
        assert (await pages[PROVIDER].get("/mail")).status_code == 403
        assert (await pages[PROVIDER].post("/mail/test", to=TO)).status_code == 403
    assert await kept(world) is None


async def test_wrong_addresses_are_refused_and_tests_are_few(world: World) -> None:
    box = Mailbox()
    async with (
        listening(smtp(box)) as port,
        pages_on(world, ADMIN, people=PEOPLE, smtp=f"smtp://127.0.0.1:{port}") as pages,
    ):
        for wrong in ("", "nobody", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example", "a" * 500):
            answer = await pages[ADMIN].post("/mail/test", to=wrong)
            assert answer.status_code in {422, 429}
            if answer.status_code == 422:
                assert 'id="to-error"' in answer.text
        for _ in range(4):
            answer = await pages[ADMIN].post("/mail/test", to=TO)
        assert answer.status_code == 429
        assert re.search(r"Bitte warten Sie \d+ Sekunden", answer.text)
        assert int(answer.headers["retry-after"]) <= 20
    assert len(box.taken) <= 3
