"""Pages of an office's own organisation: how it is told, its webhooks, what was sent; nobody else's."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from services.notifications.delivery.webhooks.secrets import SecretSeal
from services.notifications.delivery.webhooks.worker import WebhookWorker
from services.notifications.people.keys import Keks
from tests.identity import KEK
from tests.notifications.hooks import NAME, Names, Receiver, certificates, receiving, sender
from tests.notifications.mail_servers import Mailbox, listening, smtp
from tests.notifications.pages import Pages, further, pages_on
from tests.notifications.world import MBE, OTHER, World

LEAD, ADMIN, OPERATOR, STRANGER = "leitung", "verwaltung", "betrieb", "fern-leitung"
KEEPERS = further(
    (LEAD, MBE, "team_lead"),
    (ADMIN, MBE, "administrator"),
    (OPERATOR, MBE, "operator"),
    (STRANGER, OTHER, "team_lead"),
)
TELLING, HOOKS, SENT = f"/offices/{MBE}/telling", f"/offices/{MBE}/webhooks", f"/offices/{MBE}/sent"
USUAL: dict[str, Any] = {
    "version": "0", "enrolments": "at_once", "digest_at": "08:00", "hold": "never", "quiet_from": "20:00",
    "quiet_to": "07:00", "repeat_hours": "", "by_mail": "1", "head_mail": "", "last_mail": "",
}  # fmt: skip


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    made = certificates(tmp_path, NAME)
    async with receiving(Receiver(), made.server) as found:
        found.sender = sender(made, Names({NAME: [["127.0.0.1"]], "intern.example": [["10.0.0.1"]]}))
        yield found


@pytest.fixture
async def pages(world: World, receiver: Receiver) -> AsyncIterator[Pages]:
    everybody = (LEAD, ADMIN, OPERATOR, STRANGER, MBE)
    async with pages_on(world, *everybody, people=KEEPERS, hooks=receiver.sender) as pages:
        yield pages


async def owed(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()


async def test_lead_and_administrator_say_how_their_office_is_told(world: World, pages: Pages) -> None:
    page = await pages[LEAD].page(TELLING)
    assert 'name="version" value="0"' in page
    daily = {"enrolments": "daily", "digest_at": "7:30", "hold": "quiet_hours", "repeat_hours": "4"}
    daily["head_mail"] = "bereich@wohlfahrt.example"
    answer = await pages[LEAD].post(TELLING, **(USUAL | daily))
    assert answer.status_code == 303
    (row,) = await world.rows("SELECT * FROM office_telling")
    assert (row["enrolments"], row["hold"], row["repeat_hours"], row["version"]) == (
        "daily",
        "quiet_hours",
        4,
        1,
    )
    assert (row["head_mail"], f"{row['digest_at']:%H:%M}") == ("bereich@wohlfahrt.example", "07:30")
    # Whoever had opened it before is told; whoever opens it now changes it.
    await pages[ADMIN].post(TELLING, **(USUAL | {"hold": "office_hours"}))
    assert (await world.rows("SELECT hold FROM office_telling"))[0]["hold"] == "quiet_hours"
    await pages[ADMIN].post(TELLING, **(USUAL | {"version": "1"}))
    page = await pages[ADMIN].page(TELLING)
    assert (await world.rows("SELECT version FROM office_telling"))[0]["version"] == 2
    (first, *_) = await world.rows("SELECT changed_by, changed FROM telling_change ORDER BY change_id")
    assert (first["changed_by"], first["changed"]["head_mail"]) == (LEAD, None)
    assert "bereich@" not in str(first["changed"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"enrolments": "weekly"}, "enrolments"),
        ({"digest_at": "24:00"}, "digest_at"),
        ({"digest_at": "\u0660\u0668:00"}, "digest_at"),
        ({"quiet_from": ""}, "quiet_from"),
        ({"hold": "quiet_hours", "quiet_to": "20:00"}, "quiet_to"),
        ({"hold": "<script>"}, "hold"),
        ({"repeat_hours": "0"}, "repeat_hours"),
        ({"repeat_hours": "9" * 300}, "repeat_hours"),
        ({"last_mail": "a@b.example\r\nBcc: c@d.example"}, "last_mail"),
        ({"head_mail": "Leitung"}, "head_mail"),
        ({"by_mail": ""}, "by_mail"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    world: World, pages: Pages, changes: dict[str, str], field: str
) -> None:
    answer = await pages[LEAD].post(TELLING, **(USUAL | changes))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert "<script>" not in answer.text.partition("</head>")[2]
    assert await world.value("SELECT count(*) FROM office_telling") == 0


async def test_nobody_else_sees_or_changes_it(world: World, pages: Pages) -> None:
    await world.rows(
        "INSERT INTO suppression (office, role, address, organisation, since, status)"
        " VALUES ($1, 'office', 'geheim@w.example', 'wohlfahrt', now(), '5.1.1')",
        MBE,
    )
    for who, status in ((STRANGER, 404), (OPERATOR, 403), (MBE, 403)):
        assert (await pages[who].get(TELLING)).status_code == status
        for path, values in (
            (TELLING, USUAL),
            (HOOKS, {"url": f"https://{NAME}/"}),
            (f"/offices/{MBE}/mailboxes/free", {"role": "office", "address": "geheim@w.example"}),
        ):
            assert (await pages[who].post(path, **values)).status_code == status, (who, path)
    assert (await pages[STRANGER].get(SENT)).status_code == 404
    assert await world.value("SELECT count(*) FROM webhook_endpoint") == 0
    assert await world.value("SELECT count(*) FROM suppression") == 1
    async with world.visiting("fern", OTHER) as conn:
        for table in ("office_telling", "webhook_endpoint", "suppression", "silence", "delivery_resend"):
            assert await conn.fetch(f"SELECT 1 FROM {table}") == []


async def test_a_webhook_is_added_tried_renewed_and_removed(
    world: World, pages: Pages, receiver: Receiver
) -> None:
    for url, field in (("http://x.example/", "https://"), ("https://intern.example/", "nicht öffentlich")):
        answer = await pages[LEAD].post(HOOKS, url=url)
        assert answer.status_code == 422
        assert field in answer.text
    url = f"https://{NAME}:{receiver.port}/haken"
    page = (await pages[LEAD].post(HOOKS, url=url)).text
    (secret,) = re.findall(r'<code id="secret">(whsec_[^<]+)</code>', page)
    assert secret not in await pages[LEAD].page(TELLING)
    endpoint = await world.value("SELECT endpoint_id FROM webhook_endpoint")
    await pages[LEAD].post(f"{HOOKS}/{endpoint}/test")
    assert Webhook(secret).verify(receiver.taken[0].body, receiver.taken[0].headers)["type"] == "test"
    assert "Der Webhook hat den Test angenommen." in await pages[LEAD].page(TELLING)
    receiver.answers.append("500 Oops")
    await pages[ADMIN].post(f"{HOOKS}/{endpoint}/test")
    assert "hat selbst einen Fehler" in await pages[ADMIN].page(TELLING)
    # Without mails, while there is a webhook.
    assert (await pages[LEAD].post(TELLING, **(USUAL | {"by_mail": ""}))).status_code == 303

    page = (await pages[LEAD].post(f"{HOOKS}/{endpoint}/secret")).text
    (renewed,) = re.findall(r'<code id="secret">(whsec_[^<]+)</code>', page)
    await owed(world)
    worker = WebhookWorker(
        world.worker, receiver.sender, SecretSeal(Keks.from_text(KEK)), "https://h.example", lambda _: None
    )
    await worker.drain()
    for one in (secret, renewed):
        assert (
            Webhook(one).verify(receiver.taken[-1].body, receiver.taken[-1].headers)["type"] == "notice.new"
        )
    assert NAME in await pages[LEAD].page(SENT)

    for act in ("nonsense", "on"):
        assert (await pages[LEAD].post(f"{HOOKS}/{endpoint}/{act}")).status_code == 404
    await pages[LEAD].post(f"{HOOKS}/{endpoint}/off")
    assert NAME not in (await pages[LEAD].page(TELLING)).partition("changes")[0]
    assert await world.value("SELECT state FROM webhook_endpoint") == "disabled"
    assert (await pages[STRANGER].post(f"{HOOKS}/{endpoint}/test")).status_code == 404


@pytest.mark.parametrize(
    ("state", "problem", "said"),
    [
        ("failed", "recipient_refused", "dieses Postfach gibt es nicht"),
        ("bounced", "bounced", "kam zurück"),
    ],
)
async def test_what_was_sent_is_listed_without_names_and_sent_again_for_a_reason(
    world: World, pages: Pages, state: str, problem: str, said: str
) -> None:
    await owed(world)
    await world.rows("UPDATE delivery SET state = $1, problem = $2", state, problem)
    page = await pages[LEAD].page(SENT)
    assert said in page
    assert "Beispiel" not in page
    row = (await world.rows("SELECT delivery_id, alert_id FROM delivery"))[0]
    again = f"{SENT}/{row['delivery_id']}/again"
    assert f"KL-{str(row['alert_id'])[:8].upper()}" in page
    assert "Noch einmal senden" not in await pages[MBE].page(SENT)  # a counsellor reads
    assert (await pages[MBE].post(again, reason="x")).status_code == 403
    answer = await pages[LEAD].post(again, reason="  ")
    assert answer.status_code == 422
    assert f'id="reason-{row["delivery_id"]}-error"' in answer.text
    assert (await pages[STRANGER].post(again, reason="x")).status_code == 404
    assert await world.value("SELECT state FROM delivery") == state
    assert (await pages[LEAD].post(again, reason="Postfach ist repariert <b>")).status_code == 303
    assert (await pages[LEAD].post(again, reason="noch einmal")).status_code == 409
    (resent,) = await world.rows("SELECT resent_by, reason FROM delivery_resend")
    assert tuple(resent) == (LEAD, "Postfach ist repariert <b>")
    await world.deliver()
    assert len(world.server.mails) == 1
    page = await pages[LEAD].page(SENT)
    assert "wurde angenommen" in page
    assert "Postfach ist repariert &lt;b&gt;" in page


async def test_a_mailbox_that_came_back_is_freed(world: World, pages: Pages) -> None:
    address = "post@mbe-probe.kurslotse.invalid"
    await world.rows(
        "INSERT INTO suppression (office, role, address, organisation, since, status)"
        " VALUES ($1, 'office', $2, 'wohlfahrt', now(), '5.1.1')",
        MBE,
        address,
    )
    await owed(world)
    await world.send_all(world.delivery_worker())
    assert [str(mail["To"]) for mail in world.server.mails] == ["leitung@wohlfahrt.kurslotse.invalid"]
    assert address in await pages[LEAD].page(TELLING)
    free = f"/offices/{MBE}/mailboxes/free"
    assert (await pages[LEAD].post(free, role="lead", address=address)).status_code == 404
    assert (await pages[LEAD].post(free, role="office", address=address)).status_code == 303
    assert await world.value("SELECT count(*) FROM suppression") == 0


async def test_the_office_gets_a_test_mail(world: World, pages: Pages) -> None:
    path = f"/offices/{MBE}/mailboxes/test"
    assert (await pages[LEAD].post(path)).status_code == 409  # no mail server is set
    box = Mailbox(answers={"RCPT": ["250 OK", "550 5.1.1 unknown"]})
    async with (
        listening(smtp(box)) as port,
        pages_on(world, LEAD, STRANGER, people=KEEPERS, smtp=f"smtp://127.0.0.1:{port}") as mailing,
    ):
        await mailing[LEAD].post(path)
        assert "Der Mailserver hat die Testmail angenommen." in await mailing[LEAD].page(TELLING)
        await mailing[LEAD].post(path)
        assert "Die Testmail wurde nicht angenommen: dieses Postfach" in await mailing[LEAD].page(TELLING)
        assert (await mailing[STRANGER].post(path)).status_code == 404
    assert [to for _, to in box.envelopes] == [["post@mbe-probe.kurslotse.invalid"]]


@pytest.mark.parametrize("mailbox", ["<jmd>", "JMD <jmd@example.org>", "jmd@[192.0.2.1", ""])
async def test_a_mailbox_from_before_they_were_checked_gets_no_test_mail(world: World, mailbox: str) -> None:
    box = Mailbox()
    async with (
        listening(smtp(box)) as port,
        pages_on(world, LEAD, people=KEEPERS, smtp=f"smtp://127.0.0.1:{port}") as mailing,
    ):
        await world.rows("UPDATE office SET mail = $1 WHERE slug = $2", mailbox, MBE)
        assert (await mailing[LEAD].post(f"/offices/{MBE}/mailboxes/test")).status_code == 303
        assert "nicht angenommen: die Adresse ist keine" in await mailing[LEAD].page(TELLING)
    assert box.envelopes == []
