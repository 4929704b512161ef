"""Says what each kind of organisation has to set up on the support side, step by step."""

from collections.abc import Iterator, Sequence

from services.accounts.domain import Kind, Role
from services.notifications.pages.first_day.store import Facts
from services.runtime.web.checklist import Step
from services.runtime.web.languages import msgid

ORGANISATION = "/organisation"
_ADMINISTRATORS = (Role.ADMINISTRATOR.value,)
_OPERATORS = (Role.ADMINISTRATOR.value, Role.OPERATOR.value)
_ADMINISTRATOR = msgid("your administrator")
_OPERATOR = msgid("your administrator or operator")
_FOUNDING = msgid("the organisation with which this side was set up")
_CLERKS = (Role.CLERK.value,)


def steps_for(facts: Facts) -> Sequence[Step]:
    """Return the steps of an organisation in the order in which they make sense."""
    match facts.kind:
        case Kind.COUNSELLING:
            return tuple(_of_counselling(facts))
        case Kind.PROVIDER:
            return tuple(_of_provider(facts))
        case _:
            return tuple(_of_office(facts))


def _of_office(facts: Facts) -> Iterator[Step]:
    yield _organisation(facts, facts.publisher is not None)
    yield _towns(facts)
    yield _mail(facts)
    yield _directory(facts)
    yield _counsellors(facts)
    yield Step(
        "clerk",
        msgid("Invite somebody for the registering desk"),
        msgid("Only they register people and write down consent."),
        facts.clerks.anybody,
        ORGANISATION,
        _ADMINISTRATORS,
        _ADMINISTRATOR,
        *_counted(facts.clerks.people, facts.clerks.invited),
    )
    yield Step(
        "person",
        msgid("Register the first person"),
        msgid("From then on steering finds a place, and the desk hears of it."),
        facts.people,
        "/register",
        _CLERKS,
        msgid("the registering desk"),
    )
    if not facts.authority:  # an authority writes consent down and never reads it
        yield _consent(facts)


def _of_counselling(facts: Facts) -> Iterator[Step]:
    yield _organisation(facts, described=True)
    yield _towns(facts)
    yield _mail(facts)
    yield Step(
        "directory",
        msgid("Your counselling office stands in the directory"),
        msgid("People consent to an office of the directory; without an entry nobody can name yours."),
        facts.own_office,
        "/offices",
        _ADMINISTRATORS,
        _ADMINISTRATOR,
    )
    yield _counsellors(facts)
    yield _consent(facts)


def _of_provider(facts: Facts) -> Iterator[Step]:
    yield _organisation(facts, facts.publisher is not None)
    yield Step(
        "teacher",
        msgid("Invite somebody who notes attendance"),
        msgid("Attendance shows early who may be lost on the way."),
        facts.teachers.anybody,
        ORGANISATION,
        _ADMINISTRATORS,
        _ADMINISTRATOR,
        *_counted(facts.teachers.people, facts.teachers.invited),
    )
    yield Step(
        "course",
        msgid("Your first course is announced"),
        msgid("Its roster fills with who has accepted a place."),
        facts.courses,
        "/roster",
        (Role.PROVIDER.value,),
        msgid("you, on the steering side, by file or your own program"),
    )


def _organisation(facts: Facts, described: bool) -> Step:
    office = facts.kind is not Kind.COUNSELLING
    told = msgid("Kreis %(kreise)s, not yet for whom you speak") if facts.kreise else ""
    if facts.kreise and described:
        told = msgid("Kreis %(kreise)s")
    return Step(
        "organisation",
        msgid("Say what the organisation is called, where it works and for whom it speaks")
        if office
        else msgid("Say what the organisation is called and where it works"),
        msgid("What is entered here is believed only from a registered office or provider.")
        if office
        else msgid("It decides which offices and towns you see."),
        bool(facts.kreise) and described,
        ORGANISATION,
        _ADMINISTRATORS,
        _ADMINISTRATOR,
        told,
        {"kreise": ", ".join(facts.kreise)},
    )


def _towns(facts: Facts) -> Step:
    return Step(
        "towns",
        msgid("Load the directory of towns"),
        msgid("With it people are registered by the name of their town, and the right office is found."),
        bool(facts.kreise) and all(facts.towns.get(kreis) for kreis in facts.kreise),
        "/towns",
        _OPERATORS if facts.founding else (),
        _OPERATOR if facts.founding else _FOUNDING,
        msgid("Edition of %(day)s; towns in your Kreis: %(towns)s.") if facts.edition else "",
        {"day": facts.edition.day if facts.edition else "", "towns": sum(facts.towns.values())},
    )


def _mail(facts: Facts) -> Step:
    return Step(
        "mail",
        msgid("Test the mail sender"),
        msgid("Counselling offices hear by mail that an alert waits; a mail never sent helps nobody."),
        facts.mail_tested,
        "/mail",
        _OPERATORS,
        _OPERATOR,
    )


def _directory(facts: Facts) -> Step:
    open_ = sorted(set(facts.kreise) - facts.covered)
    return Step(
        "directory",
        msgid("A counselling office for each of your Kreise stands in the directory"),
        msgid("Without one nobody hears when somebody is about to drop out."),
        bool(facts.kreise) and not open_,
        "/offices",
        _OPERATORS,
        _OPERATOR,
        msgid("None yet for %(kreise)s.") if open_ else "",
        {"kreise": ", ".join(open_)},
    )


def _counsellors(facts: Facts) -> Step:
    return Step(
        "counsellor",
        msgid("Invite a counsellor"),
        msgid("Somebody has to read the alerts and call."),
        facts.counsellors.anybody,
        ORGANISATION,
        _ADMINISTRATORS if facts.kind is Kind.COUNSELLING else (),
        msgid("the administrator of the counselling office"),
        *_counted(facts.counsellors.people, facts.counsellors.invited),
    )


def _consent(facts: Facts) -> Step:
    return Step(
        "consent",
        msgid("The first person has consented"),
        msgid("Without consent the counselling office hears of nobody."),
        facts.consents,
        "/people",
        _CLERKS,
        msgid("the registering desk, with the person"),
    )


def _counted(people: int, invited: int) -> tuple[str, dict[str, int]]:
    return msgid("%(people)s work here, %(invited)s invited."), {"people": people, "invited": invited}
