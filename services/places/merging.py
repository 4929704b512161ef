"""Works out what a file changes in the directory: pure, from the towns that are stored.

A file tells who there is on its day, hardly ever since when. A town that appears is taken to hold from
the day after the edition before, one that vanishes to hold up to the day of the edition without it: between
two editions both hold, and nobody is told that a right key is wrong. Days that a CSV names are exact.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from services.places.domain import ALWAYS, OPEN, Town, within

_DAY = timedelta(days=1)
MANY_ENDS = 0.05
"""From this share of the towns on, that they end is asked about: the file may be cut off."""
_FEW = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file stands among the editions of its areas."""

    day: date
    before: date | None = None
    """Day of the edition before it."""
    after: date | None = None
    """Day of the edition after it; None: it is the latest."""

    @property
    def first_day(self) -> date:
        """The first day of a town of which this file is the first to tell."""
        return ALWAYS if self.before is None else self.before + _DAY


@dataclass(slots=True)
class Changes:
    """Periods to write: `new` ones, and those stored as (ags, valid_from) that become another."""

    new: list[Town] = field(default_factory=list)
    changed: dict[tuple[str, date], Town] = field(default_factory=dict)
    ended: int = 0
    """Of `changed`, those that hold no longer."""
    stood: int = 0
    """Towns of the areas that held before."""

    @property
    def ends_many(self) -> bool:
        """Return whether so many towns end that the file may be cut off."""
        return self.ended > max(_FEW, self.stood * MANY_ENDS)


def merge(stored: Iterable[Town], told: Sequence[Town], areas: frozenset[str], place: Place) -> Changes:
    """Return what `told`, the towns of a file, changes."""
    known = _by_ags(stored)
    changes = Changes(
        stood=sum(_open(some) is not None and within(ags, areas) for ags, some in known.items())
    )
    for town in told:
        periods = known.get(town.ags, [])
        if place.after is not None:
            _earlier(changes, periods, town, place)
        elif town.valid_to != OPEN:
            _ended(changes, periods, town)
        else:
            _latest(changes, periods, town, place)
    _gone(changes, known, {town.ags for town in told}, areas, place)
    return changes


def _by_ags(stored: Iterable[Town]) -> Mapping[str, list[Town]]:
    found: dict[str, list[Town]] = defaultdict(list)
    for town in sorted(stored, key=lambda one: (one.ags, one.valid_from)):
        found[town.ags].append(town)
    return found


def _open(periods: Sequence[Town]) -> Town | None:
    return periods[-1] if periods and periods[-1].valid_to == OPEN else None


def _latest(changes: Changes, periods: Sequence[Town], town: Town, place: Place) -> None:
    """Take a town of the latest edition."""
    now = _open(periods)
    if now is None:
        begins = town.valid_from if town.valid_from != ALWAYS else place.first_day
        if periods:
            begins = max(begins, periods[-1].valid_to)
        changes.new.append(replace(town, valid_from=begins))
        return
    exact = town.valid_from != ALWAYS
    begins = town.valid_from if exact else place.day
    if town.name != now.name and begins > now.valid_from:
        changes.changed[now.ags, now.valid_from] = replace(now, valid_to=begins)
        changes.new.append(replace(_with_postcodes(now, town), name=town.name, valid_from=begins))
        return
    fits = exact and all(one.valid_to <= town.valid_from for one in periods[:-1])
    mended = _with_postcodes(now, town)
    mended = replace(mended, name=town.name, valid_from=town.valid_from if fits else now.valid_from)
    if mended != now:
        changes.changed[now.ags, now.valid_from] = mended


def _with_postcodes(now: Town, town: Town) -> Town:
    """Return the stored town as the file describes it; a file that is silent takes nothing away."""
    postcodes = town.postcodes or now.postcodes
    if town.more_postcodes:
        postcodes = tuple(dict.fromkeys((*town.postcodes, *now.postcodes)))
    return replace(now, postcodes=postcodes, kreis_name=town.kreis_name or now.kreis_name)


def _ended(changes: Changes, periods: Sequence[Town], town: Town) -> None:
    """Take a period of which the file names the end; the same period may be stored with a rougher one."""
    match = next(
        (one for one in periods if one.valid_from < town.valid_to and one.valid_to > town.valid_from), None
    )
    if match is None:
        changes.new.append(town)
        return
    begins = town.valid_from if match.valid_from == ALWAYS else match.valid_from
    described = _with_postcodes(match, town)
    successors = town.successors or match.successors
    ended = replace(described, valid_from=begins, valid_to=town.valid_to, successors=successors)
    if ended != match and ended.valid_from < ended.valid_to:
        changes.changed[match.ags, match.valid_from] = ended
        changes.ended += match.valid_to == OPEN


def _earlier(changes: Changes, periods: Sequence[Town], town: Town, place: Place) -> None:
    """Take a town of an edition older than others: it only tells of days of which nothing is known."""
    if any(one.holds(place.day) for one in periods):
        return
    later = next((one for one in periods if one.valid_from > place.day), None)
    begins = town.valid_from if town.valid_from != ALWAYS else place.first_day
    if later is not None and later.name == town.name:
        changes.changed[later.ags, later.valid_from] = replace(later, valid_from=begins)
        return
    ends = min(one for one in (place.after, town.valid_to, later.valid_from if later else OPEN) if one)
    before = [one.valid_to for one in periods if one.valid_to <= place.day]
    begins = max([begins, *before])
    if begins < ends:
        changes.new.append(replace(town, valid_from=begins, valid_to=ends))


def _gone(
    changes: Changes, known: Mapping[str, list[Town]], told: set[str], areas: frozenset[str], place: Place
) -> None:
    """End the towns that the latest edition does not tell; an older one says they had not begun."""
    for ags, periods in known.items():
        if ags in told or not within(ags, areas):
            continue
        if place.after is None and (now := _open(periods)) is not None:
            ends = max(place.day, now.valid_from + _DAY)
            changes.changed[now.ags, now.valid_from] = replace(now, valid_to=ends)
            changes.ended += 1
        elif place.after is not None and place.before is None and _began_later(periods[0], place.day):
            changes.changed[ags, ALWAYS] = replace(periods[0], valid_from=place.day + _DAY)


def _began_later(first: Town, day: date) -> bool:
    """Return whether a town of which nobody knew since when it holds was not there yet on a day."""
    return first.valid_from == ALWAYS and first.valid_to > day + _DAY
