"""Alerts that are put off leave the list until then, one by one or several at once; every outcome is told."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.notifications.delivery.domain import reference_of
from tests.notifications.pages import Pages
from tests.notifications.world import JMD, MBE, World

TOMORROW = datetime(2026, 3, 3, 6, tzinfo=UTC)  # seven in the morning in Germany


def listed(page: str) -> set[str]:
    return set(re.findall(r'href="/inbox/[0-9a-f-]{36}">(KL-[0-9A-F]{8})<', page))


def references(*alerts: UUID) -> set[str]:
    return {reference_of(one) for one in alerts}


async def test_an_alert_put_off_leaves_the_list_until_then_and_is_found(
    world: World, pages: Pages, alerts: list[UUID]
) -> None:
    first, *rest = alerts
    answer = await pages[MBE].post(f"/inbox/{first}/snooze", days="1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    page = await pages[MBE].page("/inbox")
    assert "Der Hinweis ist bis 03.03.2026, 07:00 zurückgestellt." in page
    assert listed(page) == references(*rest)
    assert 'href="/inbox?state=off">1 Hinweis ist zurückgestellt.' in page
    for state in ("unanswered", "work", "mine"):
        assert listed(await pages[MBE].page(f"/inbox?state={state}")) <= references(*rest), state
    page = await pages[MBE].page("/inbox?state=off")
    assert listed(page) == references(first)
    assert "Zurückgestellt bis 03.03.2026, 07:00." in page
    assert listed(await pages[MBE].page("/inbox?state=all")) == references(*alerts)
    page = await pages[MBE].page(f"/inbox/{first}")
    assert f"Zurückgestellt bis 03.03.2026, 07:00 von Person {MBE}." in page
    assert re.search(r"gesehen</td>\s*<td[^>]*>zurückgestellt</td>", page)
    row = (await world.rows("SELECT snoozed_until, snoozed_by FROM alert WHERE alert_id = $1", first))[0]
    assert tuple(row) == (TOMORROW, MBE)
    await pages[MBE].post("/preferences", language="en", back="/inbox")
    assert f"Put off until 3 Mar 2026, 07:00 by Person {MBE}." in await pages[MBE].page(f"/inbox/{first}")

    world.now = TOMORROW
    page = await pages[MBE].page("/inbox")
    assert listed(page) == references(*alerts)
    assert 'state=off"' not in page
    assert listed(await pages[MBE].page("/inbox?state=off")) == set()
    assert "Put off until" not in await pages[MBE].page(f"/inbox/{first}")


async def test_a_reason_that_somebody_types_does_not_make_it_put_off(
    world: World, pages: Pages, alerts: list[UUID]
) -> None:
    first, second, _ = alerts
    assert (await pages[MBE].post(f"/inbox/{first}/see", reason="snoozed")).status_code == 303
    assert (await pages[MBE].post(f"/inbox/{second}/accept", reason="snoozed")).status_code == 303
    assert await world.value("SELECT count(*) FROM alert_step WHERE reason = 'snoozed'") == 2
    for alert in (first, second):
        assert not re.search(r">zurückgestellt</td>", await pages[MBE].page(f"/inbox/{alert}"))
    await pages[MBE].post(f"/inbox/{first}/snooze", days="1")
    assert await world.value("SELECT count(*) FROM alert_step WHERE put_off") == 1


async def test_what_is_answered_meanwhile_is_listed_although_it_was_put_off(
    pages: Pages, alerts: list[UUID]
) -> None:
    await pages[MBE].post(f"/inbox/{alerts[0]}/snooze", days="7")
    await pages[MBE].post(f"/inbox/{alerts[0]}/accept")
    assert listed(await pages[MBE].page("/inbox")) == references(*alerts)
    assert listed(await pages[MBE].page("/inbox?state=off")) == set()
    assert (await pages[MBE].post(f"/inbox/{alerts[0]}/snooze", days="1")).status_code == 409
    assert f'action="/inbox/{alerts[0]}/snooze"' not in await pages[MBE].page(f"/inbox/{alerts[0]}")


async def test_several_are_put_off_and_who_cannot_be_is_named(
    world: World, pages: Pages, alerts: list[UUID]
) -> None:
    old, taken, new = alerts
    await world.rows("UPDATE alert SET raised_at = raised_at - interval '25 days' WHERE alert_id = $1", old)
    await pages[MBE].post(f"/inbox/{taken}/accept")
    ticked = [str(one) for one in alerts]
    for days in ("", "0", "99", "-1", "٣"):
        answer = await pages[MBE].post("/inbox/several", alert=ticked, do="put-off", days=days)
        assert answer.status_code == 422
        assert 'href="#days"' in answer.text
    assert await world.value("SELECT count(*) FROM alert WHERE snoozed_until IS NOT NULL") == 0
    answer = await pages[MBE].post("/inbox/several", alert=ticked, do="put-off", days="7")
    page = await pages[MBE].page(answer.headers["location"])
    assert "1 Hinweis ist zurückgestellt." in page
    assert f"{reference_of(old)} kann nicht mehr so lange zurückgestellt werden" in page
    assert f"{reference_of(taken)} ist schon in Arbeit" in page
    assert listed(page) == references(old, taken)
    await pages[MBE].post("/inbox/several", alert=[str(old)], do="put-off", days="3")
    await pages[MBE].post(f"/inbox/{taken}/done")
    page = await pages[MBE].page("/inbox")
    assert "Sonst ist nichts offen." in page
    assert "2 Hinweise sind zurückgestellt." in page
    assert listed(await pages[MBE].page("/inbox?state=off")) == references(old, new)


async def test_what_is_wrong_is_said_at_the_field_and_to_programs(
    world: World, pages: Pages, alerts: list[UUID]
) -> None:
    path = f"/inbox/{alerts[0]}/snooze"
    for days in ("", "2", "7' OR 1=1"):
        answer = await pages[MBE].post(path, days=days)
        assert (answer.status_code, "bis wann Sie den Hinweis zurückstellen" in answer.text) == (422, True)
    await world.rows("UPDATE alert SET raised_at = raised_at - interval '25 days'")
    answer = await pages[MBE].post(path, days="7")
    assert answer.status_code == 422
    assert 'href="#days"' in answer.text
    assert "So lange kann der Hinweis nicht zurückgestellt werden" in answer.text
    program = {"X-CSRF": pages[MBE].csrf, "Accept": "application/json"}
    refused = await pages[MBE].http.post(path, json={"days": "7"}, headers=program)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_put_off")
    done = await pages[MBE].http.post(path, json={"days": 1}, headers=program)
    assert datetime.fromisoformat(done.json()["put_off_until"]) == TOMORROW
    for foreign in (alerts[0], uuid4()):
        assert (await pages[JMD].post(f"/inbox/{foreign}/snooze", days="1")).status_code == 404
    world.now += timedelta(days=30)
    assert (await pages[MBE].post(path, days="1")).status_code == 422
