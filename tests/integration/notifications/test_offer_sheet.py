"""The person's sheet says what is known and what is not, in two languages, on page and in print."""

import io
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader

from schemas.identity import course_id
from schemas.placements import CourseStated, PlaceReserved, StatedLesson, StatedSection, StatedVenue
from services.notifications.pages.sheets.facts import units_of
from services.notifications.people.domain import Contact
from services.notifications.sheets.offer import SLIP
from services.texts.codes import WORDS
from tests.notifications.pages import Browser, pages_on
from tests.notifications.world import DESK, JOBCENTER, MBE, PROVIDER, TODAY, World, office, step

NAME = Contact(
    family_name="Beispiel", given_name="Berta", birth_date=date(1990, 5, 4), languages=("prs", "de")
)
ISOLATES = str.maketrans(dict.fromkeys("\u2066\u2067\u2068\u2069\u200e\u200f") | {"\u00a0": " "})
ANSWER_BY = datetime(2026, 3, 6, 23, 0, tzinfo=UTC)


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
    reserved = step(
        PlaceReserved, person, from_state="proposed", to_state="reserved", version=2, expires_at=ANSWER_BY
    )
    await world.say(None, reserved)
    return reserved.placement


ALL: dict[str, Any] = {
    "venue": StatedVenue(
        name="Haus der Bildung", street="Ländgasse 41", postcode="99001", town="Musterstadt"
    ),
    "lessons": tuple(
        StatedLesson.model_validate({"weekday": day, "starts_at": "08:30", "ends_at": "12:45"})
        for day in ("mon", "wed")
    ),
    "childcare": True,
    "online": False,
}


def words_of(raw: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(raw)).pages).split())


async def printed(browser: Browser, placement: UUID, **query: str) -> str:
    address = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await browser.get(f"/offers/{placement}/sheet?{address}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    return words_of(answer.content)


async def test_the_sheet_says_what_is_not_known(world: World) -> None:
    placement = await offered(world)
    async with pages_on(world, DESK, JOBCENTER) as pages:
        page = (await pages[DESK].page(f"/offers/{placement}")).translate(ISOLATES)
        for path in (f"/offers/{placement}", f"/offers/{placement}/sheet"):
            assert (await pages[JOBCENTER].get(path)).status_code == 404
        answer = await pages[DESK].get(f"/offers/{placement}/sheet?language=de")
    for said in (
        "Für Berta Beispiel",
        "Unser Zeichen",
        "a-1",
        "Deutsch am Vormittag (Nr. K-17/26)",
        "Wochentage und Uhrzeiten erfahren Sie bei der Schule.",
        "Straße und Raum erfahren Sie bei der Schule.",
        "Ob es Kinderbetreuung gibt, erfahren Sie bei der Schule.",
        "Freitag, 06.03.2026",
        "ist keine Pflichtverletzung",
        "Ja, ich nehme den Platz.",
        "Nein, ich nehme den Platz nicht, weil:",
        "Unterschrift",
    ):
        assert said in page, said
        assert said in words_of(answer.content), said
    assert "Briefkopf eintragen" in page


async def test_the_sheet_says_where_when_and_whom_to_call(world: World) -> None:
    placement = await offered(world, **ALL)
    await world.load_offices(office(MBE, phone="0871 805-100", languages=["de", "fa"]))
    async with pages_on(world, DESK) as pages:
        browser = pages[DESK]
        address = "Bahnhofstraße\x007\r\n99001 Musterstadt"
        saved = await browser.post("/letterhead", address=address, phone="+49 871 12 34-56")
        assert saved.status_code == 303
        page = (await browser.page(f"/offers/{placement}")).translate(ISOLATES)
        german = await printed(browser, placement, language="de")
        both = (await printed(browser, placement)).translate(ISOLATES)
        reminder = await printed(browser, placement, language="de", kind="reminder")
    for said in (
        "Haus der Bildung, Ländgasse 41, 99001 Musterstadt",
        "Montag, Mittwoch 08:30\N{EN DASH}12:45",
        "Bahnhofstraße 7",
        "+49 871 12 34-56",
        "0871 805-100",
        f"Stelle {MBE}",
    ):
        assert said in page, said
        assert said in german, said
    assert '<article class="kl-letter" lang="fa" dir="rtl"' in page  # who speaks Dari reads Persian
    assert "Ihr Platz in einem Sprachkurs" in both
    assert "08:30\N{EN DASH}12:45" in both
    assert "Bitte antworten Sie" in reminder
    assert "Warum dieser Kurs?" not in reminder


async def test_hostile_and_long_titles_stay_text(world: World) -> None:
    title = '<script>#read("/etc/passwd")$' + "x" * 226
    placement = await offered(world, title=title)
    async with pages_on(world, DESK) as pages:
        page = await pages[DESK].page(f"/offers/{placement}?language=xx")
        text = await printed(pages[DESK], placement, language="de")
        assert 'dir="rtl"' in await pages[DESK].page(f"/offers/{placement}?language=ar")
    assert "<script>#" not in page
    assert "&lt;script&gt;#read" in page
    assert '#read("/etc/passwd")$' in text.replace("\u200b", "").replace(" ", "")


async def test_the_public_page_needs_no_sign_in_and_tells_of_nobody(world: World) -> None:
    await world.load_offices(office(MBE, phone="0871 805-100", languages=["de", "ar"]))
    async with pages_on(world, DESK) as pages:
        http = pages[DESK].http
        http.cookies.clear()
        german = await http.get(f"/help/{MBE}")
        arabic = await http.get(f"/help/{MBE}?lang=ar")
        assert (await http.get("/help/gibt-es-nicht")).status_code == 404
        for hostile in ("..%2Fpeople", "%00", "%27%3B--", "A" * 200):
            assert (await http.get(f"/help/{hostile}")).status_code == 404, hostile
        assert (await http.get(f"/help/{MBE}?lang=<script>")).text == german.text
    assert german.status_code == 200
    assert '<html lang="de" dir="ltr">' in german.text
    assert '<html lang="ar" dir="rtl">' in arabic.text
    assert 'href="tel:0871805100"' in arabic.text
    assert "@" not in german.text  # mailboxes are nobody's business
    assert "set-cookie" not in german.headers


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
