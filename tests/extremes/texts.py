"""Texts that are valid and that programs stumble over."""

import random
import re

from schemas.bounds import CONTROLS

_FORBIDDEN = re.compile(f"[{CONTROLS}]")

ODD = (
    "Zürich", "Zu\u0308rich",  # the same letters, composed and not
    "\u1e9b\u0323", "\u212b", "ﬁ", "K", "İstanbul", "ß",  # change their length or letters when folded
    "\u200bunsichtbar\u200d\ufeff", "\u00ad", "\u2060",  # nobody sees them
    "שלום", "\u0627\u0644\u0644\u063a\u0629", "\u061c1",  # right to left
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f600" * 255, "\U00020000",  # beyond 16 bits
    "Z" + "\u0351\u036b\u0343\u032a" * 60,  # marks upon marks
    "\u00a0.\u3000", "\u1680x",  # blanks that are no space
    "%s%n%(x)s", "{0}{x!r}", "{{7*7}}", "${x}", "<b>&amp;", "'; --", '"', "\\", "\\u0000", "a/b", "..", "-",
    "null", "None", "NaN", "0", "-1", "1e400", "٣", "²", "=1+1", "x" * 255, "ä" * 255, "e\u0301" * 127,
    "\ufffd", "\uffff", "\U0010ffff", "\ue000",  # no characters, or nobody's
)  # fmt: skip


def text(chance: random.Random, shortest: int, longest: int) -> str:
    """Return a text of this many characters; without control characters, not only of blanks."""
    kind = chance.random()
    if kind < 0.6:
        found = chance.choice(ODD)
    elif kind < 0.8:
        found = (chance.choice(ODD) + chance.choice(ODD)) * longest
    else:
        found = "".join(
            chr(chance.choice((chance.randrange(32, 0xD800), chance.randrange(32, 384)))) for _ in range(12)
        )
    found = _FORBIDDEN.sub("", found)[:longest].strip()
    return found if len(found) >= max(shortest, 1) else "k" * max(shortest, 1)
