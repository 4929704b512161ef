"""Says what a Kreis and a provider have to set up on the steering side, step by step."""

from collections.abc import Sequence

from services.accounts.domain import Role
from services.allocation.console.today.first_day_store import KreisFacts, ProviderFacts
from services.runtime.web.checklist import Step
from services.runtime.web.languages import msgid

ORGANISATION = "/organisation"
ORGANISATIONS = "/organisations"
FOUR_EYES = 2

_ADMINISTRATORS = (Role.ADMINISTRATOR.value,)
_OPERATORS = (Role.ADMINISTRATOR.value, Role.OPERATOR.value)
_COORDINATORS = (Role.COORDINATOR.value, Role.HEAD.value)
_POLICY_MAKERS = (*_COORDINATORS, Role.ADMINISTRATOR.value)

_ADMINISTRATOR = msgid("the administrator of the Kreis")
_OPERATOR = msgid("the administrator or the operator of the Kreis")


def kreis_steps(facts: KreisFacts) -> Sequence[Step]:
    """Return the steps of a Kreis in the order in which they make sense."""
    return (
        Step(
            "organisation",
            msgid("Say what the organisation is called and which Kreis it is"),
            msgid("Everything that is shown and steered depends on the Kreis."),
            bool(facts.kreise),
            ORGANISATION,
            _ADMINISTRATORS,
            _ADMINISTRATOR,
            msgid("Kreis %(kreise)s") if facts.kreise else "",
            {"kreise": ", ".join(facts.kreise)},
        ),
        _towns(facts),
        _policy(facts),
        Step(
            "four-eyes",
            msgid("Invite a coordinator and a second person"),
            msgid("A proposal needs a person who confirms it, and a policy needs a second one."),
            facts.coordinators.people >= FOUR_EYES,
            ORGANISATION,
            _ADMINISTRATORS,
            _ADMINISTRATOR,
            msgid("%(people)s of 2 people work in the coordination, %(invited)s invited."),
            {"people": facts.coordinators.people, "invited": facts.coordinators.invited},
        ),
        Step(
            "provider",
            msgid("Register a provider and invite its people"),
            msgid("Providers announce courses and confirm places; without one there is nothing to propose."),
            facts.staffed > 0,
            ORGANISATIONS,
            _OPERATORS,
            _OPERATOR,
            msgid("%(providers)s registered, %(staffed)s of them with people or invitations."),
            {"providers": len(facts.providers), "staffed": facts.staffed},
        ),
        Step(
            "office",
            msgid("Register a registering office"),
            msgid("Offices register people and bring back their answers."),
            facts.offices > 0,
            ORGANISATIONS,
            _OPERATORS,
            _OPERATOR,
            msgid("%(offices)s registered."),
            {"offices": facts.offices},
        ),
        Step(
            "course",
            msgid("The first course is announced"),
            msgid("Places can be proposed in announced courses only."),
            facts.courses,
            "/courses",
            _COORDINATORS,
            msgid("a provider: by form, file or its own program"),
        ),
        Step(
            "person",
            msgid("The first person is registered"),
            msgid("From then on steering has somebody to find a place for."),
            facts.people,
            "/waiting",
            _COORDINATORS,
            msgid("a registering office, on the support side"),
        ),
    )


def _towns(facts: KreisFacts) -> Step:
    loaded = facts.edition is not None
    return Step(
        "towns",
        msgid("Load the directory of towns"),
        msgid("With it people and courses are entered by the name of their town, and ways can be short."),
        bool(facts.kreise) and all(facts.towns.get(kreis) for kreis in facts.kreise),
        "/towns",
        _OPERATORS,
        _OPERATOR,
        msgid("Edition of %(day)s; towns in your Kreis: %(towns)s.") if loaded else "",
        {"day": facts.edition.day if facts.edition else "", "towns": sum(facts.towns.values())},
    )


def _policy(facts: KreisFacts) -> Step:
    adopted = bool(facts.kreise) and facts.adopted >= set(facts.kreise)
    if adopted:
        told = msgid("Adopted by two people.")
    elif facts.handed_in - facts.adopted:
        told = msgid("Handed in; a second person of the coordination has to activate it.")
    else:
        told = msgid("The policy that comes with Kurslotse is in force by default; nobody has adopted it.")
    return Step(
        "policy",
        msgid("Adopt a policy for the Kreis"),
        msgid("The Kreis answers for how places are given, so it has to say that it wants it so."),
        adopted,
        "/policy/plain",
        _POLICY_MAKERS,
        msgid("coordination, or the administrator; a second person of the coordination activates it"),
        told,
    )


def provider_steps(facts: ProviderFacts) -> Sequence[Step]:
    """Return the steps of a provider."""
    administrator = msgid("your administrator")
    return (
        Step(
            "organisation",
            msgid("The provider is registered for its Kreise"),
            msgid("Only what a registered provider sends is believed."),
            bool(facts.kreise) and facts.publisher is not None,
            ORGANISATION,
            _ADMINISTRATORS,
            msgid("the Kreis, when it registers you"),
            msgid("Registered as %(publisher)s.") if facts.publisher else "",
            {"publisher": facts.publisher or ""},
        ),
        Step(
            "people",
            msgid("Invite somebody who looks after the courses"),
            msgid("They see their courses and who is expected, by number and without names."),
            facts.teachers.anybody,
            ORGANISATION,
            _ADMINISTRATORS,
            administrator,
        ),
        Step(
            "course",
            msgid("The first course is announced"),
            msgid("Places can be proposed in announced courses only."),
            facts.courses,
            "/provider",
            (Role.PROVIDER.value,),
            msgid("a provider: by form, file or its own program"),
        ),
    )
