"""Handing names over: only encrypted or to this machine, refusals by field name, never a value back."""

# ruff: noqa: ANN401 - tests hand on any JSON value

from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.gateway.people.client import (
    HttpPeopleClient,
    Kept,
    NoPeopleClient,
    NotKept,
    Unavailable,
)
from services.runtime.base.addresses import AddressError
from tests.fixtures.gateway.world import publisher

CONTACT = {"family_name": "Kanarienvogel"}


def test_names_never_travel_in_the_clear() -> None:
    with pytest.raises(AddressError, match="KURSLOTSE_PEOPLE_URL"):
        HttpPeopleClient("http://support.example", "secret", httpx.AsyncClient())


async def hand(answer: Any) -> object:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret"
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        people = HttpPeopleClient("http://127.0.0.1:1", "secret", client)
        return await people.put(publisher("amt", "office"), uuid4(), "A-1", CONTACT)


async def test_what_the_support_side_answers() -> None:
    assert await hand(httpx.Response(204)) == Kept()
    for status in (301, 401, 403, 500, 503):
        assert await hand(httpx.Response(status)) == Unavailable()
    assert await hand(httpx.ConnectError("Kanarienvogel")) == Unavailable()
    assert await hand(httpx.ReadTimeout("late")) == Unavailable()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"problems": [{"code": "field_invalid", "field": "contact.email"}]}', ["contact.email"]),
        (b'{"problems": [{"code": "x", "field": "Frau Kanarienvogel!"}]}', ["contact"]),
        (b'{"problems": [{"code": "x", "field": null}]}', ["contact"]),
        (b"no json", ["contact"]),
        (b'{"problems": []}', ["contact"]),
        (b"[]", ["contact"]),
    ],
)
async def test_refusals_name_fields_and_nothing_else(body: bytes, fields: list[str]) -> None:
    refused = await hand(httpx.Response(422, content=body))
    assert isinstance(refused, NotKept)
    assert [problem.field for problem in refused.problems] == fields


async def test_without_a_support_side_registrations_wait() -> None:
    answer = await NoPeopleClient().put(publisher("amt", "office"), uuid4(), "A-1", CONTACT)
    assert isinstance(answer, Unavailable)
