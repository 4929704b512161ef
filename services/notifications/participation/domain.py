"""Dropout risk: explained rules on what somebody did, never on who somebody is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

PRESENT, EXCUSED, UNEXCUSED, CHANGE, INTERNSHIP = "X", "E", "U", "W", "P"
KNOWN_MARKS = frozenset({PRESENT, EXCUSED, UNEXCUSED, CHANGE, INTERNSHIP})


class Rule(StrEnum):
    """The rules; each can be explained in one sentence."""

    NO_SHOW = "no_show"
    CONSECUTIVE_UNEXCUSED = "consecutive_unexcused"
    SHARE_MISSED = "share_missed"


@dataclass(frozen=True, slots=True)
class NoShow:
    """Did not come on the first course days, unexcused."""

    days: int


@dataclass(frozen=True, slots=True)
class Consecutive:
    """Was missing unexcused on so many course days in a row; cleared after so many attended in a row."""

    days: int
    early_days: int
    clear_after: int


@dataclass(frozen=True, slots=True)
class Share:
    """Missed this share of the UE held in the last course days; cleared below a lower share."""

    window_days: int
    least_days: int
    raise_at: float
    early_raise_at: float
    clear_below: float
    excused_counts: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a day, with the days after the entry that are watched more tightly."""

    early_days: int
    no_show: NoShow
    consecutive: Consecutive
    share: Share


@dataclass(frozen=True, slots=True)
class Day:
    """One course day of one person."""

    day: date
    mark: str
    ue: float
    ue_held: float

    @property
    def attended(self) -> bool:
        """Was there; an internship counts as taking part."""
        return self.mark in {PRESENT, INTERNSHIP}

    @property
    def missed(self) -> float:
        """UE missed; somebody marked present without UE was there all day."""
        if self.mark == PRESENT:
            return max(0.0, self.ue_held - self.ue) if self.ue > 0 else 0.0
        return self.ue_held if self.mark in {EXCUSED, UNEXCUSED} else 0.0


@dataclass(frozen=True, slots=True)
class Episode:
    """A rule that applied from `since` on; `cleared_on` is the day that ended it, None while it lasts."""

    rule: Rule
    since: date
    params: Mapping[str, str | int]
    cleared_on: date | None = None


def assess(
    days: Sequence[Day], joined_on: date, rules: Rules, *, attended_before: bool = False
) -> list[Episode]:
    """Return every episode that these course days of one person contain, in the order of their ends.

    Days before the entry don't count; a change of course (W) starts everything anew. `attended_before`
    says that the person was there on days that are not among these.
    """
    current = sorted((day for day in days if day.day >= joined_on), key=lambda day: day.day)
    before: list[Episode] = []
    for index, day in enumerate(current):
        if day.mark == CHANGE:
            before = [
                _ended(e, day.day)
                for e in assess(current[:index], joined_on, rules, attended_before=attended_before)
            ]
            rest = assess(current[index + 1 :], joined_on, rules, attended_before=True)
            return before + rest
    episodes = _no_shows(current, rules, attended_before=attended_before)
    no_show_until = _until(episodes)
    later = [day for day in current if no_show_until is None or day.day >= no_show_until]
    if episodes and episodes[-1].cleared_on is None:
        return episodes
    return [
        *episodes,
        *_consecutive(later, joined_on, rules),
        *_shares(later, joined_on, rules),
    ]


def _ended(episode: Episode, day: date) -> Episode:
    if episode.cleared_on is not None:
        return episode
    return Episode(episode.rule, episode.since, episode.params, day)


def _until(episodes: Sequence[Episode]) -> date | None:
    return episodes[-1].cleared_on if episodes else None


def _no_shows(days: Sequence[Day], rules: Rules, *, attended_before: bool) -> list[Episode]:
    """Missing from the very first day; excused days say that somebody is in touch."""
    if attended_before:
        return []
    missing: list[date] = []
    for day in days:
        if day.mark != UNEXCUSED:
            if len(missing) >= rules.no_show.days:
                return [_no_show(missing, day.day)]
            return []
        missing.append(day.day)
    return [_no_show(missing, None)] if len(missing) >= rules.no_show.days else []


def _no_show(missing: Sequence[date], cleared_on: date | None) -> Episode:
    return Episode(
        Rule.NO_SHOW, missing[0], {"days": len(missing), "since": missing[0].isoformat()}, cleared_on
    )


def _early(day: date, joined_on: date, rules: Rules) -> bool:
    return day < joined_on + timedelta(days=rules.early_days)


def _consecutive(days: Sequence[Day], joined_on: date, rules: Rules) -> list[Episode]:
    """Unexcused in a row; excused days neither count nor interrupt."""
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
        limit = rules.consecutive.early_days if _early(day.day, joined_on, rules) else rules.consecutive.days
        if raised is not None and attended >= rules.consecutive.clear_after:
            episodes.append(_ended(raised, day.day))
            raised, streak = None, []
        elif len(streak) >= limit:
            raised = Episode(
                Rule.CONSECUTIVE_UNEXCUSED,
                streak[0],
                {"days": len(streak), "since": streak[0].isoformat()},
            )
    return [*episodes, raised] if raised is not None else episodes


def _shares(days: Sequence[Day], joined_on: date, rules: Rules) -> list[Episode]:
    """Share of the UE missed in the last course days, raised above one bound and cleared below another.

    It is never raised on a day that was attended: somebody who comes back is no news.
    """
    share = rules.share
    counted = [day for day in days if day.ue_held > 0 and day.mark != INTERNSHIP]
    episodes: list[Episode] = []
    raised: Episode | None = None
    for index, day in enumerate(counted):
        window = counted[max(0, index + 1 - share.window_days) : index + 1]
        if len(window) < share.least_days:
            continue
        missed = sum(d.missed for d in window if share.excused_counts or d.mark != EXCUSED)
        part = missed / sum(d.ue_held for d in window)
        limit = share.early_raise_at if _early(day.day, joined_on, rules) else share.raise_at
        if raised is not None and part < share.clear_below:
            episodes.append(_ended(raised, day.day))
            raised = None
        elif raised is not None or (part >= limit and day.missed > 0):
            since = raised.since if raised is not None else window[0].day
            raised = Episode(
                Rule.SHARE_MISSED,
                since,
                {
                    "share_percent": round(part * 100),
                    "window_days": len(window),
                    "since": since.isoformat(),
                },
            )
    return [*episodes, raised] if raised is not None else episodes


@dataclass(frozen=True, slots=True)
class Known:
    """A risk on record that is open."""

    rule: Rule
    since: date


@dataclass(frozen=True, slots=True)
class Raise:
    """A risk that is new."""

    episode: Episode


@dataclass(frozen=True, slots=True)
class Keep:
    """A risk that lasts; its parameters are brought up to date."""

    known: Known
    episode: Episode


@dataclass(frozen=True, slots=True)
class Clear:
    """The person is back: the cause is over."""

    known: Known


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A correction took the cause away: it was never so."""

    known: Known


Change = Raise | Keep | Clear | Withdraw


def compare(known: Sequence[Known], episodes: Sequence[Episode]) -> list[Change]:
    """Say what changes on record now that these episodes are found; a rule has at most one open risk."""
    found = {episode.rule: episode for episode in episodes if episode.cleared_on is None}
    changes: list[Change] = []
    for risk in known:
        lasting = found.pop(risk.rule, None)
        if lasting is not None:
            changes.append(Keep(risk, lasting))
        elif any(
            e.rule == risk.rule and e.cleared_on is not None and e.cleared_on > risk.since for e in episodes
        ):
            changes.append(Clear(risk))
        else:
            changes.append(Withdraw(risk))
    changes.extend(Raise(episode) for episode in found.values())
    return changes
