"""Turns services of an open-Qcat catalogue into data of CourseAnnounced, or into what is missing."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.base import POSTCODE, Ags5, Ags8
from schemas.codes import CourseType, Level
from schemas.envelope import Problem
from services.gateway.files.courses.childcare import mentions_childcare, offers_childcare
from services.gateway.files.courses.lesson_times import Times, read_times
from services.gateway.files.courses.open_qcat import Service
from services.gateway.files.courses.recognition import Recognised, first_section, recognise, target_level
from services.gateway.files.values import Towns, without_none

_ONLINE = frozenset({"5", "201", "202", "203", "204", "205", "206"})
_MOST_SEATS = 100
_MOST_WEEKS = 260
"""No course runs longer than five years; more is a slip in the hours."""
_JSON = TypeAdapter(dict[str, Any])


class CourseSettings(BaseModel):
    """Settings of a provider for its files; saved once."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    min_means: Literal["minimum", "booked", "unknown"] = "unknown"
    """What MIN_PARTICIPANTS holds: KURSNET's guide for integration courses puts booked people there."""
    kreis: Ags5 | None = None
    towns: dict[str, Ags8] = Field(default_factory=dict)
    """Postcode, town, or both -> AGS."""
    course_types: dict[str, CourseType] = Field(default_factory=dict)
    """PRODUCT_ID -> type, where it cannot be recognised."""
    default_capacity: Annotated[int, Field(ge=1, le=100)] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A course that can be announced."""

    key: str
    row: int
    data: dict[str, Any]
    warnings: tuple[Problem, ...] = ()
    offer: str | None = None
    """For a further date of an offer: the key of the offer."""


@dataclass(frozen=True, slots=True)
class Held:
    """A course that cannot be announced as it is in the file."""

    key: str | None
    row: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a further date inherits from its offer."""

    title: str | None = None
    description: str | None = None
    offer_type: str | None = None
    features: tuple[tuple[str, str], ...] = ()
    course_type: str | None = None
    level: str | None = None
    childcare: bool | None = None

    def fill(self, service: Service) -> Service:
        """Return a service with what it leaves empty."""
        return replace(
            service,
            title=service.title or self.title,
            description=service.description or self.description,
            offer_type=service.offer_type or self.offer_type,
            features=service.features or self.features,
        )


@dataclass(slots=True)
class _Notes:
    wrong: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def require(self, value: object, code: str, column: str) -> None:
        if not value:
            self.wrong.append(Problem(code, column))


class _Where:
    """Finds town and Kreis of a place, by the settings of a provider."""

    def __init__(self, settings: CourseSettings, kreise: Sequence[str]) -> None:
        self._towns = Towns(settings.towns)
        self._kreis = settings.kreis or (kreise[0] if len(kreise) == 1 else None)

    def of(self, service: Service, notes: _Notes) -> tuple[str | None, str | None]:
        """Return the AGS of the town, if it is listed, and the Kreis."""
        place = service.place
        town = self._towns.find(place.postcode, place.town)
        if town is None and (place.town or place.postcode):
            notes.warnings.append(Problem("town_unknown", "LOCATION.CITY"))
        kreis = town[:5] if town else self._kreis
        notes.require(kreis, "kreis_unclear", "LOCATION.CITY")
        return town, kreis


def drafts(
    services: Sequence[Service],
    settings: CourseSettings,
    *,
    kreise: Sequence[str],
    supplier_ids: Sequence[str],
    known: Mapping[str, Mapping[str, Any]],
) -> list[Draft | Held]:
    """Turn the services of a file into drafts; `known` holds courses imported before, by PRODUCT_ID."""
    # Reversed: of services with the same id the first one counts, as below.
    offers = {service.product_id: service for service in reversed(services) if not service.is_date}
    found: list[Draft | Held] = []
    seen: set[str] = set()
    where = _Where(settings, kreise)
    for service in services:
        if service.product_id is None:
            found.append(Held(None, service.row, (Problem("product_id_missing", "PRODUCT_ID"),)))
        elif service.product_id in seen:
            found.append(Held(service.product_id, service.row, (Problem("product_id_twice", "PRODUCT_ID"),)))
        elif service.broken:
            found.append(Held(service.product_id, service.row, (Problem("text_broken", "SERVICE_DETAILS"),)))
        elif service.supplier_id and supplier_ids and service.supplier_id not in supplier_ids:
            found.append(
                Held(service.product_id, service.row, (Problem("supplier_foreign", "SUPPLIER_ID_REF"),))
            )
        else:
            seen.add(service.product_id)
            found.append(_draft(service.product_id, service, _offer(service, offers, known), settings, where))
    return found


def _offer(
    service: Service, offers: Mapping[str | None, Service], known: Mapping[str, Mapping[str, Any]]
) -> Inherited | None:
    if not service.is_date:
        return Inherited()
    offer = offers.get(service.offer_id)
    if offer is not None:
        return Inherited(offer.title, offer.description, offer.offer_type, offer.features)
    before = known.get(service.offer_id or "")
    if before is None:
        return None
    return Inherited(
        before.get("title"),
        course_type=before.get("course_type"),
        level=before.get("target_level"),
        childcare=before.get("childcare"),
    )


def _draft(
    key: str, service: Service, offer: Inherited | None, settings: CourseSettings, where: _Where
) -> Draft | Held:
    notes = _Notes(warnings=list(service.notes))
    inherited = offer or Inherited()
    service = inherited.fill(service)
    title = service.title or ""
    recognised = _type(key, service, offer, title, settings)
    if isinstance(recognised, Problem):
        return Held(key, service.row, (recognised,))
    times = read_times(service.times)
    if not times.complete:
        notes.warnings.append(Problem("times_unclear", "INSTRUCTION_REMARKS"))
    town, kreis = where.of(service, notes)
    ends_on = _end(service, times, notes)
    capacity = _capacity(service, settings, notes)
    notes.require(title, "title_missing", "TITLE")
    notes.require(service.starts_on, "start_missing", "SERVICE_DATE.START_DATE")
    if notes.wrong or capacity is None:
        return Held(key, service.row, tuple(notes.wrong))
    if recognised.course_type.startswith("integration_"):
        notes.warnings.append(Problem("sections_unknown", "SERVICE_DATE"))
    minimum, taken = _booked(service, settings, capacity, notes)
    data = {
        "course": key,
        "title": title,
        "course_type": recognised.course_type,
        "kreis": kreis,
        "town": town,
        "sections": [{"number": first_section(title), "starts_on": service.starts_on, "ends_on": ends_on}],
        "capacity": capacity,
        "minimum": minimum,
        "taken_elsewhere": taken,
        "target_level": target_level(recognised, title),
        "lessons": times.lessons,
        "venue": _venue(service),
        "online": bool(_ONLINE & set(service.forms)),
        "childcare": _childcare(service, inherited, notes),
        "women_only": recognised.course_type is CourseType.WOMEN,
        "registration_until": service.registration_until,
        "own_number": service.own_number,
    }
    return Draft(
        key,
        service.row,
        without_none(_JSON.dump_python(data, mode="json")),
        tuple(notes.warnings),
        service.offer_id if service.is_date else None,
    )


def _type(
    key: str, service: Service, offer: Inherited | None, title: str, settings: CourseSettings
) -> Recognised | Problem:
    if offer is None and not title:
        return Problem("offer_missing", "COURSE_ID")
    answered = settings.course_types.get(key) or settings.course_types.get(service.offer_id or "")
    if answered is not None:
        return Recognised(answered)
    if not service.features and offer is not None and offer.course_type in set(CourseType):
        level = Level(offer.level) if offer.level in set(Level) else None
        return Recognised(CourseType(offer.course_type), level)
    return recognise(service.features, title, service.offer_type)


def _childcare(service: Service, inherited: Inherited, notes: _Notes) -> bool | None:
    if not service.description:
        return inherited.childcare
    offered = offers_childcare(service.description)
    if offered is None and mentions_childcare(service.description):
        notes.warnings.append(Problem("childcare_unclear", "DESCRIPTION_LONG"))
    return offered


def _end(service: Service, times: Times, notes: _Notes) -> date | None:
    if service.ends_on is not None:
        if service.starts_on is not None and service.ends_on < service.starts_on:
            notes.wrong.append(Problem("end_before_start", "SERVICE_DATE.END_DATE"))
        return service.ends_on
    total = read_times(service.duration).ue_total or times.ue_total
    weeks = math.ceil(total / times.ue_per_week) if total and times.ue_per_week else None
    if service.starts_on is None or weeks is None or not 0 < weeks <= _MOST_WEEKS:
        notes.wrong.append(Problem("end_missing", "SERVICE_DATE.END_DATE"))
        return None
    try:
        ends_on = service.starts_on + timedelta(weeks=weeks) - timedelta(days=1)
    except OverflowError:
        notes.wrong.append(Problem("start_missing", "SERVICE_DATE.START_DATE"))
        return None
    notes.warnings.append(Problem("end_estimated", "SERVICE_DATE.END_DATE"))
    return ends_on


def _capacity(service: Service, settings: CourseSettings, notes: _Notes) -> int | None:
    capacity = service.maximum or settings.default_capacity
    if capacity is None or not 1 <= capacity <= _MOST_SEATS:
        notes.wrong.append(Problem("capacity_missing", "MAX_PARTICIPANTS"))
        return None
    return capacity


def _booked(
    service: Service, settings: CourseSettings, capacity: int, notes: _Notes
) -> tuple[int | None, int]:
    """Return minimum and seats given away; while it is unclear which it is, no seat counts as free."""
    if service.minimum is None:
        return None, 0
    value = max(0, min(service.minimum, _MOST_SEATS))
    match settings.min_means:
        case "minimum":
            return value, 0
        case "booked":
            return None, min(value, capacity)
        case "unknown":
            notes.warnings.append(Problem("minimum_unclear", "MIN_PARTICIPANTS"))
            return None, capacity


def _venue(service: Service) -> dict[str, Any] | None:
    place = service.place
    postcode = place.postcode if re.fullmatch(POSTCODE, place.postcode or "") else None
    venue = {
        "name": place.name,
        "street": place.street,
        "postcode": postcode,
        "town": place.town,
        "barrier_free": place.barrier_free,
    }
    return without_none(venue) or None
