"""Reads an open-Qcat catalogue (KURSNET); what cannot be read is left empty, never a reason to fail."""

import re
from dataclasses import dataclass, field
from datetime import date
from xml.etree.ElementTree import Element

from schemas.envelope import Problem
from services.gateway.files.courses.safe_xml import parse, text

_DAY = re.compile(r"^(\d{4})-(\d{2})-(\d{2})")
_GERMAN_DAY = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$")


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


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A readable file."""

    supplier_ids: tuple[str, ...]
    full: bool
    sequence: int | None
    services: tuple[Service, ...]
    deleted: tuple[tuple[int, str], ...]


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
    new = root.findall("NEW_CATALOG[1]/SERVICE")
    new += holder.findall("NEW[1]/SERVICE") + holder.findall("SERVICE")
    return Catalogue(
        supplier_ids=tuple(
            filter(None, (e.findtext(".", "").strip() for e in root.iterfind("HEADER/SUPPLIER/SUPPLIER_ID")))
        ),
        full=whole is not None and whole.get("FULLCATALOG", "").strip().lower() in {"true", "1"},
        sequence=_number(update.get("seq_number")) if update is not None else None,
        services=tuple(_service(number, element) for number, element in enumerate(new, start=1)),
        deleted=tuple(
            (number, product)
            for number, element in enumerate(holder.iterfind("DELETE[1]/SERVICE"), start=1)
            if (product := text(element, "PRODUCT_ID"))
        ),
    )


def _service(number: int, element: Element) -> Service:
    details = element.find("SERVICE_DETAILS")
    education = element.find("SERVICE_DETAILS/SERVICE_MODULE/EDUCATION")
    if education is None:
        education = Element("EDUCATION")
    module = education.find("MODULE_COURSE")
    product = text(element, "PRODUCT_ID")
    offer = text(education, "COURSE_ID")
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
        starts_on=read_day(text(details, "SERVICE_DATE/START_DATE") or text(module, "DURATION/START_DATE")),
        ends_on=read_day(text(details, "SERVICE_DATE/END_DATE") or text(module, "DURATION/END_DATE")),
        registration_until=read_day(text(education, "REGISTRATION_DATE")),
        minimum=_number(text(module, "MIN_PARTICIPANTS")),
        maximum=_number(text(module, "MAX_PARTICIPANTS")),
        place=_place(education.find("MODULE_COURSE[1]/LOCATION")),
        times=text(module, "INSTRUCTION_REMARKS"),
        duration=text(module, "DURATION/DATE_REMARKS") or text(details, "SERVICE_DATE/DATE_REMARKS"),
        forms=tuple(
            form
            for found in education.iterfind("EXTENDED_INFO/INSTRUCTION_FORM")
            if (form := found.get("type", "").strip())
        ),
        features=tuple(
            (text(feature, "FNAME") or "", text(feature, "FVALUE") or "")
            for feature in element.iterfind("SERVICE_CLASSIFICATION/FEATURE")
        ),
    )


def _is_date(kind: str, offer: str | None, product: str | None) -> bool:
    return kind == "false" or (kind != "true" and offer is not None and offer != product)


def _place(location: Element | None) -> Place:
    # Some write the address straight into LOCATION, some into LOCATION/ADDRESS.
    inner = location.find("ADDRESS") if location is not None else None
    at = inner if inner is not None else location
    free = (text(at, "BARRIER_FREE_LOCATION") or "").lower()
    return Place(
        name=text(at, "NAME"),
        street=text(at, "STREET"),
        postcode=text(at, "ZIP"),
        town=text(at, "CITY"),
        barrier_free={"true": True, "1": True, "false": False, "0": False}.get(free),
    )


def read_day(written: str | None) -> date | None:
    """Return the local date of a timestamp: midnight with an offset is that day, not the one before.

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
    return None


def _number(written: str | None) -> int | None:
    try:
        return int(float((written or "").replace(",", ".")))
    except (ValueError, OverflowError):
        return None
