"""Held mails on a real database: digests, quiet hours, silences, snooze, reminders, levels; none is lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.placements import EnrolmentEnded
from services.notifications.alerts import handlers, silences, snoozing
from services.notifications.alerts.domain import AlertCommand, AlertState
from services.notifications.alerts.escalation import EscalationWorker
from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding import telling_store
from services.notifications.delivery.holding.domain import Enrolments, Hold, Telling
from services.notifications.delivery.holding.telling_store import Choice
from services.runtime.data.db import transaction
from tests.notifications.organisations import know_wohlfahrt
from tests.notifications.world import MBE, NOW, TODAY, World, school_days, step

DROPOUT, ENROLMENT = "dropout_support", "enrolment_notice"


async def choose(world: World, telling: Telling, **mails: str) -> None:
    async with transaction(world.worker) as conn:
        known = await telling_store.chosen(conn, MBE)
        version = 0 if known is None else known["version"]
        assert await telling_store.choose(conn, MBE, "wohlfahrt", Choice(telling, **mails), version)


async def people(world: World, number: int, purpose: str = ENROLMENT) -> list[UUID]:
    await world.announce()
    found = []
    for n in range(number):
        person = await world.register(f"p-{n}")
        await world.consent(f"p-{n}", purpose)
        await world.enrol(person)
        found.append(person)
    return found


async def states(world: World) -> dict[str, int]:
    rows = await world.rows("SELECT state, count(*) AS n FROM delivery GROUP BY state")
    return {row["state"]: row["n"] for row in rows}


async def only_alert(world: World) -> UUID:
    found: UUID = await world.value("SELECT alert_id FROM alert")
    return found


async def answer(world: World, alert: UUID, command: AlertCommand) -> object:
    async with world.visiting("wohlfahrt", MBE) as conn:
        return await handlers.answer(conn, alert, command, world.now)


async def test_enrolments_come_together_in_the_morning_and_risks_at_once(world: World) -> None:
    await choose(world, Telling(Enrolments.DAILY))
    found = await people(world, 3)
    await world.consent("p-0", DROPOUT)
    await world.settle()
    assert await states(world) == {"held": 3}
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {found[0]: "U"})
    await world.settle()
    assert await world.deliver() == 1
    assert [str(mail["Subject"])[:12] for mail in world.server.mails] == ["Neuer Hinwei"]

    world.now = datetime(2026, 3, 3, 6, 59, 59, tzinfo=UTC)
    await world.deliver()
    assert await states(world) == {"held": 3, "sent": 1}
    world.now = datetime(2026, 3, 3, 7, 0, 1, tzinfo=UTC)
    await world.deliver()
    assert await states(world) == {"sent": 4}
    digest = world.server.mails[-1]
    assert digest["Subject"] == "3 neue Hinweise"
    assert len(digest.get_all("X-Kurslotse-Delivery")) == 3
    assert len(world.server.mails) == 2
    assert await world.value("SELECT count(*) FROM status.attempts_wrong") == 0
    assert await world.value("SELECT count(*) FROM status.carried_wrong") == 0


async def test_what_the_office_answered_meanwhile_is_not_told_and_a_withdrawal_still_is(world: World) -> None:
    await choose(world, Telling(Enrolments.DAILY))
    await people(world, 2)
    await world.settle()
    first = await world.value("SELECT alert_id FROM alert ORDER BY alert_id LIMIT 1")
    await answer(world, first, AlertCommand.ACCEPT)
    world.now = datetime(2026, 3, 3, 8, tzinfo=UTC)
    await world.deliver()
    assert await states(world) == {"sent": 1, "cancelled": 1}
    assert "Neuer Hinweis" in str(world.server.mails[0]["Subject"])
    for reference in ("p-0", "p-1"):
        await world.revoke(reference)
    await world.deliver()
    assert str(world.server.mails[-1]["Subject"]) == "2 Hinweise wurden zurückgenommen"


async def test_a_mail_that_carries_others_and_is_withdrawn_loses_none_of_them(world: World) -> None:
    await people(world, 3)
    await world.settle()
    assert await states(world) == {"pending": 1, "carried": 2}
    carrier = await world.value(
        "SELECT p.reference FROM delivery AS d JOIN alert AS a USING (alert_id)"
        " JOIN (VALUES ('p-0'), ('p-1'), ('p-2')) AS p (reference) ON true"
        " JOIN consent AS c ON c.participant_id = a.participant_id WHERE d.state = 'pending' LIMIT 1"
    )
    assert carrier
    person = await world.value(
        "SELECT participant_id FROM alert JOIN delivery USING (alert_id) WHERE delivery.state = 'pending'"
    )
    references = {await world.register(f"p-{n}"): f"p-{n}" for n in range(3)}
    await world.revoke(references[person])
    assert await states(world) == {"cancelled": 1, "held": 2}
    await world.deliver()
    assert await states(world) == {"cancelled": 1, "sent": 2}
    assert [str(mail["Subject"]) for mail in world.server.mails] == ["2 neue Hinweise"]


async def test_a_mail_that_fails_takes_those_with_it_up_to_the_lead(world: World) -> None:
    await people(world, 2)
    await world.settle()
    world.server.answers = [Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)]
    await world.send_all(world.delivery_worker())
    assert await states(world) == {"failed": 2, "sent": 2}
    assert str(world.server.mails[-1]["Subject"]) == "2 Hinweise konnten der Stelle nicht zugestellt werden"
    assert world.server.mails[-1]["To"] == "leitung@wohlfahrt.kurslotse.invalid"


async def test_killed_between_attempt_and_outcome_a_digest_goes_again_whole_with_the_same_id(
    world: World,
) -> None:
    await people(world, 3)
    await world.settle()
    world.server.answers = [Attempted(Outcome.IN_DOUBT, None, Fault.CONNECTION_LOST)]
    await world.deliver()
    assert await states(world) == {"pending": 1, "carried": 2}
    await world.deliver()
    first, second = world.server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_all("X-Kurslotse-Delivery") == second.get_all("X-Kurslotse-Delivery")
    assert await states(world) == {"sent": 3}


async def test_quiet_hours_hold_a_risk_until_the_morning_and_not_the_last_resort(world: World) -> None:
    await choose(world, Telling(hold=Hold.QUIET_HOURS))
    world.now = datetime(2026, 3, 2, 21, tzinfo=UTC)
    (person,) = await people(world, 1, DROPOUT)
    for day in school_days(TODAY, 2):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    row = (await world.rows("SELECT state, held_for, release_at FROM delivery"))[0]
    assert tuple(row) == ("held", "quiet_hours", datetime(2026, 3, 3, 6, tzinfo=UTC))
    world.now = row["release_at"]
    assert await world.deliver() == 1


async def test_a_silence_holds_until_it_ends_or_is_ended(world: World) -> None:
    await know_wohlfahrt(world)
    async with world.visiting("wohlfahrt", MBE) as conn:
        found = await silences.silence(
            conn, organisation="wohlfahrt", office=MBE, about="enrolment", until=NOW + timedelta(days=3),
            reason="Fortbildung", person="leitung", now=NOW,
        )  # fmt: skip
        assert isinstance(found, silences.Silenced)
        (row,) = await silences.listed(conn, MBE, NOW)
    assert (row["author"], row["reason"]) == ("leitung", "Fortbildung")
    await people(world, 2)
    await world.settle()
    assert await states(world) == {"held": 2}
    world.now += timedelta(days=2)
    assert await world.escalate() > 0
    await world.deliver()
    assert {str(mail["To"]) for mail in world.server.mails} == {"leitung@wohlfahrt.kurslotse.invalid"}
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await silences.end_silence(conn, found.id, "vertretung", world.now)
        assert not await silences.end_silence(conn, found.id, "vertretung", world.now)
    await world.deliver()
    assert "2 neue Hinweise" in [str(mail["Subject"]) for mail in world.server.mails]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"until": NOW}, silences.NotSilenced.PAST),
        ({"until": NOW + timedelta(days=32)}, silences.NotSilenced.TOO_LONG),
        ({"reason": " \n"}, silences.NotSilenced.NO_REASON),
    ],
)
async def test_a_silence_has_an_end_and_a_reason(
    world: World, changes: dict[str, Any], why: silences.NotSilenced
) -> None:
    usual: dict[str, Any] = {
        "organisation": "wohlfahrt", "office": MBE, "about": "everything", "until": NOW + timedelta(days=1),
        "reason": "x", "person": "leitung", "now": NOW,
    }  # fmt: skip
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await silences.silence(conn, **(usual | changes)) is why
    with pytest.raises(ValueError, match="kinds"):
        async with world.visiting("wohlfahrt", MBE) as conn:
            await silences.silence(conn, **(usual | {"about": "alles"}))


async def test_an_alert_put_off_comes_back_and_escalates_only_after_that(world: World) -> None:
    await people(world, 1)
    await world.settle()
    await world.deliver()
    alert = await only_alert(world)
    until = NOW + timedelta(days=3)
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await snoozing.snooze(conn, alert, until, "berta", world.now) == snoozing.Snoozed(until)
    row = (await world.rows("SELECT state, snoozed_until, snoozed_by, version FROM alert"))[0]
    assert tuple(row) == ("seen", until, "berta", 2)
    world.now = until - timedelta(minutes=1)
    assert await world.escalate() + await world.remind() == 0
    world.now = until
    assert await world.remind() == 1
    await world.deliver()
    assert "liegt wieder vor" in str(world.server.mails[-1]["Subject"])
    assert await world.escalate() == 0
    world.now += timedelta(hours=2)  # office hours
    assert await world.escalate() == 1
    await world.deliver()
    assert "wartet auf eine Antwort" in str(world.server.mails[-1]["Subject"])


@pytest.mark.parametrize("hours", [-2, -0.1, 0, 1, 1.9, 2.5])
async def test_the_head_never_hears_of_an_alert_put_off_before_the_lead(world: World, hours: float) -> None:
    await choose(world, Telling(), head_mail="bereich@w.example", last_mail="notfall@w.example")
    await people(world, 1)
    await world.settle()
    alert = await only_alert(world)
    # All within one office day, closer together than what is put off follows each other.
    until = datetime(2026, 3, 3, 8, tzinfo=UTC)
    first = until + timedelta(hours=hours)
    for number in (1, 2, 3):
        due = first + timedelta(minutes=5 * number)
        await world.rows("UPDATE escalation SET due_at = $2 WHERE step = $1", number, due)
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await snoozing.snooze(conn, alert, until, "berta", world.now) == snoozing.Snoozed(until)
    after = [row["due_at"] for row in await world.rows("SELECT due_at FROM escalation ORDER BY step")]
    begin = max(until + timedelta(hours=2), first + timedelta(minutes=5))
    assert after == [begin, begin + timedelta(hours=2), begin + timedelta(hours=4)]


async def test_putting_off_for_a_day_leaves_what_is_due_long_after(world: World) -> None:
    await people(world, 1)
    await world.settle()
    alert = await only_alert(world)
    before = [row["due_at"] for row in await world.rows("SELECT due_at FROM escalation ORDER BY step")]
    until = NOW + timedelta(hours=1)
    async with world.visiting("wohlfahrt", MBE) as conn:
        await snoozing.snooze(conn, alert, until, "berta", world.now)
    assert [
        row["due_at"] for row in await world.rows("SELECT due_at FROM escalation ORDER BY step")
    ] == before


async def test_who_answers_or_puts_off_again_is_not_reminded_of_the_first(world: World) -> None:
    await people(world, 1)
    await world.settle()
    alert = await only_alert(world)
    async with world.visiting("wohlfahrt", MBE) as conn:
        await snoozing.snooze(conn, alert, NOW + timedelta(days=1), "berta", world.now)
        await snoozing.snooze(conn, alert, NOW + timedelta(days=2), "berta", world.now)
    world.now += timedelta(days=1, hours=1)
    assert await world.remind() == 0
    await answer(world, alert, AlertCommand.ACCEPT)
    world.now += timedelta(days=1)
    assert await world.remind() == 1
    assert [row["outcome"] for row in await world.rows("SELECT outcome FROM reminder ORDER BY step")] == [
        "moved_on",
        "answered_before",
    ]
    assert await world.value("SELECT count(*) FROM delivery WHERE step LIKE 'snooze%'") == 0


async def silenced(world: World, until: datetime) -> None:
    async with world.visiting("wohlfahrt", MBE) as conn:
        done = await silences.silence(
            conn, organisation="wohlfahrt", office=MBE, about="everything", until=until, reason="x",
            person="leitung", now=world.now,
        )  # fmt: skip
    assert isinstance(done, silences.Silenced)


async def steps(world: World) -> dict[str, tuple[str, str | None]]:
    rows = await world.rows("SELECT step, state, problem FROM delivery WHERE recipient = $1", f"office:{MBE}")
    return {row["step"]: (row["state"], row["problem"]) for row in rows}


async def test_a_held_repetition_is_needless_once_somebody_has_looked(world: World) -> None:
    await know_wohlfahrt(world)
    await choose(world, Telling(repeat_hours=3))
    await people(world, 2)
    await world.settle()
    await world.deliver()
    world.now += timedelta(hours=1)
    await silenced(world, world.now + timedelta(hours=7))
    world.now += timedelta(hours=3)
    assert await world.remind() == 2
    seen: UUID = await world.value("SELECT min(alert_id::text)::uuid FROM alert")
    await answer(world, seen, AlertCommand.SEE)
    world.now += timedelta(hours=12)
    await world.deliver()
    rows = await world.rows(
        "SELECT alert_id = $1 AS seen, state, problem FROM delivery WHERE step = 'repeat-1-1' ORDER BY 1",
        seen,
    )
    assert [tuple(row) for row in rows] == [(False, "sent", None), (True, "cancelled", "outdated")]


async def test_a_held_reminder_is_needless_once_the_alert_is_put_off_again(world: World) -> None:
    await know_wohlfahrt(world)
    await people(world, 1)
    await world.settle()
    await world.deliver()
    alert = await only_alert(world)
    first, second = NOW + timedelta(days=1), NOW + timedelta(days=9)
    async with world.visiting("wohlfahrt", MBE) as conn:
        await snoozing.snooze(conn, alert, first, "berta", world.now)
    world.now = first - timedelta(hours=1)
    await silenced(world, first + timedelta(days=2))
    world.now = first
    assert await world.remind() == 1
    async with world.visiting("wohlfahrt", MBE) as conn:
        await snoozing.snooze(conn, alert, second, "berta", world.now)
    world.now = first + timedelta(days=3)
    assert await world.deliver() == 0
    assert (await steps(world))["snooze-1-2"] == ("cancelled", "outdated")
    world.now = second
    assert await world.remind() == 1
    await world.deliver()
    assert (await steps(world))["snooze-1-3"] == ("sent", None)


async def test_a_held_withdrawal_is_needless_once_the_alert_is_raised_again(world: World) -> None:
    await know_wohlfahrt(world)
    (person,) = await people(world, 1)
    await world.settle()
    await world.deliver()
    await silenced(world, NOW + timedelta(hours=3))
    await world.say(
        None, step(EnrolmentEnded, person, version=4, from_state="confirmed", to_state="left", ended_on=TODAY)
    )
    await world.settle()
    assert (await steps(world))["withdrawn-1"][0] == "held"
    await world.enrol(person, version=5)
    await world.settle()
    assert await world.value("SELECT opening FROM alert") == 2
    await silenced(world, NOW + timedelta(hours=9))
    world.now += timedelta(hours=10)
    await world.deliver()
    assert (await steps(world))["withdrawn-1"] == ("cancelled", "outdated")
    assert (await steps(world))["notice-2"] == ("sent", None)
    # What is withdrawn for good is told.
    await world.say(
        None, step(EnrolmentEnded, person, version=6, from_state="confirmed", to_state="left", ended_on=TODAY)
    )
    await world.settle()
    await world.deliver()
    assert (await steps(world))["withdrawn-2"] == ("sent", None)


async def test_nobody_puts_an_alert_off_for_ever(world: World) -> None:
    await people(world, 1)
    await world.settle()
    alert = await only_alert(world)
    async with world.visiting("wohlfahrt", MBE) as conn:
        for until, why in (
            (NOW, snoozing.NotSnoozed.PAST),
            (NOW + timedelta(days=15), snoozing.NotSnoozed.TOO_LONG),
        ):
            assert await snoozing.snooze(conn, alert, until, "b", world.now) is why
        world.now += timedelta(days=20)
        too_late = NOW + timedelta(days=29)
        assert await snoozing.snooze(conn, alert, too_late, "b", world.now) is snoozing.NotSnoozed.TOO_LONG
    await answer(world, alert, AlertCommand.ACCEPT)
    async with world.visiting("wohlfahrt", MBE) as conn:
        later = world.now + timedelta(days=1)
        assert await snoozing.snooze(conn, alert, later, "b", world.now) == handlers.NotPossible(
            AlertState.ACCEPTED
        )
    async with world.visiting("fern") as conn:
        assert await snoozing.snooze(conn, alert, later, "b", world.now) == handlers.NotPossible(None)


async def test_an_office_is_reminded_until_somebody_looks(world: World) -> None:
    await choose(world, Telling(repeat_hours=3))
    await people(world, 1)
    await world.settle()
    due = [row["due_at"] for row in await world.rows("SELECT due_at FROM reminder ORDER BY step")]
    assert due == [
        datetime(2026, 3, 2, 12, tzinfo=UTC),
        datetime(2026, 3, 2, 15, tzinfo=UTC),
        datetime(2026, 3, 3, 11, tzinfo=UTC),
    ]
    world.now = due[0]
    assert await world.remind() == 1
    await world.deliver()
    assert "hat noch niemand angesehen" in str(world.server.mails[-1]["Subject"])
    await answer(world, await only_alert(world), AlertCommand.SEE)
    world.now = due[2]
    assert await world.remind() == 2
    assert await world.value("SELECT count(*) FROM delivery WHERE step LIKE 'repeat%'") == 1


async def test_what_nobody_answers_goes_up_level_by_level_inside_the_organisation(world: World) -> None:
    await choose(world, Telling(), head_mail="bereich@w.example", last_mail="notfall@w.example")
    await people(world, 1)
    await world.settle()
    await world.deliver()
    for _ in range(3):
        world.now += timedelta(days=7)
        await world.escalate()
        await world.deliver()
    to = [str(mail["To"]) for mail in world.server.mails]
    assert to[0] == "post@mbe-probe.kurslotse.invalid"
    assert set(to[1:]) == {"leitung@wohlfahrt.kurslotse.invalid", "bereich@w.example", "notfall@w.example"}
    # All of them belong to one thread.
    root = str(world.server.mails[0]["Message-ID"])
    assert all(root in str(mail["References"]) for mail in world.server.mails[1:])


async def test_what_reaches_neither_office_nor_lead_reaches_the_last_resort(world: World) -> None:
    await choose(world, Telling(), last_mail="notfall@w.example")
    await people(world, 1)
    await world.settle()
    refused = Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED)
    world.server.answers = [refused, refused]
    await world.send_all(world.delivery_worker())
    assert [str(mail["To"]) for mail in world.server.mails] == [
        "post@mbe-probe.kurslotse.invalid",
        "leitung@wohlfahrt.kurslotse.invalid",
        "notfall@w.example",
    ]
    assert await states(world) == {"failed": 2, "sent": 1}


async def test_a_choice_of_another_version_is_refused(world: World) -> None:
    await choose(world, Telling())
    async with transaction(world.worker) as conn:
        for expected in (0, 7):
            assert await telling_store.choose(conn, MBE, "wohlfahrt", Choice(Telling()), expected) is None
        assert await telling_store.choose(conn, MBE, "wohlfahrt", Choice(Telling(repeat_hours=9)), 1) == 2
        assert (await holding.tellings(conn, [MBE]))[MBE].repeat_hours == 9
    async with transaction(world.worker) as conn:
        assert await telling_store.choose(conn, "mbe-fern", "fern", Choice(Telling()), 3) is None


RACES = 1000


@pytest.mark.timeout(120)
async def test_answered_and_escalated_at_once_a_thousand_times(world: World) -> None:
    """Each alert is answered exactly once; it escalated before that with one mail, or not at all."""
    await people(world, 1)
    await world.settle()
    alert = await only_alert(world)
    await world.rows(
        "INSERT INTO alert (kind, matter, purpose, participant_id, course_id, organisation, office, chain,"
        " routing, reason, state, raised_at) SELECT kind, gen_random_uuid(), purpose, participant_id,"
        " course_id, organisation, office, chain, routing, reason, 'new', raised_at FROM alert,"
        " generate_series(1, $2) WHERE alert_id = $1",
        alert,
        RACES,
    )
    await world.rows(
        "INSERT INTO escalation (alert_id, opening, office, organisation, step, due_at)"
        " SELECT alert_id, opening, office, organisation, 1, raised_at FROM alert WHERE alert_id <> $1",
        alert,
    )
    raced = [row["alert_id"] for row in await world.rows("SELECT alert_id FROM alert ORDER BY random()")]
    raced.remove(alert)
    gate = asyncio.Semaphore(6)

    async def one(id_: UUID) -> object:
        async with gate:
            return await answer(world, id_, AlertCommand.ACCEPT)

    async def escalating() -> int:
        done = 0
        while found := await EscalationWorker(world.worker).drain(NOW):
            done += found
        return done

    answers, first, second = await asyncio.gather(
        asyncio.gather(*map(one, raced)), escalating(), escalating()
    )

    assert answers == [handlers.Answered(AlertState.ACCEPTED)] * RACES
    assert first + second == RACES
    wrong = await world.rows(
        """
        SELECT a.alert_id FROM alert AS a JOIN escalation AS e USING (alert_id) WHERE a.alert_id <> $1
        AND (a.state <> 'accepted' OR e.done_at IS NULL OR a.escalated_at > a.answered_at
            OR (e.outcome = 'escalated') <> (a.escalated_at IS NOT NULL)
            OR (a.escalated_at IS NOT NULL)::integer <> (SELECT count(*) FROM delivery AS d
                WHERE d.alert_id = a.alert_id AND d.recipient LIKE 'lead:%')
            OR (SELECT count(*) FROM alert_step AS s WHERE s.alert_id = a.alert_id) <> 1)
        """,
        alert,
    )
    assert wrong == []
    outcomes = {row["outcome"] for row in await world.rows("SELECT DISTINCT outcome FROM escalation")}
    assert "escalated" in outcomes  # both happened: it was a race
    assert "answered_before" in outcomes
