"""Writes in plain German what is held about a person; the file beside it (JSON) has every column."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.notifications.access.collecting import PersonData
from services.notifications.pages.access import words
from services.notifications.people.domain import Contact
from services.notifications.sheets.document import Block, Facts, Heading, Paragraph, Points, Sheet
from services.places.lookup import Places
from services.runtime.web.languages import NOTHING, Texts, msgid


@dataclass(frozen=True, slots=True)
class Section:
    """What one table tells: its heading, and which columns are said of each row, with their names."""

    title: str
    columns: Mapping[str, str]


_DAY, _UNTIL, _OFFICE, _PURPOSE, _STATE = (
    msgid("Day"),
    msgid("until"),
    msgid("Office"),
    msgid("Purpose"),
    msgid("How it stands"),
)
_SINCE, _ENDED, _ORGANISATION = msgid("since"), msgid("ended"), msgid("Organisation")

SECTIONS: Mapping[str, Section] = {
    "person": Section(
        msgid("Your name and how to reach you"), {"reference": msgid("Our reference"), "kept_at": _SINCE}
    ),
    "person_key": Section(msgid("Organisations that can open your name"), {"organisation": _ORGANISATION}),
    "participant_fact": Section(
        msgid("Your registration for a course"),
        {
            "registered_on": msgid("Registered on"),
            "withdrawn_on": msgid("taken off the list on"),
            "town": msgid("Lives in"),
            "youth_until": msgid("under 27 until"),
            "asylum_phase": msgid("Asylum procedure"),
        },
    ),
    "registration": Section(msgid("How your registration was sent"), {"begun_at": _DAY, "state": _STATE}),
    "participant_merge": Section(
        msgid("Two registrations that are one person"), {"into_participant": msgid("goes on as")}
    ),
    "placement": Section(
        msgid("Your places in courses"),
        {
            "own_course": msgid("Course"),
            "provider": msgid("School"),
            "starts_on": msgid("First day"),
            "ends_on": msgid("Last day"),
            "state": _STATE,
            "ended_on": _ENDED,
        },
    ),
    "placement_offer": Section(
        msgid("Why a place was offered"), {"placement_id": msgid("Number of the place")}
    ),
    "consent": Section(
        msgid("What you have allowed"),
        {
            "office": _OFFICE,
            "purpose": _PURPOSE,
            "given_on": msgid("Given on"),
            "valid_until": _UNTIL,
            "revoked_on": msgid("taken back on"),
        },
    ),
    "consent_step": Section(
        msgid("When you said it"),
        {"said_on": _DAY, "step": msgid("What"), "office": _OFFICE, "purpose": _PURPOSE},
    ),
    "consent_evidence": Section(
        msgid("What proves what you allowed and took back"),
        {
            "form": msgid("Version of the form"),
            "paper": msgid("Where the paper lies"),
            "told": msgid("taken back"),
            "office": msgid("entered by"),
            "entered_at": msgid("entered on"),
        },
    ),
    "attendance": Section(
        msgid("When you were in the course"), {"day": _DAY, "mark": msgid("Mark"), "ue": msgid("Lessons")}
    ),
    "held_mark": Section(
        msgid("Marks that wait until your place is known"), {"day": _DAY, "mark": msgid("Mark")}
    ),
    "section_result": Section(
        msgid("Results of section tests"), {"tested_on": _DAY, "grade": msgid("Result")}
    ),
    "exam_result": Section(msgid("Results of examinations"), {"taken_on": _DAY, "result": msgid("Result")}),
    "course_exit": Section(msgid("Courses that you left"), {"left_on": _DAY}),
    "risk": Section(
        msgid("When the course seemed to become difficult"),
        {"since": _SINCE, "rule": msgid("What was noticed"), "state": _STATE},
    ),
    "reconsider": Section(msgid("Whether it is just being looked at who may know"), {"asked_at": _DAY}),
    "alert": Section(
        msgid("What a counselling office was told"),
        {"raised_at": _DAY, "office": _OFFICE, "purpose": _PURPOSE, "state": _STATE},
    ),
    "alert_step": Section(
        msgid("What the office did about it"), {"at": _DAY, "office": _OFFICE, "to_state": msgid("What")}
    ),
    "escalation": Section(
        msgid("When it was to go to the head of the office"), {"due_at": _DAY, "office": _OFFICE}
    ),
    "delivery": Section(
        msgid("Messages to the office, without your name"), {"sent_at": _DAY, "channel": msgid("Way")}
    ),
    "delivery_attempt": Section(
        msgid("Attempts to send these messages"), {"started_at": _DAY, "outcome": msgid("Result")}
    ),
    "disclosure": Section(
        msgid("Who else may see your name"),
        {"organisation": _ORGANISATION, "purpose": _PURPOSE, "until": _UNTIL, "ended_at": _ENDED},
    ),
    "disclosure_log": Section(
        msgid("Who looked at your name"), {"at": _DAY, "organisation": _ORGANISATION, "purpose": _PURPOSE}
    ),
}
_CONTACT: Mapping[str, str] = {
    "family_name": msgid("Family name"),
    "given_name": msgid("Given name"),
    "birth_date": msgid("Birth date"),
    "phone": msgid("Telephone"),
    "email": msgid("E-mail"),
    "street": msgid("Street"),
    "postcode": msgid("Postcode"),
    "town": msgid("Town"),
    "languages": msgid("Languages"),
}
_OPENING = msgid(
    "You have the right to know what is stored about you (Art. 15 GDPR). This sheet says it in plain words. "
    "The file that belongs to it has every entry, what it is for and how long it is kept."
)
_AUTHORITY = msgid(
    "This office is an authority. It may not see whether you allowed counselling, nor what rests on that. "
    "Ask the counselling office, or whoever operates Kurslotse, for it."
)
_RIGHTS = msgid(
    "You can have what is wrong corrected, and have data erased. You can take consent back at any time. You "
    "can complain to the data protection authority of the Land."
)
_NAMED = frozenset({"office", "organisation", "provider"})
"""Columns that hold the slug of an office, an organisation or a school."""
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?")


def data_sheet(data: PersonData, texts: Texts, places: Places) -> Sheet:
    """Write everything in plain German, one heading for each kind of data."""
    say, write = texts.plain, _Rows(texts, places, data.names)
    blocks: list[Block] = [Paragraph(say(_OPENING))]
    if data.authority:
        blocks.append(Paragraph(say(_AUTHORITY), strong=True))
    for table, rows in data.tables.items():
        section = SECTIONS[table]
        if table == "person":
            blocks += [Heading(say(section.title)), Facts(tuple(_contact(data.contact, texts)))]
        elif rows:
            blocks.append(
                Heading(texts.gettext("%(title)s (%(number)s)", title=say(section.title), number=len(rows)))
            )
        if rows and table != "person":
            blocks.append(Points(tuple(write.row(table, row) for row in rows)))
    blocks += [Heading(say(msgid("Your rights"))), Paragraph(say(_RIGHTS))]
    return Sheet(
        code="de",
        right_to_left=False,
        title=say(msgid("What is stored about you")),
        german_title="",
        blocks=tuple(blocks),
        sender=data.office,
        aside=(
            (say(msgid("Date")), texts.date(data.made_on)),
            (say(msgid("Our reference")), data.reference),
        ),
    )


def _contact(contact: Contact | None, texts: Texts) -> Sequence[tuple[str, str]]:
    found = []
    for field, label in _CONTACT.items():
        value = getattr(contact, field, None)
        said = (
            ", ".join(value)
            if isinstance(value, tuple)
            else texts.date(value)
            if isinstance(value, date)
            else value
        )
        found.append((texts.plain(label), said or NOTHING))
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """Writes rows, with names for what the tables hold as slugs and codes."""

    texts: Texts
    places: Places
    names: Mapping[str, str]

    def row(self, table: str, row: Mapping[str, Any]) -> str:
        """Write one row of a table."""
        said = [
            f"{self.texts.plain(label)}: {self._value(table, column, row[column])}"
            for column, label in SECTIONS[table].columns.items()
            if row.get(column) not in (None, "", [])
        ]
        return "; ".join(said) or NOTHING

    def _value(self, table: str, column: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
        if column == "town":
            return self.places.name(str(value)) or str(value)
        if column in _NAMED:
            return self.names.get(str(value), str(value))
        if (word := words.said(self.texts, table, column, str(value))) is not None:
            return word
        if isinstance(value, str) and _DATED.fullmatch(value):
            day = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
            return self.texts.date(day)
        return str(value).replace("_", " ")
