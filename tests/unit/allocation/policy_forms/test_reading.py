"""A form that is sent as it was shown changes nothing; what is wrong with it is told and loses nothing."""

from __future__ import annotations

from typing import Any

import pytest

from services.allocation.console.policy.document import written
from services.allocation.console.policy.forms.controls import Maker, every
from services.allocation.console.policy.forms.reading import PROBLEMS, entered
from services.allocation.console.policy.sentences import Wording
from services.allocation.law import documents
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy.check import check_own
from services.allocation.policy.domain import DEMO, PACKAGED
from tests.unit.allocation.policy_forms.filling import BOOK, codes, form, german, sent, values_of
from tests.unit.allocation.policy_forms.test_fields import FULL

SMALL = {
    name: FULL[name]
    for name in ("valid_from", "source", "automatic", "reservation", "cadence", "limits", "goals")
}
EXTREMES = values_of("""
valid_from: 9999-12-31
source: "<script>alert(1)</script> & \\"quoted\\": {x} %(days)s #"
automatic: []
reservation: {days: 60, present_days: 1, by_class: {urgent_duty: 1, no_such_class: 60}}
cadence: {every: weekly, weekday: 6, hour: 23, near_start_days: 0}
limits: {latest_start_days: 730, late_entry: true, late_entry_ue: 0, travel_minutes: 5}
goals: [balance]
sizes: {decide_days: 0, minimum: {no_such_type: 0}, target: {land: 100}}
towns: {"99001001": {latitude: -90, longitude: 180}, "99001002": {latitude: 0.5, longitude: -180}}
""")


def packaged(path: Any) -> dict[str, Any]:  # noqa: ANN401 -- a file
    value = documents.read_file(path).value
    assert isinstance(value, list)
    first: dict[str, Any] = value[0]
    return first


@pytest.mark.parametrize(
    "data",
    [FULL, SMALL, EXTREMES, packaged(PACKAGED), packaged(DEMO)],
    ids=["full", "small", "extremes", "file", "demo"],
)
def test_sent_as_it_was_shown_it_stays_as_it_was(data: dict[str, Any]) -> None:
    found = entered(form(sent(data)), data)
    assert found.problems == {}
    assert found.data == data
    again = values_of(written(german(), found.data))
    assert again == data
    assert list(again["goals"]) == list(data["goals"])


def test_what_the_form_does_not_know_stays() -> None:
    data = {**SMALL, "later": {"deep": [1, {"x": 2}]}, "limits": {**SMALL["limits"], "more": 7}}
    assert entered(form(sent(data)), data).data == data


def changed(pairs: list[tuple[str, str]], **values: str) -> list[tuple[str, str]]:
    return [(name, values.get(name.replace(".", "__"), value)) for name, value in pairs]


def test_values_are_read_as_they_are_meant() -> None:
    pairs = changed(
        sent(SMALL), reservation__days="7", limits__travel_minutes="45", valid_from="1.4.2027",
        goals__waiting="1", goals__priority="2", sizes__minimum__land="9", cadence__every="weekly",
    )  # fmt: skip
    pairs += [("automatic", "start")]
    data = entered(form(pairs), SMALL).data
    assert (data["reservation"]["days"], data["limits"]["travel_minutes"]) == (7, 45)
    assert str(data["valid_from"]) == "2027-04-01"
    assert data["goals"][:2] == ["waiting", "priority"]
    assert data["sizes"] == {"minimum": {"land": 9}}
    assert data["automatic"] == ["expire", "start"]
    emptied = changed(sent(data), limits__travel_minutes="", sizes__minimum__land="")
    assert "sizes" not in entered(form(emptied), data).data
    assert "travel_minutes" not in entered(form(emptied), data).data["limits"]


@pytest.mark.parametrize("typed", ["ten", "1e3", "9" * 5000, "-", "7,5", "0x1f", "٣", "<b>"])
def test_what_is_no_number_stays_as_typed_and_is_told_beside_its_field(typed: str) -> None:
    found = entered(form(changed(sent(SMALL), reservation__days=typed)), SMALL)
    assert found.data["reservation"]["days"] == typed
    with pytest.raises(DocumentError) as error:
        check_own(written(german(), found.data), "99001", BOOK)
    maker = Maker(Wording(german()), codes(), found, None, error.value.mistakes)
    controls = {c.name: c for group in maker.groups() for top in group.controls for c in every(top)}
    assert controls["reservation.days"].error
    assert controls["reservation.days"].value == typed
    assert [name for name, c in controls.items() if c.error] == ["reservation.days"]
    assert maker.others() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reservation.days", "61"), ("reservation.by_class.urgent_duty", "0"), ("cadence.hour", "24"),
        ("limits.latest_start_days", "6"), ("source", "x"), ("valid_from", "31.02.2027"),
        ("alternatives", "11"),
        ("quotas.0.seats", "0"), ("quotas.0.name", ""), ("pooling.0.kreis", "9900"), ("towns.0.key", "123"),
        ("towns.0.latitude", "91"), ("sizes.target.integration_general", "101"),
        ("sizes.protected_courses", "no course"), ("free_choice", "maybe"), ("limits.late_entry", "perhaps"),
        ("reservation.present_days", ""),
    ],
)  # fmt: skip
def test_each_mistake_stands_beside_its_field(name: str, value: str) -> None:
    found = entered(form(changed(sent(FULL), **{name.replace(".", "__"): value})), FULL)
    assert found.problems == {}
    with pytest.raises(DocumentError) as error:
        check_own(written(german(), found.data), "99001", BOOK)
    maker = Maker(Wording(german()), codes(), found, None, error.value.mistakes)
    controls = {c.name: c for group in maker.groups() for top in group.controls for c in every(top)}
    assert [one for one, c in controls.items() if c.error] == [name]
    assert maker.others() == []
    assert "Zeile" not in controls[name].error


NAMES = sorted({name for name, _ in sent(FULL)})


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_is_missing_or_sent_twice_changes_nothing_and_is_told(name: str) -> None:
    pairs = sent(FULL)
    without = entered(form([pair for pair in pairs if pair[0] != name]), FULL)
    ticked = {"automatic", "sizes.protected_types"} | {
        n for n in NAMES if n.endswith((".classes", ".course_types"))
    }
    if name not in ticked:  # a browser sends nothing for boxes that are not ticked
        assert set(without.problems.values()) == {"not_sent"}
        assert without.data == FULL
    double = next(pair for pair in pairs if pair[0] == name)
    twice = entered(form([*pairs, double]), FULL)
    assert set(twice.problems.values()) == {"sent_twice"}
    assert twice.data == FULL


def test_a_row_is_added_and_removed() -> None:
    pairs = changed(sent(FULL), quotas__1__name="Others", quotas__1__seats="2")
    data = entered(form([*pairs, ("quotas.1.classes", "others")]), FULL).data
    assert data["quotas"][1] == {"name": "Others", "seats": 2, "classes": ["others"]}
    gone = entered(form([*sent(data), ("quotas.0.remove", "1"), ("towns.0.remove", "1")]), data).data
    assert [one["name"] for one in gone["quotas"]] == ["Others"]
    assert "towns" not in gone
    half = entered(form(changed(sent(FULL), quotas__1__name="Half")), FULL).data
    assert half["quotas"][1] == {"name": "Half", "classes": []}  # told as a mistake, not forgotten


def test_two_goals_on_one_place_are_told() -> None:
    found = entered(form(changed(sent(SMALL), goals__waiting="1", goals__priority="1")), SMALL)
    assert found.problems == {"goals": "rank_twice"}
    assert set(found.data["goals"]) == set(SMALL["goals"])
    assert entered(form(changed(sent(SMALL), goals__waiting="first")), SMALL).problems == {"goals": "rank"}
    assert set(PROBLEMS) >= {"rank", "rank_twice"}


def test_a_town_named_twice_is_told_and_kept() -> None:
    pairs = changed(sent(FULL), towns__1__key="99001001", towns__1__latitude="50", towns__1__longitude="9,5")
    found = entered(form(pairs), FULL)
    assert found.problems == {"towns": "key_twice"}
    assert list(found.data["towns"].values())[1] == {"latitude": 50.0, "longitude": 9.5}


def test_too_many_rows_are_refused() -> None:
    for number in ("61", "-1", "9" * 30, "x"):
        found = entered(form(changed(sent(FULL), quotas__rows=number)), FULL)
        assert found.problems["quotas"] == "too_many"
        assert found.data["quotas"] == FULL["quotas"]


def test_characters_that_nobody_types_are_left_out() -> None:
    found = entered(form(changed(sent(SMALL), source="coun\x00cil\u2028 of\r\nthe\x85 Kreis")), SMALL)
    assert found.data["source"] == "council of the Kreis"
