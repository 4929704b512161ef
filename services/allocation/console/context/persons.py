"""Lists the invented people of the demo on the steering side, and the menu of each role."""

from collections.abc import Mapping, Sequence

from services.runtime.web.languages import msgid
from services.runtime.web.visitors import DemoPerson, Visitor, directory

COORDINATOR = "coordinator"
HEAD = "coordinator_head"
PROVIDER = "provider"
COORDINATORS = (COORDINATOR, HEAD)

_KREIS = ("99001",)
_PLACE = "Kreis Musterland (erfunden)"

PERSONS = directory(
    [
        DemoPerson(
            Visitor("jana-vogt", "Jana Vogt", COORDINATOR, _KREIS, place=_PLACE),
            msgid("Coordinator of the Kreis: sees who waits, by reference number, and confirms proposals."),
            "/",
        ),
        DemoPerson(
            Visitor("peter-lindner", "Peter Lindner", HEAD, _KREIS, place=_PLACE),
            msgid("Head of coordination: sees the same and answers for it before council and auditors."),
            "/",
        ),
        DemoPerson(
            Visitor(
                "mira-kern",
                "Mira Kern",
                PROVIDER,
                _KREIS,
                organisation="vhs-musterland",
                publisher="vhs-musterland",
                place="Volkshochschule Musterland (erfunden)",
            ),
            msgid("Works for a provider: sees her courses, their fill and who is expected, without names."),
            "/provider",
        ),
    ]
)

_COORDINATION = (
    ("/", msgid("Today")),
    ("/proposals", msgid("Proposals")),
    ("/reservations", msgid("Reservations")),
    ("/authority", msgid("To the BAMF")),
    ("/waiting", msgid("Waiting list")),
    ("/remedies", msgid("What would help")),
    ("/courses", msgid("Courses")),
    ("/providers", msgid("Providers")),
    ("/outcomes", msgid("Outcomes")),
    ("/runs", msgid("Runs")),
    ("/what-if", msgid("What if")),
    ("/next-course", msgid("Which course next")),
    ("/pooling", msgid("Pooling")),
    ("/forecast", msgid("Forecast")),
)
HOMES = {COORDINATOR: "/", HEAD: "/", PROVIDER: "/provider"}


def menu_with(added: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return each role's menu; coordinators find what an extension has added before the policy."""
    coordination = (*_COORDINATION, *added, ("/policy", msgid("Policy")))
    return {
        COORDINATOR: coordination,
        HEAD: coordination,
        PROVIDER: (("/provider", msgid("My courses")),),
    }
