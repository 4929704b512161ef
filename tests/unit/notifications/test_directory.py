"""Directory files: read whole or refused whole, and each fault named with its line and what to do."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.notifications.offices.directory_file import (
    DirectoryError,
    StoredOffice,
    check_stand_ins,
    read_directory,
)
from services.notifications.offices.entries import OfficeEntry
from services.places.domain import Town
from services.places.lookup import Places
from services.runtime.base.yaml_lines import UnreadableError, read_text
from tests.serving import REPOSITORY

TODAY = date(2026, 3, 2)
CASE = REPOSITORY / "tests" / "fixtures" / "notifications" / "o01-offices.yaml"
USUAL: dict[str, Any] = {
    "slug": "mbe-probe",
    "name": "Beratung Probe",
    "organisation": "traeger",
    "kind": "mbe",
    "catchment": ["99001"],
    "mail": "beratung@example.org",
    "lead_mail": "leitung@example.org",
}


def entry(**changes: Any) -> OfficeEntry:  # noqa: ANN401 - fields of an entry
    return OfficeEntry(**(USUAL | changes))


def read(folder: Path, *entries: dict[str, Any], text: str | None = None) -> list[OfficeEntry]:
    file = folder / "offices.yaml"
    file.write_text(json.dumps(entries, indent=1) if text is None else text, "utf-8")
    return read_directory(file, TODAY)


def refused(folder: Path, *entries: dict[str, Any], text: str | None = None) -> str:
    with pytest.raises((DirectoryError, UnreadableError)) as error:
        read(folder, *entries, text=text)
    assert "offices.yaml" in str(error.value)
    return str(error.value)


def test_the_reported_file_is_refused_with_every_fault_and_its_line() -> None:
    with pytest.raises(DirectoryError) as error:
        read_directory(CASE, TODAY)
    said = str(error.value).splitlines()
    assert said[0] == "nothing was loaded:"
    assert [line.partition(":")[0].strip() for line in said[1:]] == [
        "o01-offices.yaml, line 15, entry 2 (jmd-hours), field hours.wed",
        "o01-offices.yaml, line 21, entry 3 (jmd-klammer), field mail",
        "o01-offices.yaml, line 22, entry 3 (jmd-klammer), field lead_mail",
    ]
    assert all(line.endswith(".") for line in said[1:])
    assert "(x@" not in str(error.value)


def test_the_reported_file_without_its_faults_is_read_as_meant(tmp_path: Path) -> None:
    text = CASE.read_text("utf-8").replace(', wed: [["16:00", "09:00"]]', "")
    text = text.replace("jmd(x@example.org", "jmd@example.org").replace("jmd@[192.0.2.1", "x@example.org")
    first, second, _ = read(tmp_path, text=text)
    assert first.mail == "beratung@xn--jmd-grlitz-icb.example"
    assert second.hours == {"mon": [("09:00", "12:00"), ("14:00", "18:00")], "tue": [("09:00", "16:00")]}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("mail", "JMD <jmd@example.org>", "one plain address"),
        ("mail", ["a@example.org", "b@example.org"], "one plain address"),
        ("mail", None, "one plain address"),
        ("lead_mail", "leitung@example.org\r\nBcc: x@example.org", "control character"),
        ("name", "Stelle\x00", "control character"),
        ("name", "", "field name"),
        ("slug", "Mbe Probe", "pattern"),
        ("slug", ["mbe"], "valid string"),
        ("catchment", [], "at least 1 item"),
        ("catchment", "99001", "valid list"),
        ("catchment", ["9900"], "pattern"),
        ("catchment", ["00001"], "begins with no Land"),
        ("catchment", ["17001001"], "begins with no Land"),
        ("catchment", ["09161", "14511"], "several Länder"),
        ("seat", "50667", "begins with no Land"),
        ("age_from", -1, "greater than or equal to 0"),
        ("age_from", "27 Jahre", "valid integer"),
        ("age_below", 121, "less than or equal to 120"),
        ("capacity", -1, "greater than or equal to 0"),
        ("capacity", 10**30, "less than or equal to"),
        ("capacity", "viele", "valid integer"),
        ("capacity", [60], "valid integer"),
        ("languages", ["deutsch"], "no language code"),
        ("languages", ["xx"], "no language code"),
        ("languages", "de", "valid list"),
        ("languages", [["de"]], "no language code"),
        ("asylum_phases", ["waiting"], "should be"),
        ("stand_in", "mbe-probe", "the office itself"),
        ("stand_in", "Mbe Süd", "pattern"),
        ("active", "vielleicht", "boolean"),
        ("hours", {"montag": [["09:00", "12:00"]]}, "unknown weekday"),
        ("hours", {"Mon": [["09:00", "12:00"]]}, "unknown weekday"),
        ("hours", {"mon": [["16:00", "09:00"]]}, "ends before it begins"),
        ("hours", {"mon": [["09:00", "09:00"]]}, "ends before it begins"),
        ("hours", {"mon": [["09:00", "24:00"]]}, "Write 23:59"),
        ("hours", {"mon": [["09:00", "25:00"]]}, "no time of the day"),
        ("hours", {"mon": [["09:00", "12:60"]]}, "no time of the day"),
        ("hours", {"mon": [["9 Uhr", "12 Uhr"]]}, "not a time of day"),
        ("hours", {"mon": [["09:00:00", "12:00:00"]]}, "not a time of day"),
        ("hours", {"mon": [["09:00"]]}, "hours.mon"),
        ("hours", {"mon": ["09:00", "12:00"]}, "hours.mon"),
        ("hours", {"mon": "09:00-12:00"}, "hours.mon"),
        ("hours", [["09:00", "12:00"]], "valid dictionary"),
        ("hours", {"mon": [], "tue": []}, "no opening time"),
        ("closed_days", ["24.12.2026"], "not a day"),
        ("closed_days", ["2026-02-30"], "not a day"),
        ("closed_days", ["1790294400"], "not a day"),
        ("closed_days", ["9999-12-31"], "Please check the year"),
        ("closed_days", ["1899-12-31"], "Please check the year"),
        ("closed_days", [["2026-12-24"]], "not a day"),
        ("fax", "0000", "no field of the directory"),
    ],
)
def test_a_wrong_value_is_refused_by_entry_and_field(
    tmp_path: Path, field: str, value: object, why: str
) -> None:
    said = refused(tmp_path, USUAL | {"slug": "mbe-first"}, USUAL | {field: value})
    assert why in said
    assert "line" in said
    assert "nothing was loaded" in said or "offices.yaml, line" in said


def test_missing_fields_are_named(tmp_path: Path) -> None:
    assert "entry 1 (x), field mail: is missing" in refused(tmp_path, {"slug": "x"})


def test_ages_that_fit_nobody_are_refused(tmp_path: Path) -> None:
    assert "nobody would fit" in refused(tmp_path, USUAL | {"age_from": 27, "age_below": 27})


def test_a_slug_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    said = refused(tmp_path, USUAL, USUAL | {"slug": "other"}, USUAL)
    assert "entry 3 (mbe-probe), field slug: also in line" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no list of offices"),
        ("offices:\n", "no list of offices"),
        ("offices: []\n", "no list of offices"),
        ("stellen:\n- slug: x\n", "no list of offices"),
        ("text", "no list of offices"),
        ("- text\n", "entry 1"),
        ("-\n", "entry 1"),
        ("- slug: a\n  mail: x\n  mail: y\n", "line 3: 'mail' a second time (first in line 2)"),
        ("a: &x [1]\nb: [*x, *x]\n", "line 1: an anchor or alias"),
        ("- &x {slug: a}\n- *x\n", "line 1: an anchor or alias"),
        ("- <<: {slug: a}\n", "no field of the directory"),
        ("- slug: !!python/object:os.system x\n", "line 1: a tag"),
        ("- slug: a\n---\n- slug: b\n", "line 2: a second document"),
        ("- slug: a\n\tname: b\n", "line 2: "),
        ("- slug: 'a\n", "line"),
        ("- ? [a]\n  : b\n", "line 1: a field without a name"),
        ('- name: "a\\nb"\n', "line 1, field name: a line break"),
        ('- name: "a\\ud800b"\n', "line 1, field name: a line break"),
        ("[" * 100_000, "nested too deeply"),
        ("{a: " * 50_000, "nested too deeply"),
        ("- " * 100_000, "nested too deeply"),
        ("#" * 300_001, "larger than"),
    ],
)
def test_a_file_that_is_no_directory_is_refused_by_line(tmp_path: Path, text: str, why: str) -> None:
    assert why in refused(tmp_path, text=text)


def test_a_file_in_another_encoding_is_refused_by_line(tmp_path: Path) -> None:
    file = tmp_path / "offices.yaml"
    file.write_bytes("- slug: a\n  name: Görlitz\n".encode("latin-1"))
    with pytest.raises(UnreadableError, match=r"offices\.yaml, line 2: not UTF-8\. Please save"):
        read_directory(file, TODAY)


def test_values_are_read_as_written_and_not_as_yaml_guesses(tmp_path: Path) -> None:
    text = (
        "\ufeffoffices:\n- {slug: 0815, name: 4711, organisation: yes, kind: mbe, catchment: [09161],\n"
        "   languages: [no, de], mail: a@example.org, lead_mail: b@example.org, age_below: 27,\n"
        "   stand_in: null, hours: {mon: [[9:00, 12:30], [14:00, 18:00]], fri: null},\n"
        "   closed_days: [2026-12-24], active: no}\n"
    )
    (office,) = read(tmp_path, text=text)
    assert (office.slug, office.name, office.organisation) == ("0815", "4711", "yes")
    assert (office.catchment, office.languages) == (["09161"], ["no", "de"])
    assert office.hours == {"mon": [("09:00", "12:30"), ("14:00", "18:00")], "fri": []}
    assert (office.age_below, office.stand_in, office.active) == (27, None, False)
    assert office.closed_days == [date(2026, 12, 24)]


def test_json_is_read_the_same(tmp_path: Path) -> None:
    text = (
        '{"offices": [{"slug": "a", "name": "\\u00c4", "organisation": "o", "kind": "mbe", "stand_in": null,'
    )
    text += '"catchment": ["99001"], "mail": "a@b.example", "lead_mail": "a@b.example", "active": true}]}'
    (office,) = read(tmp_path, text=text)
    assert (office.name, office.stand_in, office.active) == ("Ä", None, True)


def test_spans_are_sorted_and_those_that_touch_become_one() -> None:
    spans = [
        ("14:00", "18:00"),
        ("09:00", "12:00"),
        ("12:00", "13:00"),
        ("15:00", "16:00"),
        ("09:00", "12:00"),
    ]
    assert entry(hours={"mon": spans}).hours == {"mon": [("09:00", "13:00"), ("14:00", "18:00")]}


def test_two_offices_may_stand_in_for_each_other() -> None:
    check_stand_ins([entry(slug="a", stand_in="b"), entry(slug="b", stand_in="a", active=False)], {})


def test_a_stand_in_may_be_stored_already_and_may_not_be_unknown() -> None:
    check_stand_ins([entry(stand_in="stored")], {"stored": StoredOffice(None, active=True)})
    with pytest.raises(DirectoryError, match="nirgends is no office of the file or of the stored directory"):
        check_stand_ins([entry(stand_in="nirgends")], {})


@pytest.mark.parametrize("circle", [("a", "b"), ("a", "b", "c")])
def test_a_circle_of_closed_offices_is_refused(circle: tuple[str, ...]) -> None:
    following = (*circle[1:], circle[0])
    closed = [
        entry(slug=slug, stand_in=other, active=False) for slug, other in zip(circle, following, strict=True)
    ]
    with pytest.raises(DirectoryError, match="are all closed"):
        check_stand_ins(closed[:1], {one.slug: StoredOffice(one.stand_in, one.active) for one in closed[1:]})


def test_a_text_knows_the_line_of_each_value() -> None:
    read_ = read_text("- a: 1\n  b:\n  - x\n  - y\n- a: 2\n")
    assert [read_.line_of(place) for place in ((0, "a"), (0, "b", 1), (1,), (1, "missing"))] == [1, 4, 5, 5]


def test_a_catchment_that_no_edition_of_the_directory_of_towns_has_is_refused_with_its_line(
    tmp_path: Path,
) -> None:
    places = Places([Town("99001001", "Musterstadt"), Town("99001002", "Altdorf", valid_to=TODAY)])
    file = tmp_path / "offices.yaml"
    listed = USUAL | {"catchment": ["99001", "99001002", "99001777", "01001"], "seat": "99001888"}
    file.write_text(json.dumps([listed], indent=1), "utf-8")
    with pytest.raises(DirectoryError) as error:
        read_directory(file, TODAY, places)
    assert [line.strip() for line in str(error.value).splitlines()[1:]] == [
        f"offices.yaml, line {line}, entry 1 (mbe-probe), field {field}: {key} is no town or Kreis of the"
        " loaded directory. Please check its key."
        for line, field, key in ((10, "catchment", "99001777"), (15, "seat", "99001888"))
    ]
    assert read_directory(file, TODAY)  # without a directory nobody can say so


@pytest.mark.parametrize(
    ("agreement", "kind", "said"),
    [
        ({"what": "neighbour"}, "mbe", "is a neighbour without a place"),
        ({"what": "like_free", "place": "99001"}, "municipal", "has a place, which only a neighbour has"),
        ({"what": "before_free"}, "mbe", "that is not municipal"),
        (
            {"what": "neighbour", "place": "99002", "valid_until": "2025-12-31"},
            "mbe",
            "ends before it begins",
        ),
        ({"what": "neighbour", "place": "99002", "valid_from": "gestern"}, "mbe", "is not a day"),
        ({"what": "neighbour", "place": "99002", "valid_from": "0001-01-01"}, "mbe", "Please check the year"),
        ({"what": "first"}, "municipal", "Input should be"),
    ],
)
def test_an_agreement_that_cannot_be_is_refused_with_its_line(
    tmp_path: Path, agreement: dict[str, str], kind: str, said: str
) -> None:
    whole = {"valid_from": "2026-01-01", "source": "Vereinbarung"} | agreement
    file = tmp_path / "offices.yaml"
    file.write_text(json.dumps([USUAL | {"kind": kind, "agreements": [whole]}], indent=1), "utf-8")
    with pytest.raises(DirectoryError, match=said) as error:
        read_directory(file, TODAY)
    assert "offices.yaml, line" in str(error.value)
    good = {"what": "neighbour", "place": "99002", "valid_from": "2026-01-01", "source": "Vereinbarung"}
    file.write_text(json.dumps([USUAL | {"phases": ["after"], "agreements": [good]}], indent=1), "utf-8")
    (entry_,) = read_directory(file, TODAY)
    assert (entry_.phases, entry_.agreements[0].place) == (["after"], "99002")
