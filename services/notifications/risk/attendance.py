"""Detects dropout risks in the course days of one person by explained rules on behaviour."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from schemas.days import add_days
from services.notifications.risk.domain import Episode, Rule

PRESENT, EXCUSED, UNEXCUSED, CHANGE, INTERNSHIP = "X", "E", "U", "W", "P"
KNOWN_MARKS = frozenset({PRESENT, EXCUSED, UNEXCUSED, CHANGE, INTERNSHIP})


@dataclass(frozen=True, slots=True)
class NoShowRule:
    """Missing without excuse on each of the first `days` course days."""

    days: int


@dataclass(frozen=True, slots=True)
class ConsecutiveRule:
    """Missing without excuse on `days` course days in a row; cleared by attended days in a row."""

    days: int
    early_days: int
    clear_after: int


@dataclass(frozen=True, slots=True)
class ShareRule:
    """Missed a share of the UE held in the last `window_days` course days; cleared below a lower share."""

    window_days: int
    least_days: int
    raise_at: float
    early_raise_at: float
    clear_below: float
    excused_counts: bool


@dataclass(frozen=True, slots=True)
class LongExcusedRule:
    """Excused on `days` course days in a row; cleared by attended days in a row."""

    days: int
    clear_after: int


@dataclass(frozen=True, slots=True)
class PatternRule:
    """A break in the person's own pattern: Page's cumulative sum (Biometrika 41, 1954) of likelihood ratios.

    Each day adds the logarithm of how much likelier its mark is for somebody about to leave than for this
    person so far. Somebody about to leave misses the share `leaving` of their days without excuse and
    `leaving_excused` with one. What the person did so far is their own share of missed days before the sum
    rose from zero, drawn towards `usual` and `usual_excused` as if `weight` such days had been seen, and
    never taken as higher than `most`.
    """

    usual: float
    usual_excused: float
    weight: float
    most: float
    leaving: float
    leaving_excused: float
    raise_at: float
    early_raise_at: float
    clear_below: float


@dataclass(frozen=True, slots=True)
class AttendanceRules:
    """The rules in force on a day; the stricter bounds hold for `early_days` after the entry."""

    early_days: int
    no_show: NoShowRule
    consecutive: ConsecutiveRule
    share: ShareRule
    long_excused: LongExcusedRule
    pattern: PatternRule


@dataclass(frozen=True, slots=True)
class CourseDay:
    """One course day of one person."""

    day: date
    mark: str
    ue: float
    ue_held: float

    @property
    def attended(self) -> bool:
        """Whether the person was there; an internship counts."""
        return self.mark in {PRESENT, INTERNSHIP}

    @property
    def missed(self) -> float:
        """UE missed; somebody marked present with 0 UE was there all day."""
        if self.mark == PRESENT:
            return max(0.0, self.ue_held - self.ue) if self.ue > 0 else 0.0
        return self.ue_held if self.mark in {EXCUSED, UNEXCUSED} else 0.0


def assess(
    days: Sequence[CourseDay], joined_on: date, rules: AttendanceRules, *, attended_before: bool = False
) -> list[Episode]:
    """Return every episode in these course days of one person.

    Days before the entry do not count; a change of course (W) starts anew. `attended_before` tells that
    the person took part, or may have, on days that are not among these, and so is no no-show.
    """
    episodes: list[Episode] = []
    stretch: list[CourseDay] = []
    for day in sorted((day for day in days if day.day >= joined_on), key=_by_day):
        if day.mark == CHANGE:
            found = _stretch(stretch, joined_on, rules, attended_before=attended_before)
            episodes += [_ended(episode, day.day) for episode in found]
            stretch, attended_before = [], True
        else:
            stretch.append(day)
    return episodes + _stretch(stretch, joined_on, rules, attended_before=attended_before)


def _by_day(day: CourseDay) -> date:
    return day.day


def _stretch(
    days: Sequence[CourseDay], joined_on: date, rules: AttendanceRules, *, attended_before: bool
) -> list[Episode]:
    """Assess days without a change of course."""
    if all(day.missed == 0 for day in days):
        return []
    episodes: list[Episode] = []
    no_show = None if attended_before else _no_show(days, rules)
    if no_show is not None:
        episodes.append(no_show)
        if no_show.cleared_on is None:
            return episodes
        days = [day for day in days if day.day >= no_show.cleared_on]
    early_until = add_days(joined_on, rules.early_days)
    episodes += _consecutive(days, early_until, rules.consecutive)
    episodes += _shares(days, early_until, rules.share)
    episodes += _excused(days, rules.long_excused)
    return episodes + _pattern(days, early_until, rules.pattern)


def _ended(episode: Episode, day: date) -> Episode:
    if episode.cleared_on is not None:
        return episode
    return replace(episode, cleared_on=day)


def _lasting(
    before: Episode | None, rule: Rule, since: date, day: date, params: Mapping[str, str | int]
) -> Episode:
    """Return the episode as it stands on a day; it keeps the day on which it was raised."""
    return Episode(rule, since, day if before is None else before.raised_on, params)


def _no_show(days: Sequence[CourseDay], rules: AttendanceRules) -> Episode | None:
    """Return the episode of missing from the first day on; an excused day ends it: the person is in touch."""
    came = next((number for number, day in enumerate(days) if day.mark != UNEXCUSED), len(days))
    if came < rules.no_show.days:
        return None
    params: dict[str, str | int] = {"days": came, "since": days[0].day.isoformat()}
    certain = days[rules.no_show.days - 1].day
    return Episode(Rule.NO_SHOW, days[0].day, certain, params, days[came].day if came < len(days) else None)


def _consecutive(days: Sequence[CourseDay], early_until: date, rule: ConsecutiveRule) -> list[Episode]:
    """Return the episodes of unexcused days in a row; excused days neither count nor interrupt."""

    def least(day: date) -> int:
        return rule.early_days if day < early_until else rule.days

    return _streaks(days, UNEXCUSED, Rule.CONSECUTIVE_UNEXCUSED, least, rule.clear_after)


def _excused(days: Sequence[CourseDay], rule: LongExcusedRule) -> list[Episode]:
    """Return the episodes of excused days in a row; unexcused days neither count nor interrupt."""
    return _streaks(days, EXCUSED, Rule.LONG_EXCUSED, lambda _day: rule.days, rule.clear_after)


def _streaks(
    days: Sequence[CourseDay], mark: str, rule: Rule, least: Callable[[date], int], clear_after: int
) -> list[Episode]:
    """Return the episodes of at least so many days in a row with a mark; other absences do not interrupt."""
    episodes: list[Episode] = []
    streak: list[date] = []
    attended = 0
    raised: Episode | None = None
    for day in days:
        if day.mark == mark:
            streak.append(day.day)
            attended = 0
        elif day.attended:
            attended += 1
            if raised is None:
                streak = []
        if raised is not None and attended >= clear_after:
            episodes.append(_ended(raised, day.day))
            raised, streak = None, []
        elif streak and len(streak) >= least(day.day):
            params: dict[str, str | int] = {"days": len(streak), "since": streak[0].isoformat()}
            raised = _lasting(raised, rule, streak[0], day.day, params)
    return [*episodes, raised] if raised is not None else episodes


def _shares(days: Sequence[CourseDay], early_until: date, rule: ShareRule) -> list[Episode]:
    """Return the episodes of too large a share of missed UE, raised at one bound and cleared below a lower.

    None is raised on a day that was attended: somebody who comes back is no news.
    """
    episodes: list[Episode] = []
    raised: Episode | None = None
    for window, part in _windows(days, rule):
        day, missed, _ = window[-1]
        limit = rule.early_raise_at if day < early_until else rule.raise_at
        if raised is not None and part < rule.clear_below:
            episodes.append(_ended(raised, day))
            raised = None
        elif raised is not None or (part >= limit and missed > 0):
            since = raised.since if raised is not None else window[0][0]
            params: dict[str, str | int] = {
                "share_percent": round(part * 100),
                "window_days": len(window),
                "since": since.isoformat(),
            }
            raised = _lasting(raised, Rule.SHARE_MISSED, since, day, params)
    return [*episodes, raised] if raised is not None else episodes


def _windows(
    days: Sequence[CourseDay], rule: ShareRule
) -> Iterator[tuple[Sequence[tuple[date, float, float]], float]]:
    """Yield the last days (day, UE missed, UE held) up to each day, and the share of UE missed in them."""
    window: deque[tuple[date, float, float]] = deque()
    missed_in, held_in = 0.0, 0.0
    for day in days:
        if day.ue_held <= 0 or day.mark == INTERNSHIP:
            continue
        missed = day.missed if rule.excused_counts or day.mark != EXCUSED else 0.0
        window.append((day.day, missed, day.ue_held))
        missed_in, held_in = missed_in + missed, held_in + day.ue_held
        if len(window) > rule.window_days:
            _, old_missed, old_held = window.popleft()
            missed_in, held_in = missed_in - old_missed, held_in - old_held
        if len(window) >= rule.least_days:
            yield window, missed_in / held_in


def _pattern(days: Sequence[CourseDay], early_until: date, rule: PatternRule) -> list[Episode]:
    """Return the episodes in which somebody misses far more than they used to."""
    episodes: list[Episode] = []
    raised: Episode | None = None
    before, run = _Marks(), _Marks()
    total, since = 0.0, None
    for day in days:
        if day.mark not in {PRESENT, EXCUSED, UNEXCUSED}:
            continue
        total = max(0.0, total + _likelier(day.mark, before, rule))
        if total == 0.0:
            before, run, since = before.plus(run).with_mark(day.mark), _Marks(), None
        else:
            since = since or day.day
            run = run.with_mark(day.mark)
        limit = rule.early_raise_at if day.day < early_until else rule.raise_at
        total = min(total, limit + 1.0)  # a long absence clears as fast as a short one
        if raised is not None and (total < rule.clear_below or since is None):
            episodes.append(_ended(raised, day.day))
            raised = None
        elif since is not None and (raised is not None or (total >= limit and day.mark != PRESENT)):
            start = since if raised is None else raised.since
            params: dict[str, str | int] = {
                "missed": run.excused + run.unexcused,
                "days": run.all,
                "since": start.isoformat(),
            }
            raised = _lasting(raised, Rule.OWN_PATTERN, start, day.day, params)
    return [*episodes, raised] if raised is not None else episodes


@dataclass(frozen=True, slots=True)
class _Marks:
    """How many days somebody came, was excused, and was missing without excuse."""

    present: int = 0
    excused: int = 0
    unexcused: int = 0

    @property
    def all(self) -> int:
        return self.present + self.excused + self.unexcused

    def with_mark(self, mark: str) -> "_Marks":
        return _Marks(
            self.present + (mark == PRESENT),
            self.excused + (mark == EXCUSED),
            self.unexcused + (mark == UNEXCUSED),
        )

    def plus(self, other: "_Marks") -> "_Marks":
        return _Marks(
            self.present + other.present, self.excused + other.excused, self.unexcused + other.unexcused
        )


def _likelier(mark: str, before: _Marks, rule: PatternRule) -> float:
    """Return the log-likelihood ratio of a mark: somebody about to leave against this person so far."""
    seen = before.all + rule.weight
    unexcused = min((before.unexcused + rule.usual * rule.weight) / seen, rule.most)
    excused = min((before.excused + rule.usual_excused * rule.weight) / seen, rule.most)
    match mark:
        case "U":
            return math.log(rule.leaving / unexcused)
        case "E":
            return math.log(rule.leaving_excused / excused)
        case _:
            return math.log((1 - rule.leaving - rule.leaving_excused) / (1 - unexcused - excused))
