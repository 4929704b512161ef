"""Detects dropout risks by explained rules on what somebody did, never on who somebody is."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.days import add_days

PRESENT, EXCUSED, UNEXCUSED, CHANGE, INTERNSHIP = "X", "E", "U", "W", "P"
KNOWN_MARKS = frozenset({PRESENT, EXCUSED, UNEXCUSED, CHANGE, INTERNSHIP})


class RiskRule(StrEnum):
    """The rules; each can be explained to the person in one sentence."""

    NO_SHOW = "no_show"
    CONSECUTIVE_UNEXCUSED = "consecutive_unexcused"
    SHARE_MISSED = "share_missed"


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
class RiskRules:
    """The rules in force on a day; the stricter bounds hold for `early_days` after the entry."""

    early_days: int
    no_show: NoShowRule
    consecutive: ConsecutiveRule
    share: ShareRule


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


@dataclass(frozen=True, slots=True)
class Episode:
    """A rule that applies from `since` until `cleared_on`, None while it lasts; `params` explain it."""

    rule: RiskRule
    since: date
    params: Mapping[str, str | int]
    cleared_on: date | None = None


def assess(
    days: Sequence[CourseDay], joined_on: date, rules: RiskRules, *, attended_before: bool = False
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
    days: Sequence[CourseDay], joined_on: date, rules: RiskRules, *, attended_before: bool
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
    return episodes + _shares(days, early_until, rules.share)


def _ended(episode: Episode, day: date) -> Episode:
    if episode.cleared_on is not None:
        return episode
    return Episode(episode.rule, episode.since, episode.params, day)


def _no_show(days: Sequence[CourseDay], rules: RiskRules) -> Episode | None:
    """Return the episode of missing from the first day on; an excused day ends it: the person is in touch."""
    came = next((number for number, day in enumerate(days) if day.mark != UNEXCUSED), len(days))
    if came < rules.no_show.days:
        return None
    params: dict[str, str | int] = {"days": came, "since": days[0].day.isoformat()}
    return Episode(RiskRule.NO_SHOW, days[0].day, params, days[came].day if came < len(days) else None)


def _consecutive(days: Sequence[CourseDay], early_until: date, rule: ConsecutiveRule) -> list[Episode]:
    """Return the episodes of unexcused days in a row; excused days neither count nor interrupt."""
    episodes: list[Episode] = []
    streak: list[date] = []
    attended = 0
    raised: Episode | None = None
    for day in days:
        if day.mark == UNEXCUSED:
            streak.append(day.day)
            attended = 0
        elif day.attended:
            attended += 1
            if raised is None:
                streak = []
        if raised is not None and attended >= rule.clear_after:
            episodes.append(_ended(raised, day.day))
            raised, streak = None, []
        elif streak and len(streak) >= (rule.early_days if day.day < early_until else rule.days):
            params: dict[str, str | int] = {"days": len(streak), "since": streak[0].isoformat()}
            raised = Episode(RiskRule.CONSECUTIVE_UNEXCUSED, streak[0], params)
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
            raised = Episode(RiskRule.SHARE_MISSED, since, params)
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


@dataclass(frozen=True, slots=True)
class OpenRisk:
    """An open risk on record."""

    rule: RiskRule
    since: date


@dataclass(frozen=True, slots=True)
class RaiseRisk:
    """A new risk."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class KeepRisk:
    """The risk lasts; its parameters are brought up to date."""

    known: OpenRisk
    episode: Episode


@dataclass(frozen=True, slots=True)
class ClearRisk:
    """The cause is over: the person is back."""

    known: OpenRisk


@dataclass(frozen=True, slots=True)
class WithdrawRisk:
    """A correction removed the cause: it never existed."""

    known: OpenRisk


RiskChange = RaiseRisk | KeepRisk | ClearRisk | WithdrawRisk


def compare(known: Sequence[OpenRisk], episodes: Sequence[Episode]) -> list[RiskChange]:
    """Compare the open risks with the episodes found; a rule has at most one open risk."""
    found = {episode.rule: episode for episode in episodes if episode.cleared_on is None}
    changes: list[RiskChange] = []
    for risk in known:
        lasting = found.pop(risk.rule, None)
        if lasting is not None:
            changes.append(KeepRisk(risk, lasting))
        elif any(
            e.rule == risk.rule and e.cleared_on is not None and e.cleared_on > risk.since for e in episodes
        ):
            changes.append(ClearRisk(risk))
        else:
            changes.append(WithdrawRisk(risk))
    changes.extend(RaiseRisk(episode) for episode in found.values())
    return changes
