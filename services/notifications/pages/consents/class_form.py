"""Reads what was entered of a class: who signed which purpose, on which day, where the papers lie."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from starlette.datastructures import FormData

from schemas.bounds import EARLIEST
from schemas.codes import ConsentPurpose
from schemas.days import add_months
from services.notifications.consents.evidence import LONGEST_PAPER
from services.notifications.sheets.forms.wording import latest, versions
from services.notifications.sheets.languages import GERMAN, LANGUAGES
from services.places.domain import folded
from services.runtime.web.languages import Texts, day_of, msgid

TICKED = "ticked-"
"""Name of a person's boxes: this and the participant id."""
_SHORTEST_NAME = 3

NO_OFFICE = msgid("Please choose the office that may know.")
NO_FORM = msgid("Please choose the version that stands at the bottom of the papers.")
NO_LANGUAGE = msgid("Please choose the language of the papers.")
NO_DAY = msgid("Please enter the day on which the papers were signed, for example 24.05.2026.")
NOT_YET = msgid("This day has not come yet. Please enter the day on which the papers were signed.")
TOO_OLD = msgid("What was signed on this day holds no more: a consent holds for at most %(months)s months.")
BEFORE_FORM = msgid("This version of the form did not exist yet on this day. Please check day and version.")
NO_PAPER = msgid("Please enter where the papers lie, for example: cabinet 2, folder C-17.")
LONG_PAPER = msgid("Please enter at most 100 characters.")
NAMED_PAPER = msgid("Please enter a folder or a file number, without the name of a person.")
NOBODY = msgid("Please tick what at least one person has signed.")


@dataclass(frozen=True, slots=True)
class Signed:
    """What one person of the class has signed."""

    participant: UUID
    purposes: tuple[ConsentPurpose, ...]


@dataclass(slots=True)
class ClassEntry:
    """A form as entered, with its mistakes (field -> msgid) and what is to be sent without any."""

    values: dict[str, str]
    ticked: dict[UUID, frozenset[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    given_on: date | None = None
    signed: tuple[Signed, ...] = ()
    left_out: int = 0
    """How many were ticked who sit in the course no more, or never did."""


def empty(office: str, today: date) -> ClassEntry:
    """Return the form as it is opened."""
    values = {
        "office": office,
        "form": latest(),
        "language": GERMAN,
        "given_on": today.isoformat(),
        "paper": "",
    }
    return ClassEntry(values)


def form_choices(texts: Texts) -> dict[str, Any]:
    """Return what the form of a class lets choose, whoever enters it."""
    return {
        "purposes": list(ConsentPurpose),
        "versions": [(one.id, f"{one.id} ({texts.date(one.written_on)})") for one in versions()],
        "languages": [(one.code, one.name) for one in LANGUAGES.values()],
        "ticks": TICKED,
    }


@dataclass(frozen=True, slots=True)
class Known:
    """What a form is read against; where papers lie must not say one of the `names`."""

    people: Sequence[UUID]
    offices: Collection[str]
    names: Collection[str]
    today: date
    months: int
    """The longest a consent holds."""


def read(form: FormData, known: Known) -> ClassEntry:
    """Read a form about the people of a class; a box that is sent twice counts once."""
    entry = ClassEntry({name: printable(form.get(name)) for name in _FIELDS})
    _read_papers(entry, known)
    sent = _ticked(form)
    entry.ticked = {person: sent[person] for person in known.people if sent.get(person)}
    entry.left_out = sum(
        1 for person, purposes in sent.items() if purposes and person not in set(known.people)
    )
    entry.signed = tuple(
        Signed(person, tuple(one for one in ConsentPurpose if one in purposes))
        for person, purposes in entry.ticked.items()
    )
    if not entry.signed:
        entry.errors["people"] = NOBODY
    return entry


_FIELDS = ("office", "form", "language", "given_on", "paper")
_LONGEST = 500


def printable(value: object) -> str:
    """Return what was sent as text in one line, without signs that nobody sees.

    >>> printable("  Ordner   C-17")
    'Ordner C-17'
    """
    seen = "".join(one if one.isprintable() else " " for one in str(value or "")[:_LONGEST])
    return " ".join(seen.split())


def _read_papers(entry: ClassEntry, known: Known) -> None:
    """Read what all papers have in common."""
    values, errors = entry.values, entry.errors
    if values["office"] not in known.offices:
        errors["office"] = NO_OFFICE
    if values["form"] not in {one.id for one in versions()}:
        errors["form"] = NO_FORM
    if values["language"] not in LANGUAGES:
        errors["language"] = NO_LANGUAGE
    entry.given_on = day_of(values["given_on"])
    if fault := day_fault(entry.given_on, known.today, known.months, values["form"]):
        errors["given_on"] = fault
    if fault := paper_fault(values["paper"], known.names):
        errors["paper"] = fault
    elif not values["paper"]:
        errors["paper"] = NO_PAPER


def day_fault(given_on: date | None, today: date, months: int, form: str) -> str:
    """Return what is wrong with the day on which papers of a version of the form were signed."""
    if given_on is None or given_on < EARLIEST:
        return NO_DAY
    if given_on > today:
        return NOT_YET
    if add_months(given_on, months) < today:
        return TOO_OLD
    written = next((one.written_on for one in versions() if one.id == form), EARLIEST)
    # An invented year may lie before the day on which the words were written.
    return BEFORE_FORM if given_on < written <= today else ""


def paper_fault(paper: str, names: Collection[str]) -> str:
    """Return what is wrong with where a paper lies; nothing is wrong with none.

    >>> paper_fault("Schrank 2, Ordner C-17", ["Beispiel"])
    ''
    >>> paper_fault("Akte BEISPIEL", ["Beispiel"]) == NAMED_PAPER
    True
    """
    if len(paper) > LONGEST_PAPER:
        return LONG_PAPER
    words = set(folded(paper)[0].split())
    named = any(
        part in words for name in names for part in folded(name)[0].split() if len(part) >= _SHORTEST_NAME
    )
    return NAMED_PAPER if named else ""


def _ticked(form: FormData) -> Mapping[UUID, frozenset[str]]:
    """Return known purposes by person; what names no person is no box of ours."""
    found: dict[UUID, frozenset[str]] = {}
    for name in form:
        if not name.startswith(TICKED):
            continue
        try:
            person = UUID(name.removeprefix(TICKED))
        except ValueError:
            continue
        known = {str(value) for value in form.getlist(name)} & set(ConsentPurpose)
        found[person] = found.get(person, frozenset()) | known
    return found
