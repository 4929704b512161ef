"""Reads lesson times written as free text, such as 'Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche'.

The text is cut into tokens once, from left to right, so the work grows with its length only. What says that a
day, a week or a time is different makes the whole schedule unclear: a person is asked, nothing is guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from enum import Enum

from schemas.codes import Weekday
from services.gateway.files.text import clean

MOST_CHARACTERS = 2_000
"""open-Qcat allows INSTRUCTION_REMARKS as many; a longer text is not read."""
_DAYS = tuple(Weekday)
_WORDS = {
    "mo": 0, "montag": 0, "montags": 0,
    "di": 1, "dienstag": 1, "dienstags": 1,
    "mi": 2, "mittwoch": 2, "mittwochs": 2,
    "do": 3, "donnerstag": 3, "donnerstags": 3,
    "fr": 4, "freitag": 4, "freitags": 4,
    "sa": 5, "samstag": 5, "samstags": 5, "sonnabend": 5, "sonnabends": 5,
    "so": 6, "sonntag": 6, "sonntags": 6,
}  # fmt: skip
_UNIT_WORDS = r"UE|UStd|U-Std|Unterrichtseinheit(?:en)?|Unterrichtsstunden?"
_TOKEN = re.compile(
    rf"(?P<units>[0-9]{{1,3}}\.[0-9]{{3}}|[0-9]{{1,7}}(?:,[0-9]{{1,4}})?) ?(?:{_UNIT_WORDS})\b\.?"
    r"|(?P<clock>[0-9]{1,2}[:.][0-9]{2}(?![0-9])(?: ?uhr\b)?|[0-9]{1,2} ?uhr\b)"
    r"|(?P<number>[0-9]+)"
    r"|(?P<dash>[-\u2010-\u2015\u2212]|bis\b)"
    r"|(?P<join>[,/+&;]|und\b|u\.)"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<sign>[^\s])",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"^([0-9]{1,2})(?:[:.]([0-9]{2}))?", re.IGNORECASE)
_WEEK = frozenset({"woche", "wo", "wöchentlich", "wochenstunden"})
_PER = frozenset({"pro", "je", "in", "im", "am", "der", "die", "a", "à", "/"})
_EACH = frozenset({
    "tag", "tage", "täglich", "termin", "abend", "vormittag", "nachmittag", "monat", "monatlich", "modul",
    "block",
    "einheit", "kurstag", "unterrichtstag", "wochenende", "samstag", "abschnitt", "kursabschnitt",
})  # fmt: skip
_EXCEPTIONS = (
    "außer", "ausser", "ausgenommen", "ausnahme", "abgesehen", "nicht", "ohne", "kein", "entfäll",
    "entfall", "fällt",
    "ausfall", "exkl", "excl", "except", "jede", "wechseln", "wechselw", "abwechseln", "alternier",
    "ungerade",
    "teilweise", "teils", "zeitweise", "evtl", "eventuell", "ggf", "gegebenenfalls", "voraussichtlich",
    "geplant",
    "monatlich", "zweimal", "dreimal", "tägig", "täglich", "wöchig", "zweiwöch", "vierzehn", "pausier",
    "verschoben",
    "anstatt", "zusätzlich", "variabel", "variier", "flexib", "manchmal", "letzte", "erste", "zweite",
    "dritte",
    "vierte", "wochenweise", "blockweise", "individuell", "selten", "gelegentlich", "unregelmäßig",
    "versetzt",
)  # fmt: skip
"""Beginnings of words that say that something is different on some days or in some weeks."""
_EXCEPTION_WORDS = frozenset({
    "alle", "kw", "nur", "oder", "falls", "statt", "einmal", "gerade", "geraden", "mal", "minus", "bzw",
})  # fmt: skip
_DAYS_OFF = ("ferien", "feiertag", "schulferien")
_DAY_OFF_WITHIN = 5


class _Kind(Enum):
    UNITS = "units"
    CLOCK = "clock"
    NUMBER = "number"
    DASH = "dash"
    JOIN = "join"
    WORD = "word"
    SIGN = "sign"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    written: str

    @property
    def day(self) -> int:
        return _WORDS[self.written.casefold()]


@dataclass(frozen=True, slots=True)
class LessonTime:
    """One weekly teaching time."""

    weekday: Weekday
    starts_at: time
    ends_at: time


@dataclass(frozen=True, slots=True)
class Times:
    """What could be read of a text; if it is not complete, no lesson of it is believed."""

    lessons: tuple[LessonTime, ...] = ()
    ue_per_week: float | None = None
    ue_total: float | None = None
    complete: bool = True


def read_times(written: str | None) -> Times:
    """Read lesson times and hours.

    >>> len(read_times("Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche").lessons)
    5
    >>> read_times("Mo-Fr 08:30-12:30 Uhr (außer Mi)").complete
    False
    """
    if not written:
        return Times()
    if len(written) > MOST_CHARACTERS:
        return Times(complete=False)
    weekly, totals, tokens = _without_units(_tokens(clean(written)))
    lessons, left, wrong = _lessons(tokens)
    unclear = wrong or any(_is_open(left, at) for at in range(len(left)))
    if lessons:
        unclear = unclear or _is_exception(left) or any(token.kind is _Kind.DAY for token in left)
    slots = () if unclear else lessons.values()
    return Times(
        lessons=tuple(sorted(slots, key=lambda slot: (_DAYS.index(slot.weekday), slot.starts_at))),
        ue_per_week=max(weekly, default=None),
        ue_total=max(totals, default=None),
        complete=not unclear,
    )


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = _Kind(match.lastgroup)
        written = match["units"] if kind is _Kind.UNITS else match[0]
        if kind is _Kind.WORD and _is_day(written):
            kind = _Kind.DAY
        found.append(_Token(kind, written))
    return found


def _is_day(word: str) -> bool:
    """Return whether a word is a weekday; `so` and `do` are also German words, `So` and `mo-fr` are not."""
    folded = word.casefold()
    return folded in _WORDS and (len(folded) > 2 or word not in {"so", "do", "da"})  # noqa: PLR2004 - Mo, Di, ...


def _without_units(tokens: Sequence[_Token]) -> tuple[list[float], list[float], list[_Token]]:
    """Return hours a week, hours altogether, and the other tokens; hours a day are neither."""
    weekly: list[float] = []
    totals: list[float] = []
    left: list[_Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.kind is not _Kind.UNITS:
            left.append(token)
            continue
        amount = float(token.written.replace(".", "").replace(",", "."))
        before = left[-1].written.casefold() if left else ""
        span, used = _span(tokens, at, before)
        if before in _WEEK | _EACH:
            left.pop()
        if span is not None:
            (weekly if span else []).append(amount)
        else:
            totals.append(amount)
        at += used
    return weekly, totals, left


def _span(tokens: Sequence[_Token], at: int, before: str) -> tuple[bool | None, int]:
    """Return whether an amount is one a week (or for another span), and the number of tokens that say so."""
    per = 0
    while at + per < len(tokens) and per < 2 and _folded(tokens[at + per]) in _PER:  # noqa: PLR2004
        per += 1
    noun = _folded(tokens[at + per]) if at + per < len(tokens) else ""
    if noun in _WEEK:
        return True, per + 1
    if noun in _EACH or (
        per and tokens[at].kind is not _Kind.DAY and _folded(tokens[at]) in {"pro", "je", "/"}
    ):
        return False, per + (noun in _EACH)
    if before in _WEEK:
        return True, 0
    return (False, 0) if before in _EACH | {"je", "jeweils"} else (None, 0)


def _folded(token: _Token) -> str:
    return token.written.casefold()


def _lessons(
    tokens: Sequence[_Token],
) -> tuple[dict[tuple[Weekday, time], LessonTime], list[_Token], bool]:
    """Return the lessons, the tokens that are no part of one, and whether a time of day cannot be."""
    lessons: dict[tuple[Weekday, time], LessonTime] = {}
    left: list[_Token] = []
    wrong = False
    at = 0
    while at < len(tokens):
        if tokens[at].kind is not _Kind.DAY:
            left.append(tokens[at])
            at += 1
            continue
        days, after = _days(tokens, at)
        times, end = _clocks(tokens, after)
        if times is None:
            left += tokens[at:after]
            at = after
            continue
        starts, ends = _clock(times[0]), _clock(times[1])
        if starts is None or ends is None or ends <= starts:
            wrong = True
        else:
            for day in days:
                lessons[_DAYS[day], starts] = LessonTime(_DAYS[day], starts, ends)
        at = end
    return lessons, left, wrong


def _days(tokens: Sequence[_Token], at: int) -> tuple[list[int], int]:
    """Read a list or range of weekdays from here on; a range may run over the weekend."""
    found = [tokens[at].day]
    at = _skip(tokens, at + 1, ".")
    while at + 1 < len(tokens) and tokens[at].kind in {_Kind.DASH, _Kind.JOIN}:
        if tokens[at + 1].kind is not _Kind.DAY:
            break
        number = tokens[at + 1].day
        if tokens[at].kind is _Kind.DASH:
            day = found[-1]
            while day != number:
                day = (day + 1) % 7
                found.append(day)
        found.append(number)
        at = _skip(tokens, at + 2, ".")
    return list(dict.fromkeys(found)), at


def _clocks(tokens: Sequence[_Token], at: int) -> tuple[tuple[str, str] | None, int]:
    at = _skip(tokens, _skip(tokens, at, ":", ","), "jeweils", "von", "immer")
    three = tokens[at : at + 3]
    if len(three) < 3 or three[1].kind is not _Kind.DASH:  # noqa: PLR2004 - from, dash, to
        return None, at
    if any(token.kind not in {_Kind.CLOCK, _Kind.NUMBER} for token in (three[0], three[2])):
        return None, at
    end = _skip(tokens, at + 3, "uhr", "h")
    return (three[0].written, three[2].written), end


def _skip(tokens: Sequence[_Token], at: int, *passed: str) -> int:
    while at < len(tokens) and _folded(tokens[at]) in passed:
        at += 1
    return at


def _clock(written: str) -> time | None:
    match = _CLOCK.match(written)
    try:
        return time(int(match[1]), int(match[2] or 0)) if match is not None else None
    except ValueError:
        return None


def _is_open(left: Sequence[_Token], at: int) -> bool:
    """Return whether a token is a time of day or a day with one that no lesson has taken up."""
    token = left[at]
    if token.kind in {_Kind.CLOCK, _Kind.NUMBER}:
        return True
    following = left[at + 1] if at + 1 < len(left) else None
    return (
        token.kind is _Kind.DAY
        and following is not None
        and (following.kind is _Kind.DASH or following.written == ":")
    )


def _is_exception(left: Sequence[_Token]) -> bool:
    """Return whether the rest of the text says that something is different on some days or in some weeks."""
    for at, token in enumerate(left):
        if token.kind is not _Kind.WORD:
            continue
        folded = _folded(token)
        if folded in _EXCEPTION_WORDS or folded.startswith(_EXCEPTIONS) or folded.endswith("frei"):
            near = left[at + 1 : at + 1 + _DAY_OFF_WITHIN]
            if not any(_folded(other).startswith(_DAYS_OFF) for other in near):
                return True
        if folded == "auf" and at and _folded(left[at - 1]) == "bis":
            return True
    return False
