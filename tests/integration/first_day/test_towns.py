"""The directory of towns by page: shown before it is taken, in the gateway's database, too, or in none."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from services.accounts.domain import Role
from services.runtime.http.gateway_client import GatewayClient
from tests.accounts.stand import Browser
from tests.allocation.builders import KREIS
from tests.conftest import MakeDatabase
from tests.fixtures.gateway.world import SERVICE_KEYS, World, opened
from tests.integration.first_day import steering, support
from tests.integration.first_day.steering import TOWNS, FirstDay, first_day_on, undone
from tests.rejected import faults_of

LIST = TOWNS.format(kreis=KREIS)
ADDRESS = "https://gateway.invalid"


@dataclass
class Both:
    """The console and the gateway that it talks to."""

    console: FirstDay
    gateway: World

    async def in_gateway(self) -> int:
        (row,) = await self.gateway.rows("SELECT count(*) AS n FROM places.town")
        return int(row["n"])

    async def here(self) -> int:
        found: int = await self.console.conn.fetchval("SELECT count(*) FROM places.town")
        return found


@pytest.fixture
async def both(database: MakeDatabase, prefix: str) -> AsyncIterator[Both]:
    async with opened(await database("gateway"), prefix) as gateway:
        transport = gateway.client._transport  # noqa: SLF001 -- the application behind the test's client
        async with httpx.AsyncClient(transport=transport) as http:
            client = GatewayClient(http, ADDRESS, SERVICE_KEYS["allocation"])
            async with first_day_on(await database("allocation"), prefix, client) as console:
                await console.organisation("kreis", "kreis", KREIS)
                yield Both(console, gateway)


async def sent(browser: Browser, text: str, name: str = "towns.csv", **fields: str) -> int:
    """Send a file to be read and shown; return the status."""
    await browser.page("/towns")
    answer = await browser.http.post(
        "/towns/check",
        data={"csrf": browser.csrf, **fields},
        files={"file": (name, text.encode("iso-8859-1"))},
    )
    browser.seen = answer.text
    return answer.status_code


async def take(browser: Browser, **fields: str) -> httpx.Response:
    upload = re.findall(r'name="upload" value="([^"]+)"', browser.seen)[0]
    return await browser.form("/towns/take", upload=upload, **fields)


async def test_a_directory_is_shown_and_then_taken_into_both_databases(both: Both) -> None:
    ada = await both.console.invited("kreis", Role.ADMINISTRATOR, "ada@kreis.example")
    assert "towns" in await undone(ada)
    assert await sent(ada, LIST) == 200
    assert "Was sich ändern würde" in ada.seen
    assert (await both.here(), await both.in_gateway()) == (0, 0)  # only shown
    page = await ada.follow(await take(ada))
    assert "Übernommen: 2 Gemeinden" in page
    assert (await both.here(), await both.in_gateway()) == (2, 2)
    assert "towns" not in await undone(ada)
    assert await both.console.conn.fetchval("SELECT count(*) FROM places.upload") == 0


async def test_mistakes_are_told_with_line_and_column(both: Both) -> None:
    ada = await both.console.invited("kreis", Role.ADMINISTRATOR, "ada@kreis.example")
    assert await sent(ada, "ags;name\n9900100;Musterstadt\n99001002;\n") == 422
    assert list(faults_of(ada.seen)) == []
    assert "Zeile 2, Spalte 1 (ags): „9900100“ ist kein Gemeindeschlüssel." in ada.seen
    assert "Zeile 3, Spalte 2 (name): der Name fehlt." in ada.seen
    assert await sent(ada, "\x00\x01PK") == 422
    assert "Zeile 1, Spalte 1" in ada.seen
    assert await sent(ada, LIST, as_of="irgendwann") == 422
    assert await sent(ada, TOWNS.format(kreis="99002")) == 422
    assert "nur Gemeinden Ihres Kreises" in ada.seen
    assert (await both.here(), await both.in_gateway()) == (0, 0)


async def test_a_file_that_may_be_cut_off_is_taken_only_if_somebody_says_so(both: Both) -> None:
    ada = await both.console.invited("kreis", Role.ADMINISTRATOR, "ada@kreis.example")
    many = "ags;name\n" + "".join(f"{KREIS}{number:03};Ort {number}\n" for number in range(1, 21))
    assert await sent(ada, many, as_of="01.01.2026") == 200
    await ada.follow(await take(ada))
    few = "\n".join(many.splitlines()[:11])
    assert await sent(ada, few, as_of="31.01.2026") == 200
    assert 'name="many_end"' in ada.seen
    upload = re.findall(r'name="upload" value="([^"]+)"', ada.seen)[0]
    refused = await ada.form("/towns/take", upload=upload)
    assert refused.status_code == 422
    await ada.page("/towns")
    await ada.follow(await ada.form("/towns/take", upload=upload, many_end="1"))
    assert (
        await both.console.conn.fetchval("SELECT count(*) FROM places.town WHERE valid_to = 'infinity'")
        == len(few.splitlines()) - 1
    )


async def test_nothing_is_taken_here_if_the_gateway_does_not_take_it(both: Both) -> None:
    ada = await both.console.invited("kreis", Role.ADMINISTRATOR, "ada@kreis.example")
    await both.gateway.rows("DELETE FROM service_key WHERE service = 'allocation'")
    assert await sent(ada, LIST) == 200
    assert (await take(ada)).status_code == 422
    assert "hat es nicht angenommen" in ada.seen
    assert await both.here() == 0


async def test_only_the_steering_sides_key_opens_the_gateways_door(both: Both) -> None:
    http = both.gateway.client
    address = "/v1/administration/places?name=towns.csv"
    for key, status in ((None, 401), (SERVICE_KEYS["notifications"], 403), (both.gateway.keys["amt"], 403)):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        assert (await http.put(address, content=LIST.encode(), headers=headers)).status_code == status
    own = {"Authorization": f"Bearer {SERVICE_KEYS['allocation']}"}
    broken = await http.put(address, content=b"ags;name\n1;x\n", headers=own)
    assert broken.status_code == 422
    assert await both.in_gateway() == 0


async def test_a_provider_and_another_kreis_cannot_take_it(both: Both) -> None:
    await both.console.organisation("vhs-kurse", "provider", KREIS, "vhs")
    dora = await both.console.invited("vhs-kurse", Role.ADMINISTRATOR, "dora@vhs.example")
    await dora.page("/towns", status=404)
    ada = await both.console.invited("kreis", Role.ADMINISTRATOR, "ada@kreis.example")
    await sent(ada, LIST)
    upload = re.findall(r'name="upload" value="([^"]+)"', ada.seen)[0]
    await both.console.organisation("kreis-zwei", "kreis", "99002")
    emil = await both.console.invited("kreis-zwei", Role.ADMINISTRATOR, "emil@zwei.example")
    await emil.page("/towns")
    assert (await emil.form("/towns/take", upload=upload)).status_code == 404
    assert (await emil.form("/towns/take", upload="nothing")).status_code == 404
    assert await both.here() == 0


async def test_the_support_side_has_its_own_upload(database: MakeDatabase) -> None:
    async with support.first_day_on(await database("notifications"), await database("keys")) as here:
        ada = await here.first_administrator()
        await ada.page("/organisation")
        await ada.follow(await ada.form("/organisation", name="Amt", kreise=KREIS))
        await here.organisation("treff", "registering_office", "treff", "treff-probe")
        await here.organisation("vhs", "provider", "vhs", "vhs-probe")
        assert await sent(ada, LIST) == 200
        await ada.follow(await take(ada))
        assert await here.conn.fetchval("SELECT count(*) FROM places.town") == 2
        assert "towns" not in await steering.undone(ada)
        for other in ("vhs", "treff"):
            dora = await here.invited(other, Role.ADMINISTRATOR, f"dora@{other}.example")
            await dora.page("/towns", status=404)
            assert (await dora.form("/towns/take", upload="nothing")).status_code == 404
