"""Holds the texts about what services judge: order, rights, courses, people, places, consents."""

from collections.abc import Mapping

from schemas.codes import PlacementState
from services.gateway.findings.domain import Advice

LOOP: Mapping[str, Advice] = {
    "accepted": Advice("Everything up to this place has been judged.", "Nothing to do."),
    "parking_full": Advice(
        "Too many of your events wait for something that is not known.",
        "Send what they wait for first: courses before what happens in them, people before their answers.",
    ),
    "record_undecodable": Advice(
        "A batch of records cannot be decoded: its compression or its checksum is wrong.",
        "Send the events of that place again, compressed with gzip, snappy, lz4, zstd or not at all.",
    ),
    "refused_after_crashes": Advice(
        "The event made its reader fail {times} times ({error}) and was set aside.",
        "The fault is ours. Tell the Kreis the place of the record; it can be read again later.",
    ),
    "refused_by_database": Advice(
        "The event could not be stored; a value does not fit.",
        "Check the values, and tell the Kreis the place of the record.",
    ),
    "waits_behind": Advice(
        "The event waits behind an earlier one about the same course or person.",
        "See what the earlier one waits for; then both are taken by themselves.",
    ),
    "wrong_topic": Advice(
        "Events of this type do not belong on this topic.",
        "Send attendance, results, consents and needs to support, everything else to in.",
    ),
}

TOWNS: Mapping[str, Advice] = {
    "town_ended": Advice(
        "The town of {field} is no town of its own any more.",
        "The event was taken. Send the official key of the town to which it belongs since its merger.",
    ),
    "town_not_in_directory": Advice(
        "The town of {field} is not in the directory of towns.",
        "The event was taken. Check the official municipality key (AGS) of eight digits.",
    ),
}

COURSES: Mapping[str, Advice] = {
    "capacity_below_taken": Advice(
        "The new capacity ({capacity}) is lower than the places already given ({taken}).",
        "Nobody was removed. Raise the capacity, or talk to the Kreis about who can move.",
    ),
    "course_announced": Advice("The course goes on.", "Nothing to do."),
    "course_cancelled": Advice(
        "The course was cancelled before.",
        "Check the course number; announce the course again if it takes place after all.",
    ),
    "course_completed": Advice(
        "The course was reported as completed before.",
        "Check the course number; retract the report if it was wrong.",
    ),
    "course_has_people": Advice(
        "{field} cannot change while people have places in the course.",
        "Cancel it and announce a new course under another number, or talk to the Kreis.",
    ),
    "course_over": Advice("The course is over ({state}).", "Check the course number."),
    "course_unknown": Advice(
        "The course is not known yet; the event waits.", "Announce the course, or check its number."
    ),
    "kreis_not_yours": Advice(
        "You are not registered for this Kreis.", "Check the Kreis; if it is right, ask it to add you."
    ),
    "later_section_known": Advice(
        "A later section ({section}) was reported as completed before.",
        "Nothing was moved back. Correct the later report if it was wrong.",
    ),
    "lesson_ends_first": Advice(
        "A lesson ends before it begins ({field}).",
        "The course was taken. Check the times, and change the course if they are wrong.",
    ),
    "minimum_above_capacity": Advice(
        "The course needs {minimum} people to start and has room for {capacity}: it can never start.",
        "The course was taken. Check both numbers, and change the course.",
    ),
    "no_seat": Advice(
        "There is no free seat in section {section}.", "Raise the capacity or choose another section."
    ),
    "registration_after_end": Advice(
        "People can register until a day after the course has ended.",
        "The course was taken. Check {field}, and change the course if it is wrong.",
    ),
    "section_kept": Advice(
        "Section {section} was kept because {people} people are placed there.",
        "Send the section again, or talk to the Kreis about who can move.",
    ),
    "section_over": Advice("Section {section} has begun already.", "Choose a later section."),
    "section_unknown": Advice(
        "The course has no section {section}.", "Check the number, or announce the section first."
    ),
}

PEOPLE: Mapping[str, Advice] = {
    "already_merged": Advice("These two were joined before.", "Nothing to do."),
    "both_placed": Advice("Both have a place.", "End one of the places first."),
    "participant_erased": Advice(
        "This person was erased, and nothing more is stored under this reference.",
        "If the person comes back, register them under a new reference.",
    ),
    "participant_merged": Advice(
        "This person was joined with another entry and lives on under it.",
        "Nothing to do; use the reference of the other entry from now on.",
    ),
    "participant_not_in_course": Advice(
        "This person has no place in this course.", "Check participant and course; confirm the place first."
    ),
    "participant_not_waiting": Advice("This person does not wait for a place.", "Check the reference."),
    "participant_unknown": Advice(
        "This person is not registered yet; the event waits.", "Register the person, or check the reference."
    ),
    "still_in_course": Advice(
        "The person still has a place in a course.", "Ask the provider whether the person has left."
    ),
}

PLACES: Mapping[str, Advice] = {
    **{
        f"already_{state}": Advice("This was done before.", "Nothing to do.")
        for state in (*PlacementState, "over", "placed", "released", "sent")
    },
    "already_confirmed": Advice(
        "The provider confirmed the place before.",
        "Nothing to do if that is right; if the person does not come, the provider reports that.",
    ),
    "already_declined": Advice(
        "The place was declined before.",
        "Nothing to do if that is right; otherwise ask the coordinator to propose it again.",
    ),
    "already_left": Advice(
        "The person was reported as gone before.",
        "Nothing to do; use ce_corrects to change the kind or the day.",
    ),
    "already_started": Advice(
        "The person has started already.", "If the person has gone, send participant-left instead."
    ),
    "already_placed": Advice(
        "The person already has a place in a course of this kind.",
        "End that place first, or check the person.",
    ),
    "goes_on": Advice("The person goes on anyway.", "Nothing to do."),
    "not_due": Advice("It is not time for this yet.", "Nothing to do."),
    "not_enrolled": Advice(
        "The place is not confirmed.", "Confirm the place first; then report what happens in the course."
    ),
    "not_in_section": Advice("The person is not in this section.", "Check the section."),
    "not_reserved": Advice(
        "There is no reservation for this place (any more).",
        "Look at the latest step of this place in your feed.",
    ),
    "placement_not_yours": Advice(
        "This place belongs to another organisation.", "Check the placement id in your feed."
    ),
    "placement_of_another_person": Advice(
        "This place belongs to another person.", "Check the participant and the placement id in your feed."
    ),
    "placement_over": Advice(
        "This place is over ({state}).", "Look at the latest step of this place in your feed."
    ),
    "placement_unknown": Advice(
        "This place is not known yet; the event waits.", "Check the placement id in your feed."
    ),
    "reservation_expired": Advice(
        "The reservation had expired before the answer came.",
        "The person still waits and will be proposed again; this is never a breach of duty.",
    ),
    "sent_to_authority": Advice("The proposal was sent to the authority.", "Wait for its assignment."),
}

CORRECTIONS: Mapping[str, Advice] = {
    "event_unknown": Advice(
        "The event named in {field} is not known yet; this one waits.",
        "Check the id, or send that event first.",
    ),
    "event_never_read": Advice(
        "The event named in {field} was not read before this one.",
        "Check the id. If that event still comes, it no longer counts.",
    ),
    "event_superseded": Advice(
        "Another event had replaced or taken back what this one is about; it changed nothing.",
        "If the present state is wrong, send it as an event of its own.",
    ),
    "not_correctable": Advice(
        "Events of this type cannot be corrected.",
        "Send the opposite, or the new state, as an event of its own.",
    ),
    "not_retractable": Advice(
        "Events of this type cannot be taken back.", "Send the opposite as an event of its own."
    ),
    "revocation_not_retractable": Advice(
        "A revocation cannot be taken back.", "If the person consents again, send a new consent."
    ),
}

SUPPORT: Mapping[str, Advice] = {
    "consent_shortened": Advice(
        "The consent holds for at most {months} months.",
        "Nothing to do; ask the person again before it ends.",
    ),
    "mark_unknown": Advice(
        "The sign in {field} is not one of X, E, U, W, P.",
        "Ask the teacher what is meant and send the day again.",
    ),
    "ended_before": Advice("The place had ended before, or not with the course.", "Nothing to do."),
    "ends_before": Advice("The reservation ends sooner already.", "Nothing to do."),
    "ends_before_it_begins": Advice(
        "What was granted ends before it begins ({field}).",
        "It was taken and holds on no day after the first. Check both days and send them again.",
    ),
    "day_in_future": Advice(
        "The day or month in {field} is still to come.",
        "Nothing was stored. Send it again with the day on which it was.",
    ),
    "given_in_future": Advice(
        "The day of consent in {field} is still to come.",
        "Nothing was stored. Send it again with the day on which the person signed.",
    ),
    "office_unknown": Advice(
        "The counselling office in {field} is not known.", "Check the short name of the office."
    ),
    "purpose_unknown": Advice("A purpose in {field} is not known.", "Check the spelling of the purpose."),
    "ue_exceeds_held": Advice(
        "{field} is more than the units held that day.", "Correct the units and send the day again."
    ),
}
