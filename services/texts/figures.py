"""Registers every published figure of both sides: its definition, its parts and their words.

A figure is counted once for each Kreis and quarter, eight weeks after the quarter's end, by the one
function of its side (`allocation/figures/counting.py`, `notifications/counts/store.py`), and passes
`services/runtime/disclosure`. Nothing else about groups of persons leaves a side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from schemas.codes import CourseType
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import RANKS, Counts, Figure, Part
from services.runtime.disclosure.quarters import Quarter
from services.runtime.web.languages import Texts, msgid


class Courses(StrEnum):
    """Kinds of courses that figures keep apart; single types would be too small to be told in most Kreise."""

    GENERAL = "general"
    SPECIAL = "special"
    VOCATIONAL = "vocational"
    OTHER = "other"


COURSES_OF: Mapping[Courses, tuple[CourseType, ...]] = {
    Courses.GENERAL: (CourseType.GENERAL, CourseType.INTENSIVE),
    Courses.SPECIAL: (
        CourseType.LITERACY,
        CourseType.SECOND_SCRIPT,
        CourseType.SUPPORT,
        CourseType.YOUTH,
        CourseType.PARENTS,
        CourseType.WOMEN,
    ),
    Courses.VOCATIONAL: (CourseType.VOCATIONAL,),
}
"""What is not listed is of `OTHER`: courses of the Land and the municipality."""
COHORTS = 8
"""So many quarters after their registration people are followed to the end of a course."""
WITHIN_WEEKS = (26, 12, 6, 3)

ARRIVALS = Figure(
    "arrivals",
    msgid("People who were first registered in the quarter, and where they stood when it was counted."),
    (
        Part("registered"),
        Part("started", of="registered"),
        Part("placed", of="registered", apart_from=("started",)),
        Part("tested", of="registered", apart_from=("started", "placed")),
        Part("proposed", of="registered", apart_from=("started", "placed")),
        Part("obliged", of="registered"),
        Part("young", of="registered"),
        Part("literacy", of="registered"),
        Part("childcare_needed", of="registered"),
    ),
)
TOWN = "town_"
"""Begins the parts that are added for each town, by its key (AGS)."""


def with_towns(figure: Figure, towns: Sequence[str], quarter: Quarter) -> Figure:
    """Add a part for each town, in an order that turns with the quarters.

    What is known of the group leaves less room for each town than for the one before, so that the last of
    many are often not told. The order depends on the calendar alone and is another one in each quarter. The
    last town gets no part: all of them add up to the group.
    """
    if not towns:
        return figure
    known = sorted(towns)
    turn = (quarter.first.year * 4 + quarter.first.month // 3) % len(known)
    names = [f"{TOWN}{ags}" for ags in (*known[turn:], *known[:turn])][:-1]
    parts = [Part(name, of="registered", apart_from=tuple(names[:at])) for at, name in enumerate(names)]
    return replace(figure, parts=(*figure.parts, *parts))


def _starts(courses: Courses) -> Figure:
    within = [f"within_{weeks}_weeks" for weeks in WITHIN_WEEKS]
    return Figure(
        f"starts_{courses}",
        msgid("Places that began in the quarter, and how long the people had waited without a seat."),
        (
            Part("begun"),
            *(Part(name, of=of) for name, of in zip(within, ("begun", *within), strict=False)),
            Part("weeks_waited", of="begun", counts=Counts.WEEKS),
            Part("weeks_waited_by_nine_in_ten", of="begun", counts=Counts.WEEKS, least=10),
        ),
        of=courses,
    )


def _proposals(courses: Courses) -> Figure:
    return Figure(
        f"proposals_{courses}",
        msgid("Proposals that were made in the quarter, by steering runs and by hand."),
        (
            Part("proposals"),
            Part("by_run", of="proposals"),
            Part("taken_back", of="by_run"),
            Part("weeks_until_proposal", of="proposals", counts=Counts.WEEKS),
        ),
        of=courses,
    )


def _reservations(courses: Courses) -> Figure:
    return Figure(
        f"reservations_{courses}",
        msgid("Places that were reserved in the quarter, and whether the people answered in time."),
        (
            Part("reserved"),
            Part("answered", of="reserved"),
            Part("accepted", of="answered"),
            Part("expired", of="reserved", apart_from=("answered",)),
            Part("days_until_answer", of="answered", counts=Counts.DAYS),
        ),
        of=courses,
    )


def _completions(courses: Courses) -> Figure:
    began = [f"began_{number}" for number in range(COHORTS)]
    cohorts = [f"cohort_{number}" for number in range(COHORTS)]
    return Figure(
        f"completions_{courses}",
        msgid("People in courses that ended in the quarter, by the totals that the providers reported."),
        (
            Part("courses", counts=Counts.COURSES),
            Part("in_courses"),
            Part("finished", of="in_courses"),
            Part("sat", of="finished"),
            Part("qualified", of="sat"),
            Part("left", of="in_courses", apart_from=("finished",)),
            Part("moved", of="left"),
            Part("work", of="left", apart_from=("moved",)),
            Part("transfer", of="left", apart_from=("moved", "work")),
            Part("returned", of="left"),
            *(Part(name, of="in_courses", apart_from=tuple(began[:at])) for at, name in enumerate(began)),
            *(
                Part(name, of="finished", apart_from=tuple(cohorts[:at]), within=began[at])
                for at, name in enumerate(cohorts)
            ),
        ),
        of=courses,
        instead_of="completions",
    )


def _fill(courses: Courses) -> Figure:
    return Figure(
        f"fill_{courses}",
        msgid("Seats of the course sections that began in the quarter."),
        (Part("seats", counts=Counts.SEATS), Part("taken", of="seats")),
        of=courses,
        instead_of="fill",
    )


def each_kind(make: Callable[[Courses], Figure]) -> tuple[Figure, ...]:
    """Make the same figure for each kind of course: nobody is counted in two of them."""
    return tuple(make(courses) for courses in Courses)


STARTS, PROPOSALS = each_kind(_starts), each_kind(_proposals)
RESERVATIONS, COMPLETIONS, FILL = each_kind(_reservations), each_kind(_completions), each_kind(_fill)
COUNSELLING = Figure(
    "counselling",
    msgid("People whose first course began in the quarter, and what was on record when it was counted."),
    (
        Part("began"),
        Part("consented", of="began"),
        Part("announced", of="consented"),
        Part("unsuited", of="announced"),
        Part("at_risk", of="consented"),
        Part("taken_up", of="at_risk"),
    ),
)
NEED_KINDS = ("childcare", "bus", "evening_course", "other_level", "other")
NEEDS = Figure(
    "needs",
    msgid("Needs of the quarter's months that counselling offices reported without naming anybody."),
    tuple(
        Part(name, counts=Counts.REPORTS, apart_from=NEED_KINDS[:at]) for at, name in enumerate(NEED_KINDS)
    ),
)
NEEDS_OF_TOWNS = NEED_KINDS[:-1]
MOST_TOWNS = 20
"""So many towns at most have a part for each need: an event holds a hundred parts."""


def need_of_town(name: str) -> tuple[str, str]:
    """Return the town and the need of a part: `town_99001001_bus`."""
    town, _, need = name.removeprefix(TOWN).partition("_")
    return town, need


def needs_with_towns(figure: Figure, towns: Sequence[str]) -> Figure:
    """Add a part of each need for each town, in this order: earlier ones leave less room for later ones.

    The last town gets no part: all of them add up to the need.
    """
    found = list(figure.parts)
    for need in NEEDS_OF_TOWNS:
        names = [f"{TOWN}{ags}_{need}" for ags in towns[:-1][:MOST_TOWNS]]
        found += [
            Part(name, of=need, apart_from=tuple(names[:at]), counts=Counts.REPORTS)
            for at, name in enumerate(names)
        ]
    return replace(figure, parts=tuple(found))


COURSE_SIGNALS = Figure(
    "course_signals",
    msgid(
        "Courses, large enough that nobody in them shows, that told something for the first time in the"
        " quarter."
    ),
    (Part("courses_silent", counts=Counts.COURSES), Part("courses_collapsed", counts=Counts.COURSES)),
)
OWN_CONSENT_RATE = msgid(
    "The share of the people whose first course began in the quarter who allow your office today. How many "
    "began is the published span, so that the share stands in a span too."
)
"""Of no publication: a team lead reads who allows the own office, and a span that everybody reads."""
STEERING = (ARRIVALS, *STARTS, *PROPOSALS, *RESERVATIONS, *COMPLETIONS, *FILL)
SUPPORT = (COUNSELLING, COURSE_SIGNALS, NEEDS)
FIGURES: Mapping[str, Figure] = {figure.name: figure for figure in (*STEERING, *SUPPORT)}

PAST = (
    replace(
        COMPLETIONS[0], name="completions", of="", instead_of="", parts=COMPLETIONS[0].parts[: -2 * COHORTS]
    ),
    replace(FILL[0], name="fill", of="", instead_of=""),
)
"""Published of all courses together before the kinds were kept apart; quarters told so stay as they are."""
READABLE: Mapping[str, Figure] = {figure.name: figure for figure in (*FIGURES.values(), *PAST)}

COURSES_WORDS: Mapping[str, str] = {
    Courses.GENERAL: msgid("General integration courses"),
    Courses.SPECIAL: msgid("Special integration courses"),
    Courses.VOCATIONAL: msgid("Vocational language courses"),
    Courses.OTHER: msgid("Courses of the Land and the municipality"),
}
TITLES: Mapping[str, str] = {
    "arrivals": msgid("From the registration to the first day"),
    "starts": msgid("Waiting times"),
    "proposals": msgid("Proposals of a quarter"),
    "reservations": msgid("Reservations of a quarter"),
    "completions": msgid("Completed courses"),
    "fill": msgid("Seats"),
    "counselling": msgid("Counselling"),
    "needs": msgid("Reported needs"),
    "course_signals": msgid("Courses to look after"),
}
"""By question: figures of several kinds of courses have one title."""
PARTS: Mapping[str, str] = {
    "registered": msgid("First registered"),
    "started": msgid("of these, in a course"),
    "placed": msgid("of the registered, with a reserved place and not yet in a course"),
    "tested": msgid("of the registered, tested and without a place"),
    "proposed": msgid("of the registered, with a proposal and without a place"),
    "obliged": msgid("of the registered, obliged to attend"),
    "young": msgid("of the registered, under 27 years of age"),
    "literacy": msgid("of the registered, in need of a literacy course"),
    "childcare_needed": msgid("of the registered, in need of childcare"),
    "begun": msgid("Places that began"),
    "within_26_weeks": msgid("of these, within 26 weeks"),
    "within_12_weeks": msgid("of these, within 12 weeks"),
    "within_6_weeks": msgid("of these, within 6 weeks"),
    "within_3_weeks": msgid("of these, within 3 weeks"),
    "weeks_waited": msgid("Median of the time without a seat before the first day"),
    "weeks_waited_by_nine_in_ten": msgid("Nine in ten had waited at most"),
    "proposals": msgid("Proposals"),
    "by_run": msgid("of these, by a steering run"),
    "taken_back": msgid("of those by a steering run, taken back by a person"),
    "weeks_until_proposal": msgid("Median of the time without a seat before the proposal"),
    "reserved": msgid("Reserved places"),
    "answered": msgid("of these, answered in time"),
    "accepted": msgid("of the answers, accepted"),
    "expired": msgid("of the reserved places, expired"),
    "days_until_answer": msgid("Median of the days from the reservation to the answer"),
    "courses": msgid("Courses with totals"),
    "in_courses": msgid("People in these courses"),
    "finished": msgid("of these, stayed to the end"),
    "sat": msgid("of those who stayed, sat the language examination"),
    "qualified": msgid("of those who sat it, qualified (B1 and Leben in Deutschland)"),
    "left": msgid("of the people in these courses, left before the end"),
    "moved": msgid("of those who left, because they moved"),
    "work": msgid("of those who left, for work"),
    "transfer": msgid("of those who left, into another course"),
    "returned": msgid("of those who left, registered again"),
    "cohort_0": msgid("of those who stayed, first registered in the quarter of the end"),
    "cohort_1": msgid("of those who stayed, first registered one quarter before"),
    "cohort_2": msgid("of those who stayed, first registered two quarters before"),
    "cohort_3": msgid("of those who stayed, first registered three quarters before"),
    "cohort_4": msgid("of those who stayed, first registered four quarters before"),
    "cohort_5": msgid("of those who stayed, first registered five quarters before"),
    "cohort_6": msgid("of those who stayed, first registered six quarters before"),
    "cohort_7": msgid("of those who stayed, first registered seven quarters before"),
    "began_0": msgid("of the people in these courses, first registered in the quarter of the end"),
    "began_1": msgid("of the people in these courses, first registered one quarter before"),
    "began_2": msgid("of the people in these courses, first registered two quarters before"),
    "began_3": msgid("of the people in these courses, first registered three quarters before"),
    "began_4": msgid("of the people in these courses, first registered four quarters before"),
    "began_5": msgid("of the people in these courses, first registered five quarters before"),
    "began_6": msgid("of the people in these courses, first registered six quarters before"),
    "began_7": msgid("of the people in these courses, first registered seven quarters before"),
    "seats": msgid("Seats of these sections"),
    "taken": msgid("of these, taken"),
    "began": msgid("Began their first course"),
    "consented": msgid("of these, with consent to counselling"),
    "announced": msgid("of those with consent, announced to a counselling office"),
    "unsuited": msgid("of those announced, no office that they allowed fits entirely"),
    "at_risk": msgid("of those with consent, with an alert that they may drop out"),
    "taken_up": msgid("of those with such an alert, taken up by an office"),
    "courses_silent": msgid("Courses whose reports of attendance stopped"),
    "courses_collapsed": msgid("Courses whose attendance fell below half of the lessons within a week"),
    "childcare": msgid("Childcare"),
    "bus": msgid("Bus"),
    "evening_course": msgid("Evening course"),
    "other_level": msgid("Another level"),
    "other": msgid("Other"),
}


def part_words(texts: Texts, name: str, place: Callable[[str], str]) -> str:
    """Write what a part counts; `place` names a town by its key."""
    town, need = need_of_town(name) if name.startswith(TOWN) else ("", "")
    if need:
        return texts.gettext(msgid("%(need)s, for %(town)s"), need=texts.plain(PARTS[need]), town=place(town))
    if town:
        return texts.gettext(msgid("of the registered, living in %(town)s"), town=place(town))
    return texts.plain(PARTS[name])


def band_text(texts: Texts, told: Band, counts: Counts) -> str:
    """Write a published band in words."""
    if not told.told:
        return texts.plain(msgid("not shown, the group is too small"))
    if counts in RANKS:
        return _time_text(texts, told.low, counts)
    if told.high is None:
        return texts.gettext(msgid("%(low)s or more"), low=texts.number(told.low))
    if told.low == told.high:
        return texts.number(told.low)
    if told.low == 0:
        return texts.gettext(msgid("fewer than %(high)s"), high=texts.number(told.high + 1))
    return texts.gettext(
        msgid("%(low)s to %(high)s"), low=texts.number(told.low), high=texts.number(told.high)
    )


def _time_text(texts: Texts, number: int, counts: Counts) -> str:
    if counts is Counts.WEEKS:
        return texts.ngettext("%(num)s week", "%(num)s weeks", number)
    return texts.ngettext("%(num)s day", "%(num)s days", number)
