"""Reasons of steering in words: a code with parameters becomes a sentence."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from schemas.codes import current_reason
from services.runtime.web.languages import Texts, msgid
from services.texts.codes import WORDS, word
from services.texts.rules import REMEDY_TEXTS, RULE_TEXTS
from services.texts.why import COURSES

RULES: Mapping[str, str] = {code: one.name for code, one in RULE_TEXTS.items()}
NEEDS: Mapping[str, str] = {code: one.need for code, one in REMEDY_TEXTS.items()}
CONDITIONS: Mapping[str, str] = {code: one.condition for code, one in REMEDY_TEXTS.items()}

GOALS: Mapping[str, str] = {
    "keep_offer": "earlier proposal",
    "type_choice": "suitable course type",
    "early_start": "early start",
    "distance": "short way",
    "deadline": "deadline met",
    "viability": "course that still needs people",
    "travel_time": "short travel time",
    "balance": "balance between providers",
}

# No place: what binds.
_UNPLACED = {
    "no_courses": "No course is announced.",
    "all_full": "All %(courses)s suitable courses are full.",
    "outranked": "The last seat of the suitable courses (%(courses)s) needed class "
    "“%(class)s” and %(waiting_days)s days of waiting.",
    "equal_rank": "People of the same class and waiting time got the seats of the %(courses)s "
    "suitable courses; the lot decided.",
    "course_too_small": "Too few people for a course: the one that misses fewest (suitable "
    "courses: %(courses)s) has %(people)s of at least %(minimum)s; missing: %(missing)s.",
    "outranked_class": "The last seat of the suitable courses (%(courses)s) needed class “%(class)s”.",
    "equal_rank_class": "People of the same class got the seats of the %(courses)s suitable courses; "
    "other goals of the policy decided.",
    "families_first": "Families who attend together hold the seats of the %(courses)s suitable courses.",
    "goals_first": "Other goals of the policy decided about the %(courses)s suitable courses.",
    "family_apart": "No course has room for all %(people)s members of the family together.",
    "blocked_together": "Several things stand against it: %(rules)s.",
}
# A place: why this one.
_PLACED = {
    "only_place": "It is the only suitable course with a free seat.",
    "best_keep_offer": "It was proposed before and is still the best place.",
    "best_type_choice": "It is of the most suitable course type.",
    "best_early_start": "It is the earliest suitable start.",
    "best_distance": "It is the suitable course nearest to the town.",
    "best_deadline": "It starts in time for the person's deadline.",
    "best_viability": "The course still needs people.",
    "best_travel_time": "It is the suitable course with the shortest travel time.",
    "best_balance": "The provider has the most room.",
    "better_place_not_started": "A better place by “%(goal)s” is in a course that has too few people.",
    "place_for_family": "The family attends together; another place would be better by “%(goal)s”.",
    "way_minutes": "The way takes %(minutes)s minutes.",
    "way_online": "The course is held online.",
    "does_not_start": "does not start: %(missing)s people are missing",
    "less_deadline": "starts after the deadline",
    "less_viability": "has enough people already",
    "less_travel_time": "has a longer way",
    "less_balance": "the provider is fuller",
    "equal_places": "Several places are equally good; the lot decided.",
    "better_place_taken": "A better place by “%(goal)s” went to somebody of higher priority.",
    "rank": "Class %(class)s. Days of waiting: %(waiting_days)s.",
    "starts_in": "Days until the start: %(days)s.",
    "distance_about": "About %(km)s km from the town (as the crow flies, estimated).",
    "full": "has no seat left",
    "equal": "equally good",
    "less_keep_offer": "was not proposed before",
    "less_type_choice": "less suitable course type",
    "less_early_start": "starts later",
    "less_distance": "is farther away",
}
# Steps.
_STEPS = {
    "sent_to_authority": "sent to the BAMF",
    "approved_by_coordinator": "confirmed by the coordination",
    "approved_in_person": "confirmed by the coordination, the person was there",
    "approved_by_policy": "confirmed automatically by policy",
    "override": "decided otherwise by the coordination",
    "withdrawn_by_coordinator": "taken back by the coordination",
    "given_up_by_coordinator": "taken back by the coordination",
    "on_hold": "the person is on hold",
    "excluded": "excluded for this person",
    "course_closed": "the course does not start",
    "refused_by_authority": "the BAMF does not agree",
    "authority_silent": "no answer of the BAMF until the course began",
    "pooled": "the course is merged with another one",
    "stays_in_merged": "the course is merged with another one that is out of the question here; "
    "the seat stays until the provider cancels the course",
    "accepted": "the person takes the place",
    "declined": "the person does not take the place",
    "refused": "the provider cannot take the person",
    "assigned_by_authority": "assigned by an authority",
    "better_proposal": "replaced by a better proposal",
    "place_no_longer_proposed": "the last run no longer proposes the place",
    "course_cancelled": "the course was cancelled",
    "section_removed": "the section is no longer held",
    "participant_withdrawn": "the person no longer waits",
    "participant_merged": "two registrations turned out to be one person",
    "moved_to_another_kreis": "moved to another Kreis",
    "confirmed_by_provider": "confirmed by the provider",
    "confirmed_by_policy": "confirmed automatically by policy once it was accepted",
    "own_number_changed": "the provider told its own number",
    "no_answer": "no answer in time; this is no breach of duty",
    "section_began": "section %(section)s has begun",
    "left": "no longer attends (%(kind)s)",
    "begins_earlier": "the course begins earlier, so that the answer is needed sooner",
    "course_end_corrected": "the provider corrected the day on which the course ended",
    "exit_corrected": "the provider corrected the exit (%(kind)s)",
    "exit_retracted": "the provider took the exit back",
    "repeats_section": "repeats section %(section)s",
    "ended_after_section": "ended after section %(section)s",
    "goes_on": "goes on with section %(section)s",
    "pauses": "pauses",
    "course_completed": "the course is completed",
    "interrupted_to_the_end": "was interrupted when the course ended",
}
REASONS: Mapping[str, str] = {
    **_UNPLACED,
    **_PLACED,
    **_STEPS,
    **COURSES,
    **{f"blocked_{code}": one.blocked for code, one in RULE_TEXTS.items()},
    **{f"against_{code}": one.against for code, one in RULE_TEXTS.items()},
    **{f"remedy_{code}": one.sentence for code, one in REMEDY_TEXTS.items()},
}

# Nothing was changed, and why.
REFUSALS: Mapping[str, str] = {
    "already_approved": "This proposal has been confirmed already.",
    "already_placed": "This person holds a place already. Give that one back first.",
    "already_confirmed": "The provider has confirmed this place already.",
    "already_declined": "This place has been declined already.",
    "already_over": "This placement is over already.",
    "already_started": "The course has started already; the provider reports an exit.",
    "already_sent": "This proposal is with the BAMF already.",
    "placement_over": "This placement is no longer open. The list shows how it stands now.",
    "placement_unknown": "There is no such placement in your Kreis.",
    "participant_unknown": "There is no such person in your Kreis.",
    "course_unknown": "There is no such course in your Kreis.",
    "course_over": "This course is cancelled or over. Please choose another one.",
    "section_unknown": "This course has no such section. Please choose another one.",
    "section_over": "This section is over. Please choose another one.",
    "no_seat": "There is no free seat any more. Steering will look for another place.",
    "not_reserved": "No seat is held for this placement.",
    "reservation_expired": "The reservation has ended.",
    "not_enrolled": "The person is not in this course.",
    "participant_not_waiting": "This person no longer waits.",
    "sent_to_authority": "This proposal is with the BAMF; wait for the answer there.",
    "on_hold": "This person is on hold. End the hold first.",
    "excluded": "This course or provider is excluded for the person. End the exclusion first.",
    "already_excluded": "This is excluded for the person already.",
    "already_lifted": "This has ended already. The page shows how it stands now.",
    "ruling_unknown": "There is no such decision in your Kreis.",
    "provider_unknown": "There is no such provider in your Kreis.",
    "seat_held": "The person holds a seat there. Give it back first.",
    "day_past": "This day has passed already. Please choose a later one.",
    "course_closed": "It was decided that this course does not start. Take that back first.",
    "course_runs": "This course runs already.",
    "course_of_neighbour": "This course belongs to a neighbouring Kreis, which decides about it.",
    "not_with_authority": "This proposal is not with the BAMF.",
    "not_due": "It is not time for this step yet.",
    "already_merged": "These two registrations have been merged already.",
    "merged_from_the_list": "The registration that would stay is off the list. Merge the other way round.",
    "entitlement_not_expired": "This person's entitlement has not expired, or other courses are open.",
    "both_placed": "Both hold a place. Give one of them back first.",
}


def load(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON column's value, decoded by the connection or not."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _listed(texts: Texts, value: object, kind: str) -> str:
    return ", ".join(word(texts, one, kind) for one in str(value).split(",") if one)


def _rules(texts: Texts, value: object, _name: str) -> str:
    return ", ".join(texts.plain(RULES.get(rule, rule)) for rule in str(value).split(",") if rule)


def _level(texts: Texts, value: object, _name: str) -> str:
    """Say where somebody enters: a section by its number, else a level."""
    if str(value).isdecimal():
        return texts.plain(msgid("section %(section)s")) % {"section": value}
    return word(texts, value, "level")


_SAID: Mapping[str, Callable[[Texts, Any, str], str]] = {
    "class": lambda texts, value, _: word(texts, value, "priority"),
    "goal": lambda texts, value, _: texts.plain(GOALS.get(str(value), str(value))),
    "rules": _rules,
    "day": lambda texts, value, _: texts.date(date.fromisoformat(str(value))),
    "times": lambda texts, value, _: _listed(texts, value, "time_of_day"),
    "weekdays": lambda texts, value, _: _listed(texts, value, "weekday"),
    "course_type": word,
    "level": _level,
    "result": _level,
    "kind": lambda texts, value, name: word(texts, value, name if str(value) in WORDS[name] else "state"),
}
"""How the parameters of a reason are said; all others as they are."""


def _param(texts: Texts, name: str, value: object) -> str:
    say = _SAID.get(name)
    return str(value) if say is None else say(texts, value, "exit" if name == "kind" else name)


def sentence(texts: Texts, reason: Any) -> str:  # noqa: ANN401 - a JSON object {"code", "params"}
    """Say a reason; a code without a text is shown in words of its own."""
    reason = load(reason) or {}
    code, params = current_reason(str(reason.get("code", ""))), load(reason.get("params")) or {}
    message = REASONS.get(code)
    if message is None:
        return code.replace("_", " ")
    said = {name: _param(texts, name, value) for name, value in params.items()}
    try:
        return texts.plain(message) % said
    except KeyError:  # an older record without the parameter
        return code.replace("_", " ")


def headline(texts: Texts, code: str) -> str:
    """Say a main reason without its numbers, for a sum over people."""
    if code.startswith("blocked_"):
        rule = code.removeprefix("blocked_")
        return texts.plain(RULES.get(rule, _SUMS.get(code, rule)))
    return texts.plain(_SUMS.get(code, code))


_SUMS: Mapping[str, str] = {
    "no_courses": "no course announced",
    "all_full": "all suitable courses full",
    "outranked": "others had a better claim",
    "equal_rank": "the lot decided",
    "blocked_together": "several things together",
    "course_too_small": "too few people for a course",
    "outranked_class": "others had a better claim",
    "equal_rank_class": "other goals decided",
    "families_first": "families hold the seats",
    "goals_first": "other goals decided",
    "family_apart": "no course for the whole family",
}
SUMS = _SUMS


def need(texts: Texts, code: str) -> str:
    """Say what a remedy asks for, for a sum over people; two together are joined."""
    named = [NEEDS.get(part, part.replace("_", " ")) for part in code.split("_and_")]
    return _joined(texts, named, msgid("%(one)s and %(other)s"))


def condition(texts: Texts, code: str) -> str:
    """Say what would have to be: so many people would have a place if …; two together are joined."""
    named = [CONDITIONS.get(part, CONDITIONS["none"]) for part in code.split("_and_")]
    return _joined(texts, named, msgid("%(one)s and if %(other)s"))


def _joined(texts: Texts, named: Sequence[str], joint: str) -> str:
    """Say one thing, or two together."""
    parts = [texts.plain(one) for one in named]
    return texts.plain(joint) % {"one": parts[0], "other": parts[1]} if parts[1:] else parts[0]


def refusal(texts: Texts, code: str) -> str:
    """Say why nothing was changed and what to do."""
    return texts.plain(
        REFUSALS.get(code, msgid("This is no longer possible. The list shows how it stands now."))
    )
