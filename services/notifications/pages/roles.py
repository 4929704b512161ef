"""Names the roles of the support side, and their menus."""

from services.accounts.domain import Role
from services.accounts.pages.menu import ADMINISTRATION
from services.runtime.web.languages import msgid

CLERK = Role.CLERK.value
PROVIDER = Role.PROVIDER.value
COUNSELLOR = Role.COUNSELLOR.value
TEAM_LEAD = Role.TEAM_LEAD.value
AUDITOR = Role.AUDITOR.value
DATA_PROTECTION = Role.DATA_PROTECTION.value

_DESK = (
    ("/desk", msgid("Open offers")),
    ("/people", msgid("My people")),
    ("/erasures", msgid("Erasures")),
)
_ROSTER = (("/roster", msgid("My courses")),)
_INBOX = (("/inbox", msgid("Inbox")),)

MENU = {
    CLERK: (_DESK[0], ("/register", msgid("Register a person")), *_DESK[1:]),
    PROVIDER: _ROSTER,
    COUNSELLOR: _INBOX,
    TEAM_LEAD: _INBOX,
    AUDITOR: (*_DESK, *_ROSTER, *_INBOX),
    DATA_PROTECTION: (_DESK[2],),
    Role.ADMINISTRATOR.value: ADMINISTRATION,
}
HOMES = {
    CLERK: "/desk",
    PROVIDER: "/roster",
    COUNSELLOR: "/inbox",
    TEAM_LEAD: "/inbox",
    AUDITOR: "/desk",
    DATA_PROTECTION: "/erasures",
    Role.ADMINISTRATOR.value: "/",
}
