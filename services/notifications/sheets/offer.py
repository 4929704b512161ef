"""Writes the sheet of an offer, and of a reminder: what, where, how to answer, until when, who helps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.notifications.sheets.document import (
    Blanks,
    Block,
    Choices,
    Cut,
    Facts,
    Heading,
    Helper,
    Paragraph,
    Points,
    Sheet,
)
from services.notifications.sheets.languages import GERMAN, SheetTexts, first_large, texts_of, unbroken
from services.runtime.web.languages import NOTHING, msgid

WHY: Mapping[str, str] = {
    "only_place": msgid("It is the only course with a free seat that fits you."),
    "best_keep_offer": msgid("We offered you this course before. It is still the best for you."),
    "best_type_choice": msgid("This kind of course fits you best."),
    "best_early_start": msgid("You can start soonest in this course."),
    "best_distance": msgid("This course is nearest to where you live."),
    "equal_places": msgid("Several courses fit you equally well. This is one of them."),
    "better_place_taken": msgid("It is the best course for you that still has a free seat."),
}
"""Reasons for this course as the person reads them; reasons that concern other people are left out."""

SLIP: Mapping[str, str] = {
    "distance": msgid("the way is too far for me."),
    "time_of_day": msgid("the time of day does not fit."),
    "childcare": msgid("nobody looks after my children meanwhile."),
    "own_choice": msgid("I choose another course."),
    "other": msgid("another reason:"),
}
"""Reasons to decline as the person ticks them on the slip."""

_OFFER = msgid("Your place in a language course")
_REMINDER = msgid("Please answer: your place in a language course")
_YES = msgid("Yes, I take the place.")
_NO = msgid("No, I do not take the place, because:")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Lesson:
    """A weekly teaching time, as the support side stores it."""

    weekday: str
    starts_at: str
    ends_at: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another course that would have fitted; the reason against it is said in German only."""

    course: str
    starts_on: date | None
    german_reason: str = ""


@dataclass(frozen=True, slots=True)
class HelpOffice:
    """A counselling office; `address` is that of its public page."""

    name: str
    phone: str
    address: str


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What is known of an offer; None and empty: nobody has said it."""

    name: str
    office: str
    office_address: str
    office_phone: str
    reference: str
    today: date
    course: str
    number: str
    school: str
    venue: str
    online: bool
    starts_on: date
    ends_on: date
    units: int | None
    lessons: tuple[Lesson, ...]
    childcare: bool | None
    answer_until: date | None
    why: str
    alternatives: tuple[Alternative, ...]
    helper: HelpOffice | None


def offer_sheet(code: str, facts: OfferFacts, *, reminder: bool = False) -> Sheet:
    """Write the sheet in a language; what is ticked on the slip has its German beside it."""
    texts = texts_of(code)
    say = texts.say
    title = _REMINDER if reminder else _OFFER
    return Sheet(
        code=code,
        right_to_left=texts.language.right_to_left,
        title=say(title),
        german_title="" if code == GERMAN else texts_of(GERMAN).say(title),
        sender=texts.apart(facts.office),
        sender_lines=tuple(_sender(texts, facts)),
        aside=(
            (say("Date"), texts.day(facts.today)),
            (say("Our reference"), texts.number(facts.reference)),
        ),
        blocks=(
            *_opening(texts, facts, reminder=reminder),
            _course(texts, facts),
            *_answering(texts, facts),
            *(() if reminder else _reasons(texts, facts)),
            *_helping(texts, facts),
            *_slip(texts, facts),
        ),
    )


def _sender(texts: SheetTexts, facts: OfferFacts) -> Sequence[str]:
    lines = [texts.apart(line) for line in facts.office_address.splitlines() if line.strip()]
    if facts.office_phone:
        lines.append(texts.say("Telephone: %(phone)s", phone=unbroken(facts.office_phone)))
    return lines


def _opening(texts: SheetTexts, facts: OfferFacts, *, reminder: bool) -> Sequence[Block]:
    say = texts.say
    greeting = (Paragraph(say("For %(name)s", name=facts.name), strong=True),) if facts.name else ()
    held = (
        say("You have not answered yet. We still hold the place for you.")
        if reminder
        else say("We have found a course for you. We hold a place for you.")
    )
    return (*greeting, Paragraph(held))


def _course(texts: SheetTexts, facts: OfferFacts) -> Facts:
    say = texts.say
    number = f" ({_number(texts, facts)})" if facts.number else ""
    until = say("Please answer until")
    rows = (
        (say("Course"), texts.apart(facts.course or NOTHING) + number),
        (say("School"), texts.apart(facts.school)),
        (say("Place"), _place(texts, facts)),
        (say("First day"), texts.long_date(facts.starts_on)),
        (say("Last day"), texts.day(facts.ends_on)),
        *(((say("Lessons of 45 minutes"), texts.number(str(facts.units))),) if facts.units else ()),
        (say("Times"), times(texts, facts.lessons)),
        (say("Childcare"), _childcare(texts, facts.childcare)),
        (until, texts.long_date(facts.answer_until) if facts.answer_until else say("no end")),
    )
    return Facts(rows, strong=until)


def _number(texts: SheetTexts, facts: OfferFacts) -> str:
    return texts.say("no. %(number)s", number=facts.number)


def _place(texts: SheetTexts, facts: OfferFacts) -> str:
    if facts.online:
        return texts.say("The course is online. You take part with a computer.")
    if facts.venue and any(one.isdigit() for one in facts.venue):  # a street, or at least a postcode
        return texts.apart(facts.venue)
    place = f"{texts.apart(facts.venue)}. " if facts.venue else ""
    return place + texts.say("The school tells you the street and the room.")


def times(texts: SheetTexts, lessons: Sequence[Lesson]) -> str:
    """Write the weekly times, days with the same hours together; whatever the school has not said it tells.

    >>> times(texts_of("en"), [Lesson("mon", "09:00:00", "12:15:00"), Lesson("wed", "09:00:00", "12:15:00")])
    'Monday, Wednesday 09:00\N{EN DASH}12:15'
    """
    by_hours: dict[tuple[str, str], list[int]] = {}
    for one in lessons:
        if one.weekday in _WEEKDAYS:
            hours = (one.starts_at[:5], one.ends_at[:5])
            by_hours.setdefault(hours, []).append(_WEEKDAYS.index(one.weekday))
    if not by_hours:
        return texts.say("The school tells you the days of the week and the times.")
    ordered = sorted((sorted(set(days)), hours) for hours, days in by_hours.items())
    return texts.semicolon.join(
        f"{first_large(texts.comma.join(map(texts.weekday, days)))} {texts.number(NOTHING.join(hours))}"
        for days, hours in ordered
    )


def _childcare(texts: SheetTexts, childcare: bool | None) -> str:
    match childcare:
        case True:
            return texts.say("Yes. Please tell the school that you need it.")
        case False:
            return texts.say("No, the school has none.")
        case None:
            return texts.say("Please ask the school whether there is childcare.")


def _answering(texts: SheetTexts, facts: OfferFacts) -> Sequence[Block]:
    say = texts.say
    called = say("Telephone: %(phone)s", phone=unbroken(facts.office_phone))
    phone = f" {called}." if facts.office_phone else ""
    how = say(
        "Tell %(office)s: yes or no. You can come, call or write. You can use the slip below.",
        office=facts.office,
    )
    lost = say("Without an answer we give the place to somebody else.") if facts.answer_until else ""
    no = say("If you say no, you wait for another course. A no, or no answer, is not a breach of duty.")
    return (Heading(say("How do you answer?")), Paragraph(how + phone), Paragraph(f"{no} {lost}".strip()))


def _reasons(texts: SheetTexts, facts: OfferFacts) -> Sequence[Block]:
    say = texts.say
    why = say(WHY[facts.why]) if facts.why in WHY else say("It fits your level and your needs.")
    if not facts.alternatives:
        none = say("At the moment there is no other course that fits.")
        return (Heading(say("Why this course?")), Paragraph(f"{why} {none}"))
    return (
        Heading(say("Why this course?")),
        Paragraph(why),
        Heading(say("Other courses")),
        Points(tuple(_alternative(texts, one) for one in facts.alternatives)),
    )


def _alternative(texts: SheetTexts, one: Alternative) -> str:
    start = texts.comma + texts.say("start %(day)s", day=f"{one.starts_on:%d.%m.%Y}") if one.starts_on else ""
    reason = f": {one.german_reason}" if one.german_reason and texts.language.code == GERMAN else ""
    return f"{texts.apart(one.course)}{start}{reason}"


def _helping(texts: SheetTexts, facts: OfferFacts) -> Sequence[Block]:
    say = texts.say
    blocks: list[Block] = [
        Heading(say("Who helps?")),
        Paragraph(
            say(
                "A counselling office helps you with questions about the course, children, work and health. "
                "It costs nothing, and you decide."
            )
        ),
    ]
    if facts.helper is None:
        return (*blocks, Paragraph(say("Ask us for the address.")))
    helper = facts.helper
    phone = (say("Telephone: %(phone)s", phone=unbroken(helper.phone)),) if helper.phone else ()
    caption = say("Scan the code: opening hours, languages and telephone of the counselling office.")
    lines = (*phone, *(() if helper.address or helper.phone else (say("Ask us for the address."),)))
    example = say("For you, for example:")
    name = f"{example} {texts.apart(helper.name)}"
    return (*blocks, Helper(name, lines, helper.address, caption))


def _slip(texts: SheetTexts, facts: OfferFacts) -> Sequence[Block]:
    say = texts.say
    german = texts_of(GERMAN).say if texts.language.code != GERMAN else (lambda _text: "")
    receiver = say("To %(office)s", office=facts.office)
    number = (_number(texts, facts),) if facts.number else ()
    about = " · ".join((receiver, texts.number(facts.reference), *number))
    return (
        Cut(),
        Heading(say("Answer")),
        Paragraph(about),
        Choices(((say(_YES), german(_YES)),)),
        Choices(((say(_NO), german(_NO)),)),
        Choices(tuple((say(one), german(one)) for one in SLIP.values())),
        Blanks(((say("Date"), ""), (say("Signature"), ""))),
    )
