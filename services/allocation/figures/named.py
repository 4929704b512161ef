"""Names every figure of a day: one name, one title, one sentence. Pages, files and programs use these only.

`today.py` counts them. A figure whose sentence says `for each` is told with what it is of: a provider, a
course, a reason. Titles and sentences are msgids.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.runtime.web.languages import msgid


class Of(StrEnum):
    """What a figure is of, apart from the whole."""

    ALL = ""
    COURSE = "course"
    PROVIDER = "provider"
    REASON = "reason"
    HELP = "help"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Named:
    """A figure; `gauge`: the same number among the service's metrics, over all Kreise."""

    name: str
    title: str
    definition: str
    where: str
    """Address of the page that lists what is counted; empty: there is none."""
    each: tuple[Of, ...] = (Of.ALL,)
    gauge: str = ""


_PEOPLE = (
    Named(
        "waiting",
        msgid("People who wait for a course"),
        msgid(
            "On the list, without a reserved or confirmed place, and still placeable: the entitlement has not"
            " expired, or the person can go into a course that needs none."
        ),
        "/waiting",
    ),
    Named(
        "waiting_with_proposal",
        msgid("of those who wait: with an open proposal"),
        msgid("Who waits and for whom a proposal is to be checked or is with the BAMF."),
        "",
    ),
    Named(
        "deadline_within_four_weeks",
        msgid("of those who wait: with a deadline within four weeks"),
        msgid("Who waits and whose entitlement ends today or within the next 28 days."),
        "/waiting?deadline=1",
    ),
    Named(
        "deadline_over",
        msgid("of those who wait: entitlement over, other courses are open"),
        msgid(
            "Whose entitlement has expired and who can still be placed in courses of the Land or the"
            " municipality."
        ),
        "/waiting?deadline=over",
    ),
    Named(
        "expired",
        msgid("Expired entitlements"),
        msgid(
            "On the list, without a place, and not placeable any more: the entitlement has expired and the"
            " person names no course that needs none. They are not among those who wait."
        ),
        "/expired",
    ),
    Named(
        "expired_asked",
        msgid("of the expired entitlements: extension asked for"),
        msgid("For whom it is noted since the expiry that the registering office was asked to extend."),
        "/expired?asked=yes",
    ),
    Named(
        "main_reason",
        msgid("Main reason of those who wait"),
        msgid(
            "For each reason: who waits without a proposal and for whom this spoke against the most courses"
            " in the last steering run. Each person has one main reason."
        ),
        "/waiting",
        (Of.REASON,),
    ),
    Named(
        "not_steered_yet",
        msgid("of those who wait: no steering run yet"),
        msgid("Who waits without a proposal and whom no steering run has looked at since the registration."),
        "",
    ),
    Named(
        "would_help",
        msgid("One change would give them a place"),
        msgid(
            "For each change: people without a place after the last search for remedies to whom this change"
            " alone would have given one. It is not the main reason: that one counts what speaks against most"
            " courses."
        ),
        "/remedies",
        (Of.HELP,),
    ),
)
_PLACES = (
    Named(
        "proposals_to_check",
        msgid("Proposals to check"),
        msgid("Proposals that wait for the coordination's word."),
        "/proposals",
        gauge="placements.proposed",
    ),
    Named(
        "proposals_with_bamf",
        msgid("Proposals with the BAMF"),
        msgid("Proposals that were sent to the BAMF and wait for its answer."),
        "/authority",
        gauge="placements.sent_to_authority",
    ),
    Named(
        "reservations_unanswered",
        msgid("Reservations without an answer"),
        msgid("Reserved seats of people who have not answered yet."),
        "/reservations",
        gauge="placements.reserved",
    ),
    Named(
        "reservations_ending",
        msgid("of the reservations without an answer: ending within three days"),
        msgid("Their time ends today or within the next three days, or is over already."),
        "/reservations",
    ),
    Named(
        "reservations_accepted",
        msgid("Accepted, the provider has still to confirm"),
        msgid("Reserved seats that the people have accepted."),
        "/reservations",
        gauge="placements.accepted",
    ),
    Named(
        "places_confirmed",
        msgid("Confirmed, not begun yet"),
        msgid("Places that the provider has confirmed, before the first day."),
        "",
        gauge="placements.confirmed",
    ),
    Named(
        "in_course",
        msgid("In a course"),
        msgid("People with a place from Kurslotse who have begun; interruptions are counted separately."),
        "",
        gauge="placements.started",
    ),
    Named(
        "interrupted",
        msgid("Interrupted"),
        msgid("People who have begun and pause at the moment."),
        "",
        gauge="placements.interrupted",
    ),
    Named(
        "completed",
        msgid("Courses completed with a place from Kurslotse"),
        msgid("Places that ended with the end of the course, ever since Kurslotse is used."),
        "",
        gauge="placements.completed",
    ),
    Named(
        "finished_by_report",
        msgid("Stayed to the end by the providers' totals"),
        msgid(
            "Sum of what providers reported of completed courses. It includes people whom the providers"
            " took in themselves."
        ),
        "/outcomes",
        gauge="finished",
    ),
)
_COURSES = (
    Named(
        "courses_below_minimum",
        msgid("Courses below their minimum"),
        msgid(
            "They begin within four weeks and have, with the open proposals, fewer people than they"
            " need. Courses that the policy protects or about whose start somebody has decided are not"
            " counted."
        ),
        "/courses?below=1",
    ),
    Named(
        "courses_running",
        msgid("Courses that run"),
        msgid("Announced courses whose first day has come and whose last day has not passed."),
        "/courses",
    ),
    Named(
        "courses_to_come",
        msgid("Courses to come"),
        msgid("Announced courses that begin after today."),
        "/courses",
    ),
    Named(
        "seats",
        msgid("Seats"),
        msgid("Seats of the section that runs or comes next, of courses that run or are to come."),
        "/providers",
        (Of.ALL, Of.PROVIDER, Of.COURSE),
    ),
    Named(
        "seats_taken",
        msgid("Taken seats"),
        msgid(
            "Of the section that runs or comes next. People whom the provider took in itself are included, so"
            " that there are more of them than places from Kurslotse."
        ),
        "/providers",
        (Of.ALL, Of.PROVIDER, Of.COURSE),
    ),
    Named(
        "seats_free",
        msgid("Free seats"),
        msgid(
            "For somebody who enters in the section that runs or comes next: free in it and in every later"
            " section, that is as many as the fullest of them has."
        ),
        "/courses",
        (Of.ALL, Of.PROVIDER, Of.COURSE),
    ),
)
_RUNS = (
    Named(
        "run_people",
        msgid("Seen by a steering run"),
        msgid(
            "For each run: everybody on the list without a place at that time, also with an expired"
            " entitlement. Who is with the BAMF is left out."
        ),
        "/runs",
        (Of.RUN,),
    ),
    Named(
        "run_placed",
        msgid("With a place after a steering run"),
        msgid("For each run: people of those it saw for whom it found a place, new or proposed before."),
        "/runs",
        (Of.RUN,),
    ),
)
GROUPS: Mapping[str, tuple[Named, ...]] = {
    msgid("People"): _PEOPLE,
    msgid("Proposals and places"): _PLACES,
    msgid("Courses and seats"): _COURSES,
    msgid("Steering runs"): _RUNS,
}
NAMED: Mapping[str, Named] = {one.name: one for some in GROUPS.values() for one in some}
