"""Plans the events of the registering and counselling offices on a day."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from schemas.codes import CourseType, Need, PlacementState, Standing, TimeOfDay, WithdrawReason
from schemas.offices import (
    AssignedByAuthority,
    Entitlement,
    ParticipantChanged,
    ParticipantRegistered,
    ParticipantWithdrawn,
    PlaceAccepted,
    PlaceDeclined,
    PlacementTested,
)
from schemas.support import ConsentCollected, ConsentGranted, ConsentRevoked, NeedReported
from services.simulator.actors.behaviour import answer
from services.simulator.world import kreis, spreadsheet
from services.simulator.world.calendar import is_working_day, working_day_from
from services.simulator.world.chance import chance, pick, pick_one, stream
from services.simulator.world.people import ConsentPlan, Person
from services.simulator.world.records import Records
from services.simulator.world.state import Planned, Seat

OFFICIAL_NUMBERS: Final = 0.06
"""Share of the Jobcenter's people who are registered by their official number."""
ENTERED_BY_SCHOOL: Final = 0.5
"""Share of the classes whose signed papers the school enters itself."""
FORM: Final = "muster_2025_1"


def plan(records: Records, day: date) -> Iterator[Planned]:
    """List all events of the offices on a day, in order."""
    if not is_working_day(day):
        return
    on_list = {person.number for person in spreadsheet.people_on_list(records)}
    if day == records.state.start:
        yield spreadsheet.plan_upload(records, day)
    for person in records.people:
        if not records.is_registered(person):
            if person.arrives <= day and person.number not in on_list:
                yield register(records, person, day)
            continue
        yield from _of_person(records, person, day)
    if day.weekday() == 0:
        yield from _needs(records, day)


def register(records: Records, person: Person, day: date) -> Planned:
    """Plan a registration: contact data for the support side, facts for steering."""
    payload = facts(records, person, day)
    official = (
        person.office == kreis.JOBCENTER
        and chance(OFFICIAL_NUMBERS, records.state.seed, "official", person.number)
        and person.number not in records.state.references
    )
    data = payload.model_dump(mode="json", exclude_none=True)
    round_ = records.state.returned.get(person.number, 0)
    return Planned(
        publisher=person.office,
        id=f"reg-{person.number}-{round_}",
        type=payload.type_,
        time=records.plan(person.office, "-", day, payload).time,
        data=data,
        door="registration",
        contact=contact(person),
        official_number={"scheme": "bg_nummer", "number": f"99001BG{person.number:07d}"}
        if official
        else None,
    )


def facts(records: Records, person: Person, day: date) -> ParticipantRegistered:
    """Write the facts that steering may know."""
    back = person.number in records.state.returned
    return ParticipantRegistered(
        reference=records.reference(person),
        registered_on=day if back else min(person.registered_on, day),
        kreis=kreis.TOWN[person.town].kreis,
        town=person.town,
        entitlement=Entitlement(
            standing=person.standing,
            route=person.route,
            granted_on=person.granted_on,
            valid_until=person.valid_until,
            cooperation_plan=person.cooperation_plan,
            hours_left=person.hours_left,
        ),
        course_types=person.course_types,
        available=person.available,
        needs_childcare=person.childcare,
        needs_women_only=person.women_only,
        needs_barrier_free=person.barrier_free,
        youth_until=person.youth_until,
        asylum_phase=person.asylum_phase,
        max_travel_minutes=person.max_travel,
        family=person.family,
    )


def contact(person: Person) -> dict[str, Any]:
    """Write the contact data: every value is a canary."""
    return {
        "given_name": person.contact.given_name,
        "family_name": person.contact.family_name,
        "birth_date": person.contact.birth_date.isoformat(),
        "phone": person.contact.phone,
        "email": person.contact.email,
        "street": person.contact.street,
        "postcode": person.contact.postcode,
        "town": person.contact.town,
        "languages": list(person.contact.languages),
    }


def _of_person(records: Records, person: Person, day: date) -> Iterator[Planned]:
    state, number = records.state, person.number
    if number in state.withdrawn:
        return
    if state.returns.get(number, date.max) <= day:
        del state.returns[number]
        state.returned[number] = state.returned.get(number, 0) + 1
        yield register(records, person, day)
    if number not in state.tested and _is_time(person, person.tested_after, day):
        state.tested.add(number)
        yield from _test(records, person, day)
    yield from _consent(records, person, day)
    if number not in state.changed and _is_time(person, person.changes_after, day):
        state.changed.add(number)
        yield _change(records, person, day)
    seats = records.seats_of_person.get(number, [])
    for seat in seats:
        yield from _answer(records, person, seat, day)
    if not seats and _is_time(person, person.withdraws_after, day):
        state.withdrawn.add(number)
        yield _withdraw(records, person, day)


def _is_time(person: Person, days: int | None, day: date) -> bool:
    return days is not None and person.arrives + timedelta(days=days) <= day


def _test(records: Records, person: Person, day: date) -> Iterator[Planned]:
    reference = records.reference(person)
    tested = PlacementTested(
        reference=reference,
        tested_on=day,
        level=person.level,
        section=person.section,
        course_type=person.course_types[0],
    )
    id_ = f"test-{person.number}"
    if chance(0.02, records.state.seed, "mistyped", person.number):
        wrong = tested.model_copy(update={"section": min(9, person.section + 1)})
        yield records.plan(person.office, id_, day, wrong)
        yield records.plan(person.office, f"{id_}-k", day, tested, corrects=id_)
    else:
        yield records.plan(person.office, id_, day, tested)
    if person.standing is Standing.OBLIGED_JOBCENTER and person.number % 60 == 7:
        yield from _assign(records, person, reference, day)


def _assign(records: Records, person: Person, reference: str, day: date) -> Iterator[Planned]:
    fitting = (
        course
        for course in records.courses
        if course.own_id in records.state.announced
        and course.own_id not in records.state.cancelled
        and course.track.course_type is CourseType.GENERAL
        and course.starts_on > day + timedelta(days=7)
    )
    course = next(fitting, None)
    if course is not None:
        assigned = AssignedByAuthority(
            reference=reference, provider=course.provider, course=course.own_id, section=1, assigned_on=day
        )
        yield records.plan(person.office, f"assign-{person.number}", day, assigned)


def _first_lesson(records: Records, person: Person) -> date | None:
    starts = [seat.starts_on for seat in records.seats_of_person.get(person.number, ()) if seat.enrolled]
    return min(starts, default=None)


def _consent(records: Records, person: Person, day: date) -> Iterator[Planned]:
    state, consent, number = records.state, person.consent, person.number
    if consent is None:
        return
    given = state.consented.get(number)
    if given is None:
        if not consent.at_registration:
            first = _first_lesson(records, person)
            if first is None or first + timedelta(days=consent.days_in_class) > day:
                return
        state.consented[number] = day
        yield _granted(records, person, consent, day)
    elif (
        consent.revoked_after is not None
        and number not in state.revoked
        and given + timedelta(days=consent.revoked_after) <= day
    ):
        state.revoked.add(number)
        revoked = ConsentRevoked(reference=records.reference(person), office=consent.office, revoked_on=day)
        yield records.plan(person.office, f"revoke-{number}", day, revoked)


def _granted(records: Records, person: Person, consent: ConsentPlan, day: date) -> Planned:
    """Plan the entry of a signed paper: by the registering office, or by the school whose class signed."""
    key = f"consent-{person.number}"
    seats = [seat for seat in records.seats_of_person.get(person.number, ()) if seat.enrolled]
    seat = min(seats, key=lambda seat: seat.starts_on, default=None)
    if (
        not consent.at_registration
        and seat is not None
        and seat.holds
        and chance(ENTERED_BY_SCHOOL, records.state.seed, "school_enters", seat.course)
    ):
        collected = ConsentCollected(
            course=seat.course,
            participant=UUID(seat.participant),
            office=consent.office,
            purposes=consent.purposes,
            given_on=day,
            form=FORM,
        )
        return records.plan(seat.provider, key, day, collected)
    granted = ConsentGranted(
        reference=records.reference(person),
        office=consent.office,
        purposes=consent.purposes,
        given_on=day,
        form=FORM,
    )
    return records.plan(person.office, key, day, granted)


def _change(records: Records, person: Person, day: date) -> Planned:
    rng = stream(records.state.seed, "change", person.number)
    reference = records.reference(person)
    if rng.random() < 0.5:
        town = pick(rng, {town.ags: town.weight for town in kreis.TOWNS})
        payload = ParticipantChanged(reference=reference, town=town)
    elif rng.random() < 0.5:
        payload = ParticipantChanged(reference=reference, available=(TimeOfDay.MORNING, TimeOfDay.AFTERNOON))
    else:
        payload = ParticipantChanged(reference=reference, needs_childcare=not person.childcare)
    return records.plan(person.office, f"change-{person.number}", day, payload)


def _withdraw(records: Records, person: Person, day: date) -> Planned:
    reason = pick_one(stream(records.state.seed, "withdraw", person.number), list(WithdrawReason)[:3])
    payload = ParticipantWithdrawn(reference=records.reference(person), withdrawn_on=day, reason=reason)
    return records.plan(person.office, f"withdraw-{person.number}", day, payload)


def _answer(records: Records, person: Person, seat: Seat, day: date) -> Iterator[Planned]:
    if seat.state != PlacementState.RESERVED:
        return
    says = answer(records.state.seed, person.number, seat.course)
    if says.kind == "silence" or working_day_from(seat.heard + timedelta(days=says.after)) > day:
        return
    if not records.once(f"answer-{seat.placement}"):
        return
    reference = records.reference(person)
    if says.kind == "accept":
        accepted = PlaceAccepted(reference=reference, placement=UUID(seat.placement), answered_on=day)
        yield records.plan(person.office, f"accept-{seat.placement}", day, accepted)
    else:
        declined = PlaceDeclined(
            reference=reference,
            placement=UUID(seat.placement),
            answered_on=day,
            reason=says.reason,
        )
        yield records.plan(person.office, f"decline-{seat.placement}", day, declined)


def _needs(records: Records, day: date) -> Iterator[Planned]:
    for slug in kreis.COUNSELLING_SLUGS:
        rng = stream(records.state.seed, "need", slug, day)
        if rng.random() < 0.6:
            need = pick(
                rng, {Need.CHILDCARE: 45, Need.EVENING_COURSE: 25, Need.BUS: 20, Need.OTHER_LEVEL: 10}
            )
            town = pick(rng, {town.ags: town.weight for town in kreis.TOWNS})
            payload = NeedReported(need=need, town=town, month=day.strftime("%Y-%m"))
            yield records.plan(slug, f"need-{slug}-{day}", day, payload)
