"""The operator's page: counts with ages and versions, nothing of any person."""

from functools import partial

from services.notifications import status
from services.notifications.pages.oversight.operation import own_lines
from services.runtime.data.db import transaction
from services.runtime.web.languages import NOTHING
from tests.notifications.pages import further, pages_on
from tests.notifications.world import DESK, MBE, World

OPERATOR = "betrieb"
PEOPLE = further((OPERATOR, DESK, "operator"))


async def test_what_waits_and_fails_is_counted_with_its_age(world: World) -> None:
    await world.rows(
        "INSERT INTO runtime.work_failure (task, item, attempts, error, not_before)"
        " VALUES ('consider', '7d1c1ae4-secret', 5, 'FaultError', 'infinity'),"
        " ('consider', 'x', 1, 'FaultError', now())"
    )
    await world.rows(
        "INSERT INTO runtime.quarantine"
        ' (reader, cluster, topic, partition, "offset", event_id, code, params, refused_at)'
        " VALUES ('r', 'c', 't', 0, 1, 'event-of-somebody', 'field_invalid', '{}', '2026-02-01 10:00+00')"
    )
    async with pages_on(world, OPERATOR, DESK, MBE, people=PEOPLE) as pages:
        page = await pages[OPERATOR].page("/operation")
        for who in (DESK, MBE):
            assert (await pages[who].get("/operation")).status_code == 403
        assert (await pages[OPERATOR].post("/operation")).status_code == 405
    assert "das älteste seit 01.02.2026, 11:00" in page
    assert "consider" in page
    assert "PostgreSQL" in page
    assert "Letzte Migration von notifications" in page
    assert not [text for text in ("7d1c1ae4", "event-of-somebody", "FaultError") if text in page]


async def test_mails_are_told_by_whether_and_conditions_by_yes_and_no(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", "enrolment_notice")
    await world.enrol(person)
    await world.settle()
    await world.deliver()
    lines = own_lines(partial(status.own_status, delivers=True))
    async with transaction(world.worker) as conn:
        found = dict(await lines(conn, world.now))
    assert found["Mails of the last seven days: some were accepted"] == "yes"
    assert found["Mails of the last seven days: a mailbox was refused"] == "no"
    assert found["No mail is sent twice"] == "yes"
    assert set(found.values()) <= {"yes", "no", NOTHING}
