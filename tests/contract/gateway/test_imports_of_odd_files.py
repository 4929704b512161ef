"""POST /v1/imports with files as they really come: nothing is lost silently, nothing stops the door."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from services.gateway.files.reader import FileReader, ReadersBusyError
from tests.contract.gateway.test_imports_door import post, save
from tests.fixtures.gateway.files import CASES, HEADER, ROW, case, changed, csv, list_xml, service, workbook
from tests.fixtures.gateway.world import World, person

MAPPING = orjson.loads((CASES / "mapping.json").read_bytes())
NUMBERS = orjson.loads((CASES / "mapping-number.json").read_bytes())


def told(report: dict[str, Any]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for item in report["findings"]:
        found.setdefault(item["row"], set()).add(item["code"])
    return found


async def test_each_odd_file_gets_an_answer_that_says_row_and_reason(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    for path in sorted(CASES.glob("[cx]*")):
        answer = await post(world, "amt", "participants", path.read_bytes(), check=True)
        assert answer.status_code in {200, 422}, path.name
        report = answer.json()
        assert report["rows"] == report["taken"] + report["unchanged"] + report["refused"], path.name
        assert all(item["message"] and item["what_to_do"] for item in report["findings"]), path.name
        assert report["taken"] or report["file_problems"] or report["findings"], path.name
    assert await world.outbox() == []


async def test_numbers_that_a_spreadsheet_shortened_register_nobody(world: World) -> None:
    await save(world, "amt", "participants", NUMBERS)
    report = (await post(world, "amt", "participants", case("c07"))).json()
    assert (report["taken"], report["refused"]) == (0, 3)
    assert "Excel" in report["findings"][0]["what_to_do"]
    assert world.people.kept == {}
    report = (await post(world, "amt", "participants", case("c13"))).json()
    assert (report["taken"], told(report)) == (1, {3: {"number_twice"}})
    spelled = b"BAMF-Nummer;Nachname;Vorname\r\n0123/456/789;Muster;Eva\r\n"
    again = (await post(world, "amt", "participants", spelled)).json()
    assert (again["taken"], again["unchanged"]) == (0, 1)


@pytest.mark.parametrize("number", ["1,23457E+11", "1.2E+5", "---", " / "])
async def test_a_number_that_is_none_registers_nobody_at_the_other_door(world: World, number: str) -> None:
    event = {name: value for name, value in person().items() if name != "reference"}
    body = {"id": "r-1", "event": event, "official_number": {"scheme": "bamf", "number": number}}
    answer = await world.client.post("/v1/registrations", json=body, headers=world.auth("amt"))
    assert (answer.status_code, answer.json()["code"]) == (422, "field_invalid")


async def test_the_rows_that_were_not_taken_can_be_mended_and_imported(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    rows = [
        changed("Telefon", "+49 170 1").replace("Jobcenter", "?"),
        changed("Aktenzeichen", "=1+1"),
        ROW + ";mehr",
    ]
    report = (await post(world, "amt", "participants", csv(*rows))).json()
    assert told(report) == {2: {"value_unmapped"}, 3: {"field_invalid"}, 4: {"cells_too_many"}}
    same = (await post(world, "amt", "participants", report["rest"].encode("utf-8-sig"))).json()
    assert told(same) == told(report)
    mended = report["rest"].replace(";?;", ";Jobcenter;")
    done = (await post(world, "amt", "participants", mended.encode("utf-8-sig"))).json()
    assert done["taken"] == 1
    assert [contact["phone"] for _, contact in world.people.kept.values()] == ["+49 170 1"]


async def test_a_trial_run_says_nothing_about_other_offices(world: World) -> None:
    number = {"scheme": "bamf", "number": "123 456 789"}
    event = {name: value for name, value in person().items() if name != "reference"}
    body = {"id": "r-1", "event": event, "official_number": number}
    await save(world, "amt", "participants", NUMBERS)
    await save(world, "beratung", "participants", NUMBERS)
    unknown = (await post(world, "beratung", "participants", case("c13"), check=True)).json()
    headers = world.auth("amt")
    assert (await world.client.post("/v1/registrations", json=body, headers=headers)).status_code == 202
    known = (await post(world, "beratung", "participants", case("c13"), check=True)).json()
    assert known == unknown
    dry = await world.client.post(
        "/v1/registrations", json=body, headers=world.auth("beratung"), params={"dry_run": "1"}
    )
    nobody = {**body, "official_number": {"scheme": "bamf", "number": "987654321"}}
    other = await world.client.post(
        "/v1/registrations", json=nobody, headers=world.auth("beratung"), params={"dry_run": "1"}
    )
    assert dry.json() == other.json()
    assert UUID(dry.json()["participant"]).int == 0 or dry.json()["likely_duplicates"] == []
    own = await world.client.post("/v1/registrations", json=body, headers=headers, params={"dry_run": "1"})
    assert own.json()["reference"].startswith("K2")


async def test_courses_that_are_not_ours_and_unclear_ones_are_held(world: World) -> None:
    report = (await post(world, "schule", "open-qcat", case("q02"))).json()
    assert (report["taken"], report["refused"]) == (0, 8)
    assert await world.outbox() == []
    for name in ("q01", "q03", "q05", "q06", "q19", "q20", "q22"):
        answer = await post(world, "schule", "open-qcat", case(name))
        assert answer.status_code == 200
        assert answer.json()["taken"], name


async def test_a_schedule_of_four_thousand_days_stops_nothing(world: World) -> None:
    report = (await post(world, "schule", "open-qcat", service(times="Mo," * 4_000))).json()
    assert report["taken"] == 1
    assert "times_unclear" in told(report)[1]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"PK\x03\x04" + b"x" * 100, "file_damaged"),
        (workbook(list_xml())[:700], "file_damaged"),
        (b"%PDF-1.7", "file_of_other_kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "file_old_excel"),
        (b"\x00\x01\x02" * 500, "not_a_table"),
        (b"[" * 100_000, "header_not_found"),
    ],
)
async def test_what_is_no_list_is_told(world: World, raw: bytes, code: str) -> None:
    await save(world, "amt", "participants", MAPPING)
    answer = await post(world, "amt", "participants", raw)
    assert answer.status_code == 422
    assert [problem["code"] for problem in answer.json()["file_problems"]] == [code]


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"[" * 100_000, (400, "json_too_deep")),
        (b'{"columns":' * 20_000, (400, "json_too_deep")),
        (b'{"towns": {"a": ' + b"9" * 5_000 + b"}}", (400, "number_not_canonical")),
        (b"\xff\xfe", (400, "json_malformed")),
        (b'{"columns": 1e999}', (400, "number_not_canonical")),
    ],
)
async def test_settings_of_any_depth_are_told(world: World, raw: bytes, told: tuple[int, str]) -> None:
    for slug, kind in (("amt", "participants"), ("schule", "open-qcat")):
        answer = await world.client.put(f"/v1/imports/{kind}/settings", content=raw, headers=world.auth(slug))
        assert (answer.status_code, answer.json()["code"]) == told


@pytest.mark.parametrize(("own", "told"), [(False, (503, "busy")), (True, (429, "files_of_yours"))])
async def test_a_door_with_too_many_files_asks_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch, *, own: bool, told: tuple[int, str]
) -> None:
    async def busy(*_: object) -> None:
        raise ReadersBusyError(of_caller=own)

    await save(world, "amt", "participants", MAPPING)
    monkeypatch.setattr(FileReader, "people", busy)
    answer = await post(world, "amt", "participants", csv(ROW, header=HEADER))
    assert (answer.status_code, answer.json()["code"]) == told
    assert answer.headers["retry-after"] == "10"
