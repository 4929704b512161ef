"""Says which published quarters show the effect of a measure about a reported need, and in which words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Counts, Publication
from services.runtime.disclosure.quarters import Quarter
from services.runtime.web.languages import Texts, msgid
from services.texts.figures import NEEDS, band_text

BEFORE, AFTER = 2, 4
"""So many published quarters before and after a measure's first day are shown."""


class When(StrEnum):
    """Where a quarter lies, seen from a measure's first day."""

    BEFORE = "before"
    CHANGE = "change"
    """It begins in it."""
    AFTER = "after"


WHEN: Mapping[When, str] = {
    When.BEFORE: msgid("before"),
    When.CHANGE: msgid("it begins in this quarter"),
    When.AFTER: msgid("after"),
}


@dataclass(frozen=True, slots=True)
class NeedOfQuarter:
    """What was published of one need in one quarter."""

    quarter: Quarter
    when: When
    band: Band


def effect_of(need: str, begins_on: date, published: Sequence[Publication]) -> Sequence[NeedOfQuarter]:
    """Return the same published figure before and after a measure's first day, the oldest quarter first."""
    found = sorted(_quarters(need, begins_on, published), key=lambda one: one.quarter.first)
    before = [one for one in found if one.when is When.BEFORE][-BEFORE:]
    change = [one for one in found if one.when is When.CHANGE]
    after = [one for one in found if one.when is When.AFTER][:AFTER]
    return [*before, *change, *after]


def effect_lines(
    texts: Texts, need: str, begins_on: date, published: Sequence[Publication]
) -> list[tuple[str, str, str]]:
    """Write the effect: quarter, where it lies, how many reports."""
    return [
        (
            span(texts, one.quarter),
            texts.plain(WHEN[one.when]),
            band_text(texts, one.band, Counts.REPORTS),
        )
        for one in effect_of(need, begins_on, published)
    ]


def span(texts: Texts, quarter: Quarter) -> str:
    """Write the first and the last day of a quarter."""
    return texts.gettext(
        msgid("%(first)s to %(last)s"), first=texts.date(quarter.first), last=texts.date(quarter.last)
    )


def _quarters(need: str, begins_on: date, published: Sequence[Publication]) -> Iterator[NeedOfQuarter]:
    for one in published:
        if one.figure == NEEDS.name and need in one.bands:
            yield NeedOfQuarter(one.quarter, _when(one.quarter, begins_on), one.bands[need])


def _when(quarter: Quarter, begins_on: date) -> When:
    if quarter.last < begins_on:
        return When.BEFORE
    return When.CHANGE if quarter.first < begins_on else When.AFTER
