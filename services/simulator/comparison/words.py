"""Names the figures and assumptions of the comparison; pages translate them."""

from __future__ import annotations

from typing import Final

NAMES: Final = {
    "registered": "people registered",
    "suited": "of them with any suitable course at all",
    "started": "people placed: started a course (the n of their waits)",
    "median_wait": "median wait of those who started, days",
    "p90_wait": "nine of ten of them waited at most, days",
    "half_started_after": "half of all registered have started after, days",
    "waiting": "still waiting without a seat at the end",
    "waiting_suited": "of them with a suitable course at some time",
    "long_waiting": "of all who wait, for more than half a year",
    "seat_to_come": "with a seat that is still to start at the end",
    "gone": "gone without a start (moved, gave up, not reached, no-show)",
    "lapsed_admission_lapses": "rights lapsed: admission (IntV § 5)",
    "lapsed_claim_lapses": "rights lapsed: claim (AufenthG § 44(2))",
    "lapsed_vocational_lapses": "rights lapsed: DeuFöV, three months",
    "lapsed_certificate_lapses": "rights lapsed: date on the certificate",
    "courses_decided": "courses that were to start",
    "courses_started": "courses started",
    "courses_cancelled": "courses cancelled",
    "dropped": "accepted seats lost because the course was cancelled",
    "fill": "seats taken at section starts, per cent",
    "seats_unused": "seats unused at section starts",
    "offers": "seats offered",
    "declined": "offers declined",
    "expired": "offers expired",
    "travel_median": "median way of those who started, minutes",
}
OF_CLASS: Final = {
    "started_": "started",
    "median_wait_": "median wait of those who started, days",
    "waiting_": "still waiting without a seat at the end",
}
"""Figures of a priority class; its code follows."""
ASSUMPTIONS: Final = (
    (
        "Everything is invented, and the same in every world: people and courses, and who declines, does "
        "not answer, moves or leaves. It is drawn by seed for each person and course, whoever offers the "
        "course and whenever."
    ),
    "The year begins with people waiting, an eighth of those who arrive in it, and with running courses.",
    (
        "Waits run from the registration in the list to the first day in a course, of those who started. "
        "Only the figure 'half of all registered' counts those who still wait, too."
    ),
    (
        "Steered: the real engine with the rule book and the policy. What a run proposes is released on "
        "the same day, held by post for the days of the policy, and nobody sits in the room when it is "
        "offered."
    ),
    (
        "First come, first served: people know which providers usually suit and ask the nearest first, up"
        " to three, one after the other, two to four weeks apart. At the desk a seat is given and taken "
        "at once. Providers obey the same law and call the next on their list on the day a seat falls "
        "free. Nobody holds two seats, nobody loses a place on a list. Providers do not send people to "
        "each other."
    ),
    (
        "One common list: the same, but from the first day people see and get the seats of all providers, "
        "and are asked by post, as when steered."
    ),
    (
        "A suitable course: one of the year, started or not, that the law allows and that the person would "
        "have taken and come to, had there been a seat in time. Whoever had none could not be placed in any "
        "world: more or other courses are needed."
    ),
    (
        "In every world a course below its minimum on its first day is put off once by some providers, "
        "started all the same by a few, and else cancelled."
    ),
    (
        "Not counted: what coordinators do beyond confirming, such as calling people, merging courses or "
        "adding childcare; also double bookings, and returns after an exit."
    ),
)


def name_of(code: str) -> tuple[str, str]:
    """Return a figure's name and the priority class that it is about, or an empty text."""
    if code in NAMES:
        return NAMES[code], ""
    for prefix, words in OF_CLASS.items():
        if code.startswith(prefix):
            return words, code.removeprefix(prefix)
    return code, ""
