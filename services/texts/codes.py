"""Gives every code of the published language a word: no page shows a code alone."""

from collections.abc import Mapping

from services.runtime.web.languages import Texts
from services.texts.findings import FINDINGS

_COURSE_TYPE = {
    "integration_general": "Integration course",
    "integration_youth": "Integration course for young people",
    "integration_parents": "Integration course for parents",
    "integration_women": "Integration course for women",
    "integration_literacy": "Integration course with literacy",
    "integration_second_script": "Integration course for learners of a second script",
    "integration_support": "Integration support course",
    "integration_intensive": "Intensive integration course",
    "vocational": "Vocational language course",
    "land": "Course of the Land",
    "municipal": "Municipal course",
}
_STATE = {
    "waiting": "waiting",
    "proposed": "proposed",
    "sent_to_authority": "with the BAMF",
    "reserved": "reserved, answer awaited",
    "accepted": "accepted by the person",
    "confirmed": "confirmed by the provider",
    "started": "in the course",
    "interrupted": "interrupted",
    "completed": "completed",
    "declined": "declined",
    "expired": "reservation ended without an answer",
    "refused": "not taken by the provider",
    "released": "place given back",
    "superseded": "proposal withdrawn",
    "course_cancelled": "course cancelled",
    "left": "left the course",
    "transferred": "changed to another course",
}
_SITUATION = {
    code: _STATE[code]
    for code in (
        "waiting",
        "reserved",
        "accepted",
        "confirmed",
        "started",
        "interrupted",
        "left",
        "completed",
    )
} | {
    "withdrawn": "no longer waits",
    "being_saved": "is being saved",
    "not_taken": "registration was not taken",
}
_STANDING = {
    "obliged_jobcenter": "obliged by the Jobcenter",
    "obliged_foreigners_authority": "obliged by the foreigners authority",
    "obliged_asylum_benefits": "obliged under the asylum seekers benefits act",
    "entitled": "entitled",
    "admitted": "admitted",
    "self_payer": "pays for the course",
}
_ROUTE = {
    "aufenthg_44_1": "Claim by residence title (AufenthG § 44(1))",
    "aufenthg_44_4": "Admission (AufenthG § 44(4))",
    "aufenthg_44a": "Obligation (AufenthG § 44a)",
    "bvfg_9": "Repatriates (BVFG § 9)",
    "deufoev_4": "Vocational language support (DeuFöV § 4)",
    "own_cost": "At one's own cost",
    "local": "Offer of Land or municipality",
}
_PRIORITY = {
    "urgent_duty": "1: obliged by the Jobcenter or with a cooperation plan",
    "other_duty": "2: obliged by another authority",
    "others": "3: entitled and all others",
}
_TIME_OF_DAY = {
    "morning": "in the morning",
    "afternoon": "in the afternoon",
    "evening": "in the evening",
    "weekend": "at the weekend",
}
_WEEKDAY = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_LEVEL = {"none": "no German yet"}
_EXIT = {"moved": "moved away", "work": "found work", "transfer": "another course", "other": "other reason"}
_DECLINE = {
    "distance": "The way is too far",
    "time_of_day": "The time of day does not fit",
    "childcare": "Childcare is missing",
    "own_choice": "The person chooses another course",
    "other": "Another reason",
}
_REFUSAL = {
    "full": "The course is full",
    "wrong_level": "The level does not fit",
    "entitlement": "The entitlement is missing or has ended",
    "not_appeared": "The person did not come",
    "other": "Another reason",
}
_ASYLUM = {
    "none": "no asylum procedure",
    "procedure": "asylum procedure is running",
    "recognised": "recognised",
    "tolerated": "tolerated",
}
_PURPOSE = {
    "enrolment_notice": "Tell when a course begins",
    "dropout_support": "Help when the course becomes difficult",
    "after_course": "Help after the course",
}
_CANCEL = {
    "too_few_participants": "too few people",
    "no_teacher": "no teacher",
    "no_room": "no room",
    "funding": "no funding",
    "other": "another reason",
}
_MARK = {
    "X": "X: present",
    "E": "E: excused",
    "U": "U: unexcused",
    "W": "W: changed course or provider",
    "P": "P: internship",
}
_ALERT = {
    "new": "new",
    "seen": "seen",
    "accepted": "accepted by you",
    "declined": "declined",
    "handed_over": "handed over in the office",
    "done": "done",
    "withdrawn": "withdrawn",
}
_WITHDRAWN = {
    "consent_ended": "The person took the consent back, or it has ended.",
    "returned": "The person has come back to the course.",
    "corrected": "The absence was entered by mistake.",
    "course_cancelled": "The course was cancelled.",
    "enrolment_over": "The enrolment is over.",
}
_TOLD = {
    "talk": "in a talk",
    "telephone": "by telephone",
    "writing": "in writing",
}
_WITHDRAW = {
    "moved": "moved away",
    "work": "found work",
    "own_choice": "does not want a course any more",
    "duplicate": "is registered twice",
    "erased": "wants the data erased",
    "other": "another reason",
}
_REGISTRATION = {
    "pending": "on its way",
    "accepted": "saved",
    "refused": "not taken",
}
_CLOCK = {
    "certificate": "Entitlement is valid until",
    "claim": "Claim lapses (one year after the residence title)",
    "admission": "Admission lapses (after one year)",
    "vocational": "Vocational entitlement lapses (after three months)",
}
_ACTOR = {
    "policy": "automatically by policy",
    "timer": "by date",
    "steering": "steering run",
    "office": "registering office",
    "provider": "provider",
}

_POLICY_STATE = {
    "draft": "draft",
    "submitted": "handed in",
    "active": "activated",
    "withdrawn": "withdrawn",
}
_POLICY_EVENT = {
    "drafted": "draft written",
    "changed": "draft changed",
    "submitted": "handed in",
    "returned": "sent back to be changed",
    "sent_out": "sent to others for comment",
    "commented": "comment received",
    "activated": "activated",
    "replaced": "replaced by another one of the same day",
    "withdrawn": "withdrawn",
    "travel_loaded": "table of travel times loaded",
    "travel_removed": "table of travel times removed",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "course_type": _COURSE_TYPE,
    "state": _STATE,
    "situation": _SITUATION,
    "standing": _STANDING,
    "route": _ROUTE,
    "priority": _PRIORITY,
    "time_of_day": _TIME_OF_DAY,
    "weekday": _WEEKDAY,
    "level": _LEVEL,
    "exit": _EXIT,
    "decline": _DECLINE,
    "refusal": _REFUSAL,
    "asylum": _ASYLUM,
    "purpose": _PURPOSE,
    "cancel": _CANCEL,
    "mark": _MARK,
    "clock": _CLOCK,
    "alert": _ALERT,
    "told": _TOLD,
    "withdrawn": _WITHDRAWN,
    "withdraw": _WITHDRAW,
    "registration": _REGISTRATION,
    "actor": _ACTOR,
    "finding": FINDINGS,
    "policy_state": _POLICY_STATE,
    "policy_event": _POLICY_EVENT,
}


def word(texts: Texts, code: object, kind: str) -> str:
    """Return a code's word in the visitor's language; an unknown one with spaces for underscores."""
    message = WORDS[kind].get(str(code))
    return texts.plain(message) if message else str(code).replace("_", " ")


def options(texts: Texts, kind: str) -> list[tuple[str, str]]:
    """List the codes of a kind with their words, for a form."""
    return [(code, texts.plain(msgid)) for code, msgid in WORDS[kind].items()]
