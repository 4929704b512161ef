"""Defines what is kept about a person and which part of it each purpose may see."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum


class Purpose(StrEnum):
    """Why somebody reads a person's data."""

    REGISTRATION = "registration"
    """The registering office's own record."""
    ROSTER = "roster"
    """The provider in whose course the person is."""
    ENROLMENT_NOTICE = "enrolment_notice"
    """The consented counselling office, at the start."""
    DROPOUT_SUPPORT = "dropout_support"
    """The consented counselling office, when the person may be about to drop out."""
    AFTER_COURSE = "after_course"
    """The consented counselling office, when the course is over."""
    ACCESS = "subject_access"
    """The person asks what is kept about them (Art. 15 GDPR)."""
    ROUTING = "routing"
    """The service itself: the birth date decides between JMD and MBE."""
    EVALUATION = "evaluation"
    """Whoever operates the support side tries the rules on the past: attendance, no contact data."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Name and contact data of one person; every part may be unknown."""

    family_name: str | None = None
    given_name: str | None = None
    birth_date: date | None = None
    phone: str | None = None
    email: str | None = None
    street: str | None = None
    postcode: str | None = None
    town: str | None = None
    languages: tuple[str, ...] = ()


ALL_FIELDS = frozenset(field.name for field in fields(Contact))
_NAME = frozenset({"family_name", "given_name"})
_REACH = _NAME | {"phone", "email", "languages"}
VISIBLE: Mapping[Purpose, frozenset[str]] = {
    Purpose.REGISTRATION: ALL_FIELDS,
    Purpose.ROSTER: _NAME,
    Purpose.ENROLMENT_NOTICE: _REACH,
    Purpose.DROPOUT_SUPPORT: _REACH,
    Purpose.AFTER_COURSE: _REACH,
    Purpose.ACCESS: ALL_FIELDS,
    Purpose.ROUTING: frozenset({"birth_date"}),
    Purpose.EVALUATION: frozenset(),
}
"""Which parts of a person's data a purpose needs; nothing else is ever shown for it."""


def visible(contact: Contact, purpose: Purpose) -> Contact:
    """Return the part of the data that this purpose may see.

    >>> visible(Contact(family_name="Muster", phone="0123"), Purpose.ROSTER)
    Contact(family_name='Muster', given_name=None, birth_date=None, phone=None, email=None, street=None, \
postcode=None, town=None, languages=())
    """
    hidden = dict.fromkeys(ALL_FIELDS - VISIBLE[purpose] - {"languages"})
    languages = contact.languages if "languages" in VISIBLE[purpose] else ()
    return replace(contact, **hidden, languages=languages)


def merge(known: Contact, new: Contact) -> Contact:
    """Return the known data with the new data put over it; parts left out stay as they are."""
    changes = {
        field.name: value
        for field in fields(Contact)
        if (value := getattr(new, field.name)) not in (None, ())
    }
    return replace(known, **changes)
