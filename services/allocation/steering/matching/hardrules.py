"""Lists the hard rules of a day, and declares those of needs, ways and decisions.

A new rule is one `Rule` here or in the two modules beside this one, its sentences in services/texts/rules.py,
and its second writing in services/checker/pairs.py.
"""

from __future__ import annotations

from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.course_rules import date_rules, level_rules
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.entitlement_rules import entitlement_rules
from services.allocation.steering.matching.entries import Entry, at_the_beginning, need_of
from services.allocation.steering.matching.rule import Fix, Params, Rule, anybody, anywhere, fix
from services.allocation.steering.matching.snapshot import Snapshot, Travel

VERSION = 2
"""Raised whenever a rule means something else: what was decided before is then told with a word about it."""
MOST_MINUTES = 45
"""Nobody is asked to travel longer by more than that."""
TRAVEL_TIME = "travel_time"


def hard_rules(snapshot: Snapshot) -> tuple[Rule, ...]:
    """List the hard rules of a day in the order in which they are told; seats are looked at after them."""
    day, rules, policy = snapshot.day, snapshot.rules, snapshot.policy
    return (
        *entitlement_rules(day, rules),
        *level_rules(rules),
        *date_rules(day, rules, policy),
        *_need_rules(rules),
        _travel_rule(snapshot),
        *_decision_rules(snapshot),
    )


def _need_rules(rules: Rules) -> tuple[Rule, ...]:
    """List what the person needs, and what has been answered before."""

    def time_fits(person: Person, entry: Entry) -> bool:
        times = entry.course.times_of_day
        return not person.available or (bool(times) and all(time in person.available for time in times))

    def more_times(person: Person, entry: Entry) -> Fix | None:
        more = tuple(sorted(set(entry.course.times_of_day) - set(person.available)))
        sets = {"available": (*person.available, *more)}
        return fix("time_of_day", 40, sets, times=",".join(more)) if more else None

    def more_days(person: Person, entry: Entry) -> Fix:
        more = tuple(day for day in entry.course.weekdays if day not in person.available_days)
        return fix(
            "weekdays", 35, {"available_days": (*person.available_days, *more)}, weekdays=",".join(more)
        )

    def women(entry: Entry) -> bool:
        return entry.course.women_only or entry.course.course_type in rules.women_types

    def among_women(person: Person) -> bool:
        return any(one in rules.women_types for one in person.course_types)

    def ask_again(person: Person, entry: Entry) -> Fix:
        return fix(
            "ask_again", 20, {"excluded": tuple(one for one in person.excluded if one != entry.course.id)}
        )

    return (
        Rule(
            "time_of_day",
            lambda p: p.available,
            lambda e: e.course.times_of_day,
            time_fits,
            params=lambda _, e: {"times": ",".join(e.course.times_of_day)} if e.course.times_of_day else {},
            told_as=lambda _, e: None if e is None or e.course.times_of_day else "time_unknown",
            fix=more_times,
        ),
        Rule(
            "weekdays",
            lambda p: p.available_days,
            lambda e: e.course.weekdays,
            lambda p, e: not p.available_days or all(day in p.available_days for day in e.course.weekdays),
            params=lambda _, e: {"weekdays": ",".join(e.course.weekdays)},
            fix=more_days,
        ),
        Rule(
            "childcare",
            lambda p: p.needs_childcare,
            lambda e: e.course.childcare,
            lambda p, e: not p.needs_childcare or e.course.childcare is True,
            fix=lambda _p, _e: fix("childcare", 60, {"needs_childcare": False}),
        ),
        Rule(
            "women_only",
            lambda p: (p.needs_women_only, among_women(p)),
            women,
            lambda p, e: women(e) if p.needs_women_only else not women(e) or among_women(p),
            told_as=lambda p, _: None if p.needs_women_only else "for_women",
        ),
        Rule(
            "barrier_free",
            lambda p: p.needs_barrier_free,
            lambda e: (e.course.online, e.course.barrier_free),
            lambda p, e: not p.needs_barrier_free or e.course.online or e.course.barrier_free is True,
            fix=lambda _p, _e: fix("access", 65, {"needs_barrier_free": False}),
        ),
        Rule(
            "earlier_answer",
            lambda p: p.excluded,
            lambda e: e.course.id,
            lambda p, e: e.course.id not in p.excluded,
            fix=ask_again,
        ),
    )


def travel_minutes(person: Person, course: Course, travel: Travel) -> int | None:
    """Return the minutes from the person's town to the course by the table; None: not known."""
    if course.online:
        return 0
    return None if course.town is None else travel.get((person.town, course.town))


def _travel_rule(snapshot: Snapshot) -> Rule:
    """A way that is not in the municipality's table is never too long: an estimate decides nothing."""
    general = snapshot.policy.limits.travel_minutes

    def longest(person: Person) -> int | None:
        known = [minutes for minutes in (general, person.max_travel_minutes) if minutes is not None]
        return min(known, default=None)

    def minutes_of(person: Person, entry: Entry) -> int | None:
        return travel_minutes(person, entry.course, snapshot.travel)

    def near(person: Person, entry: Entry) -> bool:
        limit, minutes = longest(person), minutes_of(person, entry)
        return limit is None or minutes is None or minutes <= limit

    def params(person: Person, entry: Entry) -> Params:
        return {"minutes": minutes_of(person, entry) or 0, "limit": longest(person) or 0}

    def travel_longer(person: Person, entry: Entry) -> Fix | None:
        """Only the person's own limit can be changed for one person; the municipality's holds for all."""
        minutes, own = minutes_of(person, entry), person.max_travel_minutes
        if minutes is None or own is None or (general is not None and minutes > general):
            return None
        more = minutes - own
        return (
            fix("travel", 45 + more, {"max_travel_minutes": minutes}, minutes=more)
            if 0 < more <= MOST_MINUTES
            else None
        )

    def whose(person: Person, entry: Entry | None) -> str | None:
        """Tell the person's own limit from the municipality's."""
        own = person.max_travel_minutes
        return "travel_own" if entry is not None and own is not None and own == longest(person) else None

    return Rule(
        TRAVEL_TIME,
        lambda p: (p.town, longest(p)),
        lambda e: (e.course.town, e.course.online),
        near,
        params=params,
        told_as=whose,
        fix=travel_longer,
    )


def _decision_rules(snapshot: Snapshot) -> tuple[Rule, ...]:
    """List what people have decided: holds, exclusions, courses that do not start; and the neighbours."""
    rules, policy = snapshot.rules, snapshot.policy
    pooled = set(snapshot.pooled)

    def shared(person: Person, entry: Entry) -> bool:
        home, there = person.kreis, entry.course.kreis
        if home == there or not home or not there:
            return True
        agreed = snapshot.agreed_types(home, there)
        return (home, there) in pooled and (not agreed or entry.course.course_type in agreed)

    def lift_exclusion(person: Person, entry: Entry) -> Fix:
        courses = tuple(one for one in person.barred_courses if one != entry.course.id)
        providers = tuple(one for one in person.barred_providers if one != entry.course.provider)
        return fix("exclusion", 25, {"barred_courses": courses, "barred_providers": providers})

    return (
        Rule(
            "on_hold",
            lambda p: p.held,
            anywhere,
            lambda p, _: not p.held,
            fix=lambda _p, _e: fix("hold", 5, {"held": False}),
            told="before others",
        ),
        Rule(
            "free_choice",
            lambda p: p.standing,
            anywhere,
            lambda p, _: policy.free_choice == "propose" or not rules.chooses_freely(p.standing),
            told="before others",
        ),
        Rule("neighbour", lambda p: p.kreis, lambda e: (e.course.kreis, e.course.course_type), shared),
        Rule(
            "course_not_to_start",
            anybody,
            lambda e: e.course.decision,
            lambda _, e: e.course.decision != "close",
        ),
        Rule(
            "course_not_sure",
            anybody,
            lambda e: (e.course.id, e.section.number),
            lambda _, e: not need_of(e.course, snapshot) or at_the_beginning(e),
        ),
        Rule(
            "exclusion",
            lambda p: (p.barred_courses, p.barred_providers),
            lambda e: (e.course.id, e.course.provider),
            lambda p, e: e.course.id not in p.barred_courses and e.course.provider not in p.barred_providers,
            fix=lift_exclusion,
        ),
    )
