"""What the registering and counselling offices say on a day."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from schemas.codes import AccessRoute, CourseType, Need, PlacementState, Standing, TimeOfDay, WithdrawReason
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
from schemas.support import ConsentGranted, ConsentRevoked, NeedReported
from services.simulator.actors.behaviour import answer
from services.simulator.world import kreis, lists
from services.simulator.world.calendar import is_working_day, working_day_from
from services.simulator.world.chance import chance, pick, pick_one, stream
from services.simulator.world.people import Person
from services.simulator.world.state import Planned, Seat
from services.simulator.world.world import World

OFFICIAL_NUMBERS: Final = 0.06
"""Share of the Jobcenter's people who are registered by their official number."""


def plan(world: World, day: date) -> Iterator[Planned]:
    """List everything that offices say on a day, in order."""
    if not is_working_day(day):
        return
    on_list = {person.number for person in lists.listed(world)}
    if day == world.state.start:
        yield lists.bring(world, day)
    for person in world.people:
        if not world.is_registered(person):
            if person.arrives <= day and person.number not in on_list:
                yield register(world, person, day)
            continue
        yield from _of_person(world, person, day)
    if day.weekday() == 0:
        yield from _needs(world, day)


def register(world: World, person: Person, day: date) -> Planned:
    """Plan a registration: contact data for the support side, facts for steering."""
    payload = facts(world, person, day)
    official = (
        person.office == kreis.JOBCENTER
        and chance(OFFICIAL_NUMBERS, world.state.seed, "official", person.number)
        and person.number not in world.state.references
    )
    data = payload.model_dump(mode="json", exclude_none=True)
    round_ = world.state.returned.get(person.number, 0)
    return Planned(
        publisher=person.office,
        id=f"reg-{person.number}-{round_}",
        type=payload.type_,
        time=world.plan(person.office, "-", day, payload).time,
        data=data,
        door="registration",
        contact=contact(person),
        official_number={"scheme": "bg_nummer", "number": f"99001BG{person.number:07d}"}
        if official
        else None,
    )


def facts(world: World, person: Person, day: date) -> ParticipantRegistered:
    """Write the facts that steering may know."""
    back = person.number in world.state.returned
    return ParticipantRegistered(
        reference=world.reference(person),
        registered_on=day if back else min(person.registered_on, day),
        kreis=kreis.KREIS,
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


def _of_person(world: World, person: Person, day: date) -> Iterator[Planned]:
    state, number = world.state, person.number
    if number in state.withdrawn:
        return
    if number in state.returns and state.returns[number] <= day:
        del state.returns[number]
        state.returned[number] = state.returned.get(number, 0) + 1
        yield register(world, person, day)
    if number not in state.tested and person.arrives + timedelta(days=person.tested_after) <= day:
        state.tested.add(number)
        yield from _test(world, person, day)
    yield from _consent(world, person, day)
    if (
        person.changes_after is not None
        and number not in state.changed
        and person.arrives + timedelta(days=person.changes_after) <= day
    ):
        state.changed.add(number)
        yield _change(world, person, day)
    seats = world.seats_of_person.get(number, [])
    for seat in seats:
        yield from _answer(world, person, seat, day)
    if (
        person.withdraws_after is not None
        and not seats
        and person.arrives + timedelta(days=person.withdraws_after) <= day
    ):
        state.withdrawn.add(number)
        yield _withdraw(world, person, day)


def _test(world: World, person: Person, day: date) -> Iterator[Planned]:
    reference = world.reference(person)
    tested = PlacementTested(
        reference=reference,
        tested_on=day,
        level=person.level,
        section=person.section,
        course_type=person.course_types[0],
    )
    id_ = f"test-{person.number}"
    if chance(0.02, world.state.seed, "mistyped", person.number):
        wrong = tested.model_copy(update={"section": min(9, person.section + 1)})
        yield world.plan(person.office, id_, day, wrong)
        yield world.plan(person.office, f"{id_}-k", day, tested, corrects=id_)
    else:
        yield world.plan(person.office, id_, day, tested)
    if person.standing is Standing.OBLIGED_JOBCENTER and person.number % 60 == 7:
        yield from _assign(world, person, reference, day)


def _assign(world: World, person: Person, reference: str, day: date) -> Iterator[Planned]:
    fitting = (
        course
        for course in world.courses
        if course.own_id in world.state.announced
        and course.own_id not in world.state.cancelled
        and course.track.course_type is CourseType.GENERAL
        and course.starts_on > day + timedelta(days=7)
    )
    course = next(fitting, None)
    if course is not None:
        assigned = AssignedByAuthority(
            reference=reference, provider=course.provider, course=course.own_id, section=1, assigned_on=day
        )
        yield world.plan(person.office, f"assign-{person.number}", day, assigned)


def _first_lesson(world: World, person: Person) -> date | None:
    starts = [seat.starts_on for seat in world.seats_of_person.get(person.number, ()) if seat.enrolled]
    return min(starts, default=None)


def _consent(world: World, person: Person, day: date) -> Iterator[Planned]:
    state, consent, number = world.state, person.consent, person.number
    if consent is None:
        return
    given = state.consented.get(number)
    if given is None:
        if not consent.at_registration:
            first = _first_lesson(world, person)
            if first is None or first + timedelta(days=consent.days_in_class) > day:
                return
        state.consented[number] = day
        granted = ConsentGranted(
            reference=world.reference(person),
            office=consent.office,
            purposes=consent.purposes,
            given_on=day,
            form="muster_2025_1",
        )
        yield world.plan(person.office, f"consent-{number}", day, granted)
    elif (
        consent.revoked_after is not None
        and number not in state.revoked
        and given + timedelta(days=consent.revoked_after) <= day
    ):
        state.revoked.add(number)
        revoked = ConsentRevoked(reference=world.reference(person), office=consent.office, revoked_on=day)
        yield world.plan(person.office, f"revoke-{number}", day, revoked)


def _change(world: World, person: Person, day: date) -> Planned:
    rng = stream(world.state.seed, "change", person.number)
    reference = world.reference(person)
    if rng.random() < 0.5:
        town = pick(rng, {town.ags: town.weight for town in kreis.TOWNS})
        payload = ParticipantChanged(reference=reference, town=town)
    elif rng.random() < 0.5:
        payload = ParticipantChanged(reference=reference, available=(TimeOfDay.MORNING, TimeOfDay.AFTERNOON))
    else:
        payload = ParticipantChanged(reference=reference, needs_childcare=not person.childcare)
    return world.plan(person.office, f"change-{person.number}", day, payload)


def _withdraw(world: World, person: Person, day: date) -> Planned:
    reason = pick_one(stream(world.state.seed, "withdraw", person.number), list(WithdrawReason)[:3])
    payload = ParticipantWithdrawn(reference=world.reference(person), withdrawn_on=day, reason=reason)
    return world.plan(person.office, f"withdraw-{person.number}", day, payload)


def _answer(world: World, person: Person, seat: Seat, day: date) -> Iterator[Planned]:
    if seat.state != PlacementState.RESERVED:
        return
    says = answer(world.state.seed, person.number, seat.course)
    if says.kind == "silence" or working_day_from(seat.heard + timedelta(days=says.after)) > day:
        return
    if not world.once(f"answer-{seat.placement}"):
        return
    reference = world.reference(person)
    if says.kind == "accept":
        accepted = PlaceAccepted(reference=reference, placement=UUID(seat.placement), answered_on=day)
        yield world.plan(person.office, f"accept-{seat.placement}", day, accepted)
    else:
        declined = PlaceDeclined(
            reference=reference,
            placement=UUID(seat.placement),
            answered_on=day,
            reason=says.reason,
        )
        yield world.plan(person.office, f"decline-{seat.placement}", day, declined)


def _needs(world: World, day: date) -> Iterator[Planned]:
    for slug in kreis.COUNSELLING_SLUGS:
        rng = stream(world.state.seed, "need", slug, day)
        if rng.random() < 0.6:
            need = pick(
                rng, {Need.CHILDCARE: 45, Need.EVENING_COURSE: 25, Need.BUS: 20, Need.OTHER_LEVEL: 10}
            )
            town = pick(rng, {town.ags: town.weight for town in kreis.TOWNS})
            payload = NeedReported(need=need, town=town, month=day.strftime("%Y-%m"))
            yield world.plan(slug, f"need-{slug}-{day}", day, payload)


def closed_route(person: Person) -> bool:
    """Say whether a person was sent through a door that had closed (for the summary and tests)."""
    return person.route is AccessRoute.ADMISSION and person.granted_on >= date(2026, 2, 9)
