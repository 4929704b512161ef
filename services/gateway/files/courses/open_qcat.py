"""Reads an open-Qcat catalogue (KURSNET); what cannot be read is left empty, never a reason to fail."""

import re
from dataclasses import dataclass, field
from datetime import date
from xml.etree.ElementTree import Element

from schemas.envelope import Problem
from services.gateway.files.cells import NotReadable
from services.gateway.files.courses.lesson_times import MOST_CHARACTERS
from services.gateway.files.courses.safe_xml import parse, raw_text, text
from services.gateway.files.dates import read_moment
from services.gateway.files.text import clean, is_broken
from services.gateway.files.values import read_postcode

_DAY = re.compile(r"^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[+-][0-9]{2}:?[0-9]{2}|Z)?$")
_GERMAN_DAY = re.compile(r"^([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?:[ ,]{1,2}0{1,2}:00(?::00)?)?$")
_COUNT = re.compile(r"^([0-9]{1,6})(?:[.,]0{1,3})?$")
_GERMANY = frozenset({"", "d", "de", "deu", "ger", "deutschland", "germany"})
_SHOWN = ("TITLE", "SUPPLIER_ALT_PID", "DESCRIPTION_LONG")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a course is held."""

    name: str | None = None
    street: str | None = None
    postcode: str | None = None
    town: str | None = None
    barrier_free: bool | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One SERVICE: an offer (which carries its first date) or a further date of one."""

    row: int
    product_id: str | None
    offer_id: str | None
    is_date: bool
    """A further date: what is empty is inherited from the offer."""
    supplier_id: str | None = None
    offer_type: str | None = None
    title: str | None = None
    description: str | None = None
    own_number: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    registration_until: date | None = None
    minimum: int | None = None
    maximum: int | None = None
    place: Place = field(default_factory=Place)
    times: str | None = None
    duration: str | None = None
    forms: tuple[str, ...] = ()
    features: tuple[tuple[str, str], ...] = ()
    notes: tuple[Problem, ...] = ()
    """What of it could not be read, or was left out."""
    broken: bool = False
    """Its letters were broken on the way."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A readable file."""

    supplier_ids: tuple[str, ...]
    full: bool
    sequence: int | None
    services: tuple[Service, ...]
    deleted: tuple[tuple[int, str | None], ...]
    """Row and PRODUCT_ID of the courses that the file deletes."""
    unread: int = 0
    """Courses at places where none are expected."""


def read_catalogue(raw: bytes) -> Catalogue | Problem:
    """Read a file, or say why it is none."""
    root = parse(raw)
    if isinstance(root, Problem):
        return root
    if root.tag != "OPENQCAT":
        return Problem("not_open_qcat")
    whole = root.find("NEW_CATALOG")
    update = root.find("UPDATE_CATALOG")
    # Converters in the wild write NEW and DELETE without UPDATE_CATALOG around them.
    holder = update if update is not None else root
    new = root.findall("NEW_CATALOG/SERVICE")
    new += holder.findall("NEW/SERVICE") + holder.findall("SERVICE")
    gone = holder.findall("DELETE/SERVICE")
    return Catalogue(
        supplier_ids=tuple(
            filter(None, (e.findtext(".", "").strip() for e in root.iterfind("HEADER/SUPPLIER/SUPPLIER_ID")))
        ),
        full=whole is not None and whole.get("FULLCATALOG", "").strip().lower() in {"true", "1"},
        sequence=_count(update.get("seq_number")) if update is not None else None,
        services=tuple(_service(number, element) for number, element in enumerate(new, start=1)),
        deleted=tuple((number, text(element, "PRODUCT_ID")) for number, element in enumerate(gone, start=1)),
        unread=sum(1 for _ in root.iter("SERVICE")) - len(new) - len(gone),
    )


def _service(number: int, element: Element) -> Service:
    details = element.find("SERVICE_DETAILS")
    education = element.find("SERVICE_DETAILS/SERVICE_MODULE/EDUCATION")
    if education is None:
        education = Element("EDUCATION")
    module = education.find("MODULE_COURSE")
    fields = _Fields()
    product = text(element, "PRODUCT_ID")
    offer = text(education, "COURSE_ID")
    times = raw_text(module, "INSTRUCTION_REMARKS")
    fields.check(times, *(raw_text(details, name) for name in _SHOWN))
    return Service(
        row=number,
        product_id=product,
        offer_id=offer,
        is_date=_is_date(education.get("type", "").strip().lower(), offer, product),
        supplier_id=text(element, "SUPPLIER_ID_REF"),
        offer_type=text(element, "COURSE_TYPE"),
        title=text(details, "TITLE"),
        description=text(details, "DESCRIPTION_LONG"),
        own_number=text(details, "SUPPLIER_ALT_PID"),
        starts_on=fields.day(details, "SERVICE_DATE/START_DATE") or fields.day(module, "DURATION/START_DATE"),
        ends_on=fields.day(details, "SERVICE_DATE/END_DATE") or fields.day(module, "DURATION/END_DATE"),
        registration_until=fields.day(education, "REGISTRATION_DATE"),
        minimum=fields.count(module, "MIN_PARTICIPANTS"),
        maximum=fields.count(module, "MAX_PARTICIPANTS"),
        place=_place(education.find("MODULE_COURSE[1]/LOCATION"), fields),
        times=times if len(times) > MOST_CHARACTERS else text(module, "INSTRUCTION_REMARKS"),
        duration=text(module, "DURATION/DATE_REMARKS") or text(details, "SERVICE_DATE/DATE_REMARKS"),
        forms=tuple(
            form
            for found in education.iterfind("EXTENDED_INFO/INSTRUCTION_FORM")
            if (form := found.get("type", "").strip())
        ),
        features=tuple(
            (text(feature, "FNAME") or "", value)
            for feature in element.iterfind("SERVICE_CLASSIFICATION/FEATURE")
            for value in _values(feature)
        ),
        notes=(*fields.notes, *_repeated(element, education)),
        broken=fields.broken,
    )


def _values(feature: Element) -> tuple[str, ...]:
    return tuple(clean("".join(value.itertext())) for value in feature.iterfind("FVALUE")) or ("",)


def _repeated(element: Element, education: Element) -> list[Problem]:
    """Tell that an offer holds several places or dates: only the first one is read."""
    places = (
        element.findall("SERVICE_DETAILS/SERVICE_MODULE/EDUCATION"),
        education.findall("MODULE_COURSE"),
        education.findall("MODULE_COURSE/LOCATION"),
        element.findall("SERVICE_DETAILS/SERVICE_DATE"),
        element.findall("SERVICE_DETAILS"),
        education.findall("MODULE_COURSE/DURATION"),
    )
    most = max(map(len, places))
    return [Problem("places_several", "MODULE_COURSE", {"number": most})] if most > 1 else []


@dataclass(slots=True)
class _Fields:
    """Reads fields of one service and notes what they hold that cannot be read."""

    notes: list[Problem] = field(default_factory=list)
    broken: bool = False

    def check(self, *written: str) -> None:
        self.broken = self.broken or any(map(is_broken, written))

    def day(self, element: Element | None, path: str) -> date | None:
        written = text(element, path)
        day = read_day(written)
        self._note(path, unreadable=written is not None and day is None)
        return day

    def count(self, element: Element | None, path: str) -> int | None:
        written = text(element, path)
        number = _count(written)
        self._note(path, unreadable=written is not None and number is None)
        return number

    def _note(self, path: str, *, unreadable: bool) -> None:
        if unreadable:
            self.notes.append(Problem("value_unreadable", path.replace("/", ".")))


def _is_date(kind: str, offer: str | None, product: str | None) -> bool:
    return kind == "false" or (kind != "true" and offer is not None and offer != product)


def _place(location: Element | None, fields: _Fields) -> Place:
    # Some write the address straight into LOCATION, some into LOCATION/ADDRESS.
    inner = location.find("ADDRESS") if location is not None else None
    at = inner if inner is not None else location
    fields.check(*(raw_text(at, name) for name in ("NAME", "STREET", "CITY")))
    free = (text(at, "BARRIER_FREE_LOCATION") or "").lower()
    return Place(
        name=text(at, "NAME"),
        street=text(at, "STREET"),
        postcode=_postcode(text(at, "ZIP"), (text(at, "COUNTRY") or "").lower()),
        town=text(at, "CITY"),
        barrier_free={"true": True, "1": True, "false": False, "0": False}.get(free),
    )


def _postcode(written: str | None, country: str) -> str | None:
    """Return a postcode, in Germany with the zeros that a spreadsheet has dropped."""
    if country not in _GERMANY:
        return written
    code = read_postcode(written)
    return written if isinstance(code, NotReadable) else code


def read_day(written: str | None) -> date | None:
    """Return the day in Germany of a day or moment: midnight with an offset is the day that is written.

    >>> read_day("2027-01-11T00:00:00.000+01:00")
    datetime.date(2027, 1, 11)
    """
    if written is None:
        return None
    try:
        if match := _DAY.match(written):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _GERMAN_DAY.match(written):
            return date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        return None
    return read_moment(written)


def _count(written: str | None) -> int | None:
    match = _COUNT.match((written or "").strip())
    return int(match[1]) if match is not None else None
