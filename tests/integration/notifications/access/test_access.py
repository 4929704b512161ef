"""A person is told everything that is held about them; nothing of the registry is forgotten."""

import io
import re
from typing import Any
from uuid import UUID, uuid4

import orjson
from pypdf import PdfReader

from schemas.placements import PlaceReserved
from services.notifications.access.collecting import REGISTRY
from services.notifications.access.commands import everything
from services.notifications.access.sources import FOUND_BY, HIDDEN, TELLS_OF_NOBODY, UNDER_CONSENT
from services.notifications.pages.access.plain import SECTIONS
from services.notifications.pages.access.words import CODES
from services.notifications.people.domain import Contact
from services.runtime.data.db import transaction
from services.runtime.data.retention import read, registries
from tests.identity import IDENTITY_KEY
from tests.notifications.pages import pages_on
from tests.notifications.world import DESK, JOBCENTER, MBE, TODAY, World, enrolment, office, school_days, step

NAME = Contact(
    family_name="Beispiel", given_name="Berta", phone="0151 4711", email="berta@post.kurslotse.invalid"
)
EMPTY = {"participant_merge", "held_mark", "section_result", "exam_result", "course_exit", "placement_offer"}
"""Tables without a row of this person: nobody was merged, nothing waits, or nothing is written any more."""


def test_each_registered_table_is_told_or_says_why_not() -> None:
    known = registries()
    tables = known["notifications"].tables.keys() | known["runtime"].tables.keys()
    assert tables == FOUND_BY.keys() | TELLS_OF_NOBODY.keys()
    assert not FOUND_BY.keys() & TELLS_OF_NOBODY.keys()
    assert SECTIONS.keys() == FOUND_BY.keys()
    registered = read(REGISTRY).tables
    for table, columns in HIDDEN.items():
        assert columns.keys() <= set(registered[table].columns), table
    for table, section in SECTIONS.items():
        assert section.columns.keys() <= set(registered[table].columns) - HIDDEN.get(table, {}).keys(), table
    assert FOUND_BY.keys() >= UNDER_CONSENT
    for table, column in CODES:
        assert column in SECTIONS[table].columns, (table, column)


async def somebody(world: World, *, desk: str) -> UUID:
    """Somebody of whom there is as much as there can be: consent, absences, a risk, an alert, a mail."""
    await world.load_offices(office(MBE))
    await world.announce()
    person = await world.register("a-1", desk=desk)
    await world.keep("a-1", NAME, desk=desk)
    await world.consent("a-1", "enrolment_notice", "dropout_support", "after_course", desk=desk)
    reserved = step(PlaceReserved, person, from_state="proposed", to_state="reserved", version=2, office=desk)
    await world.say(None, reserved, enrolment(person, office=desk))
    for day in school_days(TODAY, 4):
        await world.attend("k-1", day, {person: "U"})
    await world.settle()
    await world.deliver()
    await world.rows("UPDATE alert SET snoozed_by = 'somebody-else', taken_by = 'somebody-else' RETURNING 1")
    await world.rows(
        "INSERT INTO registration (id, participant_id, organisation, office, data, begun_at)"
        " SELECT $1, participant_id, organisation, office, '{}', kept_at FROM person",
        uuid4(),
    )
    await world.rows(
        "INSERT INTO consent_evidence SELECT cause, participant_id, registrar_organisation, registrar,"
        " 'paper_1', 'ar', 'Ordner C-17', 'somebody-else', now() FROM consent LIMIT 1"
    )
    await world.rows("INSERT INTO reconsider (participant_id) VALUES ($1) ON CONFLICT DO NOTHING", person)
    return person


async def test_file_and_sheet_tell_every_column_of_every_table(world: World) -> None:
    person = await somebody(world, desk=DESK)
    async with pages_on(world, DESK, JOBCENTER, MBE) as pages:
        assert "Art. 15" in await pages[DESK].page(f"/people/{person}/data")
        answer = await pages[DESK].get(f"/people/{person}/data/file")
        sheet = await pages[DESK].get(f"/people/{person}/data/sheet")
        for other in (JOBCENTER, MBE):
            for path in ("data", "data/file", "data/sheet"):
                refused = await pages[other].get(f"/people/{person}/{path}")
                assert refused.status_code in {403, 404}, (other, path)
    assert answer.status_code == 200, answer.text
    held: dict[str, Any] = orjson.loads(answer.content)["held"]
    registered = read(REGISTRY).tables
    assert held.keys() == FOUND_BY.keys()
    assert {table for table, one in held.items() if not one["rows"]} == EMPTY
    for table, one in held.items():
        wanted = set(registered[table].columns) - HIDDEN.get(table, {}).keys()
        assert all(row.keys() == wanted for row in one["rows"]), table
        assert one["purpose"]
        assert one["basis"]
    said = answer.text
    for secret in ("somebody-else", '"wrapped"', "lease_token"):
        assert secret not in said, secret
    assert "Berta" in said
    text = " ".join(
        " ".join(page.extract_text() for page in PdfReader(io.BytesIO(sheet.content)).pages).split()
    )
    for words in (
        "Was über Sie gespeichert ist",
        "Beispiel",
        "0151 4711",
        "Ordner C-17",
        "Ihre Plätze in Kursen",
    ):
        assert words in text, words
    found = {one for codes in CODES.values() for one in codes} - {
        "A2",
        "B1",
        "B2",
        "C1",
        "X",
        "E",
        "U",
        "W",
        "P",
    }
    assert not [code for code in sorted(found) if re.search(rf": {code.replace('_', ' ')}(;| \\S+:|$)", text)]
    for words in ("Stelle: Stelle mbe-probe", "Was: erlaubt", "Was aufgefallen ist: kam gar nicht"):
        assert words in text, words
    looks = await world.rows("SELECT actor FROM disclosure_log WHERE purpose = 'subject_access'")
    assert [row["actor"] for row in looks] == [DESK, DESK]


async def test_an_authority_tells_nothing_that_rests_on_consent(world: World) -> None:
    person = await somebody(world, desk=JOBCENTER)
    async with pages_on(world, JOBCENTER) as pages:
        answer = await pages[JOBCENTER].get(f"/people/{person}/data/file")
        sheet = await pages[JOBCENTER].get(f"/people/{person}/data/sheet")
    told = orjson.loads(answer.content)
    assert not told["held"].keys() & UNDER_CONSENT
    assert told["not_told_to_an_authority"] == sorted(UNDER_CONSENT)
    for secret in (MBE, "wohlfahrt", "dropout_support", "enrolment_notice", "Ordner C-17", "service:"):
        assert secret not in str(told["held"]), secret
    async with transaction(world.worker) as conn:  # whom the authority may not tell, the operator does
        whole = await everything(conn, IDENTITY_KEY, person, world.now)
        assert await everything(conn, IDENTITY_KEY, uuid4(), world.now) is None
    assert whole is not None
    assert whole["held"].keys() == FOUND_BY.keys()
    assert whole["held"]["risk"]["rows"]
    text = " ".join(
        " ".join(page.extract_text() for page in PdfReader(io.BytesIO(sheet.content)).pages).split()
    )
    assert "Diese Stelle ist eine Behörde." in text


async def test_nobody_known_tells_nothing(world: World) -> None:
    async with pages_on(world, DESK) as pages:
        for path in ("data", "data/file", "data/sheet"):
            assert (await pages[DESK].get(f"/people/{uuid4()}/{path}")).status_code == 404
    assert await world.rows("SELECT FROM disclosure_log WHERE purpose = 'subject_access'") == []
