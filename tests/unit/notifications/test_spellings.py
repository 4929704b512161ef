"""Names are near to each other across spellings, scripts and one slip; others are not."""

import pytest

from services.notifications.people.spellings import cleaned, nearness, searched, words_of


def near(text: str, name: str) -> int:
    return nearness(searched(text), words_of(name, {}))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Mueller", "Müller"),
        ("Muller", "Müller"),
        ("Müller", "Mueller"),
        ("Gross", "Groß"),
        ("Bjoern", "Björn"),
        ("Lukasz", "Łukasz"),
        ("Sahin", "Şahin"),
        ("Schahin", "Şahin"),
        ("Yilmaz", "Y\u0131lmaz"),
        ("Mohammed", "Muhammad"),
        ("Mohamed", "محمد"),
        ("محمد", "Mohammed"),
        ("Yulia", "Julija"),
        ("Iuliia", "Юлия"),
        ("Юлія", "Yuliya"),
        ("Tschernowa", "Чернова"),
        ("Chernova", "Tschernowa"),
        ("Selenskyj", "Зеленський"),
        ("Hanna", "Ганна"),
        ("Reza", "رضا"),
        ("Rida", "رضا"),
        ("Hussein", "حسین"),
        ("Fatima", "فاطمه"),
        ("Yusuf Ali", "Ali, Youssef"),
        ("Yusuf", "یوسف"),
        ("Abdul Rahman", "عبدالرحمن"),
        ("El Hassan", "Elhassan"),
        ("Elhassan", "El-Hassan"),
        ("Luedenscheidt", "Müller-Lüdenscheidt"),
        ("Mue", "Müller"),
        ("denschei", "Lüdenscheidt"),
        ("Schmit", "Schmidt"),
        ("Mülelr", "Müller"),
        ("Meier", "Maier"),
        ("ONeil", "O\u2019Neil"),
        ("Mu\u200bller", "Muller"),
        ("\u202eMuller\u202c", "Muller"),
    ],
)
def test_spellings_of_one_name(text: str, name: str) -> None:
    assert near(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Anna Schmidt", "Schmidt, Berta"),
        ("Müller", "Schulze"),
        ("Ali", "Lea"),
        ("", "Müller"),
        ("\u200b\u200b", "Müller"),
        ("%_*", "Müller"),
        ("M", "Müller"),
    ],
)
def test_other_names(text: str, name: str) -> None:
    assert not near(text, name)


def test_the_same_name_comes_first() -> None:
    names = ["Mohammed, Ali", "Muhammad, Ali", "Mohamad, Ali", "Mohammedi, Ali"]
    assert max(names, key=lambda name: near("Mohammed Ali", name)) == "Mohammed, Ali"


def test_long_text_is_bounded() -> None:
    assert len(searched("a1 " * 10_000)) <= 8
    assert len(words_of("a1 " * 10_000, {})) <= 32
    assert near("x" * 500, "Müller") == 0


def test_what_nobody_sees_is_taken_away() -> None:
    assert cleaned(" Mül\u200bler\u202e\x00\n ") == "Müller"
