"""Groups the courses of one person by what speaks against each of them; pure, told from the stored run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.allocation.steering.explain.why import CourseReason
from services.runtime.web.languages import msgid

PLACE = "why_placed_here"


@dataclass(frozen=True, slots=True)
class Kind:
    """What courses of a group have in common (msgids)."""

    title: str
    sentence: str
    codes: tuple[str, ...]
    """Codes of the reasons by which a course comes into the group."""


_FITTING: Sequence[Kind] = (
    Kind(
        msgid("Full"),
        msgid("They fit, but no seat was left for this person."),
        (
            "why_full_before",
            "why_cut_off",
            "why_cut_off_class",
            "why_cut_off_days",
            "why_locked",
            "why_better_taken",
        ),
    ),
    Kind(
        msgid("Too few people"),
        msgid("They fit, but do not have enough people to start."),
        ("why_not_started", "why_better_not_started"),
    ),
    Kind(
        msgid("No room for the family"),
        msgid("They fit, but the family attends together, and not all of it has a seat there."),
        ("why_family", "why_better_left"),
    ),
    Kind(msgid("Equally good"), msgid("They are as good as the place; the lot decided."), ("why_same",)),
    Kind(
        msgid("Starts later"), msgid("They fit, but start later than the place."), ("why_less_early_start",)
    ),
    Kind(
        msgid("Farther away"),
        msgid("They fit, but the way is longer than to the place."),
        ("why_less_distance", "why_less_travel_time"),
    ),
    Kind(
        msgid("After the deadline"),
        msgid("They fit, but start after the person's deadline."),
        ("why_less_deadline",),
    ),
    Kind(
        msgid("Less suitable type"),
        msgid("They fit, but another type suits better."),
        ("why_less_type_choice",),
    ),
    Kind(
        msgid("Not proposed before"),
        msgid("They fit, but the place had been proposed before."),
        ("why_less_keep_offer",),
    ),
    Kind(
        msgid("Balance of providers"),
        msgid("They fit, but have or find enough people without this person."),
        ("why_less_viability", "why_less_balance"),
    ),
    Kind(
        msgid("Seat left"),
        msgid("They fit and have a seat; the policy's first goal compares places, not people."),
        ("why_seats_left",),
    ),
)


def _rule(code: str, title: str, sentence: str, *told_as: str) -> Kind:
    return Kind(title, sentence, tuple(f"against_{one}" for one in (code, *told_as)))


_BLOCKED: Sequence[Kind] = (
    _rule(
        "time_of_day",
        msgid("Another time of day"),
        msgid("They are held when the person cannot attend."),
        "time_unknown",
    ),
    _rule(
        "weekdays", msgid("Other weekdays"), msgid("They are held on days on which the person cannot attend.")
    ),
    _rule(
        "travel_time",
        msgid("Too far"),
        msgid("The way takes longer than is allowed or possible."),
        "travel_own",
    ),
    _rule("neighbour", msgid("Another Kreis"), msgid("They are in a Kreis without an agreement for it.")),
    _rule("childcare", msgid("No childcare"), msgid("The person needs childcare, and none is known there.")),
    _rule(
        "women_only", msgid("Not only for women"), msgid("The person needs a course that is for women only.")
    ),
    _rule("for_women", msgid("Only for women"), msgid("They are for women only.")),
    _rule(
        "barrier_free",
        msgid("Not accessible"),
        msgid("The person needs an accessible course, and these are not known to be."),
    ),
    _rule(
        "course_type",
        msgid("Another course type"),
        msgid("They are of a type that does not suit the person."),
    ),
    _rule(
        "type_over",
        msgid("Course type that has ended"),
        msgid("By law, courses of this type may no longer begin."),
    ),
    _rule(
        "level",
        msgid("Another level"),
        msgid("They enter at another level or section than the test says."),
        "level_section",
    ),
    _rule(
        "placement_test",
        msgid("No placement test"),
        msgid("Without a placement test nobody knows whether they fit."),
    ),
    _rule("earliest_start", msgid("Starts too early"), msgid("They start before the person can begin.")),
    _rule(
        "latest_start", msgid("Starts too late"), msgid("They start later than the municipality plans ahead.")
    ),
    _rule(
        "late_entry", msgid("Runs already"), msgid("They run already, and late entry is no longer possible.")
    ),
    _rule(
        "registration_deadline", msgid("Registration over"), msgid("Their registration deadline has passed.")
    ),
    _rule(
        "route_leads_there", msgid("Access route"), msgid("The person's access route does not lead there.")
    ),
    _rule(
        "route_open",
        msgid("Closed access route"),
        msgid("The person's access route was closed on the day that counts."),
    ),
    _rule(
        "entitlement_valid",
        msgid("After the end of the entitlement"),
        msgid("They start after the person's entitlement ends."),
    ),
    _rule(
        "claim_lapses",
        msgid("After the end of the claim"),
        msgid("They start after the person's claim lapses."),
    ),
    _rule(
        "admission_lapses",
        msgid("After the end of the admission"),
        msgid("They start after the person's admission lapses."),
    ),
    _rule(
        "vocational_lapses",
        msgid("After the end of the vocational entitlement"),
        msgid("They start after the vocational entitlement lapses."),
    ),
    _rule(
        "hours_left",
        msgid("Too few teaching units left"),
        msgid("They have more teaching units than may still be funded."),
    ),
    _rule(
        "earlier_answer",
        msgid("Declined before"),
        msgid("The person declined or left them before, or was refused there."),
    ),
    _rule("exclusion", msgid("Excluded"), msgid("The coordination has excluded them for this person.")),
    _rule("on_hold", msgid("On hold"), msgid("The person is on hold.")),
    _rule(
        "free_choice",
        msgid("Free choice"),
        msgid("The person chooses freely; the policy proposes nothing then."),
    ),
    _rule(
        "course_not_to_start",
        msgid("Does not start"),
        msgid("The coordination has decided that they do not start."),
    ),
    _rule(
        "course_not_sure",
        msgid("Not sure to start"),
        msgid("It is not sure that they start; only their first section can be entered."),
    ),
)
_OTHER = Kind(msgid("Something else"), msgid("Something else speaks against them."), ())
_BY_CODE = {code: kind for kind in (*_FITTING, *_BLOCKED) for code in kind.codes}


@dataclass(frozen=True, slots=True)
class Group:
    """Courses against which the same thing speaks first; those fewest things speak against come first."""

    kind: Kind
    courses: tuple[CourseReason, ...]

    @property
    def only(self) -> int:
        """Of how many nothing else speaks against: the near misses."""
        return sum(len(one.reasons) == 1 for one in self.courses if not one.suitable)


def is_place(course: CourseReason) -> bool:
    """Return whether this is the place that the run gave."""
    return any(reason.code == PLACE for reason in course.reasons)


def kind_of(course: CourseReason) -> Kind:
    """Return what decides against a course: the first thing that speaks against it."""
    return _BY_CODE.get(course.reasons[0].code, _OTHER) if course.reasons else _OTHER


def grouped(courses: Iterable[CourseReason]) -> tuple[Group, ...]:
    """Group all courses but the place: those that fit, then the nearest misses, then the larger groups."""
    found = dict[str, list[CourseReason]]()
    kinds = dict[str, Kind]()
    for one in courses:
        if is_place(one):
            continue
        kind = kind_of(one)
        kinds[kind.title] = kind
        found.setdefault(kind.title, []).append(one)
    groups = [
        Group(
            kinds[title], tuple(sorted(some, key=lambda one: (len(one.reasons), one.starts_on, one.course)))
        )
        for title, some in found.items()
    ]
    return tuple(sorted(groups, key=_order))


def _order(group: Group) -> tuple[bool, int, int, str]:
    first = group.courses[0]
    return (
        not first.suitable,
        0 if first.suitable else len(first.reasons),
        -len(group.courses),
        group.kind.title,
    )
