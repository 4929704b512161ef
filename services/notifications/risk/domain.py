"""Names the rules and matters of risks, and compares the risks on record with what the rules find."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Rule(StrEnum):
    """The rules; each can be explained to the person in one sentence (docs/risk-rules.md)."""

    NO_SHOW = "no_show"
    CONSECUTIVE_UNEXCUSED = "consecutive_unexcused"
    SHARE_MISSED = "share_missed"
    OWN_PATTERN = "own_pattern"
    LONG_EXCUSED = "long_excused"
    SECTION_BELOW = "section_below"
    EXAM_FAILED = "exam_failed"
    EXAM_NOT_SAT = "exam_not_sat"
    INTERRUPTED_LONG = "interrupted_long"
    HOURS_NEARLY_USED = "hours_nearly_used"
    COURSE_CANCELLED = "course_cancelled"
    OFFER_UNANSWERED = "offer_unanswered"
    RIGHT_LAPSES = "right_lapses"
    WAITS_LONG = "waits_long"
    COMPLETED_WITHOUT_B1 = "completed_without_b1"
    COMPLETED_WITHOUT_LID = "completed_without_lid"
    NO_NEXT_STEP = "no_next_step"


class Matter(StrEnum):
    """What a risk is about; somebody has at most one open risk about a matter of a course."""

    ATTENDANCE = "attendance"
    PROGRESS = "progress"
    INTERRUPTION = "interruption"
    HOURS = "hours"
    CANCELLATION = "cancellation"
    OFFER = "offer"
    WAITING = "waiting"
    AFTERWARDS = "afterwards"


class Severity(StrEnum):
    """How soon somebody should act: today, this week, or at the next occasion."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class _Kind:
    matter: Matter
    severity: Severity


_KINDS: Mapping[Rule, _Kind] = {
    Rule.NO_SHOW: _Kind(Matter.ATTENDANCE, Severity.HIGH),
    Rule.CONSECUTIVE_UNEXCUSED: _Kind(Matter.ATTENDANCE, Severity.HIGH),
    Rule.OWN_PATTERN: _Kind(Matter.ATTENDANCE, Severity.MEDIUM),
    Rule.SHARE_MISSED: _Kind(Matter.ATTENDANCE, Severity.MEDIUM),
    Rule.LONG_EXCUSED: _Kind(Matter.ATTENDANCE, Severity.LOW),
    Rule.EXAM_FAILED: _Kind(Matter.PROGRESS, Severity.MEDIUM),
    Rule.EXAM_NOT_SAT: _Kind(Matter.PROGRESS, Severity.MEDIUM),
    Rule.SECTION_BELOW: _Kind(Matter.PROGRESS, Severity.LOW),
    Rule.INTERRUPTED_LONG: _Kind(Matter.INTERRUPTION, Severity.MEDIUM),
    Rule.HOURS_NEARLY_USED: _Kind(Matter.HOURS, Severity.LOW),
    Rule.COURSE_CANCELLED: _Kind(Matter.CANCELLATION, Severity.HIGH),
    Rule.OFFER_UNANSWERED: _Kind(Matter.OFFER, Severity.HIGH),
    Rule.RIGHT_LAPSES: _Kind(Matter.WAITING, Severity.HIGH),
    Rule.WAITS_LONG: _Kind(Matter.WAITING, Severity.LOW),
    Rule.COMPLETED_WITHOUT_B1: _Kind(Matter.AFTERWARDS, Severity.MEDIUM),
    Rule.COMPLETED_WITHOUT_LID: _Kind(Matter.AFTERWARDS, Severity.MEDIUM),
    Rule.NO_NEXT_STEP: _Kind(Matter.AFTERWARDS, Severity.LOW),
}
"""Of several rules about one matter, the one that stands first explains the risk."""
_ORDER = {rule: place for place, rule in enumerate(_KINDS)}


def matter_of(rule: Rule) -> Matter:
    """Return what a rule is about."""
    return _KINDS[rule].matter


def severity_of(rule: Rule) -> Severity:
    """Return how soon somebody should act."""
    return _KINDS[rule].severity


@dataclass(frozen=True, slots=True)
class Episode:
    """A rule that applies from `since` until `cleared_on`, None while it lasts; `params` explain it.

    It was certain on `raised_on`.
    """

    rule: Rule
    since: date
    raised_on: date
    params: Mapping[str, str | int] = field(default_factory=dict)
    cleared_on: date | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rules find about one matter: the rule that explains it best, and which others apply."""

    rule: Rule
    since: date
    params: Mapping[str, str | int]
    also: tuple[Rule, ...] = ()

    @property
    def matter(self) -> Matter:
        """What it is about."""
        return matter_of(self.rule)


def findings(episodes: Iterable[Episode]) -> dict[Matter, Finding]:
    """Return what the episodes that last say about each matter."""
    lasting: dict[Matter, list[Finding]] = {}
    for episode in episodes:
        if episode.cleared_on is None:
            one = Finding(episode.rule, episode.since, episode.params)
            lasting.setdefault(one.matter, []).append(one)
    return {matter: joined(of_matter) for matter, of_matter in lasting.items()}


def joined(of_matter: Sequence[Finding]) -> Finding:
    """Join what was found about one matter: the rule that tells most explains it."""
    first = min(of_matter, key=lambda one: (_ORDER[one.rule], one.since))
    others = {rule for one in of_matter for rule in (one.rule, *one.also)} - {first.rule}
    since = min(one.since for one in of_matter)
    return Finding(first.rule, since, first.params, tuple(sorted(others, key=_ORDER.__getitem__)))


@dataclass(frozen=True, slots=True)
class OpenRisk:
    """An open risk on record."""

    matter: Matter
    rule: Rule
    since: date


@dataclass(frozen=True, slots=True)
class RaiseRisk:
    """A new risk."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class KeepRisk:
    """The risk lasts; what explains it is brought up to date."""

    known: OpenRisk
    finding: Finding


@dataclass(frozen=True, slots=True)
class ClearRisk:
    """The cause is over: the person is back, or the matter is settled."""

    known: OpenRisk


@dataclass(frozen=True, slots=True)
class WithdrawRisk:
    """A correction removed the cause: it never existed."""

    known: OpenRisk


RiskChange = RaiseRisk | KeepRisk | ClearRisk | WithdrawRisk


def compare(
    known: Sequence[OpenRisk], episodes: Sequence[Episode], matters: Iterable[Matter]
) -> list[RiskChange]:
    """Compare the open risks with the episodes of the `matters` that were looked at; leave others alone."""
    looked_at = frozenset(matters)
    found = {matter: one for matter, one in findings(episodes).items() if matter in looked_at}
    changes: list[RiskChange] = []
    for risk in known:
        if risk.matter not in looked_at:
            continue
        lasting = found.pop(risk.matter, None)
        if lasting is not None:
            changes.append(KeepRisk(risk, lasting))
        elif any(_ends(risk, episode) for episode in episodes):
            changes.append(ClearRisk(risk))
        else:
            changes.append(WithdrawRisk(risk))
    changes.extend(RaiseRisk(finding) for finding in found.values())
    return changes


def _ends(risk: OpenRisk, episode: Episode) -> bool:
    """Return whether an episode tells that a risk was there and is over."""
    over = episode.cleared_on
    return over is not None and matter_of(episode.rule) is risk.matter and over > risk.since
