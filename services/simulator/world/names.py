"""Invents names that nobody has, made of syllables: one found where it does not belong has leaked."""

import random
from typing import Final

_ONSETS: Final = "bdfgklmnprstvz"
_VOWELS: Final = ["a", "e", "i", "o", "u", "au", "ei"]
_ENDINGS: Final = ["dax", "mont", "rivek", "lusca", "tomir", "venda", "zalik", "porim", "nukal", "belto"]
_TEXT: Final = "abcdefghjkmnpqrstuvwxyz23456789"


def _syllables(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(count))


def family_name(rng: random.Random) -> str:
    """Invent a family name of twelve letters or more."""
    name = _syllables(rng, 3) + rng.choice(_ENDINGS)
    while len(name) < 12:  # long enough to be no ordinary word
        name = rng.choice(_ONSETS) + "a" + name
    return name.capitalize()


def given_name(rng: random.Random) -> str:
    """Invent a given name of eight letters or more."""
    name = _syllables(rng, 3)
    while len(name) < 8:  # as above
        name += rng.choice(_ONSETS) + "o"
    return name.capitalize()


def free_text(rng: random.Random) -> str:
    """Invent a token for free text and unknown fields."""
    return "kanarie-" + "".join(rng.choice(_TEXT) for _ in range(14))


def phone(rng: random.Random) -> str:
    """Invent a telephone number (01590 is followed by too many digits to be one)."""
    return "+4915900" + "".join(str(rng.randrange(10)) for _ in range(11))
