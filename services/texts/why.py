"""Sentences about one course: why this one, and why not that one."""

from collections.abc import Mapping

COURSES: Mapping[str, str] = {
    "why_placed_here": "This is the place of the last run.",
    "why_full_before": "No seat was free before the run.",
    "why_cut_off": "Full. The last seat needed class %(class)s and %(waiting_days)s days of waiting.",
    "why_cut_off_class": "Full. The last seat needed class %(class)s.",
    "why_cut_off_days": "Full. The last seat needed %(waiting_days)s days of waiting.",
    "why_locked": "Full. Families who attend together hold the seats.",
    "why_seats_left": "A seat is left; the policy's first goal compares places, not people.",
    "why_not_started": "Does not start: %(people)s of at least %(minimum)s people, %(missing)s are missing.",
    "why_family": "There is no room for the whole family at once.",
    "why_same": "As good as the place of the run; the lot decided.",
    "why_better_taken": "Better by “%(goal)s”, but it is full.",
    "why_better_not_started": "Better by “%(goal)s”, but it does not start: %(missing)s people are missing.",
    "why_better_left": "Better by “%(goal)s”, but the family stays together elsewhere.",
    "why_less_deadline": "Starts after the person's deadline.",
    "why_less_viability": "This course has enough people already.",
    "why_less_keep_offer": "Another place was proposed before.",
    "why_less_type_choice": "A less suitable course type.",
    "why_less_early_start": "Starts %(by)s days later.",
    "why_less_travel_time": "The way takes %(by)s minutes longer.",
    "why_less_distance": "About %(by)s km farther away (estimated).",
    "why_less_balance": "The provider's courses are fuller by %(by)s per cent.",
    "against_level_section": "Section %(section)s; the test leads into section %(tested)s.",
    "against_travel_own": "The way takes %(minutes)s minutes; the person can travel %(limit)s at most.",
    "against_time_unknown": "It is not known at what time of day it is held.",
    "remedy_family": "This helps all %(people)s members of the family together.",
}
