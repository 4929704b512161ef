"""Defines the roles, their menus, and the invented people of the demo who have them."""

from services.runtime.web.languages import msgid
from services.runtime.web.visitors import DemoPerson, Visitor, directory

CLERK = "clerk"
PROVIDER = "provider"
COUNSELLOR = "counsellor"

_KREIS = ("99001",)

PERSONS = directory(
    [
        DemoPerson(
            Visitor(
                "ole-brandt",
                "Ole Brandt",
                CLERK,
                _KREIS,
                organisation="jobcenter-musterland",
                publisher="jobcenter-musterland",
                place="Jobcenter Musterland (erfunden)",
            ),
            msgid("Works at a registering office: registers people, hands over offers, enters answers."),
            "/desk",
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
            msgid("Works for a provider: sees who accepted a place in her courses, notes who was missing."),
            "/roster",
        ),
        DemoPerson(
            Visitor(
                "sara-demir",
                "Sara Demir",
                COUNSELLOR,
                _KREIS,
                organisation="wohlfahrt-nord",
                publisher="mbe-nord",
                place="Migrationsberatung Nord (erfunden)",
            ),
            msgid("Counsels adult migrants (MBE): hears of people who agreed to it, and offers help."),
            "/inbox",
        ),
        DemoPerson(
            Visitor(
                "tim-albers",
                "Tim Albers",
                COUNSELLOR,
                _KREIS,
                organisation="jmd-musterland",
                publisher="jmd-musterland",
                place="Jugendmigrationsdienst Musterland (erfunden)",
            ),
            msgid(
                "Counsels young migrants below 27 (JMD): hears of people who agreed to it, and offers help."
            ),
            "/inbox",
        ),
    ]
)

MENU = {
    CLERK: (
        ("/desk", msgid("Open offers")),
        ("/register", msgid("Register a person")),
        ("/people", msgid("My people")),
        ("/erasures", msgid("Erasures")),
    ),
    PROVIDER: (("/roster", msgid("My courses")),),
    COUNSELLOR: (("/inbox", msgid("Inbox")),),
}
HOMES = {CLERK: "/desk", PROVIDER: "/roster", COUNSELLOR: "/inbox"}
