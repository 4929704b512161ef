"""Mails of a whole run: a reference and a link, and nothing of anybody in text, headers or envelope."""

import re
from datetime import date, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

from services.notifications.delivery.domain import reference_of
from services.notifications.delivery.smtp import SmtpServer
from services.notifications.people.domain import Contact
from tests.notifications.mail_servers import Mailbox, listening, smtp
from tests.notifications.world import DESK, JMD, MBE, PROVIDER, TODAY, World, school_days

PEOPLE = {
    "J-2026-0417": Contact(
        "Müller-Šarić", "Gülcan", date(1991, 5, 24), "0171 5550123", "guelcan@posthaus.test", "Lindenweg 7",
        "00417", "Hinterdorf", ("tr", "uk"),
    ),
    "J-2026-0418": Contact(
        "Oyelaran", "Temitope", date(2004, 11, 3), "0152/9990001", "temi@posthaus.test", "Am Anger 12",
        "00418", "Vorderdorf", ("fa",),
    ),
}  # fmt: skip
HEADERS = {
    "message-id", "from", "to", "subject", "auto-submitted", "x-kurslotse-delivery", "content-type",
    "mime-version",
}  # fmt: skip


async def whole_run(world: World) -> list[UUID]:
    """Raise, escalate, pass on and withdraw alerts about two people."""
    await world.announce()
    participants = []
    for reference, contact in PEOPLE.items():
        young = contact.birth_date is not None and contact.birth_date.year > 2000
        person = await world.register(reference, youth_until="2031-10" if young else None)
        participants.append(person)
        await world.keep(reference, contact)
        for office in (MBE, JMD):
            await world.consent(reference, "enrolment_notice", "dropout_support", office_=office)
        await world.enrol(person)
    for day in school_days(TODAY, 4):
        await world.attend("k-1", day, dict.fromkeys(participants, "U"))
        world.now += timedelta(days=1)
    await world.settle()
    return participants


async def run_and_send(world: World) -> tuple[list[UUID], Mailbox]:
    participants = await whole_run(world)
    box = Mailbox(answers={"RCPT": ["550 5.1.1 unknown"]})
    async with listening(smtp(box)) as port:
        worker = world.delivery_worker(server=SmtpServer.from_url(f"smtp://127.0.0.1:{port}"))
        await world.send_all(worker)
        world.now += timedelta(days=14)
        assert await world.escalate() > 0
        await world.send_all(worker)
        for reference in PEOPLE:
            await world.revoke(reference)
        await world.send_all(worker)
    return participants, box


def secrets_of(participants: list[UUID]) -> set[str]:
    told = {str(person) for person in participants} | {person.hex for person in participants}
    for reference, contact in PEOPLE.items():
        born = contact.birth_date
        assert born is not None
        told |= {reference, born.isoformat(), f"{born:%d.%m.%Y}", f"{born:%d.%m.%y}"}
        for value in (contact.family_name, contact.given_name, contact.phone, contact.email, contact.street):
            assert value is not None
            told |= {value, *re.split(r"[ @/.-]", value)}
        told |= {contact.postcode or "", contact.town or ""}
    return {one.casefold() for one in told if len(one) > 3}


def texts_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    headers = "\n".join(f"{name}: {value}" for name, value in mail.items())
    return f"{headers}\n{body.get_content()}"


async def test_no_mail_of_a_whole_run_tells_anything_of_anybody(world: World) -> None:
    participants, box = await run_and_send(world)
    kinds, told = set(), 0
    secrets = secrets_of(participants)
    course = await world.value("SELECT title FROM course")
    for raw, envelope in zip(box.taken, box.envelopes, strict=True):
        mail = message_from_bytes(raw, policy=default)
        assert isinstance(mail, EmailMessage)
        text = texts_of(mail) + f"{envelope} {raw.decode('ascii')}"
        assert not [one for one in secrets if one in text.casefold()]
        assert not [one for one in (course, PROVIDER, DESK, "k-1", "99001") if one in text]
        assert {name.lower() for name in mail} - {"references", "in-reply-to"} == HEADERS
        kinds.add(str(mail["Subject"]).split()[-1])
        told += len(mail.get_all("X-Kurslotse-Delivery", []))
    assert {"werden", "Antwort", "zurückgenommen"} <= kinds  # undelivered, escalation, withdrawn
    assert told > 8


async def test_a_mail_holds_reference_and_link_and_answers_nothing_by_itself(world: World) -> None:
    _, box = await run_and_send(world)
    alerts = {row["alert_id"] for row in await world.rows("SELECT alert_id FROM alert")}
    deliveries = {row["delivery_id"] for row in await world.rows("SELECT delivery_id FROM delivery")}
    for raw in box.taken:
        mail = message_from_bytes(raw, policy=default)
        assert isinstance(mail, EmailMessage)
        text = texts_of(mail)
        links = set(re.findall(r"https?://\S+", text))
        assert links
        for link in links:
            found = re.fullmatch(r"https://hilfe\.example/inbox/([0-9a-f-]{36})", link)
            assert found is not None
            alert = UUID(found[1])
            assert alert in alerts
            assert reference_of(alert) in (str(mail["Subject"]) if len(links) == 1 else text)
        ids = {UUID(one) for one in re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)}
        assert ids <= alerts | deliveries
    assert await world.value("SELECT count(*) FROM alert WHERE seen_at IS NOT NULL") == 0
