"""Words a policy line by line, as a coordinator reads it and a second person compares it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.allocation.console.context.cadence import cadence_lines
from services.allocation.policy.domain import Policy, Pooling, Quota, Step
from services.runtime.web.languages import Texts, msgid
from services.texts.codes import word

GOALS: Mapping[str, str] = {
    "priority": msgid("as many people of each priority class as possible, the most urgent class first"),
    "deadline": msgid("people whose entitlement runs out soon"),
    "waiting": msgid("people who have waited longest"),
    "viability": msgid("courses that reach their target size"),
    "keep_offer": msgid("proposals that have been made stay as they are"),
    "type_choice": msgid("the course type that suits best"),
    "early_start": msgid("early course starts"),
    "travel_time": msgid("short ways by the table of travel times"),
    "distance": msgid("short ways as the crow flies"),
    "balance": msgid("even fill of the providers"),
}
STEPS: Mapping[Step, str] = {
    Step.SEND: msgid("proposals go on the list for the BAMF and wait for its word"),
    Step.RELEASE: msgid("proposals become reservations without confirmation"),
    Step.EXPIRE: msgid("unanswered reservations end at their time"),
    Step.CONFIRM: msgid("accepted places are confirmed without waiting for the provider"),
    Step.START: msgid("confirmed places start on the first day"),
    Step.COMPLETE: msgid("places are completed with their course"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and what is decided under it, one sentence each; `ordered` where the order is the rule."""

    heading: str
    lines: tuple[str, ...]
    ordered: bool = False
    brief: str = ""
    """Shown instead of lines that only a comparison needs."""


@dataclass(frozen=True, slots=True)
class Differing:
    """What another policy says that this one does not, and the other way round."""

    heading: str
    gone: tuple[str, ...]
    new: tuple[str, ...]


def parts(texts: Texts, policy: Policy) -> Sequence[Part]:
    """Say a policy in words."""
    say = texts.gettext
    return (
        Part(say("Limits"), tuple(_limits(texts, policy))),
        Part(
            say("What counts, in this order"),
            tuple(texts.plain(GOALS[goal]) for goal in policy.goals),
            ordered=True,
        ),
        Part(say("Reserved seats"), tuple(_quotas(texts, policy))),
        Part(say("Course sizes"), tuple(_sizes(texts, policy))),
        Part(say("How long a seat is held"), tuple(_reservation(texts, policy))),
        Part(say("Steps without a named person"), tuple(_steps(texts, policy))),
        Part(say("When places are steered"), tuple(cadence_lines(texts, policy.cadence))),
        Part(say("Agreements with neighbours"), tuple(_pooling(texts, policy))),
        Part(
            say("Positions of towns, for distances as the crow flies"),
            tuple(f"{ags}: {town.latitude}, {town.longitude}" for ags, town in sorted(policy.towns.items())),
            brief=texts.ngettext(
                "The position of %(num)s town is known.",
                "The positions of %(num)s towns are known.",
                len(policy.towns),
            ),
        ),
        Part(say("Source"), (policy.source,)),
    )


def differences(texts: Texts, old: Policy, new: Policy) -> Sequence[Differing]:
    """Compare two policies as they read; parts that read the same are left out."""
    found = []
    for one, other in zip(parts(texts, old), parts(texts, new), strict=True):
        if one.lines == other.lines:
            continue
        before, after = _numbered(one), _numbered(other)
        found.append(
            Differing(
                one.heading,
                tuple(line for line in before if line not in after),
                tuple(line for line in after if line not in before),
            )
        )
    return found


def _numbered(part: Part) -> tuple[str, ...]:
    """Put the place before the sentence where the order matters."""
    return tuple(f"{at}. {line}" for at, line in enumerate(part.lines, 1)) if part.ordered else part.lines


def _types(texts: Texts, codes: Iterable[str]) -> str:
    return ", ".join(word(texts, code, "course_type") for code in codes)


def _limits(texts: Texts, policy: Policy) -> Iterator[str]:
    limits = policy.limits
    yield texts.gettext(
        "Courses that start within %(days)s days are proposed.", days=limits.latest_start_days
    )
    if not limits.late_entry:
        yield texts.gettext("Nobody enters a running section.")
    elif limits.late_entry_ue is None:
        yield texts.gettext("A running section can be entered as long as the law allows it.")
    else:
        yield texts.gettext(
            "A running section can be entered in its first %(ue)s UE, or fewer if the law says so.",
            ue=limits.late_entry_ue,
        )
    if limits.travel_minutes is None:
        yield texts.gettext("No way is too long by itself.")
    else:
        yield texts.gettext(
            "A way takes at most %(minutes)s minutes by the table of travel times.",
            minutes=limits.travel_minutes,
        )
    if policy.free_choice == "propose":
        yield texts.gettext("People who are merely entitled are proposed places; they choose freely.")
    else:
        yield texts.gettext("People who are merely entitled choose freely and are proposed nothing.")
    yield texts.ngettext(
        "%(num)s other place is named with a proposal.",
        "%(num)s other places are named with a proposal.",
        policy.alternatives,
    )
    yield texts.gettext(
        "What a decision rested on stays on record for %(days)s days, longer while it is open or contested.",
        days=policy.explained_days,
    )


def _quotas(texts: Texts, policy: Policy) -> Iterator[str]:
    if not policy.quotas:
        yield texts.gettext("None: every free seat is for everybody.")
    for quota in policy.quotas:
        yield _quota(texts, quota)


def _quota(texts: Texts, quota: Quota) -> str:
    where = _types(texts, quota.course_types) or texts.gettext("all course types")
    if quota.providers:
        where += texts.gettext(" of %(providers)s", providers=", ".join(quota.providers))
    said = texts.ngettext(
        "“%(name)s”: %(num)s seat in each course (%(where)s) only for %(classes)s",
        "“%(name)s”: %(num)s seats in each course (%(where)s) only for %(classes)s",
        quota.seats,
        name=quota.name,
        where=where,
        classes="; ".join(word(texts, code, "priority") for code in quota.classes),
    )
    if not quota.until_days_before:
        return f"{said}."
    return said + texts.gettext(", until %(days)s days before the start.", days=quota.until_days_before)


def _sizes(texts: Texts, policy: Policy) -> Iterator[str]:
    sizes = policy.sizes
    yield texts.gettext(
        "From %(days)s days before the start on, a course is only proposed if enough people come together.",
        days=sizes.decide_days,
    )
    for code, number in sizes.minimum.items():
        yield texts.gettext(
            "%(type)s: from %(number)s people on.", type=word(texts, code, "course_type"), number=number
        )
    for code, number in sizes.target.items():
        yield texts.gettext(
            "%(type)s: %(number)s people are the target.",
            type=word(texts, code, "course_type"),
            number=number,
        )
    if sizes.protected_types or sizes.protected_courses:
        named = [*(word(texts, code, "course_type") for code in sizes.protected_types)]
        yield texts.gettext(
            "Start with however few people: %(names)s.", names=", ".join([*named, *sizes.protected_courses])
        )


def _reservation(texts: Texts, policy: Policy) -> Iterator[str]:
    held = policy.reservation
    yield texts.gettext("By post: %(days)s days.", days=held.days)
    yield texts.gettext("With the person in the room: %(days)s days.", days=held.present_days)
    for code, days in held.by_class.items():
        yield texts.gettext(
            "By post for class “%(class)s”: %(days)s days.",
            **{"class": word(texts, code, "priority"), "days": days},
        )


def _steps(texts: Texts, policy: Policy) -> Iterator[str]:
    if not policy.automatic:
        yield texts.gettext("None: every step is somebody's decision.")
    for step in policy.automatic:
        yield texts.plain(STEPS[step])


def _pooling(texts: Texts, policy: Policy) -> Iterator[str]:
    if not policy.pooling:
        yield texts.gettext("None.")
    for agreement in policy.pooling:
        yield _agreement(texts, agreement)


def _agreement(texts: Texts, agreement: Pooling) -> str:
    types = _types(texts, agreement.course_types) or texts.gettext("all course types")
    if agreement.until is None:
        return texts.gettext("%(kreis)s: %(types)s.", kreis=agreement.kreis, types=types)
    return texts.gettext(
        "%(kreis)s, until %(day)s: %(types)s.",
        kreis=agreement.kreis,
        day=texts.date(agreement.until),
        types=types,
    )
