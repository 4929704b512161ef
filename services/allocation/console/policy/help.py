"""Explains every field of a policy beside the editor, with an example that can be copied."""

from __future__ import annotations

from dataclasses import dataclass

from services.runtime.web.languages import msgid


@dataclass(frozen=True, slots=True)
class Help:
    """A field, what it decides (msgid), and an example."""

    field: str
    text: str
    example: str


HELP = (
    Help("valid_from", msgid("First day on which the policy holds."), "valid_from: 2027-01-01"),
    Help("source", msgid("Who decided it and when."), 'source: "Kreistag, 14.12.2026"'),
    Help(
        "automatic",
        msgid("Steps that need no named person. Empty: every step is somebody's decision."),
        "automatic: [expire, start, complete]",
    ),
    Help(
        "reservation",
        msgid("Days for which a seat is held: by post, with the person in the room, by class."),
        "reservation: {days: 10, present_days: 3, by_class: {urgent_duty: 14}}",
    ),
    Help(
        "cadence",
        msgid(
            "When places are steered: daily or weekly (weekday 0 is Monday), at which hour, and at once if a "
            "course starts within so many days."
        ),
        "cadence: {every: weekly, weekday: 0, hour: 6, near_start_days: 14}",
    ),
    Help(
        "limits",
        msgid("Days until the latest start; late entry and up to which UE; longest way in minutes."),
        "limits: {latest_start_days: 182, late_entry: true, late_entry_ue: 20, travel_minutes: 60}",
    ),
    Help(
        "goals",
        msgid("What counts, the most important first; each only decides what those before it leave open."),
        "goals: [priority, waiting, deadline, viability, keep_offer, travel_time, balance]",
    ),
    Help(
        "quotas",
        msgid("Seats of each course that only some classes are given, until so many days before the start."),
        "quotas:\n  - {name: Duty, classes: [urgent_duty, other_duty], seats: 4,\n"
        "     course_types: [integration_general], until_days_before: 10}",
    ),
    Help(
        "sizes",
        msgid("From how many people on a course is proposed, the target, and what starts with however few."),
        "sizes:\n  decide_days: 28\n  minimum: {integration_general: 12}\n"
        "  target: {integration_general: 18}\n"
        "  protected_types: [land]\n  protected_courses: [provider/K-7]",
    ),
    Help(
        "free_choice",
        msgid("Whether people who are merely entitled are proposed places: “propose” or “none”."),
        "free_choice: propose",
    ),
    Help(
        "pooling",
        msgid(
            "Neighbours whose courses are open to our people and the other way round; both have to say it."
        ),
        'pooling:\n  - {kreis: "99002", until: 2027-12-31, course_types: [vocational]}',
    ),
    Help("alternatives", msgid("How many other places are named with a proposal."), "alternatives: 3"),
    Help(
        "explained_days",
        msgid("For how many days it stays on record what a decision rested on."),
        "explained_days: 730",
    ),
    Help(
        "towns",
        msgid("Where towns lie, for distances as the crow flies."),
        'towns:\n  "99001001": {latitude: 53.9, longitude: 11.3}',
    ),
)
