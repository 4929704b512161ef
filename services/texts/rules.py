"""Sentences about the hard rules and about the remedies, one row for each; the keys are those of steering."""

from collections.abc import Mapping
from typing import NamedTuple


class RuleTexts(NamedTuple):
    """What is said of a hard rule."""

    name: str
    """In a list of rules."""
    blocked: str
    """The rule alone keeps a person from every place."""
    against: str
    """The rule speaks against one course."""


RULE_TEXTS: Mapping[str, RuleTexts] = {
    "course_type": RuleTexts(
        "course type", "No course of the suitable type is announced.", "Another course type: %(course_type)s."
    ),
    "type_over": RuleTexts(
        "course type that has ended",
        "By law, courses of the suitable type may no longer begin.",
        "By law, courses of this type could begin until %(day)s only.",
    ),
    "route_leads_there": RuleTexts(
        "access route",
        "The access route does not lead into these courses.",
        "The access route does not lead into this course.",
    ),
    "route_open": RuleTexts(
        "closed access route",
        "The access route was closed on the day of the grant (without one on record: of the registration).",
        "The access route was closed on the day of the grant (without one on record: of the registration).",
    ),
    "entitlement_valid": RuleTexts(
        "end of the entitlement",
        "The entitlement ends before the course starts.",
        "Starts after the end of the entitlement on %(day)s.",
    ),
    "placement_test": RuleTexts(
        "placement test",
        "The placement test is missing; courses that come into question with it: %(courses)s.",
        "The placement test is missing.",
    ),
    "level": RuleTexts("level", "No course enters at the tested level.", "The level does not fit."),
    "earliest_start": RuleTexts(
        "earliest start",
        "All suitable courses start before the person can begin.",
        "Starts before the person can begin, on %(day)s.",
    ),
    "registration_deadline": RuleTexts(
        "registration deadline",
        "The registration deadline of the suitable courses has passed.",
        "Registration ended on %(day)s.",
    ),
    "latest_start": RuleTexts(
        "late course start",
        "Suitable courses start too late.",
        "Starts later than the municipality plans ahead.",
    ),
    "late_entry": RuleTexts(
        "late entry",
        "Suitable courses run already; late entry is no longer possible.",
        "Runs already; late entry is no longer possible.",
    ),
    "time_of_day": RuleTexts(
        "time of day",
        "Only the time of day is missing: suitable courses are held at other times.",
        "Held at another time of day: %(times)s.",
    ),
    "childcare": RuleTexts("childcare", "Only childcare is missing.", "No childcare is known there."),
    "women_only": RuleTexts(
        "courses for women", "Only a place in a course for women is missing.", "Not only for women."
    ),
    "for_women": RuleTexts("only for women", "Suitable courses are for women only.", "For women only."),
    "barrier_free": RuleTexts(
        "accessibility", "Only an accessible course is missing.", "Not known to be accessible."
    ),
    "earlier_answer": RuleTexts(
        "earlier answer",
        "The suitable course was declined, left or refused before.",
        "Declined, left or refused before.",
    ),
    "claim_lapses": RuleTexts(
        "end of the claim",
        "The claim lapses before the course starts.",
        "Starts after the claim lapses on %(day)s.",
    ),
    "admission_lapses": RuleTexts(
        "end of the admission",
        "The admission lapses before the course starts.",
        "Starts after the admission lapses on %(day)s.",
    ),
    "vocational_lapses": RuleTexts(
        "end of the vocational entitlement",
        "The vocational entitlement lapses before the course starts.",
        "Starts after the vocational entitlement lapses on %(day)s.",
    ),
    "hours_left": RuleTexts(
        "teaching units left",
        "Too few teaching units are left that may be funded.",
        "The section has %(ue)s teaching units; %(left)s may still be funded.",
    ),
    "weekdays": RuleTexts(
        "weekdays", "Only the weekdays do not fit.", "Held on other weekdays: %(weekdays)s."
    ),
    "travel_time": RuleTexts(
        "travel time",
        "Only the travel time is too long.",
        "The way takes %(minutes)s minutes; the policy allows %(limit)s at most.",
    ),
    "on_hold": RuleTexts(
        "put on hold",
        "A coordinator has put the person on hold.",
        "A coordinator has put the person on hold.",
    ),
    "free_choice": RuleTexts(
        "free choice",
        "The person chooses freely; the policy proposes nothing to people who are merely entitled.",
        "Chooses freely; the policy proposes nothing then.",
    ),
    "neighbour": RuleTexts(
        "another Kreis",
        "Suitable courses are in another Kreis without an agreement.",
        "In another Kreis without an agreement for it.",
    ),
    "course_not_to_start": RuleTexts(
        "course that does not start",
        "A coordinator has decided that the suitable course does not start.",
        "A coordinator has decided that it does not start.",
    ),
    "course_not_sure": RuleTexts(
        "course that is not sure to start",
        "Suitable sections belong to courses that are not sure to start.",
        "It is not sure that this course starts; enter at its first section only.",
    ),
    "exclusion": RuleTexts(
        "excluded by the coordination",
        "A coordinator has excluded the suitable course or provider.",
        "A coordinator has excluded this course or provider for the person.",
    ),
}


class RemedyTexts(NamedTuple):
    """What is said of a remedy."""

    sentence: str
    need: str
    """In a sum: so many people wait only for this."""
    condition: str
    """So many people would have a place if …"""


REMEDY_TEXTS: Mapping[str, RemedyTexts] = {
    "hold": RemedyTexts("Lift the hold.", "lifting the hold", "the hold ended"),
    "test": RemedyTexts(
        "Take the placement test: with the result “%(result)s” there is a place.",
        "the placement test",
        "the placement test was taken",
    ),
    "ask_again": RemedyTexts(
        "Offer again a course that was declined, left or refused before.",
        "another offer of a course declined before",
        "a course declined before was offered again",
    ),
    "exclusion": RemedyTexts(
        "Lift the exclusion of this course or provider.",
        "lifting an exclusion",
        "a course or provider was not excluded any more",
    ),
    "earlier": RemedyTexts(
        "Begin earlier: by %(day)s.", "an earlier beginning", "an earlier beginning was possible"
    ),
    "time_of_day": RemedyTexts(
        "Attend at another time of day: %(times)s.",
        "another time of day",
        "a course took place at another time of day",
    ),
    "weekdays": RemedyTexts(
        "Attend on other weekdays, too: %(weekdays)s.",
        "other weekdays",
        "a course took place on other weekdays",
    ),
    "travel": RemedyTexts("Travel %(minutes)s minutes more.", "a longer way", "a longer way was possible"),
    "travel_limit": RemedyTexts(
        "Raise the municipality's limit to %(limit)s minutes of travel.",
        "a higher limit of travel time",
        "the policy allowed a longer way",
    ),
    "childcare": RemedyTexts("Childcare during the course.", "childcare", "a course had childcare"),
    "access": RemedyTexts("An accessible room.", "an accessible room", "a course was accessible"),
    "level": RemedyTexts(
        "Enter one level higher or lower (%(level)s), with a recorded reason.",
        "a deviation from the test by one level",
        "entry one level higher or lower was allowed",
    ),
    "hours": RemedyTexts(
        "Fund %(ue)s more teaching units.", "more funded teaching units", "more teaching units were funded"
    ),
    "extended": RemedyTexts(
        "A certificate that holds until %(day)s, if the law allows one.",
        "a longer entitlement",
        "the entitlement held longer",
    ),
    "seat": RemedyTexts("More seats in the course: %(seats)s.", "more seats", "a course had more seats"),
    "start": RemedyTexts(
        "Start the course although people are missing: %(missing)s.",
        "the start of a course that is too small",
        "a course that is too small began",
    ),
    "apart": RemedyTexts(
        "Let the family attend different courses.",
        "the family in different courses",
        "the family attended different courses",
    ),
    "none": RemedyTexts(
        "None of the changes that were tried helps.", "nothing that was tried", "something else changed"
    ),
}
