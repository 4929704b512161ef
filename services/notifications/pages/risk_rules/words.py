"""Names the rules about risks, and says in a sentence what each parameter does."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from services.runtime.web.languages import Texts, msgid

RULES: Mapping[str, str] = {
    "no_show": msgid("did not come at all"),
    "consecutive_unexcused": msgid("missing on several days in a row"),
    "share_missed": msgid("missed much within a time"),
    "own_pattern": msgid("missed far more than before"),
    "long_excused": msgid("excused for a long time"),
    "section_below": msgid("section test below what is expected"),
    "exam_failed": msgid("final examination not passed"),
    "exam_not_sat": msgid("final examination not sat"),
    "interrupted_long": msgid("course interrupted for a long time"),
    "hours_nearly_used": msgid("funded hours nearly used up"),
    "course_cancelled": msgid("course cancelled"),
    "offer_unanswered": msgid("offer not answered"),
    "right_lapses": msgid("entitlement about to end"),
    "waits_long": msgid("waits for a long time"),
    "completed_without_b1": msgid("completed without B1"),
    "completed_without_lid": msgid("completed without “Leben in Deutschland”"),
    "no_next_step": msgid("completed and no next step"),
}
"""What the rules are called in a table; one that is not listed is shown by its code."""


def rule_name(texts: Texts, code: str) -> str:
    """Return what a rule is called in a table."""
    return texts.plain(RULES[code]) if code in RULES else code.replace("_", " ")


class Unit(Enum):
    """How a value is entered and shown."""

    WHOLE = "whole"
    PERCENT = "percent"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter: where it stands (`part-name`), how it is entered, and what it does."""

    name: str
    unit: Unit
    says: str


@dataclass(frozen=True, slots=True)
class Section:
    """Parameters that belong together; `about` says what the rule looks for."""

    title: str
    about: str
    fields: tuple[Field, ...]


_OVER = msgid("The notice is over after this many attended course days in a row.")
_EARLY_SHARE = msgid("In the first weeks this share is enough.")
SECTIONS: tuple[Section, ...] = (
    Section(
        msgid("The first weeks"),
        msgid("Most people who leave a course do so soon after its start. Then stricter values can hold."),
        (
            Field(
                "early_days", Unit.WHOLE, msgid("The first weeks last this many days from entering a course.")
            ),
        ),
    ),
    Section(
        msgid("Did not come at all"),
        msgid("Somebody is missing without excuse from the first day on."),
        (
            Field(
                "no_show-days",
                Unit.WHOLE,
                msgid("There is a notice after this many missed course days from the start."),
            ),
        ),
    ),
    Section(
        msgid("Missing on several days in a row"),
        msgid("Somebody is missing without excuse. Excused days neither count nor interrupt."),
        (
            Field(
                "consecutive-days",
                Unit.WHOLE,
                msgid("There is a notice after this many unexcused course days in a row."),
            ),
            Field("consecutive-early_days", Unit.WHOLE, msgid("In the first weeks this many are enough.")),
            Field("consecutive-clear_after", Unit.WHOLE, _OVER),
        ),
    ),
    Section(
        msgid("Missed much within a time"),
        msgid("Somebody missed a large part of the lessons lately."),
        (
            Field(
                "share-window_days", Unit.WHOLE, msgid("This many of the latest course days are looked at.")
            ),
            Field("share-least_days", Unit.WHOLE, msgid("With fewer course days nothing is said.")),
            Field(
                "share-raise_at",
                Unit.PERCENT,
                msgid("There is a notice from this share of missed lessons on (percent)."),
            ),
            Field("share-early_raise_at", Unit.PERCENT, _EARLY_SHARE),
            Field("share-clear_below", Unit.PERCENT, msgid("The notice is over below this share (percent).")),
            Field("share-excused_counts", Unit.FLAG, msgid("Lessons missed with an excuse count, too.")),
        ),
    ),
    Section(
        msgid("Missed far more than before"),
        msgid(
            "Each missed day adds to a sum, each attended day lowers it. A day weighs more for somebody who "
            "was hardly ever missing."
        ),
        (
            Field(
                "pattern-raise_at",
                Unit.NUMBER,
                msgid("There is a notice from this sum on. A higher value means fewer and later notices."),
            ),
            Field("pattern-early_raise_at", Unit.NUMBER, msgid("In the first weeks this sum is enough.")),
            Field("pattern-clear_below", Unit.NUMBER, msgid("The notice is over below this sum.")),
            Field(
                "pattern-usual",
                Unit.PERCENT,
                msgid("People who are not about to leave miss this share of days without excuse (percent)."),
            ),
            Field(
                "pattern-usual_excused",
                Unit.PERCENT,
                msgid("People who are not about to leave miss this share of days with an excuse (percent)."),
            ),
            Field(
                "pattern-weight",
                Unit.NUMBER,
                msgid("These two shares weigh as much as this many days of the person's own."),
            ),
            Field(
                "pattern-most",
                Unit.PERCENT,
                msgid("A higher share than this is never taken as somebody's habit (percent)."),
            ),
            Field(
                "pattern-leaving",
                Unit.PERCENT,
                msgid("People who are about to leave miss this share of days without excuse (percent)."),
            ),
            Field(
                "pattern-leaving_excused",
                Unit.PERCENT,
                msgid("People who are about to leave miss this share of days with an excuse (percent)."),
            ),
        ),
    ),
    Section(
        msgid("Excused for a long time"),
        msgid("No sign that somebody leaves, but an occasion to offer help with childcare or health."),
        (
            Field(
                "long_excused-days",
                Unit.WHOLE,
                msgid("There is a notice after this many excused course days in a row."),
            ),
            Field("long_excused-clear_after", Unit.WHOLE, _OVER),
        ),
    ),
    Section(
        msgid("Before a course"),
        msgid("Somebody has no place yet, or has not answered an offer."),
        (
            Field(
                "standing-offer_days",
                Unit.WHOLE,
                msgid("There is a notice this many days before an unanswered offer expires."),
            ),
            Field(
                "standing-right_days",
                Unit.WHOLE,
                msgid("There is a notice this many days before the entitlement ends."),
            ),
            Field(
                "standing-right_clear_days",
                Unit.WHOLE,
                msgid("The notice is over when the entitlement lasts longer than this many days again."),
            ),
            Field(
                "standing-waiting_days",
                Unit.WHOLE,
                msgid("There is a notice after this many days without a place."),
            ),
        ),
    ),
    Section(
        msgid("During a course"),
        msgid("A course was interrupted or cancelled, or the funded hours run out."),
        (
            Field(
                "standing-interrupted_days",
                Unit.WHOLE,
                msgid("There is a notice after this many days of interruption."),
            ),
            Field("standing-cap_ue", Unit.WHOLE, msgid("This many lessons are funded at most.")),
            Field(
                "standing-hours_left_ue",
                Unit.WHOLE,
                msgid("There is a notice when fewer lessons than these are left."),
            ),
            Field(
                "standing-hours_clear_ue",
                Unit.WHOLE,
                msgid("The notice is over when at least this many lessons are left again."),
            ),
            Field(
                "standing-cancelled_days",
                Unit.WHOLE,
                msgid("This many days after a course was cancelled the notice is over."),
            ),
        ),
    ),
    Section(
        msgid("After a course"),
        msgid("The course is completed. These notices need the consent for the time after the course."),
        (
            Field(
                "standing-next_step_days",
                Unit.WHOLE,
                msgid("There is a notice after this many days without a next step."),
            ),
            Field(
                "standing-afterwards_days",
                Unit.WHOLE,
                msgid("This many days after its end a course gives rise to no notice any more."),
            ),
        ),
    ),
)
FIELDS: Mapping[str, Field] = {field.name: field for section in SECTIONS for field in section.fields}

_OVER_LOWER = msgid("The value at which the notice is over must be lower than both values that raise it.")
NO_WHOLE = msgid("Please enter a whole number from %(low)s to %(high)s.")
NO_NUMBER = msgid("Please enter a number from %(low)s to %(high)s.")
OUT_OF_ORDER: Mapping[str, str] = {
    "share-clear_below": _OVER_LOWER,
    "pattern-clear_below": _OVER_LOWER,
    "share-least_days": msgid("Please enter at most as many days as are looked at."),
    "pattern-leaving_excused": msgid(
        "The two shares of people who are about to leave must be less than 100 percent together."
    ),
    "standing-right_days": msgid(
        "Please enter at most as many days as those after which the notice is over."
    ),
    "standing-hours_left_ue": msgid(
        "Please enter at most as many lessons as those at which the notice is over."
    ),
}
"""What is wrong about the order of two values, by the field at which it is said."""
YES, NO = msgid("yes"), msgid("no")
BETWEEN = msgid("%(low)s to %(high)s, usually %(usual)s.")
NO_DAY = msgid("Please enter today or a day within a year, for example %(today)s.")
NO_REASON = msgid("Please say in a few words why you change the values.")
LONG_REASON = msgid("The reason is too long: 500 characters at most.")
OUTDATED = msgid("Somebody else has changed the values meanwhile. Please look at them and repeat your entry.")
DECIDED = msgid("The values are saved. They hold from %(day)s on.")
