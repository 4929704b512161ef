"""Defines mistakes in documents that people write, and words them in German and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from services.runtime.web.languages import Texts, load, msgid

LOCALE = Path(__file__).resolve().parent.parent / "locale"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake; line and column count from 1, `path` names the field as `quotas > 2 > classes`."""

    line: int
    column: int
    path: str
    code: str
    """A key of TEXTS."""
    params: Mapping[str, str | int] = field(default_factory=dict)


TEXTS: Mapping[str, str] = {
    # YAML itself
    "syntax": msgid("This cannot be read (%(problem)s). Please check indentation, colons and quotes here."),
    "syntax_tab": msgid("There is a tab. Please indent with spaces only."),
    "syntax_indent": msgid(
        "The indentation does not fit the lines above (two spaces for each level), "
        "or a quotation mark above is not closed. Please correct it."
    ),
    "syntax_colon": msgid("A colon is missing or one too many. Please write “name: value”, one in a line."),
    "syntax_quote": msgid("A quotation mark is not closed. Please add it."),
    "syntax_bracket": msgid(
        "A bracket is not closed, or a comma is missing between two values. Please add it."
    ),
    "syntax_character": msgid("There is a character that cannot stand here. Please delete it."),
    "several_documents": msgid("A new document begins here. Please delete the line “---”."),
    "alias": msgid("References with & or * are not possible. Please write the value out."),
    "tag": msgid("Words with ! are not possible. Please delete the ! and the word behind it."),
    "too_deep": msgid("Too many levels lie within each other. Please remove some."),
    "not_utf8": msgid("The file is not written in UTF-8. Please save it again as UTF-8."),
    "too_long": msgid("The document is too long. At most %(most)s characters are possible."),
    "empty": msgid("The document is empty. Please start from the policy in force."),
    "key_twice": msgid("“%(name)s” stands here for the second time, first in line %(first)s. Delete one."),
    "key_kind": msgid("A single word has to stand before the colon."),
    "number_endless": msgid("%(value)s… is no number that could be meant. Please correct it."),
    "more": msgid("There are %(count)s more mistakes. Please correct those above first."),
    "no_such_day": msgid("The day %(value)s does not exist. Please correct it."),
    # single fields
    "missing": msgid("“%(name)s” is missing. Please add it."),
    "unknown_field": msgid("There is no field “%(name)s”. Please delete it or correct its name."),
    "unknown_field_like": msgid("There is no field “%(name)s”. Do you mean “%(like)s”?"),
    "unknown_field_here": msgid("The field “%(name)s” does not belong here. Please move or delete it."),
    "policy_twice": msgid(
        "For this day and Kreis a policy stands here already, the first in line %(first)s. Delete one."
    ),
    "no_policy": msgid("The list is empty. Please add a policy."),
    "quota_of_all": msgid("This quota names every class, so it keeps a seat from nobody. Please delete it."),
    "not_whole": msgid("A whole number has to stand here."),
    "not_number": msgid("A number has to stand here."),
    "not_text": msgid("A text has to stand here."),
    "not_text_quote": msgid('A text has to stand here. Please put it in quotation marks: "%(value)s".'),
    "not_yes_no": msgid("Only “true” or “false” is possible here."),
    "not_day": msgid("A day has to stand here, written as 2026-01-31."),
    "not_list": msgid("A list has to stand here, written as [one, two]."),
    "not_mapping": msgid("Fields with names have to stand here, each as “name: value”."),
    "too_small": msgid("This is too small; at least %(least)s."),
    "too_large": msgid("This is too large; at most %(most)s."),
    "text_short": msgid("This is too short; at least %(least)s characters."),
    "text_long": msgid("This is too long; at most %(most)s characters."),
    "list_short": msgid("The list is too short; at least %(least)s."),
    "list_long": msgid("The list is too long; at most %(most)s."),
    "pattern": msgid("This is not written as it has to be. Please correct it."),
    "not_one_of": msgid("“%(value)s” is not possible. Possible are: %(expected)s."),
    "not_one_of_like": msgid("“%(value)s” is not possible. Do you mean “%(like)s”?"),
    "other": msgid("This is not right (%(problem)s). Please correct it."),
    # a policy by itself
    "goal_twice": msgid("The goal “%(goal)s” stands here twice. Please delete one."),
    "value_twice": msgid("“%(value)s” stands here twice. Please delete one."),
    "quotas_not_nested": msgid(
        "This quota and “%(other)s” overlap. The classes of one quota have to contain those of the other."
    ),
    "town_unknown": msgid("The town %(value)s is in no directory of towns. Please check its key."),
    "town_not_eight": msgid("“%(value)s” is not a key of a town: eight digits, in quotation marks."),
    "kreis_not_five": msgid("“%(value)s” is not a key of a Kreis: five digits, in quotation marks."),
    "kreis_foreign": msgid("This policy is for %(kreis)s only. Please delete this line."),
    "neighbour_is_self": msgid("This is the Kreis itself. An agreement needs a neighbour."),
    "neighbour_over": msgid("The agreement ends before the policy begins. Please correct the day."),
    "course_form": msgid("A course is named as “provider/own course number”. Please correct “%(value)s”."),
    "late_entry_off": msgid("Late entry is switched off, so no number can hold. Please delete this line."),
    "target_below_minimum": msgid(
        "The target is smaller than the minimum of %(minimum)s. Please correct one of them."
    ),
    # a policy against the rule book of its day
    "no_rules": msgid("The rule book knows nothing about %(day)s. Please choose a later day."),
    "class_unknown": msgid("The rule book has no class “%(value)s”. Possible are: %(expected)s."),
    "type_unknown": msgid("The rule book has no course type “%(value)s”. Possible are: %(expected)s."),
    "type_over": msgid("There are no courses of the type “%(value)s” on %(day)s. Please delete it."),
    "late_entry_above_law": msgid("The law allows at most %(most)s UE (%(source)s). Please lower it."),
    "above_cap": msgid(
        "A course of the type “%(type)s” has at most %(most)s seats (%(source)s). Please lower it."
    ),
    "held_too_long": msgid(
        "The law gives %(most)s days until the start (%(source)s); a seat is not held longer. "
        "Please lower it."
    ),
    # the rule book
    "entry_twice": msgid(
        "“%(code)s” has two entries from %(day)s on, the first in line %(first)s. Delete one."
    ),
    "ends_before_it_begins": msgid("valid_until lies before valid_from. Please correct one of them."),
    "overlaps_next": msgid(
        "This entry of “%(code)s” still holds when the next one begins on %(day)s. Correct valid_until."
    ),
    "gap_before": msgid(
        "“%(code)s” has no entry between %(ended)s and %(day)s. Let one begin earlier or end later."
    ),
    "begins_late": msgid(
        "The book begins on %(day)s and has to say this from then on. Please add an earlier entry."
    ),
    "nothing_behind": msgid("After this day the book would say nothing. Delete valid_until or add an entry."),
    "limit_unknown": msgid("There is no limit “%(value)s”. Possible are: %(expected)s."),
    "days_or_months": msgid("A clock runs for days or for months: please write exactly one of the two."),
    "hours_order": msgid("language_ue_from is larger than language_ue. Please correct one of them."),
    "size_order": msgid("It would need more people than may be in it. Please correct runs_from or cap_must."),
    "code_unknown": msgid("“%(value)s” is not a code of the published language. Please correct it."),
    "standing_unknown": msgid("standings.yaml has no “%(value)s”. Please correct it here or add it there."),
    "route_unknown": msgid("access_routes.yaml has no “%(value)s”. Please correct it here or add it there."),
    "section_hours": msgid(
        "%(sections)s sections of %(ue)s UE are not %(total)s UE. Please correct one of them."
    ),
    "cap_order": msgid(
        "The cap that should be kept is larger than the one that must be kept. Please correct one."
    ),
    "last_class_has_conditions": msgid(
        "The last class takes everybody. Please delete its conditions or add a class behind it."
    ),
}


MOST = 100
"""More mistakes are counted, not told."""


class DocumentError(ValueError):
    """A document with mistakes, in the order of the lines; very many are counted only."""

    def __init__(self, mistakes: Sequence[Mistake], file: str = "") -> None:
        each = {(one.line, one.column, one.path, one.code): one for one in reversed(mistakes)}
        found = [one for _, one in sorted(each.items(), key=lambda item: item[0])]
        if len(found) > MOST:
            last = found[MOST]
            found[MOST:] = [Mistake(last.line, last.column, "", "more", {"count": len(found) - MOST})]
        self.mistakes = tuple(found)
        self.file = file
        super().__init__("\n".join(lines(self, "en")))


@cache
def texts_in(language: str) -> Texts:
    """Return the texts of a language, for who has no page at hand."""
    return load((LOCALE,))[language]


def said(texts: Texts, mistake: Mistake) -> str:
    """Return a sentence about what is wrong and what to do."""
    return texts.gettext(TEXTS[mistake.code]) % mistake.params


def lines(error: DocumentError, language: str) -> list[str]:
    """Write the mistakes as compilers do: `file:line:column: field: what is wrong`."""
    texts = texts_in(language)
    return [
        ":".join(part for part in (error.file, f"{one.line}:{one.column}") if part)
        + ": "
        + (f"{one.path}: " if one.path else "")
        + said(texts, one)
        for one in error.mistakes
    ]
