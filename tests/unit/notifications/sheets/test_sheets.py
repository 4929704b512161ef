"""Sheets are whole in each language, print on one page, and keep names and numbers readable."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from pypdf import PdfReader

from services.notifications import settings, sheets
from services.notifications.sheets.consent_form import MONTHS, FormFacts, consent_form
from services.notifications.sheets.document import Choices, Sheet
from services.notifications.sheets.forms.wording import kept, latest, main, versions, wording
from services.notifications.sheets.languages import LANGUAGES, LOCALE, texts_of
from services.notifications.sheets.lettering import legible
from services.notifications.sheets.offer import Alternative, HelpOffice, Lesson, OfferFacts, offer_sheet
from services.notifications.sheets.typesetting import pdf
from tests.gettext_check import blanks
from tests.unit.web.messages import messages_of

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
FORM = FormFacts(
    "Caritas Migrationsberatung (MBE)", "Integrationskurs am Vormittag 17/26", "VHS Musterstadt e. V."
)
SCRIPTS = {"ar": (0x600, 0x6FF), "fa": (0x600, 0x6FF), "uk": (0x400, 0x4FF), "ru": (0x400, 0x4FF)}
FACTS = OfferFacts(
    name="Оксана Beispiel-Öztürk محمود", office="Jobcenter Musterstadt",
    office_address="Bahnhofstraße 7\n99001 Musterstadt",
    office_phone="+49 871 12 34-56", reference="J-25/200", today=date(2026, 11, 30),
    course="Integrationskurs am Vormittag", number="K-17/26", school="Volkshochschule Musterstadt e. V.",
    venue="Haus der Bildung, Ländgasse 41, 99001 Musterstadt", online=False, starts_on=date(2026, 12, 14),
    ends_on=date(2027, 6, 30), units=700,
    lessons=tuple(Lesson(day, "08:30:00", "12:45:00") for day in ("mon", "tue", "wed", "thu", "fri")),
    childcare=True, answer_until=date(2026, 12, 4), why="best_early_start",
    alternatives=tuple(
        Alternative(f"Deutsch am Abend, Bildungswerk ({number})", date(2027, 1, 11), "beginnt später")
        for number in range(3)
    ),
    helper=HelpOffice("Caritas Migrationsberatung (MBE)", "0871 805-100", "https://hilfe.example/help/caritas-mbe"),
)  # fmt: skip
SHEETS = {
    "form": lambda code: consent_form(code, latest(), FORM),
    "offer": lambda code: offer_sheet(code, FACTS),
    "reminder": lambda code: offer_sheet(code, FACTS, reminder=True),
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_catalogue_has_every_text_with_its_blanks(code: str) -> None:
    wanted = messages_of(Path(sheets.__file__).parent)
    assert len(wanted) > 70
    texts = texts_of(code)
    assert [text for text in wanted if not texts.knows(text)] == []
    for path in LOCALE.glob(f"{code}/LC_MESSAGES/*.po"):
        with path.open("rb") as file:
            for message in read_po(file, locale=code):
                if message.id:
                    assert blanks(str(message.string)) == blanks(str(message.id)), message.id
                    assert str(message.id) in wanted, f"{path}: {message.id} is on no sheet"


def test_all_eight_languages_have_a_catalogue_but_that_of_the_msgids() -> None:
    assert list(LANGUAGES) == ["de", "en", "ar", "uk", "fa", "tr", "ru", "fr"]
    assert {path.name for path in LOCALE.iterdir()} == set(LANGUAGES) - {"en"}
    assert [code for code, one in LANGUAGES.items() if one.right_to_left] == ["ar", "fa"]


@pytest.mark.parametrize("kind", SHEETS)
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_sheet_prints_on_one_page_with_names_days_and_fonts(code: str, kind: str) -> None:
    sheet: Sheet = SHEETS[kind](code)
    reader = PdfReader(io.BytesIO(pdf([sheet], NOW)))
    assert len(reader.pages) == 1
    page = reader.pages[0]
    text = page.extract_text()
    plain = " ".join(text.split())
    wanted: tuple[str, ...] = (latest(), "Caritas Migrationsberatung (MBE)")
    if kind != "form":
        wanted = (
            "04.12.2026",
            "08:30\N{EN DASH}12:45",
            "+49 871 12 34-56",
            "J-25/200",
            "Beispiel-Öztürk",
            "K-17/26",
        )
    for said in wanted:
        assert said in plain, said
    if code in SCRIPTS:
        low, high = SCRIPTS[code]
        assert sum(low <= ord(one) <= high for one in text) > 200
    assert "\ufffd" not in text
    fonts = page["/Resources"]["/Font"]  # type: ignore[index]  # a dictionary of the page
    names = {str(font.get_object()["/BaseFont"]) for font in fonts.values()}
    assert all("NotoSans" in name for name in names), names
    assert reader.metadata is not None
    assert "Beispiel" not in str(reader.metadata.title)


def test_numbers_and_names_keep_their_direction_between_arabic_words() -> None:
    texts = texts_of("ar")
    assert texts.day(date(2026, 12, 4)) == "\u206604.12.2026\u2069"
    assert "\u2068+49 871 12 34-56\u2069" in texts.say("Telephone: %(phone)s", phone="+49 871 12 34-56")
    assert texts_of("de").day(date(2026, 12, 4)) == "04.12.2026"


def test_the_form_has_each_purpose_once_with_its_german() -> None:
    for code in LANGUAGES:
        (choices,) = [one for one in consent_form(code, latest()).blocks if isinstance(one, Choices)]
        assert len(choices.rows) == 3
        assert all(bool(german) is (code != "de") for _, german in choices.rows)


def test_who_signed_a_version_signed_these_words() -> None:
    assert main([]) == 0
    for code in LANGUAGES:
        assert kept(latest(), code) == wording(code, latest())
    with pytest.raises(KeyError):
        kept("../../../etc/passwd", "de")
    assert len({one.id for one in versions()}) == len(versions())
    assert settings.load().consent.months <= MONTHS


LONG = "Donaudampfschifffahrts" * 9
STRANGE = "محمد عبد الرحمن 🙂\u200d🙂 李明 ተኽለ \x00\x1b\ufdd0\U000e0041" + LONG


SLIP = ("Yes, I take the place.", "another reason:")
"""What stands at both ends of the slip to cut off."""


def crowded() -> OfferFacts:
    return replace(
        FACTS, name=STRANGE, office=LONG, office_address=f"{LONG}\n{STRANGE}", school=LONG, course=STRANGE,
        number="K" * 60, reference="J" * 64, venue=f"{LONG}, {LONG}",
        alternatives=tuple(Alternative(STRANGE, one.starts_on, LONG) for one in FACTS.alternatives),
        helper=HelpOffice(STRANGE, "0" * 40, "https://hilfe.example/help/" + "x" * 48),
    )  # fmt: skip


@pytest.mark.parametrize("code", ["de", "ru", "fa"])
def test_no_name_however_long_or_written_breaks_a_sheet(code: str) -> None:
    crowd = crowded()
    form = consent_form(code, latest(), FormFacts(STRANGE, LONG, LONG))
    for sheet in (form, offer_sheet(code, crowd), offer_sheet(code, crowd, reminder=True)):
        pages = PdfReader(io.BytesIO(pdf([sheet], NOW))).pages
        texts = ["".join(page.extract_text().replace("\u200b", "").split()) for page in pages]
        assert "\ufffd" in "".join(texts)
        assert not {"🙂", "李"} & set("".join(texts))
        if sheet is not form:
            begins, ends = (texts_of("de").say(said).replace(" ", "") for said in SLIP)
            assert [begins in text for text in texts] == [ends in text for text in texts]
            assert sum(begins in text for text in texts) == 1


def test_every_sign_that_is_kept_can_be_printed() -> None:
    everything = "".join(map(chr, range(0x20, 0x2FFF)))
    kept_signs = legible(everything)
    assert {*"Ağ€№„“ß", "ї", "پ", "گ", "ة"} <= set(kept_signs)
    assert not set(kept_signs) & {"\x7f", "\u1200", "\u2603"}
    sheet = consent_form("de", latest(), FormFacts(office=" ".join(kept_signs)))
    assert pdf([sheet], NOW)[:5] == b"%PDF-"
