"""Replays a history in the order of its reports and says which exits the rules would have warned of."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from services.notifications.risk.attendance import EXCUSED, UNEXCUSED, AttendanceRules, assess
from services.notifications.risk.domain import Episode, Matter, Rule, findings
from services.notifications.risk.evaluate.history import Enrolment, ReportedDay

LOOK_BACK = 10
"""Course days up to the last attended one in which absences announce an exit."""
ANNOUNCED = 3
"""Fewest absences among them; fewer come about by chance."""
HELPS_DAYS = 42
"""Days within which an exit follows that an alert warned of."""
_LEAST_DAYS = 5


@dataclass(frozen=True, slots=True)
class Alert:
    """A risk that would have been raised on a day, by which rule."""

    raised_on: date
    rule: Rule


Detector = Callable[[Enrolment], Sequence[Alert]]
"""Returns the alerts about one enrolment."""


def of_rules(rules: AttendanceRules, only: Iterable[Rule] | None = None) -> Detector:
    """Return the detector that judges what is known after each report, as the assessor does."""
    counted = frozenset(Rule) if only is None else frozenset(only)

    def detect(enrolment: Enrolment) -> list[Alert]:
        days = [item.day for item in enrolment.days]
        if all(day.missed == 0 for day in days):
            return []
        found = assess(days, enrolment.joined_on, rules, attended_before=enrolment.known_from is not None)
        episodes = [one for one in found if one.rule in counted]
        alerts: list[Alert] = []
        is_open = False
        for reported_on, items in _by_report(enrolment.days):
            until = max(item.day.day for item in items)
            lasting = [_as_of(one, until) for one in episodes if one.raised_on <= until]
            finding = findings(lasting).get(Matter.ATTENDANCE)
            if finding is not None and not is_open:
                alerts.append(Alert(reported_on, finding.rule))
            is_open = finding is not None
        return alerts

    return detect


def _as_of(episode: Episode, day: date) -> Episode:
    """Return an episode as it stood on a day: no rule looks ahead, and days are reported in their order."""
    over = episode.cleared_on is not None and episode.cleared_on <= day
    return episode if over else replace(episode, cleared_on=None)


def of_flat_share(share: float) -> Detector:
    """Return the detector of chronic absence: one alert when this share of all UE so far is missed."""

    def detect(enrolment: Enrolment) -> list[Alert]:
        missed, held, days = 0.0, 0.0, 0
        for reported_on, items in _by_report(enrolment.days):
            missed += sum(item.day.missed for item in items)
            held += sum(item.day.ue_held for item in items)
            days += len(items)
            if days >= _LEAST_DAYS and held > 0 and missed / held >= share:
                return [Alert(reported_on, Rule.SHARE_MISSED)]
        return []

    return detect


def of_oracle(enrolment: Enrolment) -> list[Alert]:
    """Return the alert of an oracle that knows who will leave, but sees an absence only when it is reported.

    It warns as soon as the first of the absences is reported that announce the exit.
    """
    if enrolment.exit is None:
        return []
    first = min((item.reported_on for item in announcing(enrolment)), default=None)
    return [] if first is None else [Alert(first, Rule.SHARE_MISSED)]


def announcing(enrolment: Enrolment) -> list[ReportedDay]:
    """Return the absences by which somebody's exit announced itself; none if it came without.

    Of the `LOOK_BACK` course days up to the last one that counts, at least `ANNOUNCED` must have been missed;
    the first of these, and all absences after it, announce the exit. Somebody who never came has announced
    it by every day.
    """
    leaving = enrolment.exit
    if leaving is None:
        return []
    days = sorted(enrolment.days, key=lambda item: item.day.day)
    came = [number for number, item in enumerate(days) if item.day.attended]
    if not came:
        return [item for item in days if item.day.mark in {EXCUSED, UNEXCUSED}]
    until = [item for item in days if item.day.day <= leaving.left_on][-LOOK_BACK:]
    absences = [item for item in until if item.day.mark in {EXCUSED, UNEXCUSED}]
    if len(absences) < ANNOUNCED:
        return []
    return [item for item in days if item.day.day >= absences[0].day.day and not item.day.attended]


def _by_report(days: Sequence[ReportedDay]) -> Iterable[tuple[date, list[ReportedDay]]]:
    for reported_on, items in groupby(days, key=lambda item: item.reported_on):
        yield reported_on, list(items)


@dataclass(frozen=True, slots=True)
class Score:
    """How a detector did on a history; `leads` count days from the warning to when the exit was told."""

    enrolments: int
    alerts: int
    right: int
    """Alerts that an exit followed within `HELPS_DAYS`."""
    announced: int
    """Exits that absences announced."""
    warned: int
    """Those of them that were warned of."""
    unannounced: int
    unannounced_warned: int
    leads: tuple[int, ...]

    @property
    def load(self) -> float:
        """Alerts per 100 enrolments."""
        return 100 * self.alerts / self.enrolments if self.enrolments else 0.0

    @property
    def precision(self) -> float | None:
        """Share of alerts that an exit followed."""
        return self.right / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """Share of the announced exits that were warned of."""
        return self.warned / self.announced if self.announced else None

    def lead(self, share: float) -> int | None:
        """Return a quantile of the lead times in days."""
        ordered = sorted(self.leads)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def score(enrolments: Sequence[Enrolment], detect: Detector) -> Score:
    """Replay all enrolments and count."""
    alerts = right = announced = warned = others = others_warned = 0
    leads: list[int] = []
    for enrolment in enrolments:
        leaving = enrolment.exit
        raised = [one for one in detect(enrolment) if leaving is None or one.raised_on < leaving.told_on]
        alerts += len(raised)
        if leaving is None:
            continue
        helping = [one for one in raised if (leaving.told_on - one.raised_on).days <= HELPS_DAYS]
        right += len(helping)
        if announcing(enrolment):
            announced += 1
            warned += bool(helping)
            leads += [(leaving.told_on - helping[0].raised_on).days] if helping else []
        else:
            others += 1
            others_warned += bool(helping)
    return Score(len(enrolments), alerts, right, announced, warned, others, others_warned, tuple(leads))
