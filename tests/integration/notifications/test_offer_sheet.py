"""The offer sheet: a letter of the registering office, with what is known and what is not, and a slip."""

from datetime import date
from uuid import UUID

import pytest

from schemas.identity import course_id
from schemas.placements import CourseStated, PlaceReserved, StatedSection
from services.notifications.pages.offers import SLIP, units_of
from services.notifications.people.domain import Contact
from services.texts.codes import WORDS
from tests.notifications.pages import pages_on
from tests.notifications.world import DESK, JOBCENTER, PROVIDER, TODAY, World, step

NAME = Contact(family_name="Beispiel", given_name="Berta", birth_date=date(1990, 5, 4))


async def offered(world: World, **changes: object) -> UUID:
    """Reserve a place for the person a-1 of the desk; return the placement."""
    fields = {
        "course": course_id(PROVIDER, "k-1"), "version": 1, "provider": PROVIDER, "own_course": "K-17/26",
        "title": "Deutsch am Vormittag", "kreis": "99001", "town": "99001001", "starts_on": TODAY,
        "ends_on": date(2026, 9, 1),
        "sections": (StatedSection(number=1, starts_on=TODAY, ends_on=date(2026, 9, 1), ue=100),),
    }  # fmt: skip
    await world.say(None, CourseStated.model_validate(fields | changes))
    person = await world.register("a-1")
    await world.keep("a-1", NAME)
    reserved = step(PlaceReserved, person, from_state="proposed", to_state="reserved", version=2)
    await world.say(None, reserved)
    return reserved.placement


async def test_the_sheet_says_what_is_known_and_what_is_not(world: World) -> None:
    placement = await offered(world)
    async with pages_on(world, DESK, JOBCENTER) as pages:
        page = await pages[DESK].page(f"/offers/{placement}")
        assert (await pages[JOBCENTER].get(f"/offers/{placement}")).status_code == 404
    for said in (
        "Für Berta Beispiel",
        "Unser Zeichen",
        "a-1",
        "Deutsch am Vormittag (Nr. K-17/26)",
        "Insgesamt 100 Unterrichtsstunden zu 45 Minuten.",
        "Wochentage und Uhrzeiten erfahren Sie bei der Schule.",
        "Straße und Raum erfahren Sie bei der Schule.",
        "Ob es Kinderbetreuung gibt, erfahren Sie bei der Schule.",
        "Anschrift und Telefon (Stempel):",
        "ist keine Pflichtverletzung",
        "Ja, ich nehme den Platz.",
        "Nein, ich nehme den Platz nicht, weil:",
        "Unterschrift",
    ):
        assert said in page, said
    assert "Die Person" not in page[page.index("kl-letter__slip") : page.index("</article>")]


async def test_hostile_and_long_titles_stay_text(world: World) -> None:
    placement = await offered(world, title="<script>" + "x" * 247)
    async with pages_on(world, DESK) as pages:
        page = await pages[DESK].page(f"/offers/{placement}")
    assert "<script>x" not in page
    assert "&lt;script&gt;" + "x" * 247 in page


def test_every_reason_to_decline_is_on_the_slip_in_the_first_person() -> None:
    assert set(SLIP) == set(WORDS["decline"])


@pytest.mark.parametrize(
    ("sections", "entry", "units"),
    [
        ([{"number": 1, "ue": 100}, {"number": 2, "ue": 60}], 1, 160),
        ([{"number": 1, "ue": 100}, {"number": 2, "ue": 60}], 2, 60),
        ([{"number": 1, "ue": 100}, {"number": 2, "ue": None}], 1, None),
        ([{"number": 1}], 1, None),
        ([], 1, None),
    ],
)
def test_units_are_told_only_if_all_are_known(
    sections: list[dict[str, int | None]], entry: int, units: int | None
) -> None:
    assert units_of(sections, entry) == units
