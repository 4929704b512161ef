"""POST /v1/imports: files become events, the same file again changes nothing, the rest comes back."""

# ruff: noqa: ANN401 - tests hand on any JSON value

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import yaml

from services.gateway.people.client import Unavailable
from tests.contract.gateway.test_registrations_door import everything
from tests.fixtures.gateway.world import World
from tests.places.loaded import load_towns

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gateway"
FULL = (FIXTURES / "catalogue_full.xml").read_bytes()
UPDATE = (FIXTURES / "catalogue_update.xml").read_bytes()
LIST = (FIXTURES / "people_cp1252.csv").read_bytes()
MAPPING = yaml.safe_load((FIXTURES / "people_mapping.yaml").read_text())


async def post(world: World, slug: str, kind: str, raw: bytes, *, check: bool = False) -> Any:
    params = {"check": "1"} if check else {}
    return await world.client.post(
        f"/v1/imports/{kind}", content=raw, headers=world.auth(slug), params=params
    )


async def save(world: World, slug: str, kind: str, settings: object) -> Any:
    return await world.client.put(f"/v1/imports/{kind}/settings", json=settings, headers=world.auth(slug))


async def types(world: World) -> list[str]:
    return [row["type"].removeprefix("de.kurslotse.") for row in await world.outbox()]


def codes(report: dict[str, Any], key: str | None) -> set[str]:
    return {item["code"] for item in report["findings"] if item["key"] == key}


async def test_a_check_says_what_would_happen_and_changes_nothing(world: World) -> None:
    report = (await post(world, "schule", "open-qcat", FULL, check=True)).json()
    assert (report["rows"], report["taken"], report["refused"]) == (11, 4, 7)
    assert report["events"] == {"de.kurslotse.course-announced.v1": 4}
    assert report["preview"][0]["course"] == "IK-01"
    assert await world.outbox() == []
    assert await world.rows("SELECT 1 FROM imported UNION ALL SELECT 1 FROM import_run") == []


async def test_the_same_catalogue_again_changes_nothing(world: World) -> None:
    first = (await post(world, "schule", "open-qcat", FULL)).json()
    assert (first["taken"], first["unchanged"], first["refused"]) == (4, 0, 7)
    assert all(item["message"] and item["what_to_do"] for item in first["findings"])
    assert "minimum_unclear" in codes(first, "IK-01")
    assert codes(first, "X-unklar") == {"course_type_unclear"}
    again = (await post(world, "schule", "open-qcat", FULL)).json()
    assert (again["taken"], again["unchanged"], again["refused"]) == (0, 4, 7)
    assert await types(world) == ["course-announced.v1"] * 4


async def test_an_update_changes_and_cancels_courses_and_reports_the_rest(world: World) -> None:
    await post(world, "schule", "open-qcat", FULL)
    report = (await post(world, "schule", "open-qcat", UPDATE)).json()
    assert report["events"] == {"de.kurslotse.course-changed.v1": 1, "de.kurslotse.course-cancelled.v1": 1}
    assert codes(report, "NIE-GESEHEN") == {"course_not_imported"}
    changed, cancelled = (orjson.loads(row["payload"]) for row in (await world.outbox())[4:])
    assert changed == {
        "course": "IK-02",
        "sections": [{"number": 1, "starts_on": "2027-02-08", "ends_on": "2027-12-17"}],
    }
    assert cancelled == {"course": "IK-03", "cancelled_on": "2027-01-04", "reason": "other"}
    back = (await post(world, "schule", "open-qcat", FULL)).json()
    assert back["events"] == {"de.kurslotse.course-changed.v1": 1, "de.kurslotse.course-announced.v1": 1}


async def test_deleting_an_offer_deletes_its_dates(world: World) -> None:
    await post(world, "schule", "open-qcat", FULL)
    raw = UPDATE.replace(b"IK-03", b"IK-01").replace(b"<NEW>", b"<OLD>").replace(b"</NEW>", b"</OLD>")
    report = (await post(world, "schule", "open-qcat", raw)).json()
    assert report["events"] == {"de.kurslotse.course-cancelled.v1": 2}


async def test_a_course_missing_in_a_full_catalogue_is_flagged_never_cancelled(world: World) -> None:
    await post(world, "schule", "open-qcat", FULL)
    report = (await post(world, "schule", "open-qcat", FULL.replace(b"BSK-01", b"BSK-02"))).json()
    assert codes(report, "BSK-01") == {"course_missing_in_full"}
    assert "course-cancelled.v1" not in await types(world)


async def test_gaps_and_old_updates_are_noticed(world: World) -> None:
    await post(world, "schule", "open-qcat", UPDATE)
    later = (await post(world, "schule", "open-qcat", UPDATE.replace(b'"11"', b'"13"'))).json()
    assert [problem["code"] for problem in later["file_problems"]] == ["sequence_gap"]
    old = await post(world, "schule", "open-qcat", UPDATE.replace(b'"11"', b'"12"'))
    assert [problem["code"] for problem in old.json()["file_problems"]] == ["sequence_old"]
    assert old.status_code == 422


async def test_a_broken_file_is_reported(world: World) -> None:
    for raw in (b"", b"<a", b"<kurse/>", b"<!DOCTYPE x><OPENQCAT/>", b"<OPENQCAT/>"):
        answer = await post(world, "schule", "open-qcat", raw)
        assert answer.status_code == 422
        (problem,) = answer.json()["file_problems"]
        assert problem["what_to_do"]


async def test_settings_given_later_release_held_courses(world: World) -> None:
    await post(world, "schule", "open-qcat", FULL)
    assert (await save(world, "schule", "open-qcat", {"min_means": "booked"})).status_code == 200
    report = (await post(world, "schule", "open-qcat", FULL)).json()
    assert report["events"] == {"de.kurslotse.course-changed.v1": 2}
    payloads = [orjson.loads(row["payload"]) for row in (await world.outbox())[4:]]
    assert payloads == [{"course": "IK-01", "taken_elsewhere": 4}, {"course": "IK-02", "taken_elsewhere": 0}]


async def test_settings_are_checked_and_shown(world: World) -> None:
    wrong = await save(world, "schule", "open-qcat", {"min_means": "perhaps", "colour": 1})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "settings_invalid")
    shown = await world.client.get("/v1/imports/open-qcat/settings", headers=world.auth("schule"))
    assert shown.json() == {}


async def test_each_kind_of_import_needs_the_right_to_send_its_event(world: World) -> None:
    assert (await post(world, "amt", "open-qcat", FULL)).json()["code"] == "not_allowed"
    assert (await post(world, "schule", "participants", LIST)).json()["code"] == "not_allowed"
    assert (await post(world, "schule", "recipes", FULL)).json()["code"] == "kind_unknown"
    assert (await post(world, "amt", "participants", LIST)).json()["code"] == "mapping_missing"


async def test_good_rows_are_imported_and_the_others_come_back_with_reasons(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    preview = (await post(world, "amt", "participants", LIST, check=True)).json()
    assert preview["preview"][0]["contact"]["family_name"] == "Kanarienvogel"
    assert (preview["taken"], world.people.kept) == (3, {})
    report = (await post(world, "amt", "participants", LIST)).json()
    assert (report["rows"], report["taken"], report["refused"]) == (9, 3, 6)
    assert report["events"] == {
        "de.kurslotse.participant-registered.v1": 3,
        "de.kurslotse.placement-tested.v1": 1,
    }
    assert {reference for reference, _ in world.people.kept.values()} == {"A-001", "A-002", "A-003"}
    lines = report["rest"].splitlines()
    assert lines[0].endswith("Bemerkung;Grund")
    assert len(lines) == 7
    assert any(line.startswith("'=1+1;Formel") for line in lines)
    again = (await post(world, "amt", "participants", LIST)).json()
    assert (again["taken"], again["unchanged"], again["events"]) == (0, 3, {})
    assert len(await world.outbox()) == 4


async def test_only_facts_of_a_list_are_stored(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    await post(world, "amt", "participants", LIST)
    await post(world, "schule", "open-qcat", FULL)
    held = await everything(world)
    assert "A-001" in held
    assert "IK-01" in held
    for canary in (
        "Kanarienvogel",
        "Tweety",
        "Silvester",
        "Katzen",
        "1991-07-03",
        "0170 / 123",
        "0170123",
        "Formel",
        "Leitung",
    ):
        assert canary not in held, canary


async def test_a_changed_row_changes_the_person(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    await post(world, "amt", "participants", LIST)
    changed = LIST.replace(
        b"Jobcenter;Integrationskurs;11.12.2026;A1", b"freiwillig;Integrationskurs;11.12.2026;A2"
    )
    report = (await post(world, "amt", "participants", changed)).json()
    assert report["events"] == {
        "de.kurslotse.participant-changed.v1": 1,
        "de.kurslotse.placement-tested.v1": 1,
    }


async def test_an_interrupted_import_goes_on_where_it_stopped(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    world.people.answer = Unavailable()
    answer = await post(world, "amt", "participants", LIST)
    assert (answer.status_code, answer.json()["code"]) == (503, "people_unavailable")
    assert await world.outbox() == []
    world.people.answer = type(world.people)().answer
    assert (await post(world, "amt", "participants", LIST)).json()["taken"] == 3


async def test_a_refused_name_refuses_its_own_row_only(world: World) -> None:
    await save(world, "amt", "participants", MAPPING)
    world.people.refuse_names_with = "Silvester"
    report = (await post(world, "amt", "participants", LIST)).json()
    assert (report["taken"], report["refused"]) == (2, 7)
    assert "Silvester" in report["rest"]


async def test_official_numbers_become_references(world: World) -> None:
    columns = dict(MAPPING["columns"])
    columns["official_number"] = columns.pop("reference")
    await save(world, "amt", "participants", MAPPING | {"columns": columns, "scheme": "bamf"})
    report = (await post(world, "amt", "participants", LIST)).json()
    assert report["taken"] == 4
    held = await everything(world)
    assert "A-001" not in held
    again = (await post(world, "amt", "participants", LIST)).json()
    assert (again["taken"], again["unchanged"]) == (0, 4)
    checked = (await post(world, "amt", "participants", LIST, check=True)).json()
    assert (checked["taken"], checked["unchanged"]) == (0, 4)


async def test_a_missing_column_is_reported(world: World) -> None:
    columns = MAPPING["columns"] | {"hours_left": "Reststunden"}
    await save(world, "amt", "participants", MAPPING | {"columns": columns})
    report = (await post(world, "amt", "participants", LIST)).json()
    assert [(item["code"], item["field"]) for item in report["file_problems"]] == [
        ("column_missing", "hours_left")
    ]
    assert report["taken"] == 3
    await save(
        world, "amt", "participants", MAPPING | {"columns": MAPPING["columns"] | {"reference": "Kennung"}}
    )
    report = (await post(world, "amt", "participants", LIST)).json()
    assert report["taken"] == 0


async def test_towns_are_found_in_the_directory_after_the_offices_own_list(world: World) -> None:
    rows = (
        "99001004;Unbekannt;99999;;;;",
        "99001009;Beispielhausen;00110;;;;",
        "99002001;Unbekannt;00900;;;;",
    )
    await load_towns(world.admin, rows, date(2025, 1, 1))
    await save(world, "amt", "participants", MAPPING)
    report = (await post(world, "amt", "participants", LIST)).json()
    assert (report["rows"], report["taken"], report["refused"]) == (9, 4, 5)
    sent = [orjson.loads(row["payload"]) for row in await world.outbox()]
    towns = {one["reference"]: one["town"] for one in sent if "town" in one}
    assert towns["A-004"] == "99001004"  # refused without a directory
    assert towns["A-003"] == "99001002"  # the office's own list says so
