"""Finding a town by what people type."""

import time
from datetime import date

import pytest

from services.places.domain import Town
from services.places.lookup import Places

DAY = date(2026, 1, 1)
MERGED = date(2025, 7, 1)
TOWNS = [
    Town("99001001", "Musterstadt, Stadt", "Kreis Musterland", ("00100", "00101")),
    Town("99001010", "Übungsdorf", "Kreis Musterland", ("00150",)),
    Town("99001011", "Weißenprobe am See", "Kreis Musterland", ("00155",)),
    Town("99001012", "Bad Neustadt", "Kreis Musterland", ("00160",)),
    Town("99001013", "Görsdorf", "Kreis Musterland", ("00165",)),
    Town("99001020", "Altdorf", "Kreis Musterland", ("00170",), valid_to=MERGED, successors=("99001021",)),
    Town(
        "99001021",
        "Zwischendorf",
        "",
        (),
        valid_from=MERGED,
        valid_to=date(2025, 9, 1),
        successors=("99001010",),
    ),
    Town("99002001", "Musterstadt am Berg", "Nachbarland", ("00200",)),
    Town("99002002", "Neustadt", "Nachbarland", ("00210",)),
    Town("99002003", "Neudorf", "Nachbarland", ("00220",)),
    Town("99003001", "Neudorf", "Fernland", ("00300",)),
]
PLACES = Places(TOWNS)
OWN = ("99001",)


def names(text: str, day: date = DAY, *kreise: str) -> list[str]:
    return [town.short_name for town in PLACES.search(text, day, kreise=kreise)]


@pytest.mark.parametrize("typed", ["Übungsdorf", "übungs", "uebungsdorf", "Ubungsdorf", "  ÜBUNGSDORF "])
def test_umlauts_may_be_typed_in_any_way(typed: str) -> None:
    assert names(typed) == ["Übungsdorf"]


@pytest.mark.parametrize("typed", ["Weissenprobe", "weißenprobe see", "probe am", "WEISSENPROBE AM SEE"])
def test_sharp_s_and_parts_of_words(typed: str) -> None:
    assert names(typed) == ["Weißenprobe am See"]


def test_whole_names_come_before_beginnings_and_these_before_words_within() -> None:
    assert names("neustadt") == ["Neustadt", "Bad Neustadt"]
    assert names("musterstadt") == ["Musterstadt", "Musterstadt am Berg"]


def test_the_own_kreis_comes_first() -> None:
    assert names("neustadt", DAY, *OWN) == ["Bad Neustadt", "Neustadt"]
    assert names("musterstadt", DAY, "99002") == ["Musterstadt am Berg", "Musterstadt"]


def test_postcodes_are_found_by_their_beginning_every_one_of_a_town() -> None:
    assert names("00101") == ["Musterstadt"]
    assert names("0015") == ["Übungsdorf", "Weißenprobe am See"]
    assert names("00150 Übung") == ["Übungsdorf"]
    assert names("Übungsdorf, 00155") == []


def test_a_slip_of_the_finger_finds_what_looks_alike_only_where_nothing_fits() -> None:
    assert names("Musterstat am Berg")[0] == "Musterstadt am Berg"
    assert names("Ubungsdrof") == ["Übungsdorf"]
    assert names("xyzzy") == []
    assert names("Goersdorf") == ["Görsdorf"]


def test_only_what_holds_on_the_day_is_found() -> None:
    assert names("Altdorf", date(2025, 6, 30)) == ["Altdorf"]
    assert "Altdorf" not in names("Altdorf", MERGED)
    assert [town.ags for town in PLACES.search("99001020", date(2025, 6, 30))] == ["99001020"]
    assert PLACES.search("99001020", MERGED) == []


def test_a_merged_town_names_where_it_belongs_over_several_mergers() -> None:
    ended = PLACES.ended("99001020", DAY)
    assert ended is not None
    assert (ended.short_name, ended.valid_to) == ("Altdorf", MERGED)
    assert [town.short_name for town in PLACES.successors("99001020", DAY)] == ["Übungsdorf"]
    assert PLACES.ended("99001020", date(2025, 6, 30)) is None
    assert PLACES.ended("99001001", DAY) is None


def test_a_circle_of_successors_ends() -> None:
    first = Town("99001001", "A", valid_to=MERGED, successors=("99001002",))
    second = Town("99001002", "B", valid_to=MERGED, successors=("99001001",))
    assert Places([first, second]).successors("99001001", DAY) == []


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("Musterstadt", "99001001"),
        ("musterstadt, 00100", "99001001"),
        ("Musterstadt 00101", "99001001"),
        ("00150", "99001010"),
        ("99001010", "99001010"),
        ("Muster", None),
        ("0010", None),
        ("Neudorf", None),
        ("99002002", None),
        ("", None),
        ("?!", None),
    ],
)
def test_a_town_is_meant_if_one_of_the_own_kreis_is_named_wholly(typed: str, key: str | None) -> None:
    found = PLACES.meant(typed, DAY, OWN)
    assert (found.ags if found else None) == key


def test_two_of_one_name_are_never_chosen_between() -> None:
    assert PLACES.meant("Neudorf", DAY, ("99002", "99003")) is None
    found = PLACES.meant("Neudorf, 00300", DAY, ("99002", "99003"))
    assert found is not None
    assert found.ags == "99003001"


def test_names_of_towns_and_kreise_also_of_those_that_have_ended() -> None:
    assert PLACES.name("99001001") == "Musterstadt"
    assert PLACES.name("99001020") == "Altdorf"
    assert PLACES.name("99001") == "Kreis Musterland"
    assert PLACES.name("99009") is None
    assert PLACES.name(None) is None
    assert [town.short_name for town in PLACES.of(["99002"], DAY)] == [
        "Musterstadt am Berg",
        "Neudorf",
        "Neustadt",
    ]


def test_lists_may_write_a_town_by_what_no_other_has() -> None:
    own = PLACES.written(["99001"], DAY)
    assert own["00100 Musterstadt"] == own["00101 Musterstadt"] == own["Musterstadt"] == "99001001"
    assert own["00150"] == "99001010"
    assert "Altdorf" not in own
    two = PLACES.written(["99002"], DAY)
    assert two["00220 Neudorf"] == "99002003"
    assert "Neudorf" not in two  # there is another one elsewhere


def test_a_search_grows_no_faster_than_the_number_of_towns() -> None:
    few, many = (
        Places(
            [Town(f"{1 + at % 16:02}{at:06}", f"Ort{at} am Fluss", "", (f"{at:05}",)) for at in range(count)]
        )
        for count in (1_100, 11_000)
    )
    assert many.search("am fluss ort 0007", DAY, kreise=OWN)
    assert _seconds(many) < 40 * _seconds(few)


def _seconds(places: Places) -> float:
    """Return the least time of some searches."""
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        places.search("am fluss ort 0007", DAY, kreise=OWN)
        places.search("Ort777 am Flus", DAY)
        took.append(time.perf_counter() - begun)
    return min(took)
