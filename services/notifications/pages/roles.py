"""Names the roles of the support side, and their menus."""

from services.accounts.domain import Role
from services.accounts.pages.menu import ADMINISTRATION
from services.runtime.web.languages import msgid
from services.runtime.web.menus import Section

CLERK = Role.CLERK.value
PROVIDER = Role.PROVIDER.value
COUNSELLOR = Role.COUNSELLOR.value
TEAM_LEAD = Role.TEAM_LEAD.value
AUDITOR = Role.AUDITOR.value
DATA_PROTECTION = Role.DATA_PROTECTION.value
OPERATOR = Role.OPERATOR.value
ADMINISTRATOR = Role.ADMINISTRATOR.value

_DESK = (
    ("/desk", msgid("Open offers")),
    ("/people", msgid("My people")),
    ("/classes", msgid("Consent in class")),
    ("/erasures", msgid("Erasures")),
    ("/letterhead", msgid("Letterhead")),
)
_ROSTER = (("/roster", msgid("My courses")),)
_INBOX = (("/inbox", msgid("Inbox")),)
_NEEDS = (("/needs", msgid("What is missing")),)
_OFFICES = (("/offices", msgid("Counselling offices")),)
_FIGURES = (("/figures", msgid("Figures")),)
_MAIL = (("/mail", msgid("Mail")),)
_OVERSIGHT = (("/looks", msgid("Looks at names")), ("/retention", msgid("What is kept")))
_OPERATION = (("/operation", msgid("Operation")),)

MENU = {
    CLERK: (_DESK[0], ("/register", msgid("Register a person")), *_DESK[1:], *_OFFICES, *_FIGURES),
    PROVIDER: (*_ROSTER, ("/consent-forms", msgid("Consent form")), *_FIGURES),
    COUNSELLOR: (*_INBOX, *_NEEDS, *_OFFICES, *_FIGURES),
    TEAM_LEAD: (*_INBOX, ("/inbox/team", msgid("My office")), *_NEEDS, *_OFFICES, *_FIGURES),
    AUDITOR: (*_DESK, *_ROSTER, *_INBOX, *_OFFICES, *_FIGURES, *_OVERSIGHT, *_OPERATION),
    DATA_PROTECTION: (_DESK[3], *_FIGURES, *_OVERSIGHT),
    OPERATOR: (*_OPERATION, *_OFFICES, *_MAIL),
    ADMINISTRATOR: (*ADMINISTRATION, *_OFFICES, *_MAIL),
}
SECTIONS = (Section(msgid("My office"), ("/inbox/team",), also=("/inbox/rules", "/inbox/evaluation")),)
HOMES = {
    CLERK: "/desk",
    PROVIDER: "/roster",
    COUNSELLOR: "/inbox",
    TEAM_LEAD: "/inbox",
    AUDITOR: "/desk",
    DATA_PROTECTION: "/erasures",
    OPERATOR: "/operation",
    ADMINISTRATOR: "/",
}
