"""One box finds people by reference, courses by number or name, providers; nobody of another Kreis."""

from tests.allocation.builders import OFFICE, course, person, registered
from tests.integration.allocation.console.client import ConsoleClient


async def found(client: ConsoleClient, text: str) -> str:
    answer = await client.http.get("/search", params={"q": text})
    assert answer.status_code == 200, answer.headers.get("location")
    return answer.text


async def test_what_is_meant_exactly_opens_its_page(client: ConsoleClient) -> None:
    for text, address in (("P1", f"/people/{person('p1')}"), ("n-k1", f"/courses/{course('k1')}")):
        answer = await client.http.get("/search", params={"q": f"  {text} "})
        assert (answer.status_code, answer.headers["location"]) == (303, address)


async def test_beginnings_and_parts_are_listed(client: ConsoleClient) -> None:
    page = await found(client, "p")
    assert "/people/" + str(person("p1")) in page
    assert "/people/" + str(person("p2")) in page
    page = await found(client, "kurs k")
    assert "N-k1" in page
    assert "N-k2" in page
    assert "2 Kurse" in await found(client, "vhs")


async def test_nothing_is_found_of_another_kreis(client: ConsoleClient) -> None:
    await client.world.must(OFFICE, registered("zz-9"))
    assert (await client.http.get("/search", params={"q": "zz-9"})).status_code == 303
    async with client.world.pool.acquire() as conn:
        await conn.execute("UPDATE participant SET kreis = '99002' WHERE reference = 'zz-9'")
    assert "nichts gefunden" in await found(client, "zz-9")


async def test_hostile_texts_find_nothing_and_break_nothing(client: ConsoleClient) -> None:
    for text in ("%", "_", "\\", "'; --", "\x00", "\U0001f600", "x" * 5000, "<script>"):
        page = await found(client, text)
        assert "<script>alert" not in page
    assert "Geben Sie den Anfang" in await found(client, "   ")


async def test_providers_have_no_search(client: ConsoleClient) -> None:
    await client.sign_in("mira-kern")
    assert (await client.http.get("/search", params={"q": "p1"})).status_code == 403
    assert 'role="search"' not in await client.page("/provider")
