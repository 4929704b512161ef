"""Says in plain words what roles, ways to sign in and rows of the audit log are called."""

from collections.abc import Mapping

import asyncpg

from services.accounts.domain import Kind, Role
from services.accounts.invitations.domain import LinkState
from services.accounts.methods.domain import Weak
from services.runtime.web.languages import Texts, msgid

ROLES: Mapping[str, str] = {
    Role.COORDINATOR: msgid("Coordination"),
    Role.HEAD: msgid("Head of coordination"),
    Role.CLERK: msgid("Registering office"),
    Role.PROVIDER: msgid("Course provider"),
    Role.COUNSELLOR: msgid("Counselling"),
    Role.TEAM_LEAD: msgid("Team lead"),
    Role.AUDITOR: msgid("Audit (reads, changes nothing)"),
    Role.DATA_PROTECTION: msgid("Data protection officer"),
    Role.OPERATOR: msgid("Operation"),
    Role.ADMINISTRATOR: msgid("Administration of people and roles"),
}
KINDS: Mapping[str, str] = {
    Kind.KREIS: msgid("Kreis"),
    Kind.REGISTERING_OFFICE: msgid("Registering office"),
    Kind.PROVIDER: msgid("Course provider"),
    Kind.COUNSELLING: msgid("Counselling office"),
}
METHODS: Mapping[str, str] = {
    "passkey": msgid("passkey"),
    "password": msgid("password and code"),
    "issuer": msgid("sign-in of the organisation"),
    "invitation": msgid("invitation"),
    "demo": msgid("demonstration"),
}
AUDIT: Mapping[str, str] = {
    "signed_in": msgid("signed in"),
    "signed_out": msgid("signed out"),
    "session_ended": msgid("ended a session"),
    "role_worn": msgid("changed the role"),
    "locked_out": msgid("failed to sign in too often and had to wait"),
    "invited": msgid("invited somebody"),
    "invitation_withdrawn": msgid("withdrew an invitation"),
    "invitation_accepted": msgid("accepted an invitation"),
    "recovery_link": msgid("was given a link to set up sign-in again"),
    "recovered": msgid("set up sign-in again"),
    "role_given": msgid("was given a role"),
    "role_ended": msgid("lost a role"),
    "deactivated": msgid("was deactivated"),
    "activated": msgid("was activated again"),
    "password_changed": msgid("changed the password"),
    "totp_changed": msgid("set up a new app for codes"),
    "passkey_added": msgid("added a passkey"),
    "passkey_removed": msgid("removed a passkey"),
    "organisation_described": msgid("described the organisation"),
    "organisation_added": msgid("added an organisation"),
    "organisation_joined": msgid("added a Kreis to an organisation"),
    "organisation_left": msgid("took an organisation out of the Kreis"),
    "organisation_deactivated": msgid("deactivated an organisation"),
    "organisation_activated": msgid("activated an organisation again"),
    "publisher_registered": msgid("registered who sends data"),
    "publisher_chosen": msgid("chose for which office the organisation speaks"),
    "key_made": msgid("made an API key"),
    "key_ended": msgid("ended an API key"),
    "erased": msgid("was erased"),
}
WEAK: Mapping[Weak, str] = {
    Weak.SHORT: msgid("Please choose at least 12 characters; several words are easy to remember."),
    Weak.LONG: msgid("Please choose at most 200 characters."),
    Weak.COMMON: msgid(
        "This password is easy to guess. Please choose another one, for instance four words that do not"
        " belong together."
    ),
}
NOT_OPEN: Mapping[LinkState | None, str] = {
    None: msgid("There is no such invitation. Please check that the whole link was copied."),
    LinkState.USED: msgid(
        "This link was used already; each one works once. If it was not you, tell your administrator at once."
    ),
    LinkState.WITHDRAWN: msgid("This invitation was withdrawn. Please ask your administrator for a new one."),
    LinkState.EXPIRED: msgid(
        "This invitation has expired; links work for seven days. Please ask your administrator for a new one."
    ),
}


def role_name(texts: Texts, role: str) -> str:
    """Return what a role is called."""
    return texts.plain(ROLES.get(role, role))


def kind_of(organisation: asyncpg.Record) -> str:
    """Return the msgid of an organisation's kind."""
    kind: str = organisation["kind"]
    return KINDS[kind]


def method_of(session: asyncpg.Record) -> str:
    """Return the msgid of how a session began."""
    method: str = session["method"]
    return METHODS[method]


def said_of(row: asyncpg.Record) -> str:
    """Return the msgid of what a row of the audit log says."""
    what: str = row["what"]
    return AUDIT.get(what, what)
