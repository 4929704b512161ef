"""The pages of pooling: weak courses are merged in one step, once, and the merger can be undone."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from services.allocation.rerun import request_rerun
from services.allocation.steering.runs.service import Steering
from tests.integration.allocation.console.analysis import WHY, count, seat, send
from tests.integration.allocation.console.test_policy_pages import NOON, Browser
from tests.rejected import faults_of


@pytest.fixture(autouse=True)
async def _seated(browser_and_steering: tuple[Browser, Steering]) -> None:
    await seat(browser_and_steering[0].conn)


@pytest.fixture
def browser(browser_and_steering: tuple[Browser, Steering]) -> Browser:
    return browser_and_steering[0]


async def test_a_program_merges_in_one_step_as_well(browser: Browser) -> None:
    task = (await send(browser, "/questions/pooling")).json()["task"]
    merge = f"/questions/pooling/{task}/0/merge"
    refused = await send(browser, merge, {"reason": WHY})
    assert (refused.status_code, refused.json()["code"]) == (409, "suggestion_unknown")
    await browser.analyses.run_waiting(NOON)
    answer = await send(browser, merge, {"reason": WHY})
    assert answer.status_code == 200, answer.text
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE decision = 'close'") == 2
    decision = await browser.conn.fetchval("SELECT id FROM pooling_decision")
    assert answer.json()["decision"] == str(decision)
    again = await send(browser, merge, {"reason": WHY})
    assert (again.status_code, again.json()["code"]) == (409, "course_closed")


async def test_weak_courses_are_merged_in_one_step_and_steering_follows(
    browser_and_steering: tuple[Browser, Steering],
) -> None:
    browser, steering = browser_and_steering
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    page = await browser.page(address)
    assert "3 Kurse zu einem zusammenlegen" in page
    assert "jetzt 0, dann 15 (15 mehr)" in page
    assert "können Sie nicht verlegen" not in page
    assert "mindestens zehn Zeichen" in await browser.refused(f"{address}/0", reason="short")
    assert await count(browser, "SELECT count(*) FROM course_decision") == 0
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "Die Kurse sind zusammengelegt." in page
    row = await browser.conn.fetchrow("SELECT * FROM pooling_decision")
    assert row is not None
    assert (row["kreis"], row["actor"], row["reason"]) == ("99001", "jana-vogt", WHY)
    assert sorted([row["host_provider"], *row["gave_up"]]) == ["provider-1", "provider-2", "provider-3"]
    rulings = await browser.conn.fetch("SELECT course, decision FROM course_decision ORDER BY course")
    assert [tuple(one) for one in rulings] == [(one, "close") for one in sorted(row["closed"])]
    assert await steering.run_due(NOON) == 1
    placed = await browser.conn.fetch("SELECT DISTINCT course FROM placement WHERE state = 'proposed'")
    assert [one["course"] for one in placed] == [row["host"]]
    query = (
        "SELECT count(*) FROM placement WHERE course = $1 AND state IN ('reserved', 'accepted', 'proposed')"
    )
    assert await count(browser, query, row["host"]) == 15  # what was promised
    assert await count(browser, query, row["closed"][0]) == 0
    title = await browser.conn.fetchval("SELECT title FROM course WHERE course = $1", row["host"])
    for path in ("/courses", f"/courses/{row['closed'][0]}"):
        assert f"zusammengelegt mit {title}" in await browser.page(path)
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "Es ist entschieden, dass dieser Kurs nicht beginnt." in page
    assert await count(browser, "SELECT count(*) FROM pooling_decision") == 1
    page = await browser.page("/pooling")
    assert "Das ist schon entschieden." in page
    assert 'id="reason-' not in page
    assert "Bisher zusammengelegt" in page
    assert "Jana Vogt" in page


async def test_a_merger_that_was_undone_is_suggested_again_as_it_was(browser: Browser) -> None:
    """It counts for no balance; one that holds does (tests/integration/allocation/acts/test_merging.py)."""
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.done(f"{address}/0", reason=WHY)
    id_, first = await browser.conn.fetchrow("SELECT id, host_provider FROM pooling_decision") or ("", "")
    await browser.done(f"/pooling/merged/{id_}/undo", reason=WHY)
    await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    second = await browser.conn.fetchval(
        "SELECT result->'suggestions'->0->'host'->>'provider' FROM analysis_task ORDER BY place DESC LIMIT 1"
    )
    assert second == first


async def test_who_cannot_change_over_is_named_with_the_reason(browser: Browser) -> None:
    """In each course somebody is excluded from the others: whichever stays, two keep a seat elsewhere."""
    await browser.conn.execute(
        """
        INSERT INTO steering_exclusion (id, kreis, participant, provider, reason, actor, decided_at)
        SELECT gen_random_uuid(), '99001', p.participant, o.provider, 'because of a test', 'a test', now()
        FROM (SELECT DISTINCT ON (course) course, participant, provider FROM placement
              ORDER BY course, participant) AS p
        JOIN (SELECT DISTINCT provider FROM placement) AS o ON o.provider <> p.provider
        """
    )
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    _, page = await browser.done(f"{address}/0", reason=WHY)
    rows = await browser.conn.fetch(
        """
        SELECT w.reference FROM placement AS p JOIN participant AS w USING (participant)
        JOIN pooling_decision AS d ON p.course = ANY(d.closed) WHERE p.state = 'accepted'
        """
    )
    assert len(rows) == 2
    for row in rows:
        assert f"{row['reference']}: Ausschluss" in page
    assert "Haben dort noch einen Platz:" in page
    assert await count(browser, "SELECT count(*) FROM placement_step WHERE reason = 'stays_in_merged'") == 2
    assert "zusammengelegt mit" in await browser.page("/reservations")


async def test_the_page_says_what_has_changed_since(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    told = await browser.conn.fetchval("SELECT result->'suggestions'->0 FROM analysis_task")
    reference = await browser.conn.fetchval(
        """
        WITH gone AS (
            UPDATE placement SET state = 'declined', seats = '{}' WHERE placement = (
                SELECT placement FROM placement WHERE course = $1 ORDER BY placement LIMIT 1)
            RETURNING participant)
        SELECT reference FROM participant JOIN gone USING (participant)
        """,
        UUID(told["closed"][0]["course"]),
    )
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "Es wurde nichts zusammengelegt" in page
    assert f"{reference} hat keinen Platz mehr in" in page
    assert await count(browser, "SELECT count(*) FROM course_decision") == 0


CLOSED = """
    INSERT INTO course_decision (id, kreis, course, decision, reason, actor, decided_at)
    VALUES (gen_random_uuid(), '99001', $1, 'close', 'because of a test', 'a test', now())
"""


CANCELLED = """
    UPDATE course SET state = 'cancelled', cancel_reason = 'few', ended_on = '2026-03-02' WHERE course = $1
"""


@pytest.mark.parametrize(
    "change",
    [
        CANCELLED,
        CLOSED,
        "UPDATE course_section SET starts_on = '2026-03-02' WHERE course = $1",
    ],
    ids=["cancelled", "closed", "begun"],
)
@pytest.mark.parametrize("which", ["host", "closed"])
async def test_what_has_changed_meanwhile_is_not_merged(browser: Browser, change: str, which: str) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    told = await browser.conn.fetchval("SELECT result->'suggestions'->0 FROM analysis_task")
    course = told["host"]["course"] if which == "host" else told["closed"][0]["course"]
    await browser.conn.execute(change, UUID(course))
    before = await count(browser, "SELECT count(*) FROM course_decision")
    await browser.done(f"{address}/0", reason=WHY)
    assert await count(browser, "SELECT count(*) FROM pooling_decision") == 0
    assert await count(browser, "SELECT count(*) FROM course_decision") == before


async def test_a_suggestion_of_another_day_is_not_merged(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.conn.execute("UPDATE analysis_task SET asked_at = asked_at - interval '1 day'")
    _, page = await browser.done(f"{address}/0", reason=WHY)
    assert "von einem anderen Tag" in page
    _, page = await browser.done(f"{address}/7", reason=WHY)
    assert "gibt es nicht mehr" in page
    assert await count(browser, "SELECT count(*) FROM course_decision") == 0


async def test_two_coordinators_merge_once(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await asyncio.gather(*(browser.form(f"{address}/0", reason=WHY) for _ in range(3)))
    assert await count(browser, "SELECT count(*) FROM pooling_decision") == 1
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE lifted_at IS NULL") == 2


async def test_a_merger_is_undone_with_a_reason(browser: Browser) -> None:
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.done(f"{address}/0", reason=WHY)
    id_ = await browser.conn.fetchval("SELECT id FROM pooling_decision")
    page = await browser.refused(f"/pooling/merged/{id_}/undo", reason="kurz")
    assert "mindestens zehn Zeichen" in page
    assert 'value="kurz"' in page
    assert list(faults_of(page)) == []
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE lifted_at IS NULL") == 2
    _, page = await browser.done(f"/pooling/merged/{id_}/undo", reason=WHY)
    assert "Die Zusammenlegung ist rückgängig gemacht." in page
    assert await count(browser, "SELECT count(*) FROM course_decision WHERE lifted_at IS NULL") == 0
    _, page = await browser.done(f"/pooling/merged/{id_}/undo", reason=WHY)
    assert "Das ist schon beendet." in page


async def test_a_request_for_steering_is_left(browser_and_steering: tuple[Browser, Steering]) -> None:
    browser, steering = browser_and_steering
    async with browser.conn.transaction():
        await request_rerun(browser.conn, "99001", "a_test", urgent=True, now=NOON)
    await steering.run_due(NOON)
    address, _ = await browser.done("/pooling")
    await browser.analyses.run_waiting(NOON)
    await browser.done(f"{address}/0", reason=WHY)
    row = await browser.conn.fetchrow(
        "SELECT generation > done_generation AS open, reasons FROM steering_request"
    )
    assert row is not None
    assert row["open"]
    assert "pooling" in row["reasons"]
