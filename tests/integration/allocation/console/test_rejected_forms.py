"""Each form of the console comes back from rubbish with a summary that takes the focus, linked to fields."""

import re
from collections.abc import Sequence

from tests.allocation.builders import course
from tests.integration.allocation.console.client import WHY, ConsoleClient, person_address
from tests.integration.allocation.console.test_policy_pages import Browser
from tests.rejected import check, faults_of

PERSON = "/people/{participant}"
COORDINATION: Sequence[tuple[str, dict[str, str]]] = (
    (f"{PERSON}/place", {}),
    (f"{PERSON}/hold", {"until": "neulich", "reason": "kurz"}),
    (f"{PERSON}/exclude", {"what": "x"}),
    (f"{PERSON}/deviation", {"section": "99"}),
    ("/courses/{course_id}/ruling", {"reason": "kurz"}),
    ("/placements/{placement}/override", {"entry": "x/1"}),
    ("/placements/{placement}/withdraw", {"reason": "kurz"}),
    ("/placements/{placement}/give-up", {"reason": ""}),
    ("/placements/{placement}/authority-refused", {"reason": "kurz"}),
    ("/expired", {"what": "close"}),
    ("/needs", {"need": "x", "agreed": "kurz", "begins_on": "nie"}),
    ("/what-if", {"do": "add:arrivals", "arrivals-per_week": "viele"}),
    ("/what-if", {"do": "add:course_added", "course_added-course_type": "x"}),
    ("/what-if", {"do": "add:policy", "policy-policy": "nonsense"}),
    ("/next-course", {"seats": "viele"}),
    ("/proposals/withdraw", {"reason": "kurz"}),
    ("/courses/rulings", {"reason": ""}),
)
PROVIDER: Sequence[tuple[str, dict[str, str]]] = (
    ("/provider/courses/new", {"act": "send", "mon_from": "8", "section1_from": "nie"}),
    ("/provider/courses/{course}/change", {"act": "send", "capacity": "viele", "tue_to": "25:00"}),
    ("/provider/courses/{course}/cancel", {}),
    ("/provider/courses/{course}/end", {"finished": "alle"}),
)
POLICY: Sequence[tuple[str, dict[str, str]]] = (
    ("/policy/edit", {"document": "nonsense: [", "do": "check"}),
    ("/policy/preview", {"document": "nonsense: ["}),
    ("/policy/versions/{version}/submit", {"reason": "kurz"}),
    ("/policy/versions/{version}/send-out", {"until": "gestern", "reason": ""}),
    ("/policy/form", {}),
    ("/policy/versions/{version}/withdraw", {"reason": "kurz"}),
)
ALONE = frozenset(
    {
        "/compare",
        "/policy/travel",
        "/outcomes/sources",
        "/reservations/give-up",
        "/policy/versions/{version}/activate",
        "/policy/versions/{version}/comment",
        "/policy/versions/{version}/give-back",
        "/provider-policy/{version}",
        "/pooling/{task}/{number}",
        "/pooling/merged/{decision}/undo",
    }
)
"""Forms that other tests of this folder bring to their mistakes; those of a provider are tried there, too."""


async def test_each_form_of_the_coordination(client: ConsoleClient) -> None:
    (placement,) = await client.world.propose("p1")
    assert (await client.form("/authority/send", placement=str(placement))).status_code == 303
    addresses = {
        "{participant}": person_address("p2").removeprefix("/people/"),
        "{course_id}": str(course()),
        "{placement}": str(placement),
    }
    await client.world.rows(
        "UPDATE participant SET granted_on = '2020-01-01', valid_until = '2020-02-01' WHERE reference = 'p2'"
    )
    found = []
    for path, values in COORDINATION:
        address = path
        for name, value in addresses.items():
            address = address.replace(name, value)
        found += check(path, await client.form(address, **values))
    assert found == []


async def test_nothing_ticked_is_told_in_the_list(client: ConsoleClient) -> None:
    for path in ("/proposals/approve", "/authority/send"):
        answer = await client.form(path)
        assert answer.status_code == 303
        page = await client.page(answer.headers["location"])
        assert "<title>Fehler: " in page
        assert re.search(r'role="alert" id="errors" tabindex="-1" autofocus', page)


async def test_each_form_about_the_policy(browser_and_steering: tuple[Browser, object]) -> None:
    browser, _ = browser_and_steering
    await browser.sign_in("jana-vogt")
    page = await browser.page("/policy/edit")
    document = re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)
    assert document is not None
    answer = await browser.form("/policy/edit", document=document[1], do="save")
    assert answer.status_code == 303, answer.text[:3000]
    version = answer.headers["location"].split("/")[-1].partition("?")[0]
    found = []
    for path, values in POLICY:
        found += check(path, await browser.form(path.replace("{version}", version), **values))
    assert found == []


async def test_an_error_page_is_focused_too(client: ConsoleClient) -> None:
    answer = await client.form("/people/nobody/hold", reason=WHY)
    assert answer.status_code == 422
    assert "<title>Fehler: " in answer.text
    assert [one for one in faults_of(answer.text) if "focus" in one] == []
