"""Names the roles of the steering side, and their menus."""

from collections.abc import Mapping, Sequence

from services.accounts.domain import Role
from services.accounts.pages.menu import ADMINISTRATION
from services.runtime.web.languages import msgid

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


def menu_with(added: Sequence[tuple[str, str]]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return each role's menu; coordinators find what an extension has added before the policy."""
    coordination = (*_COORDINATION, *added, ("/policy", msgid("Policy")))
    return {
        COORDINATOR: coordination,
        HEAD: coordination,
        AUDITOR: (*coordination, *_RETENTION, *_OPERATION),
        PROVIDER: (("/provider", msgid("My courses")),),
        DATA_PROTECTION: _RETENTION,
        OPERATOR: _OPERATION,
        Role.ADMINISTRATOR.value: ADMINISTRATION,
    }
