"""Names the roles of the steering side, and their menus."""

from collections.abc import Mapping, Sequence

from services.accounts.domain import Role
from services.accounts.pages.menu import ADMINISTRATION
from services.runtime.web.languages import msgid
from services.runtime.web.menus import Section

COORDINATOR = Role.COORDINATOR.value
HEAD = Role.HEAD.value
PROVIDER = Role.PROVIDER.value
AUDITOR = Role.AUDITOR.value
DATA_PROTECTION = Role.DATA_PROTECTION.value
OPERATOR = Role.OPERATOR.value
COORDINATORS = (COORDINATOR, HEAD)

_COORDINATION = (
    ("/", msgid("Today")),
    ("/proposals", msgid("Proposals")),
    ("/reservations", msgid("Reservations")),
    ("/authority", msgid("To the BAMF")),
    ("/waiting", msgid("Waiting list")),
    ("/expired", msgid("Expired entitlements")),
    ("/remedies", msgid("What would help")),
    ("/courses", msgid("Courses")),
    ("/providers", msgid("Providers")),
    ("/what-if", msgid("What if")),
    ("/next-course", msgid("Which course next")),
    ("/pooling", msgid("Pooling")),
    ("/forecast", msgid("Forecast")),
    ("/needs", msgid("What is missing")),
    ("/policy", msgid("Policy")),
    ("/runs", msgid("Runs")),
    ("/outcomes", msgid("Outcomes")),
    ("/figures", msgid("What the figures mean")),
)
_PEOPLE = ("/proposals", "/reservations", "/authority", "/waiting", "/expired", "/remedies")
_PLANNING = ("/what-if", "/next-course", "/pooling", "/forecast", "/needs")
_RECORDS = ("/policy", "/runs", "/outcomes", "/figures", "/retention", "/operation")
_RETENTION = (("/retention", msgid("What is kept")),)
_OPERATION = (("/operation", msgid("Operation")),)
HOMES = {
    COORDINATOR: "/",
    HEAD: "/",
    AUDITOR: "/",
    PROVIDER: "/provider",
    DATA_PROTECTION: "/retention",
    OPERATOR: "/operation",
    Role.ADMINISTRATOR.value: "/",
}


def sections_with(added: Sequence[tuple[str, str]]) -> Sequence[Section]:
    """Return the sections of the coordinators' menu; what an extension has added is for planning."""
    return (
        Section(msgid("The people"), _PEOPLE, also=("/people", "/placements")),
        Section(msgid("Courses"), ("/courses", "/providers")),
        Section(
            msgid("Planning"),
            (*_PLANNING, *(address for address, _ in added)),
            also=("/questions", "/answers"),
        ),
        Section(msgid("Policy and records"), _RECORDS),
    )


def menu_with(added: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return each role's menu; coordinators find what an extension has added before the policy."""
    at = [address for address, _ in _COORDINATION].index("/policy")
    coordination = (*_COORDINATION[:at], *added, *_COORDINATION[at:])
    return {
        COORDINATOR: coordination,
        HEAD: coordination,
        AUDITOR: (*coordination, *_RETENTION, *_OPERATION),
        PROVIDER: (("/provider", msgid("My courses")), ("/provider-policy", msgid("Policy"))),
        DATA_PROTECTION: _RETENTION,
        OPERATOR: _OPERATION,
        Role.ADMINISTRATOR.value: ADMINISTRATION,
    }
