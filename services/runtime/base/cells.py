"""Writes texts into files for spreadsheets so that none of them is taken for a formula, and reads them back.

A text that a spreadsheet could calculate gets one apostrophe in front, as people write it there themselves;
so does one that has such apostrophes already. Whoever reads a file of ours takes one away.
"""

import re

_SKIPPED = r"\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f"
_SKIPPED += r"\u2028-\u202f\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"
_SKIPPED += r"\ue000-\uf8ff\U000f0000-\U0010fffd"
"""Blanks, marks without width, control and private characters, which a spreadsheet or an editor may drop."""
_SIGNS = "=+@\\-\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\u207c\u208c\u207a\u208a\u207b\u208b"
"""Signs with which formulas begin, also full-width, small, raised and lowered."""
_FORMULA = re.compile(rf"'*(?:[\t\r\n]|[{_SKIPPED}]*[{_SIGNS}])")
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; characters that no file may hold are replaced.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded(" @x"), guarded("O'Neil")
    ("'=1+1", "''=1+1", "' @x", "O'Neil")
    """
    return defused(_UNWRITABLE.sub("\ufffd", text))


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, with all its characters.

    >>> defused("=1+1"), defused("'=1+1")
    ("'=1+1", "''=1+1")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return the text that was given to `defused`.

    >>> unguarded("'=1+1"), unguarded("''=1+1"), unguarded("'tis")
    ('=1+1', "'=1+1", "'tis")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
