"""Registers every published figure of both sides: its definition, its parts and their words.

A figure is counted once for each Kreis and quarter, eight weeks after the quarter's end, by the one
function of its side (`allocation/figures/counting.py`, `notifications/counts/store.py`), and passes
`services/runtime/disclosure`. Nothing else about groups of persons leaves a side.
"""

from collections.abc import Mapping

from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Counts, Figure, Part
from services.runtime.web.languages import Texts, msgid

ARRIVALS = Figure(
    "arrivals",
    msgid("People who were first registered in the quarter, and where they stood when it was counted."),
    (
        Part("registered"),
        Part("started", of="registered"),
        Part("within_six_weeks", of="started"),
        Part("weeks_until_start", of="started", counts=Counts.WEEKS),
        Part("tested", of="registered", apart_from=("started",)),
        Part("proposed", of="registered", apart_from=("started",)),
    ),
)
COMPLETIONS = Figure(
    "completions",
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
    ),
)
FILL = Figure(
    "fill",
    msgid("Seats of the course sections that began in the quarter."),
    (Part("seats", counts=Counts.SEATS), Part("taken", of="seats")),
)
COUNSELLING = Figure(
    "counselling",
    msgid("People whose first course began in the quarter, and what was on record when it was counted."),
    (
        Part("began"),
        Part("consented", of="began"),
        Part("announced", of="consented"),
        Part("at_risk", of="consented"),
        Part("taken_up", of="at_risk"),
    ),
)
NEEDS = Figure(
    "needs",
    msgid("Needs of the quarter's months that counselling offices reported without naming anybody."),
    tuple(
        Part(name, counts=Counts.REPORTS)
        for name in ("childcare", "bus", "evening_course", "other_level", "other")
    ),
)
STEERING = (ARRIVALS, COMPLETIONS, FILL)
SUPPORT = (COUNSELLING, NEEDS)
FIGURES: Mapping[str, Figure] = {figure.name: figure for figure in (*STEERING, *SUPPORT)}

TITLES: Mapping[str, str] = {
    "arrivals": msgid("From the registration to the first day"),
    "completions": msgid("Completed courses"),
    "fill": msgid("Seats"),
    "counselling": msgid("Counselling"),
    "needs": msgid("Reported needs"),
}
PARTS: Mapping[str, str] = {
    "registered": msgid("First registered"),
    "started": msgid("of these, in a course"),
    "within_six_weeks": msgid("of those in a course, within six weeks after the registration"),
    "weeks_until_start": msgid("Median from the first registration to the first day, of those in a course"),
    "tested": msgid("of the registered, tested and not yet in a course"),
    "proposed": msgid("of the registered, with a proposal and not yet in a course"),
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
    "seats": msgid("Seats of these sections"),
    "taken": msgid("of these, taken"),
    "began": msgid("Began their first course"),
    "consented": msgid("of these, with consent to counselling"),
    "announced": msgid("of those with consent, announced to a counselling office"),
    "at_risk": msgid("of those with consent, with an alert that they may drop out"),
    "taken_up": msgid("of those with such an alert, taken up by an office"),
    "childcare": msgid("Childcare"),
    "bus": msgid("Bus"),
    "evening_course": msgid("Evening course"),
    "other_level": msgid("Another level"),
    "other": msgid("Other"),
}


def band_text(texts: Texts, told: Band, counts: Counts) -> str:
    """Write a published band in words."""
    if not told.told:
        return texts.plain(msgid("not shown, the group is too small"))
    if counts is Counts.WEEKS:
        return texts.ngettext("%(num)s week", "%(num)s weeks", told.low)
    if told.high is None:
        return texts.gettext(msgid("%(low)s or more"), low=texts.number(told.low))
    if told.low == told.high:
        return texts.number(told.low)
    if told.low == 0:
        return texts.gettext(msgid("fewer than %(high)s"), high=texts.number(told.high + 1))
    return texts.gettext(
        msgid("%(low)s to %(high)s"), low=texts.number(told.low), high=texts.number(told.high)
    )
