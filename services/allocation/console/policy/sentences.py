"""Says what each field of a policy decides, a sentence or more, in words that change with its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from services.allocation.console.context.cadence import WEEKDAYS, cadence_lines
from services.allocation.policy.domain import Policy, Pooling, Quota, Step
from services.runtime.web.languages import Texts, msgid
from services.texts.codes import word


def as_written(key: str) -> str:
    """Return a key as it stands in the document."""
    return key


@dataclass(frozen=True, slots=True)
class Wording:
    """The language, and how towns, Kreise (by AGS) and providers (by slug) are called in it."""

    texts: Texts
    place: Callable[[str], str] = as_written
    provider: Callable[[str], str] = as_written


Lines = tuple[str, ...]
Say = Callable[[Wording, Policy], Lines]

BY_ITSELF: Mapping[Step, str] = {
    Step.SEND: msgid("Proposals for courses of the BAMF go on the list for the BAMF."),
    Step.RELEASE: msgid("Proposals become reservations; nobody looks at them before."),
    Step.EXPIRE: msgid(
        "A seat is free again when nobody answers in time; the same when the BAMF is silent until the start."
    ),
    Step.CONFIRM: msgid("A place that was accepted is confirmed; the provider is not waited for."),
    Step.START: msgid("A confirmed place counts as started on the first day of the course."),
    Step.COMPLETE: msgid("Who sat in a course has completed it when the provider closes it."),
}
BY_PEOPLE: Mapping[Step, str] = {
    Step.SEND: msgid("Coordination decides which proposals go to the BAMF, and notes what it answers."),
    Step.RELEASE: msgid("Coordination looks at each proposal and confirms it, or decides otherwise."),
    Step.EXPIRE: msgid("Coordination decides whether a seat that nobody answered for is free again."),
    Step.CONFIRM: msgid("The provider says whether it takes the person."),
    Step.START: msgid("Coordination notes who has started."),
    Step.COMPLETE: msgid("Coordination notes who has completed a course."),
}
ALWAYS_PEOPLE: Final = msgid(
    "The person decides at the registering desk whether to take it; no answer is never a breach of duty."
)
GOALS: Mapping[str, str] = {
    "priority": msgid("As many people as possible get a place; the most urgent come first."),
    "waiting": msgid("Of several, whoever has waited longest goes first."),
    "deadline": msgid("Whose entitlement runs out soon should still be in a course before it does."),
    "viability": msgid("Courses are filled so that they can take place."),
    "keep_offer": msgid("A proposal that was made is not changed without need."),
    "type_choice": msgid("People get the kind of course that suits them best."),
    "early_start": msgid("An early start is better than a late one."),
    "travel_time": msgid("A short way by bus and train is better than a long one, where ways are known."),
    "distance": msgid("A near course is better than a far one."),
    "balance": msgid("All providers are filled evenly."),
}


def begins(say: Wording, policy: Policy) -> Lines:
    """Say from when on it holds."""
    texts = say.texts
    return (
        texts.gettext(
            "Holds from %(day)s on, until another policy takes its place.", day=texts.date(policy.valid_from)
        ),
    )


def decided(say: Wording, policy: Policy) -> Lines:
    """Say who decided it and when."""
    return (say.texts.gettext("Decision: %(source)s", source=policy.source),)


def latest_start(say: Wording, policy: Policy) -> Lines:
    """Say how far ahead courses are proposed."""
    days = policy.limits.latest_start_days
    return (say.texts.gettext("Courses that start within %(days)s days are proposed.", days=days),)


def late_entry(say: Wording, policy: Policy) -> Lines:
    """Say whether running sections are entered, and up to when."""
    limits, texts = policy.limits, say.texts
    if not limits.late_entry:
        return (texts.gettext("Nobody enters a running section."),)
    if limits.late_entry_ue is None:
        return (texts.gettext("A running section can be entered as long as the law allows it."),)
    return (
        texts.gettext(
            "A running section can be entered in its first %(ue)s UE, or fewer if the law says so.",
            ue=limits.late_entry_ue,
        ),
    )


def reachable(say: Wording, policy: Policy) -> Lines:
    """Say which ways are too long."""
    minutes, texts = policy.limits.travel_minutes, say.texts
    if minutes is None:
        return (
            texts.gettext(
                "No way is too long by itself: every course counts as reachable (“ortsnah”). Who finds the"
                " way too far can decline."
            ),
        )
    return (
        texts.gettext(
            "A course counts as reachable (“ortsnah”) if the way there takes at most %(minutes)s minutes by"
            " the table of travel times.",
            minutes=minutes,
        ),
        texts.gettext("A way that is not in the table excludes nobody."),
    )


def towns(say: Wording, policy: Policy) -> Lines:
    """Say where each town lies."""
    if not policy.towns:
        return (say.texts.gettext("No positions: distances as the crow flies are not known."),)
    return tuple(
        say.texts.gettext(
            "%(town)s: %(latitude)s° north, %(longitude)s° east",
            town=say.place(ags),
            latitude=town.latitude,
            longitude=town.longitude,
        )
        for ags, town in sorted(policy.towns.items())
    )


def goals(say: Wording, policy: Policy) -> Lines:
    """Say what counts, the most important first."""
    return tuple(say.texts.plain(GOALS[goal]) for goal in policy.goals)


def free_choice(say: Wording, policy: Policy) -> Lines:
    """Say what becomes of people who are entitled without a duty."""
    if policy.free_choice == "propose":
        return (
            say.texts.gettext(
                "Who may attend without having to is proposed places, too, and chooses freely."
            ),
        )
    return (
        say.texts.gettext("Who may attend without having to looks for a place freely and is proposed none."),
    )


def alternatives(say: Wording, policy: Policy) -> Lines:
    """Say how many other places a proposal names."""
    return (
        say.texts.ngettext(
            "%(num)s other place is named with a proposal.",
            "%(num)s other places are named with a proposal.",
            policy.alternatives,
        ),
    )


def decide_days(say: Wording, policy: Policy) -> Lines:
    """Say from when on a minimum binds."""
    return (
        say.texts.gettext(
            "From %(days)s days before the start on, a course is only proposed if enough people come"
            " together.",
            days=policy.sizes.decide_days,
        ),
    )


def minimum(say: Wording, policy: Policy) -> Lines:
    """Say from how many people on courses start."""
    texts = say.texts
    if not policy.sizes.minimum:
        return (texts.gettext("No minimum of the municipality's own: what the provider says holds."),)
    return tuple(
        texts.gettext(
            "%(type)s: from %(number)s people on.", type=word(texts, code, "course_type"), number=number
        )
        for code, number in policy.sizes.minimum.items()
    )


def target(say: Wording, policy: Policy) -> Lines:
    """Say up to how many people a course is filled before others."""
    texts = say.texts
    if not policy.sizes.target:
        return (texts.gettext("No target sizes."),)
    return tuple(
        texts.gettext(
            "%(type)s: %(number)s people are the target.",
            type=word(texts, code, "course_type"),
            number=number,
        )
        for code, number in policy.sizes.target.items()
    )


def protected_types(say: Wording, policy: Policy) -> Lines:
    """Say which kinds of course start with however few people."""
    if not policy.sizes.protected_types:
        return (say.texts.gettext("No kind of course is exempt from the minimum."),)
    names = types_of(say, policy.sizes.protected_types)
    return (say.texts.gettext("Start with however few people: %(names)s.", names=names),)


def protected_courses(say: Wording, policy: Policy) -> Lines:
    """Say which single courses start with however few people."""
    if not policy.sizes.protected_courses:
        return (say.texts.gettext("No single course is exempt from the minimum."),)
    parts = (name.partition("/") for name in policy.sizes.protected_courses)
    names = ", ".join(f"{say.provider(provider)}/{own}" for provider, _, own in parts)
    return (say.texts.gettext("Single courses that start with however few people: %(names)s.", names=names),)


def types_of(say: Wording, codes: Iterable[str]) -> str:
    """Name some kinds of course in one line."""
    return ", ".join(word(say.texts, code, "course_type") for code in codes)


def quotas(say: Wording, policy: Policy) -> Lines:
    """Say which seats are kept for whom."""
    if not policy.quotas:
        return (say.texts.gettext("None: every free seat is for everybody."),)
    return tuple(_quota(say, quota) for quota in policy.quotas)


def _quota(say: Wording, quota: Quota) -> str:
    texts = say.texts
    where = types_of(say, quota.course_types) or texts.gettext("all course types")
    if quota.providers:
        named = ", ".join(say.provider(slug) for slug in quota.providers)
        where += texts.gettext(" of %(providers)s", providers=named)
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


def by_post(say: Wording, policy: Policy) -> Lines:
    """Say how long a seat is held for who is asked by post."""
    return (
        say.texts.ngettext(
            "Who is asked by post has %(num)s day to answer; for so long the seat is kept.",
            "Who is asked by post has %(num)s days to answer; for so long the seat is kept.",
            policy.reservation.days,
        ),
    )


def present(say: Wording, policy: Policy) -> Lines:
    """Say how long a seat is held for who is in the room."""
    return (
        say.texts.ngettext(
            "Who is in the room when the seat is offered has %(num)s day to answer.",
            "Who is in the room when the seat is offered has %(num)s days to answer.",
            policy.reservation.present_days,
        ),
    )


def by_class(say: Wording, policy: Policy) -> Lines:
    """Say which classes have other days."""
    texts = say.texts
    if not policy.reservation.by_class:
        return (texts.gettext("These days are the same for all priority classes."),)
    return tuple(
        texts.gettext(
            "By post for class “%(class)s”: %(days)s days.",
            **{"class": word(texts, code, "priority"), "days": days},
        )
        for code, days in policy.reservation.by_class.items()
    )


def steered(say: Wording, policy: Policy) -> Lines:
    """Say on which days and from which hour places are steered."""
    return tuple(cadence_lines(say.texts, policy.cadence))[:1]


def steered_weekday(say: Wording, policy: Policy) -> Lines:
    """Say what the weekday does, which is nothing for daily steering."""
    if policy.cadence.every == "daily":
        return (say.texts.gettext("The weekday only counts if steering is weekly."),)
    weekday = say.texts.plain(WEEKDAYS[policy.cadence.weekday])
    return (say.texts.gettext("Weekly, on %(weekday)s.", weekday=weekday),)


def steered_at_once(say: Wording, policy: Policy) -> Lines:
    """Say when steering does not wait for its hour."""
    return tuple(cadence_lines(say.texts, policy.cadence))[1:]


def automatic(say: Wording, policy: Policy) -> Lines:
    """Say of each step whether it happens by itself or a person decides."""
    return tuple(
        say.texts.plain(BY_ITSELF[step] if policy.automates(step) else BY_PEOPLE[step]) for step in Step
    )


def pooling(say: Wording, policy: Policy) -> Lines:
    """Say with which neighbours courses are shared."""
    if not policy.pooling:
        return (say.texts.gettext("None."),)
    return tuple(_agreement(say, agreement) for agreement in policy.pooling)


def _agreement(say: Wording, agreement: Pooling) -> str:
    texts, kreis = say.texts, say.place(agreement.kreis)
    types = types_of(say, agreement.course_types) or texts.gettext("all course types")
    if agreement.until is None:
        return texts.gettext("%(kreis)s: %(types)s.", kreis=kreis, types=types)
    day = texts.date(agreement.until)
    return texts.gettext("%(kreis)s, until %(day)s: %(types)s.", kreis=kreis, day=day, types=types)


def on_record(say: Wording, policy: Policy) -> Lines:
    """Say for how long it can be told what a decision rested on."""
    return (
        say.texts.gettext(
            "What a decision rested on stays on record for %(days)s days, longer while it is open or"
            " contested.",
            days=policy.explained_days,
        ),
    )
