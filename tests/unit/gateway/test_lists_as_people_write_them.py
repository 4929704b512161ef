"""Lists of people as offices really export them: each row is read rightly, or told with its number."""

# ruff: noqa: RUF001 - letters and dashes as people and programs write them

from datetime import date

import pytest

from schemas.days import is_birth
from services.gateway.files.cells import Cell, Mark, NotReadable
from services.gateway.files.dates import read_date
from services.gateway.files.people.delimited import decode
from services.gateway.files.people.rest import write_csv
from services.gateway.files.text import clean, is_broken, is_broken_name, is_error, word
from services.gateway.files.values import Towns, read_number, read_postcode, read_yes
from services.gateway.people.numbers import number_key
from services.runtime.base.cells import defused
from tests.fixtures.gateway.files import (
    HEADER,
    ROW,
    TODAY,
    case,
    changed,
    csv,
    mapping,
    people,
    refused,
    told,
)

NUMBERS = mapping("mapping-number")


def names(raw: bytes) -> list[tuple[str, str]]:
    return [(one.contact["family_name"], one.contact["given_name"]) for one in people(raw).people]


def test_a_stray_quotation_mark_costs_its_own_row_only() -> None:
    read = people(case("c01"))
    assert told(read) == {2: {("quote_stray", None)}}
    assert names(case("c01")) == [
        (f"Musterfrau{n}", given) for n, given in enumerate(("Eva", "Eva", "Di", "Eva"), 2)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([ROW.replace("Eva", '"Eva'), ROW.replace("001;", "002;")], {2}),
        ([ROW.replace("Eva", '"Eva"x'), ROW.replace("001;", "002;")], {2}),
        ([ROW.replace("nein", '"nein'), ROW.replace("001;", "002;")], {2}),
        ([ROW.replace("Eva", '"Eva'), ROW.replace("001;", "002;").replace("Eva", 'E"')], {2, 3}),
        ([ROW.replace("Eva", '"Eva ""Evi"" M."'), ROW.replace("001;", "002;")], set()),
        (
            [ROW.replace("Musterstadt", '"Musterstadt\r\nOrtsteil"'), ROW.replace("001;", "002;")],
            {2},
        ),  # no town
    ],
)
def test_quotation_marks(rows: list[str], expected: set[int]) -> None:
    read = people(csv(*rows))
    assert refused(read) == expected
    assert len(read.people) + len(read.bad) == 2


def test_a_value_of_several_lines_is_one_value_and_rows_keep_their_line_numbers() -> None:
    read = people(csv(ROW + ';"a\nb\nc"', changed("Geburtsdatum", "gestern"), header=HEADER + ";Notiz"))
    assert [person.row.number for person in read.people] == [2]
    assert told(read) == {5: {("value_unreadable", "birth_date")}}


def test_the_header_tells_the_delimiter() -> None:
    read = people(
        case("c02"), mapping("mapping-nfd", columns={"reference": "Aktenzeichen", "family_name": "Nachname"})
    )
    assert {len(row.row.written) for row in read.bad} == {3}
    for delimiter in ";,\t|":
        rows = [line.replace(";", delimiter) for line in (HEADER, ROW)]
        assert names("\n".join(rows).encode()) == [("Muster", "Eva")]
    assert names(b"sep=|\r\n" + csv(ROW).replace(b";", b"|")) == [("Muster", "Eva")]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    raw = end.join((HEADER, ROW, changed("Aktenzeichen", "TN-002"), "")).encode()
    assert [person.row.number for person in people(raw).people] == [2, 3]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso-8859-1"]
)
def test_encodings(encoding: str) -> None:
    raw = "\r\n".join((HEADER, changed("Nachname", "Müßig"))).encode(encoding)
    assert names(raw) == [("Müßig", "Eva")]


def test_a_line_in_another_encoding_is_told_not_guessed() -> None:
    read = people(case("c03"))
    assert refused(read) == {3}
    assert names(case("c03")) == [("Müller", "Jürgen")]
    mostly = [changed("Nachname", "Jäger").encode("cp1252").replace(b"001;", b"00%d;" % n) for n in (1, 2, 3)]
    raw = b"\n".join(
        [HEADER.encode(), *mostly, changed("Nachname", "Möller").encode().replace(b"001;", b"004;")]
    )
    assert refused(people(raw)) == {5}
    assert [name for name, _ in names(raw)] == ["Jäger"] * 3


@pytest.mark.parametrize(
    "name",
    [
        "MÃ¼ller", "Ã–ztÃ¼rk", "AyÅŸe", "DoÄŸan", "WÄ…sik", "Ð\u0098Ð²Ð°Ð½", "Ø¹Ù„ÙŠ", "O’Neillâ€™s",
        "M√ºller", "M├╝ller",
        "M\ufffdller", "M\x81ller", "M”ller", "B„r", "M³ller", "Jur¼evi", "M™ller", "M&uuml;ller",
        "M&#252;ller",
        "M%C3%BCller", "M=FCller", "\ue000ller", "Müller ÃƒÂ¼",
    ],
)  # fmt: skip
def test_broken_letters_are_never_stored(name: str) -> None:
    read = people(csv(changed("Nachname", f'"{name}"')))
    assert told(read) == {2: {("text_broken", "family_name")}}


@pytest.mark.parametrize(
    "name",
    ["Öztürk", "Ayşe", "Łukasz", "O’Neill", "D'Angelo", "Anna-Lena", "Иван", "علی‌رضا", "Müller (geb. Groß)",
     "Åsa", "Nguyễn", "Ævar", "Ñuñez", "al-Ḥasan", "Ana „Anni“ Muster", "Iñaki", "Dağdelen", "Šimůnek"],
)  # fmt: skip
def test_names_of_all_countries_are_not_broken(name: str) -> None:
    assert not is_broken_name(name)
    assert not is_broken(f"Kurs „GROẞ“ – Straße {name} „SPAß“, „CAFÉ“ 5€, 20 °C, Ä–Z")


def test_double_encoding_is_told() -> None:
    assert told(people(case("c05"))) == {2: {("text_broken", "family_name"), ("text_broken", "given_name")}}


@pytest.mark.parametrize("number", ["1,23457E+11", "1.23457E+11", "1,2E+5", "-1E+20", "9E-05"])
def test_a_number_with_an_exponent_is_nobodys_number(number: str) -> None:
    read = people(csv(f"{number};A;B", header="BAMF-Nummer;Nachname;Vorname"), NUMBERS)
    assert told(read) == {2: {("number_shortened", "official_number")}}
    phone = people(csv(changed("Telefon", number)))
    assert told(phone) == {2: {("number_shortened", "phone")}}
    assert "phone" not in phone.people[0].contact


def test_numbers_in_scientific_notation_merge_nobody() -> None:
    read = people(case("c07"), NUMBERS)
    assert (len(read.people), refused(read)) == (0, {2, 3, 4})


def test_two_spellings_of_a_number_are_one_number() -> None:
    read = people(case("c13"), NUMBERS)
    (bad,) = read.bad
    assert [(item.code, dict(item.params)) for item in bad.problems] == [("number_twice", {"row": 2})]
    spellings = (
        "0123 456/789",
        "123-456-789",
        "123456789",
        "１２３４５６７８９",
        "00123.456.789\xa0",
        "123\u200b456789",
    )
    assert {number_key(clean(one)) for one in spellings} == {"123456789"}
    rows = [f"{one};A;B" for one in spellings]
    assert refused(people(csv(*rows, header="BAMF-Nummer;Nachname;Vorname"), NUMBERS)) == {3, 4, 5, 6, 7}
    assert told(people(csv("--;A;B", header="BAMF-Nummer;Nachname;Vorname"), NUMBERS)) == {
        2: {("value_unreadable", "official_number")}
    }


def test_years_of_two_digits_are_births_in_the_past_and_absurd_ones_are_refused() -> None:
    read = people(case("c09"))
    assert [person.contact["birth_date"] for person in read.people] == ["1936-01-01"]
    assert told(read) == {3: {("date_impossible", "birth_date")}, 4: {("date_impossible", "birth_date")}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.1.26", date(2026, 1, 1)), ("1.1.27", date(1927, 1, 1)), ("01.01.1900", None),
        ("31.12.1916", None),
        ("01.01.1917", date(1917, 1, 1)), ("29.11.2026", None), ("28.11.2026", date(2026, 11, 28)),
        ("1.1.0085", None),
        (2_958_465, None), (33422, date(1991, 7, 3)), (19_850_203, date(1985, 2, 3)),
    ],
)  # fmt: skip
def test_births_have_bounds(written: Cell, expected: date | None) -> None:
    found = read_date(written, TODAY, birth=True)
    assert found == (expected or found)
    assert isinstance(found, date) is (expected is not None)
    assert is_birth(date(1936, 1, 1), TODAY)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1985-02-02T23:00:00.000Z", date(1985, 2, 3)), ("1990-07-02T22:00:00Z", date(1990, 7, 3)),
        ("1985-02-03T00:00:00+02:00", date(1985, 2, 3)), ("1985-02-03 00:00:00", date(1985, 2, 3)),
        ("1985-02-02T23:00:00", NotReadable()), ("1990-07-02 22:00:00", NotReadable()),
        ("1985-02-03T00:00:00Z", date(1985, 2, 3)), ("1985-02-02T18:00:00-05:00", date(1985, 2, 3)),
        ("3. Februar 1985", date(1985, 2, 3)), ("03-Feb-85", date(1985, 2, 3)),
        ("3.Mär.1985", date(1985, 3, 3)),
        ("1985/02/03", date(1985, 2, 3)), ("19850203", date(1985, 2, 3)), ("3. 2. 1985", date(1985, 2, 3)),
        ("So, 03.02.1985", date(1985, 2, 3)), ("03.02.1985 00:00:00", date(1985, 2, 3)),
        ("03.02.1985, 00:00 Uhr", date(1985, 2, 3)), ("13-02-1985", date(1985, 2, 13)),
        ("03-02-1985", NotReadable("date_ambiguous")), ("1985", NotReadable("date_incomplete")),
        ("März 1985", NotReadable("date_incomplete")), ("²²²²²", NotReadable()), ("٣.٢.١٩٨٥", NotReadable()),
        ("9" * 5_000, NotReadable()), ("0" * 40_000 + ".1.85", NotReadable()), ("30.02.1985", NotReadable()),
        (float("inf"), NotReadable()), (float("nan"), NotReadable()), (1e300, NotReadable()),
        (True, NotReadable()),
        (Mark.CONFLICT, NotReadable()), ("9999-12-31T23:59:59-14:00", NotReadable("date_impossible")),
    ],
)  # fmt: skip
def test_dates_in_all_writing(written: Cell, expected: object) -> None:
    assert read_date(written, TODAY) == expected


def test_midnight_in_utc_is_the_next_day_in_germany() -> None:
    assert people(case("c18")).people[0].contact["birth_date"] == "1985-02-03"


def test_composed_and_decomposed_letters_are_the_same() -> None:
    (person,) = people(case("c10"), mapping("mapping-nfd")).people
    assert (person.facts["town"], person.facts["entitlement"]["granted_on"]) == ("99001002", "2026-10-01")
    assert person.contact["family_name"] == "Müller"
    assert Towns({"Görlitz": "99001002"}).find(None, "Goerlitz") == "99001002"
    assert word("Straße:") == word("STRASSE")
    assert {
        word(word(sign)) == word(sign)
        for sign in map(chr, range(0x30000))
        if not 0xD800 <= ord(sign) < 0xE000
    } == {True}


def test_a_column_that_stands_twice_is_told() -> None:
    read = people(case("c12"))
    assert ("column_twice", "phone") in {(item.code, item.field) for item in read.problems}
    assert read.people[0].contact["phone"] == "0151 000000"
    other = people(case("c12").replace(b"Musterstadt;;", b"Musterstadt;0301;"))
    assert told(other) == {2: {("column_twice", "phone")}}


def test_a_header_in_the_middle_and_lines_of_one_cell_are_told() -> None:
    read = people(csv(ROW, HEADER, "Stand: heute", changed("Aktenzeichen", "TN-002")))
    assert (len(read.people), read.skipped) == (2, (3, 4))


def test_rows_that_do_not_fit_the_header_are_told() -> None:
    assert told(people(csv(ROW + ";mehr"))) == {2: {("cells_too_many", None)}}
    assert told(people(csv(ROW + ";;;"))) == {}
    broken = ROW.replace("Musterstadt", "Muster\nstadt")
    assert told(people(csv(broken))) == {2: {("line_broken", None)}, 3: {("line_broken", None)}}
    assert told(people(csv(ROW.removesuffix(";Arabisch;nein")))) == {}


@pytest.mark.parametrize(
    "error",
    ["#NV", "#BEZUG!", "#DIV/0!", "#WERT!", "#NAME?", "#ZAHL!", "#NULL!", "#ÜBERLAUF!", "#N/A", "#REF!",
     "#VALUE!", "#SPILL!", "#GETTING_DATA", "Err:508", "########", "#¡REF!", "#NOM?", "#ADR!", "#BAŞV!",
     "#YOK"],
)  # fmt: skip
def test_errors_of_spreadsheets_are_no_values(error: str) -> None:
    read = people(csv(changed("Nachname", error)))
    assert told(read) == {2: {("cell_error", "family_name")}}
    assert "family_name" not in read.people[0].contact
    assert told(people(csv(changed("Aktenzeichen", error)))) == {2: {("cell_error", "reference")}}
    assert told(people(csv(changed("Geburtsdatum", error)))) == {2: {("cell_error", "birth_date")}}


def test_what_only_looks_like_an_error_is_a_value() -> None:
    read = people(case("c15"))
    assert [sorted(person.contact) for person in read.people][1] == [
        "birth_date", "family_name", "languages", "phone", "postcode", "town",
    ]  # fmt: skip
    assert not any(is_error(text) for text in ("# 5", "Haus #3", "#1", "ERNA!", "Err", ""))


def test_spaces_and_signs_nobody_sees_do_not_matter() -> None:
    row = changed("Nachname", "\ufeffMus\u200bter\u00ad\xa0_x000D_").replace("TN-001", "TN-001\u200e\x07")
    (person,) = people(csv(row)).people
    assert (person.reference, person.contact["family_name"]) == ("TN-001", "Muster")


def test_a_telephone_number_without_its_zero_is_told() -> None:
    assert told(people(csv(changed("Telefon", "1701234567")))) == {2: {("phone_without_zero", "phone")}}
    assert told(people(csv(changed("Telefon", "+49 170 1234567")))) == {}


def test_yes_and_no_in_other_words() -> None:
    no = ("nein", "keine", "ohne Kinderbetreuung", "entfällt", "nicht nötig", "–", "0", "FALSCH", "Nein.")
    assert {read_yes(one) for one in no} == {False}
    assert {read_yes(one) for one in ("ja", "x", "✓", "WAHR", "benötigt")} == {True}
    assert {read_yes(one) for one in ("vielleicht", "ja?", Mark.MERGED)} == {NotReadable()}


def test_numbers_and_postcodes_no_spreadsheet_should_have_written() -> None:
    wrong: tuple[Cell, ...] = ("9" * 400, "1e5", "１２", 1e18, float("inf"), True, Mark.UNREADABLE, "1.2.3")
    assert {read_number(cell) for cell in wrong} == {NotReadable()}
    assert [read_postcode(cell) for cell in (1067.0, "1067", "D-01067", "DE 01067")] == ["01067"] * 4
    assert {read_postcode(cell) for cell in ("²²²²²", "123456", "A-1010")} == {NotReadable()}


def test_text_is_decoded_or_told_never_guessed() -> None:
    assert decode(b"\x00\x01\x02" * 40) is None
    assert decode("Grüße".encode("utf-16-le") * 8 + b"\x00") is not None
    assert decode(b"\xef\xbb\xbf" + "a\nü\n".encode() + b"\xe4") == "a\nü\n\ufffd"


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+49 170", "-5", "@x", "\uff1d1", "'=1", "''=1", "'Anna", "x=1", "\u200b=1", "’n Eva", ""],
)
def test_our_own_list_of_refused_rows_can_be_read_again(cell: str) -> None:
    raw = write_csv([*HEADER.split(";"), "Grund"], [[cell, *ROW.split(";")[1:], "so"]]).encode("utf-8-sig")
    read = people(raw)
    (row,) = [person.row for person in read.people] + [bad.row for bad in read.bad]
    assert row.written[0] == clean(cell)
    assert not defused(cell).startswith(("=", "+", "-", "@"))
