"""Cleans text of files, compares words, and tells text whose letters were broken on the way."""

# ruff: noqa: RUF001, RUF002 - letters as programs show them that read them wrongly

import re
import unicodedata

_CONTROL_ESCAPE = re.compile(r"_x00(?:0[0-9A-F]|1[0-9A-F]|7F)_", re.IGNORECASE)
_ANY_ESCAPE = re.compile(r"_x([0-9A-F]{4})_", re.IGNORECASE)
_BLANK_CONTROLS = dict.fromkeys((0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x85), " ")
_CONTROLS: dict[int, str | None] = dict.fromkeys((*range(0x20), 0x7F)) | _BLANK_CONTROLS
_INVISIBLE = dict.fromkeys(
    (0x00AD, 0x200B, 0x200E, 0x200F, 0x2060, 0x061C, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
_UNSEEN = _CONTROLS | _INVISIBLE
_JOINERS = dict.fromkeys((0x200C, 0x200D))
_JOINING_SCRIPTS = re.compile("[\u0600-\u08ff\u0900-\u0dff]")

_QUOTES = "‘’“”„•…™›«»\u00a0"
_TAIL = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
"""UTF-8's continuation bytes as Windows-1252 and Latin-1 show them."""
_TAIL_LETTER = "\u0080-\u009f\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf€‚ƒ†‡ˆ‰Š‹ŒŽ˜šœžŸ"
_MOJIBAKE = re.compile(
    rf"[ÃÂ][{_TAIL}]"  # two bytes shown as two letters: ü as Ã¼
    # ş as ÅŸ, ğ as ÄŸ; but a word's last letter may stand before a quotation mark.
    rf"|[ÄÅÇÈÉËÎÏÐÑØÙÚÛ](?:[{_TAIL_LETTER}]|[{_QUOTES}](?=[^\W\d_]))"
    rf"|â[{_TAIL}]{{2}}"
    r"|√[\w\u00a0-\u00ffªºΩ∂∏∑∫≈≠≤≥◊∞±µ´¨©®™]"  # the same as Mac Roman shows it
    r"|[\u2500-\u259f]"  # and as DOS shows it
)
_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});|[%=]C3[%=][89AB][0-9A-F]|=(?:E4|F6|FC|DF)", re.IGNORECASE
)
_QUOTE_IN_WORD = re.compile(r"[^\W\d_][„“”‚‹›«»™¶][^\W\d_]")
_NAME_SIGNS = frozenset("'’ʼ´`‘.,-–/()&?\"„“”«»\u200c\u200d")
_NAME_KINDS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Zs", "Nd", "Pd"})

_ERRORS = frozenset({"#n/a", "#nv", "#n/v", "#n/d", "#nd", "#yok", "#n/b", "#i/t", "#getting_data", "#na"})
_ERROR = re.compile(r"^#[¡¿]?[^\W\d_][\w ./]{0,20}[!?]$|^#{3,}$|^err:\d{3}$", re.IGNORECASE)
_SHORTENED = re.compile(r"^-?\d+(?:[.,]\d+)?E[+-]\d{1,3}$", re.IGNORECASE)


def unescaped(text: str) -> str:
    """Replace the escapes of a workbook's texts by the characters they stand for.

    >>> unescaped("E_x0076_a"), unescaped("_x005F_x000D_")
    ('Eva', '_x000D_')
    """
    if "_x" not in text and "_X" not in text:
        return text
    written = _ANY_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return written.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def clean(text: str) -> str:
    r"""Return composed letters without control characters, invisible marks and surplus spaces.

    >>> clean("Mu\u0308ller\u200b_x000D_\n  Eva\xa0")
    'Müller Eva'
    """
    if text.isascii() and text.isprintable() and "_x00" not in text and "_X00" not in text:
        return " ".join(text.split()) if "  " in text else text.strip()
    text = text.translate(_UNSEEN)
    if not _JOINING_SCRIPTS.search(text):
        text = text.translate(_JOINERS)
    return " ".join(unicodedata.normalize("NFC", _CONTROL_ESCAPE.sub(" ", text)).split())


def word(text: str) -> str:
    """Reduce a column name or a word to what people mean by it.

    >>> word(" BAMF-Kennziffer: ")
    'bamf kennziffer'
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", clean(text)).casefold())
    return " ".join(re.sub(r"[^\w]+", " ", folded).replace("_", " ").split())


def is_broken(text: str) -> bool:
    """Return whether letters were lost or replaced by other ones when a program wrote or read the text.

    >>> is_broken("MÃ¼ller"), is_broken("Müller"), is_broken("Frau „Ä“")
    (True, False, False)
    """
    if text.isascii():
        return False
    return any(_is_no_character(sign) for sign in text) or _MOJIBAKE.search(text) is not None


def _is_no_character(sign: str) -> bool:
    # Controls below U+0080 are typing, cleaned away; those above are letters of another encoding.
    return sign >= "\x80" and (sign == "\ufffd" or unicodedata.category(sign) in {"Cc", "Cs", "Co", "Cn"})


def is_broken_name(text: str) -> bool:
    """Return whether a name holds signs that no name has: traces of a wrong encoding or of markup.

    >>> is_broken_name("M├╝ller"), is_broken_name("O’Neill-Öztürk"), is_broken_name("M&uuml;ller")
    (True, False, True)
    """
    if _ENTITY.search(text) or is_broken(text) or _QUOTE_IN_WORD.search(text) or text.count('"') % 2:
        return True
    text = clean(text)
    return any(sign not in _NAME_SIGNS and unicodedata.category(sign) not in _NAME_KINDS for sign in text)


def is_error(text: str) -> bool:
    """Return whether a cell holds a spreadsheet's error instead of a value.

    >>> [is_error(text) for text in ("#NV", "#BEZUG!", "#DIV/0!", "Err:502", "#1", "Haus #3")]
    [True, True, True, True, False, False]
    """
    return text[:1] in "#eE" and (text.casefold() in _ERRORS or _ERROR.match(text) is not None)


def is_shortened(text: str) -> bool:
    """Return whether a spreadsheet wrote a long number with an exponent, so that its digits are lost.

    >>> is_shortened("1,23457E+11"), is_shortened("1E5-2")
    (True, False)
    """
    return _SHORTENED.match(text) is not None
