"""Every list by every filter, order and size that its address can name, and by hostile addresses."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from services.allocation.console.courses.balance import PROVIDERS
from services.allocation.console.courses.pages import COURSES
from services.allocation.console.courses.provider import OWN
from services.allocation.console.lists.listing import SIZES, Listing
from services.allocation.console.people.expired import EXPIRED
from services.allocation.console.people.remedies import REMEDIES
from services.allocation.console.people.waiting import WAITING
from services.allocation.console.proposals.bamf import AUTHORITY
from services.allocation.console.proposals.pages import PROPOSALS, RESERVATIONS
from tests.allocation.builders import OFFICE, person, registered
from tests.conftest import MakeDatabase
from tests.integration.allocation.console.client import WHY, ConsoleClient
from tests.integration.allocation.console.lists_world import TODAY, lists_console

LISTINGS = (WAITING, EXPIRED, PROPOSALS, RESERVATIONS, AUTHORITY, COURSES, REMEDIES, PROVIDERS, OWN)
FILES = (WAITING, EXPIRED, COURSES, REMEDIES)
HOSTILE = (
    "'",
    "' OR '1'='1",
    "1; DROP TABLE course; --",
    "<script>alert(1)</script>",
    "%00\x00",
    "\u202e\ud7ff\U0001f600",
    "-",
    "--start",
    "../../etc/passwd",
    "{{ 7 * 7 }}",
    "%(value)s",
    "9" * 400,
    "None",
)


@dataclass(frozen=True)
class Listed:
    """How one list is read: its rows' ids, and what each filter compares."""

    listing: Listing
    ids: re.Pattern[str]
    facts: str
    """SQL: id, then a column for each filter, each an array of the values that match the row."""


_PERSON = re.compile(r'class="kern-link kl-id" href="/people/([0-9a-f-]{36})"')
_OPENED = re.compile(r'class="kern-link kl-noprint" href="/people/([0-9a-f-]{36})"')
_COURSE = re.compile(r'class="kern-link" href="/courses/([0-9a-f-]{36})"')
_OWN = re.compile(r'class="kern-link" href="/provider/courses/([0-9a-f-]{36})"')
_OF_PERSON = """
    p.participant AS id, p.course_types AS type, ARRAY[coalesce(p.level, 'untested')] AS level,
    ARRAY[p.town] AS town, ARRAY[p.office] AS office, p.available AS time
"""
_OF_PLACE = """
    s.participant AS id, ARRAY[c.course_type] AS type, ARRAY[coalesce(p.level, 'untested')] AS level,
    ARRAY[c.town] AS town, ARRAY[s.office] AS office, ARRAY[s.provider] AS provider, c.times_of_day AS time
"""
_PLACES = """
    FROM placement AS s JOIN participant AS p USING (participant) JOIN course AS c ON c.course = s.course
"""
_COURSES = """
    SELECT c.course AS id, ARRAY[c.course_type] AS type, ARRAY[c.target_level] AS level,
        ARRAY[c.town] AS town,
        ARRAY[c.provider] AS provider, c.times_of_day AS time,
        ARRAY[CASE WHEN a.starts_on > $1::date THEN 'to_come' ELSE 'running' END,
            CASE WHEN a.free > 0 THEN 'free' ELSE 'full' END] AS status, NULL::text[] AS below
    FROM course AS c JOIN LATERAL (SELECT min(x.starts_on) AS starts_on, min(x.capacity - x.taken) AS free
        FROM course_section AS x WHERE x.course = c.course) AS a ON true
"""
LISTED: Mapping[str, Listed] = {
    one.listing.path: one
    for one in (
        Listed(
            WAITING,
            _PERSON,
            f"""
            SELECT {_OF_PERSON}, ARRAY[coalesce(q.state, 'none')] AS status,
                CASE WHEN p.valid_until < $1::date THEN '{{over}}'
                    WHEN p.valid_until <= $1::date + 28 THEN '{{1}}' END::text[] AS deadline,
                NULL::text[] AS reason
            FROM participant AS p LEFT JOIN placement AS q ON q.participant = p.participant
                AND q.state IN ('proposed', 'sent_to_authority')
            WHERE (coalesce(p.valid_until >= $1, true) OR 'land' = ANY(p.course_types)) AND NOT EXISTS (
                SELECT FROM placement AS r WHERE r.participant = p.participant
                    AND r.state IN ('reserved', 'accepted'))
            """,
        ),
        Listed(
            EXPIRED,
            _OPENED,
            f"""
            SELECT {_OF_PERSON}, ARRAY[CASE WHEN EXISTS (SELECT FROM entitlement_followup AS e
                WHERE e.participant = p.participant) THEN 'yes' ELSE 'no' END] AS asked
            FROM participant AS p WHERE p.valid_until < $1::date AND NOT 'land' = ANY(p.course_types)
            """,
        ),
        Listed(
            PROPOSALS,
            _PERSON,
            f"SELECT {_OF_PLACE}, ARRAY[s.state] AS status {_PLACES}"
            " WHERE s.state IN ('proposed', 'sent_to_authority') AND $1::date IS NOT NULL",
        ),
        Listed(
            RESERVATIONS,
            _OPENED,
            f"SELECT {_OF_PLACE}, ARRAY[s.state, CASE WHEN s.expires_at < $1::date + 4 THEN 'ending' END]"
            f" AS status {_PLACES} WHERE s.state IN ('reserved', 'accepted')",
        ),
        Listed(
            AUTHORITY,
            _PERSON,
            f"SELECT {_OF_PLACE}, ARRAY[CASE WHEN EXISTS (SELECT FROM authority_export AS e"
            f" WHERE e.placement = s.placement) THEN 'yes' ELSE 'no' END] AS listed {_PLACES}"
            " WHERE s.state = 'sent_to_authority' AND $1::date IS NOT NULL",
        ),
        Listed(COURSES, _COURSE, _COURSES),
        Listed(OWN, _OWN, f"{_COURSES} WHERE c.provider = 'vhs-musterland'"),
        Listed(
            REMEDIES,
            _PERSON,
            f"SELECT {_OF_PERSON}, ARRAY[r.code] AS code FROM participant AS p JOIN remedy AS r"
            " USING (participant) WHERE $1::date IS NOT NULL",
        ),
    )
}


@pytest.fixture
async def full(database: MakeDatabase, prefix: str) -> AsyncIterator[ConsoleClient]:
    async with lists_console(await database("allocation"), prefix) as client:
        yield client


def _ids(page: str, listed: Listed) -> list[str]:
    """Return the rows of a page in their order."""
    table = page[page.rindex("kl-listed") :] if "kl-listed" in page else ""
    return list(dict.fromkeys(listed.ids.findall(table)))


def _select(page: str, name: str) -> list[str]:
    """Return the values that a filter offers."""
    (inner,) = re.findall(rf'<select [^>]*name="{name}"[^>]*>(.*?)</select>', page, re.DOTALL)
    return [value for value in re.findall(r'<option value="([^"]*)"', inner) if value]


async def _as_who_sees(client: ConsoleClient, listing: Listing) -> None:
    await client.sign_in("mira-kern" if listing is OWN else "jana-vogt")


async def test_every_filter_of_every_list_shows_exactly_what_it_says(full: ConsoleClient) -> None:
    tried = 0
    for path, listed in LISTED.items():
        await _as_who_sees(full, listed.listing)
        rows = await full.world.rows(listed.facts, TODAY)
        everything = await full.page(f"{path}?size=200")
        assert sorted(_ids(everything, listed)) == sorted(str(row["id"]) for row in rows), path
        assert len(rows) > 2, path
        for one in listed.listing.filters:
            choices = _select(everything, one.name)
            assert len(choices) > 1 or one.name == "below", (path, one.name)
            for value in choices:
                if rows[0].get(one.name, None) is None and one.name in {"reason", "below"}:
                    continue  # these have tests of their own
                expected = sorted(str(row["id"]) for row in rows if value in (row[one.name] or ()))
                page = await full.page(f"{path}?size=200&{one.name}={quote(value)}")
                assert sorted(_ids(page, listed)) == expected, (path, one.name, value)
                assert "nicht und wurde weggelassen" not in page
                tried += bool(expected)
    assert tried > 60


async def test_filters_are_joined_shown_and_taken_away_one_by_one(full: ConsoleClient) -> None:
    address = "/waiting?type=integration_general&office=jobcenter&sort=-since&size=25"
    page = await full.page(address)
    chips = re.findall(r"<li>\s*([^<]+?)\s*<a href=\"([^\"]+)\">entfernen", page)
    assert chips == [
        ("Kursart: Allgemeiner Integrationskurs", "/waiting?office=jobcenter&amp;sort=-since&amp;size=25"),
        ("Anmeldestelle: jobcenter", "/waiting?type=integration_general&amp;sort=-since&amp;size=25"),
    ]
    assert 'href="/waiting?sort=-since&amp;size=25">Alle Filter entfernen' in page
    rows = await full.world.rows(LISTED["/waiting"].facts, TODAY)
    expected = {
        str(row["id"])
        for row in rows
        if "integration_general" in row["type"] and "jobcenter" in row["office"]
    }
    assert set(_ids(page, LISTED["/waiting"])) == expected
    assert f"{len(expected)} Einträge passen zu den Filtern." in page
    assert 'data-figure="waiting"' not in page  # a part of them is not the figure
    assert 'data-figure="waiting"' in await full.page("/waiting?sort=-since&size=25")


async def test_the_reason_counts_who_has_no_proposal(full: ConsoleClient) -> None:
    page = await full.page("/waiting?reason=no_courses")
    rows = await full.world.rows("SELECT participant FROM main_reason WHERE code = 'no_courses'")
    shown = {str(row["participant"]) for row in rows} & set(
        _ids(await full.page("/waiting?size=200"), LISTED["/waiting"])
    )
    assert shown
    assert set(_ids(page, LISTED["/waiting"])) == shown
    assert f'data-figure="main_reason" data-of="no_courses" value="{len(shown)}"' in page
    narrower = await full.page("/waiting?reason=no_courses&office=jobcenter")
    assert 'data-figure="main_reason"' not in narrower


async def test_a_file_holds_what_the_list_shows(full: ConsoleClient) -> None:
    for path, query in (
        ("/waiting", "town=99001002"),
        ("/expired", "asked=yes&sort=reference"),
        ("/courses", "status=to_come&sort=-course"),
        ("/remedies", "code=seat"),
    ):
        page = await full.page(f"{path}?size=200&{query}")
        assert f'href="{path}.csv?{query.replace("&", "&amp;")}' in page
        answer = await full.http.get(f"{path}.csv?{query}")
        lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))[1:]
        ids = _ids(page, LISTED[path])
        assert ids
        named = await full.world.rows(
            "SELECT participant::text AS id, reference AS name FROM participant"
            " UNION ALL SELECT course::text, title FROM course"
        )
        names = {row["id"]: row["name"] for row in named}
        assert [line[0] for line in lines] == [names[one] for one in ids], path


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda one: one.path.strip("/"))
async def test_no_address_breaks_a_list(full: ConsoleClient, listing: Listing) -> None:
    await _as_who_sees(full, listing)
    whole = await full.page(f"{listing.path}?size=200")
    listed = LISTED.get(listing.path)
    for name in (*(one.name for one in listing.filters), "sort", "size", "page", "nothing"):
        for value in HOSTILE:
            raw = quote(value, errors="surrogatepass")
            page = await full.page(f"{listing.path}?{'' if name == 'size' else 'size=200&'}{name}={raw}")
            assert ("nicht und wurde weggelassen" in page) == (name not in {"page", "nothing"}), (name, value)
            assert "<script>alert" not in page
            if listed:
                assert sorted(_ids(page, listed)) == sorted(_ids(whole, listed)), (name, value)
            if listing in FILES and name not in {"page", "nothing"}:
                answer = await full.http.get(f"{listing.path}.csv?{name}={raw}")
                assert answer.status_code == 422, (name, value)
                assert "gibt es bei" in answer.text
    assert await full.world.rows("SELECT FROM course")
    for odd in (
        "type=&level=&sort=&size=&page=",
        "type=x&type=y",
        "page=-1",
        "page=0",
        "page=99999",
        "page=1e9",
    ):
        await full.page(f"{listing.path}?{odd}")


async def test_a_list_is_ordered_by_each_of_its_columns_both_ways(full: ConsoleClient) -> None:
    for path, listed in LISTED.items():
        await _as_who_sees(full, listed.listing)
        usual = _ids(await full.page(f"{path}?size=200"), listed)
        for column in listed.listing.orders:
            up, down = [await full.page(f"{path}?size=200&sort={way}{column}") for way in ("", "-")]
            assert sorted(_ids(up, listed)) == sorted(_ids(down, listed)) == sorted(usual)
            assert {column, f"-{column}"} <= set(_select(up, "sort"))
            if path != "/proposals" and (path, column) not in {("/courses", "free"), ("/courses", "number")}:
                heads = re.findall(r'aria-sort="(\w+)"[^>]*><button[^>]*value="([^"]+)"', up + down)
                assert heads == [("ascending", f"-{column}"), ("descending", column)], (path, column)
    await full.sign_in("jana-vogt")
    order: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
        "/waiting": ("since", lambda row: row["registered_on"]),
        "/courses": ("course", lambda row: row["title"]),
    }
    facts = {
        str(row["id"]): row
        for row in await full.world.rows(
            "SELECT participant AS id, registered_on, NULL AS title FROM participant"
            " UNION ALL SELECT course, NULL, title FROM course"
        )
    }
    for path, (column, key) in order.items():
        rising, falling = [
            [
                key(facts[one])
                for one in _ids(await full.page(f"{path}?size=200&sort={way}{column}"), LISTED[path])
            ]
            for way in ("", "-")
        ]
        assert rising == sorted(rising)
        assert falling == sorted(falling, reverse=True)
        assert rising != falling


async def test_pages_keep_what_was_asked_and_end_at_the_last(full: ConsoleClient) -> None:
    for number in range(70):
        await full.world.must(OFFICE, registered(f"z{number}", town="99001009"))
    assert SIZES == (25, 50, 100, 200)
    seen = list[str]()
    for number in (1, 2, 3):
        page = await full.page(f"/waiting?town=99001009&size=25&page={number}")
        assert f"Seite {number} von 3" in page
        assert "70 Einträge passen zu den Filtern." in page
        seen += _ids(page, LISTED["/waiting"])
    assert len(set(seen)) == len(seen) == 70
    assert 'href="/waiting?town=99001009&amp;size=25&amp;page=2"' in page
    assert "Nächste Seite" not in page
    beyond = await full.page("/waiting?town=99001009&size=25&page=9000")
    assert _ids(beyond, LISTED["/waiting"]) == _ids(page, LISTED["/waiting"])
    assert "Seite 3 von 3" in beyond
    assert "passt nichts" in await full.page("/waiting?town=99001009&level=A1&page=9")


async def test_a_neighbours_towns_and_offices_are_no_choices(full: ConsoleClient) -> None:
    await full.world.must(OFFICE, registered("n1", town="99002001"))
    await full.world.rows("UPDATE participant SET kreis = '99002', office = 'fremd' WHERE reference = 'n1'")
    page = await full.page("/waiting")
    assert "99002001" not in _select(page, "town")
    assert "fremd" not in _select(page, "office")
    assert "nicht und wurde weggelassen" in await full.page("/waiting?town=99002001")


async def test_courses_below_their_minimum_by_address(full: ConsoleClient) -> None:
    below = await full.page("/courses?below=1")
    assert "Kurs k1" not in below  # begins later than in four weeks
    await full.world.rows("UPDATE course SET minimum = 3 WHERE own_course = 'm5'")
    assert _ids(await full.page("/courses?below=1"), LISTED["/courses"]) != []
    assert "passt nichts" in await full.page("/courses?below=1&status=merged")


async def test_a_course_is_named_with_its_number(full: ConsoleClient) -> None:
    for path in ("/proposals", "/reservations", "/authority", "/remedies"):
        assert re.search(r"\(Nr\. NR-\d{3}\)", await full.page(path)), path
    assert "NR-003" in await full.page("/courses")
    assert "Nr. N-k1" in await full.page(f"/people/{person('q1')}")
    await full.sign_in("mira-kern")
    assert "NR-100" in await full.page("/provider")


async def test_nobody_without_the_role_sees_a_list(full: ConsoleClient) -> None:
    await full.sign_in("mira-kern")
    for listing in LISTINGS:
        expected = 200 if listing is OWN else 403
        assert (await full.http.get(f"{listing.path}?type=land")).status_code == expected
    for path in ("/proposals/withdraw", "/reservations/give-up", "/courses/rulings"):
        assert (await full.form(path, reason=WHY)).status_code == 403
