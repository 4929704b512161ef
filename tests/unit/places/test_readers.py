"""Directory files as they are published, and as they arrive."""

import random
import time
from contextlib import suppress
from datetime import date

import pytest

from services.places.domain import PlacesError
from services.places.lines import LARGEST_FILE, MOST_LINES
from services.places.loading import File, read_file
from tests.places.files import MUSTERLAND, NACHBARLAND, encoded, gv100ad, record, town

TODAY = date(2026, 2, 1)


def read(raw: bytes, *, skip_broken: bool = False) -> File:
    return read_file("towns.txt", raw, today=TODAY, skip_broken=skip_broken)


def refused(raw: bytes) -> str:
    with pytest.raises(PlacesError) as caught:
        read(raw)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1"])
def test_the_official_file_gives_keys_names_kreise_and_the_seats_postcode(encoding: str) -> None:
    found = read(encoded(gv100ad(MUSTERLAND), encoding))
    assert found.edition.day == date(2025, 12, 31)
    assert found.edition.areas == {"99"}
    towns = {one.ags: one for one in found.towns}
    assert len(towns) == 4
    assert towns["99001010"].name == "Übungsdorf"
    assert towns["99001011"].postcodes == ("00155",)
    first = towns["99001001"]
    assert (first.short_name, first.kreis_name, first.more_postcodes) == (
        "Musterstadt",
        "Kreis Musterland (erfunden)",
        True,
    )


def test_a_real_land_is_named_by_its_key() -> None:
    lines = [
        record("10", "01", "Schleswig-Holstein"),
        record("40", "01001", "Flensburg, Stadt", rest=f"{'':<50}41"),
        town("01001000", "Flensburg, Stadt", "24937*", type_="61"),
        record("40", "01053", "Herzogtum Lauenburg", rest=f"{'Ratzeburg':<50}43"),
        town("01053100", "Ratzeburg, Stadt", "23909", type_="63"),
        town("01053105", "Sachsenwald, gemfr. Gebiet", "", type_="66"),
    ]
    found = read(encoded(lines))
    assert [(one.ags, one.land, one.label) for one in found.towns] == [
        ("01001000", "Schleswig-Holstein", "Flensburg, 24937"),
        ("01053100", "Schleswig-Holstein", "Ratzeburg, 23909"),
    ]  # nobody lives in the uninhabited area


def _changed(at: int, line: str) -> bytes:
    lines = gv100ad(MUSTERLAND)
    lines[at] = line
    return encoded(lines)


@pytest.mark.parametrize(
    ("at", "line", "said"),
    [
        (3, town("99001001", "Musterstadt", "00100")[:150], "line 4, column 151: the record ends here"),
        (
            3,
            town("99001001", "Musterstadt", "0010A"),
            "line 4, column 166 (EF12 PLZ): “0010A” is no postcode",
        ),
        (3, town("9900100X", "Musterstadt", "00100"), "line 4, column 11"),
        (3, town("99009001", "Musterstadt", "00100"), "no record of its Land or Kreis (99009)"),
        (3, town("99001002", "Musterstadt", "00100"), "the key 99001002 stands in line 4 already"),
        (3, town("99001001", "", "00100"), "line 4, column 23 (EF5 Bezeichnung): the name is missing"),
        (3, town("99001001", "Musterstadt", "00100", day="20241231"), "the day 2024-12-31 is another than"),
        (3, town("99001001", "Musterstadt", "00100", day="20251331"), "“20251331” is no day"),
        (3, town("99001001", "Musterstadt", "00100", type_="7X"), "line 4, column 123"),
        (3, town("99001001", "Musterstadt", "00100", type_="99"), "line 4, column 123"),
        (3, "70" + town("99001001", "Musterstadt", "00100")[2:], "“70” is no type of record"),
        (1, record("40", "99001", "Kreis", rest=f"{'':<50}4X"), "line 2, column 123"),
    ],
)
def test_a_broken_record_is_named_by_line_and_column(at: int, line: str, said: str) -> None:
    told = refused(_changed(at, line))
    assert said in told
    assert "Please" in told


def test_a_file_that_ends_too_early_is_not_taken_for_whole() -> None:
    lines = gv100ad(MUSTERLAND, NACHBARLAND)
    assert "no town of 99002 follows" in refused(encoded(lines[:-1]))
    assert "the record ends here" in refused(encoded(lines)[:-60])


def test_broken_lines_can_be_left_out_and_then_nobody_ends() -> None:
    found = read(_changed(4, town("99001002", "Beispielhausen", "x")), skip_broken=True)
    assert len(found.towns) == 3
    assert found.edition.areas == frozenset()
    assert len(found.skipped) == 1
    assert "towns.txt, line 5, column 166" in found.skipped[0]


def test_a_table_may_name_days_and_successors() -> None:
    raw = (
        b"ags;name;postcodes;kreis;valid_from;valid_to;successor\n"
        b"99001001;Musterstadt;00100 00101;99001 Kreis Musterland;;;\n"
        b'99001002;"Beispielhausen; am See";00110;Kreis Musterland;;01.07.2025;99001001\n'
    )
    found = read(raw)
    assert found.edition.day == TODAY
    assert found.edition.areas == {"99001"}
    first, second = found.towns
    assert (first.postcodes, first.kreis_name) == (("00100", "00101"), "Kreis Musterland")
    assert (second.name, second.valid_to, second.successors) == (
        "Beispielhausen; am See",
        date(2025, 7, 1),
        ("99001001",),
    )


def test_a_table_needs_two_columns_only_and_takes_commas() -> None:
    assert [one.ags for one in read(b"ags,name\n99001001,Musterstadt\n").towns] == ["99001001"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("9001001;Musterstadt;;;;;", "line 2, column 1 (ags): “9001001” is no key of a town"),
        ("98001001;Musterstadt;;;;;", "begins with no Land"),
        ("99001001;;;;;;", "line 2, column 2 (name): the name is missing"),
        ("99001001;Musterstadt;100;;;;", "line 2, column 3 (postcodes): “100” is no postcode"),
        ("99001001;Musterstadt;;99002;;;", "line 2, column 4 (kreis): 99002 is not the Kreis of 99001001"),
        ("99001001;Musterstadt;;;31.02.2025;;", "line 2, column 5 (valid_from): “31.02.2025” is no day"),
        ("99001001;Musterstadt;;;2025-01-02;2025-01-01;", "the town ends before it begins"),
        ("99001001;Musterstadt;;;;;99001002", "a town that goes on has no successor"),
        ("99001001;Musterstadt;;;;2025-01-01;99001001", "the town is its own successor"),
        ("99001001;Musterstadt;;;;2025-01-01;zwei", "line 2, column 7 (successor)"),
        ("99001001;Musterstadt", "the line has 2 columns, not 7"),
        ('99001001;"Musterstadt;;;;;', "A quotation mark may be missing"),
        ("99001001;Musterstadt;;;;;\n99001001;Muster;;;;;", "the key 99001001 stands in line 2 already"),
        ("99001001;Musterstadt;;;;;\n99001001;Muster;;;2025-01-01;;", "hold on the same days"),
        (f"99001001;{'M' * 201};;;;;", "the name is too long"),
    ],
)
def test_a_broken_row_is_named_by_line_and_column(row: str, said: str) -> None:
    told = refused(f"ags;name;postcodes;kreis;valid_from;valid_to;successor\n{row}\n".encode())
    assert said in told


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "the file is empty"),
        (b" \r\n\r\n", "the file is empty"),
        ("ags;name\n99001001;Müster\n".encode("utf-16"), "UTF-16"),
        ("ags;name\n99001001;Müster\n".encode("cp437"), "line 2, column 11: character 0x81"),
        (b"\x7fELF\x02\x01\x01\x00", "no letter of UTF-8 or ISO-8859-1"),
        (b"PK\x03\x04" + b"x" * 100, "line 1, column 3"),
        (b"name;ags2\n", "does not name the columns"),
        (b"ags;name;einwohner\n", "“einwohner” is no column"),
        (b"ags;name;ags\n", "the column ags stands twice"),
        (b"ags;name\n", "the file has no towns"),
        (b"hello world\n", "does not name the columns"),
    ],
)
def test_what_is_no_directory_is_refused_with_a_sentence(raw: bytes, said: str) -> None:
    assert said in refused(raw)


def test_a_file_of_a_million_lines_is_refused_at_once() -> None:
    raw = b"ags;name\n" + b"99001001;Musterstadt\n" * 1_000_000
    begun = time.perf_counter()
    assert f"{MOST_LINES:,}" in refused(raw)
    assert time.perf_counter() - begun < 1
    assert "too large" in refused(b"x" * (LARGEST_FILE + 1))


def test_many_broken_lines_are_counted_not_listed() -> None:
    told = refused(b"ags;name\n" + b"x;Musterstadt\n" * 5000)
    assert told.count("\n") < 30
    assert "and 4980 more" in told


def test_bytes_by_chance_never_crash_a_reader() -> None:
    rng = random.Random(3)
    whole = encoded(gv100ad(MUSTERLAND, NACHBARLAND))
    for _ in range(300):
        raw = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        cut = bytes(raw[: rng.randrange(len(raw))])
        for text in (bytes(raw), cut):
            with suppress(PlacesError):
                read(text)
