"""Compares names across spellings, scripts and slips of a finger; pure, and knows no store.

A name is brought into Latin letters (AnyASCII), then into a spelling in which the usual ways to write the
same sounds are one: Müller, Mueller and Muller; Yulia, Julija and Iuliia; Tschernowa and Chernova. What is
left
is compared by RapidFuzz. Arabic and Persian write few vowels, so words are compared by their consonants as
well:
Mohammed, Muhammad and the Arabic spelling have the same ones. Searching orders by nearness and shows several:
an answer is for a person to recognise, never for a machine to act upon.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from anyascii import anyascii
from rapidfuzz.distance import OSA

MOST_LETTERS = 120
"""Of a search: as long as a part of a name may be."""
_MOST_WORDS = 8
_SPELLINGS = (
    ("tsch", "c"),
    ("dsch", "j"),
    ("sch", "s"),
    ("tsh", "c"),
    ("tch", "c"),
    ("dsh", "j"),
    ("dzh", "j"),
    ("dj", "j"),
    ("sh", "s"),
    ("ch", "c"),
    ("kh", "h"),
    ("gh", "g"),
    ("ph", "f"),
    ("th", "t"),
    ("dh", "d"),
    ("zh", "j"),
    ("ts", "z"),
    ("tz", "z"),
    ("ck", "k"),
    ("cz", "c"),
    ("ae", "a"),
    ("oe", "o"),
    ("ue", "u"),
    ("ou", "u"),
    ("oo", "u"),
    ("ee", "i"),
    ("iy", "i"),
    ("x", "ks"),
    ("w", "v"),
    ("q", "k"),
    ("z", "s"),
    ("y", "i"),
    ("j", "i"),
)
"""Ways to write the same sounds, applied in this order to Latin letters."""
_PERSIAN = str.maketrans({"ض": "ز", "ذ": "ز", "ظ": "ز", "ث": "س"})
"""Letters that Persian speaks as others than Arabic does."""
_VOWELS = frozenset("aeiou")
_ABJAD = re.compile("[\u0590-\u05ff\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
_APOSTROPHES = "'`\u2019\u02bc\u00b4\u02bf\u02be\u0640"
_WORD = re.compile(r"[^\W_]+")
_DOUBLED = re.compile(r"(.)\1+")

EXACT, BEGINNING, WITHIN, SLIP, CONSONANTS = 100, 90, 75, 70, 60
"""How like two words are, out of 100: the same, a beginning, a part, one letter off, the same consonants."""
_LEAST_WITHIN, _LEAST_SLIP, _LEAST_CONSONANTS, _LEAST_BEGINNING = 3, 4, 3, 2


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a name in the common spelling, its consonants, and whether its script writes few vowels."""

    letters: str
    consonants: str
    few_vowels: bool


def cleaned(text: str) -> str:
    r"""Return a text without what nobody sees: control and zero-width characters, marks, doubled spaces.

    >>> cleaned("  Mül\u200bler  ")
    'Müller'
    """
    plain = unicodedata.normalize("NFKC", text)
    seen = (
        " " if one.isspace() else one
        for one in plain
        if one.isspace() or unicodedata.category(one) not in {"Cc", "Cf", "Co", "Cs", "Cn"}
    )
    return " ".join("".join(seen).split())


Spellings = dict[str, tuple[Word, ...]]
"""Words met before in one search: names repeat. It ends with the search, so that no name stays in memory."""


def words_of(text: str, met: Spellings) -> tuple[Word, ...]:
    """Return the words of a name, and neighbours written as one, each in the common spelling.

    >>> [word.letters for word in words_of("Müller-Lüdenscheidt", {})]
    ['muler', 'ludenseidt', 'mulerludenseidt']
    """
    found = _plain_words(text)[: 2 * _MOST_WORDS]
    joined = [first + second for first, second in pairwise(found)]
    return tuple(dict.fromkeys(word for one in (*found, *joined) for word in _readings(one, met)))


Query = tuple[tuple[Word, ...], ...]
"""The words of a search, each in its readings."""


def searched(text: str) -> tuple[Query, ...]:
    """Return a search word by word, then with each two neighbours as one; later words are not looked at.

    >>> [[word[0].letters for word in query] for query in searched("El Hassan")]
    [['el', 'hasan'], ['elhasan']]
    """
    found, met = _plain_words(text)[:_MOST_WORDS], Spellings()
    ways = [
        found,
        *([*found[:at], found[at] + found[at + 1], *found[at + 2 :]] for at in range(len(found) - 1)),
    ]
    return tuple(tuple(_readings(one, met) for one in way) for way in ways if way)


def nearness(queries: Sequence[Query], name: Sequence[Word]) -> int:
    """Return how near a name is to a search, 0 to 100; 0: some word of the search is like none of the name.

    The order of the words plays no part.
    """
    return next((value for query in queries if (value := _nearness(query, name))), 0)


def _nearness(query: Query, name: Sequence[Word]) -> int:
    total, free = 0, list(name)
    for readings in query:
        best, at = 0, -1
        for place, word in enumerate(free):
            value = max(_near(one, word) for one in readings)
            if value > best:
                best, at = value, place
        if not best:
            return 0
        total += best
        del free[at]
    return total // len(query)


def _near(asked: Word, word: Word) -> int:
    """Compare a word of the search with one of a name."""
    if asked.letters == word.letters:
        return EXACT
    if len(asked.letters) >= _LEAST_BEGINNING and word.letters.startswith(asked.letters):
        return BEGINNING
    if len(asked.letters) >= _LEAST_WITHIN and asked.letters in word.letters:
        return WITHIN
    if (
        min(len(asked.letters), len(word.letters)) >= _LEAST_SLIP
        and abs(len(asked.letters) - len(word.letters)) <= 1
        and OSA.distance(asked.letters, word.letters, score_cutoff=1) <= 1
    ):
        return SLIP
    if asked.consonants != word.consonants:
        return 0
    least = _LEAST_CONSONANTS
    if asked.few_vowels or word.few_vowels:  # one consonant says little: then the words are about as long
        least = 1 if abs(len(asked.letters) - len(word.letters)) <= 1 else 2
    return CONSONANTS if len(asked.consonants) >= least else 0


def _plain_words(text: str) -> list[str]:
    """Split a text into words, without marks that stand by themselves, apostrophes and tatweel."""
    plain = "".join(
        one for one in cleaned(text) if unicodedata.category(one) != "Mn" and one not in _APOSTROPHES
    )
    return _WORD.findall(plain)


def _readings(word: str, met: Spellings) -> tuple[Word, ...]:
    """Return a word in the common spelling; where vowels are not written, in each way to read it."""
    found = met.get(word)
    if found is None:
        found = met[word] = tuple(dict.fromkeys(_spelled(word)))
    return found


def _spelled(word: str) -> Iterator[Word]:
    if _ABJAD.search(word) is None:
        letters = _common(word)
        yield Word(letters, _consonants(letters), few_vowels=False)
        return
    for said in (word, word.translate(_PERSIAN)):
        letters = _common(said)
        consonants = _consonants(letters)
        # Waw and yeh may be vowels; a last heh is mostly the ending -a.
        for read in (consonants, consonants.replace("v", "")):
            yield Word(letters, read, few_vowels=True)
            yield Word(letters, read.removesuffix("h"), few_vowels=True)


def _common(word: str) -> str:
    """Bring a word into Latin letters, and the usual ways to write the same sounds into one."""
    letters = "".join(one for one in anyascii(word).lower() if one.isalnum())
    for given, common in _SPELLINGS:
        letters = letters.replace(given, common)
    return _DOUBLED.sub(r"\1", letters)


def _consonants(letters: str) -> str:
    return "".join(one for one in letters if one not in _VOWELS)
