"""Checks a policy that somebody typed: by itself, and against the rule book of its day."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from services.allocation.law import documents
from services.allocation.law.documents import Document, Path
from services.allocation.law.entries import CourseTypeRule
from services.allocation.law.mistakes import DocumentError, Mistake
from services.allocation.law.rulebook import RuleBook, Rules
from services.allocation.policy.domain import Policy, load_policies, policies_of, twice


@dataclass(frozen=True)
class _Check:
    """A policy, where each part of it stands, and the rules it is held against."""

    document: Document
    root: Path
    policy: Policy
    book: RuleBook
    today: date | None

    @cached_property
    def rules(self) -> Rules:
        """The rules of its first day, or of today if it has held for longer."""
        first = self.policy.valid_from
        return self.book.on(max(first, self.today or first, self.book.first_day()))

    def wrong(self, path: Path, kind: str, /, **params: str | int) -> Mistake:
        return self.document.mistake((*self.root, *path), kind, params)

    def wrong_key(self, path: Path, kind: str, /, **params: str | int) -> Mistake:
        return self.document.mistake((*self.root, *path), kind, params, key=True)


def check_text(text: str, book: RuleBook, *, today: date | None = None) -> list[Policy]:
    """Read one policy or a list of them and check each against the rules of its first day.

    `today`: a policy that has held for long is checked against the rules of today.

    Raises:
        DocumentError: with the line and column of each mistake.
    """
    document = documents.read(text, partly=True)
    policies, mistakes = _read(document)
    many = isinstance(document.value, list)
    for at, policy in enumerate(policies):
        mistakes += _against(_Check(document, (at,) if many else (), policy, book, today), mistakes)
    mistakes += twice(document, policies) if many else ()
    if mistakes:
        raise DocumentError(mistakes)
    return policies


def _read(document: Document) -> tuple[list[Policy], list[Mistake]]:
    """Read what can be read, and tell what cannot: wrong fields are as in the packaged policy then."""
    told = list(document.mistakes)
    try:
        policies = policies_of(document)
    except DocumentError as error:
        known = {one.path for one in told}  # what is no value at all is not told a second time
        told += [one for one in error.mistakes if one.path not in known]
    else:
        return policies, told
    many = isinstance(document.value, list)
    parts = document.value if isinstance(document.value, list) else [document.value]
    mended = [
        _mended(part, _fields(told, (at,) if many else ())) if isinstance(part, dict) else None
        for at, part in enumerate(parts)
    ]
    if None in mended or not mended:
        return [], told
    rest = replace(document, value=mended if many else mended[0])
    try:
        return policies_of(rest), told
    except DocumentError:
        return [], told


def _fields(mistakes: Sequence[Mistake], root: Path) -> set[str]:
    """Name the fields of a policy in which something is wrong."""
    paths = [one.path.split(" > ") for one in mistakes]
    own = [str(part + 1) for part in root if isinstance(part, int)]
    return {path[len(own)] for path in paths if path[: len(own)] == own and len(path) > len(own)}


def _mended(part: Mapping[str, object], wrong: Collection[str]) -> dict[str, object]:
    usual = load_policies().entries[0].model_dump(mode="json")
    needed = {name: usual[name] for name, one in Policy.model_fields.items() if one.is_required()}
    return needed | {name: value for name, value in part.items() if name not in wrong}


def _against(check: _Check, told: Sequence[Mistake]) -> list[Mistake]:
    """Hold a policy against the rule book, but for the fields in which something is wrong by itself."""
    wrong = _fields(told, check.root)
    if "valid_from" in wrong and check.today is None:  # nobody knows its day: the latest rules will do
        check = replace(check, today=max(rule.valid_from for rule in check.book.course_types))
    return [one for one in _mistakes(check) if not _fields([one], check.root) & wrong]


def check_own(text: str, kreis: str, book: RuleBook, *, today: date | None = None) -> Policy:
    """Read and check the one policy of one Kreis, as its coordinator typed it.

    Raises:
        DocumentError: with the line and column of each mistake.
    """
    document = documents.read(text, partly=True)
    if not isinstance(document.value, dict):
        raise DocumentError([document.mistake((), "not_mapping")])
    policies, mistakes = _read(document)
    for policy in policies:
        mistakes += _against(_Check(document, (), policy, book, today), mistakes)
        if policy.kreise not in {(), (kreis,)}:
            mistakes.append(document.mistake(("kreise",), "kreis_foreign", {"kreis": kreis}, key=True))
        own = [at for at, one in enumerate(policy.pooling) if one.kreis == kreis]
        mistakes += [document.mistake(("pooling", at, "kreis"), "neighbour_is_self") for at in own]
    if mistakes:
        raise DocumentError(mistakes)
    return policies[0].model_copy(update={"kreise": (kreis,)})


def check_towns(text: str, unknown: Callable[[str], bool]) -> None:
    """Check that the towns of one policy or a list, right by themselves, are in the directory of towns.

    Raises:
        DocumentError: with the line and column of each town that is not.
    """
    document = documents.read(text, partly=True)
    value = document.value
    listed = isinstance(value, list)
    policies: list[object] = value if isinstance(value, list) else [value]
    wrong = [
        document.mistake((*((at,) if listed else ()), "towns", ags), "town_unknown", {"value": ags}, key=True)
        for at, policy in enumerate(policies)
        for ags in (policy.get("towns") if isinstance(policy, dict) else None) or ()
        if unknown(ags)
    ]
    if wrong:
        raise DocumentError(wrong)


def _mistakes(check: _Check) -> Iterator[Mistake]:
    yield from _of_lists(check)
    yield from _of_limits(check)
    yield from _of_reservation(check)
    yield from _of_sizes(check)
    yield from _of_quotas(check)
    yield from _of_pooling(check)


def _twice(check: _Check, path: Path, values: Sequence[str], kind: str, name: str) -> Iterator[Mistake]:
    seen = set[str]()
    for at, value in enumerate(values):
        if value in seen:
            yield check.wrong((*path, at), kind, **{name: value})
        seen.add(value)


def _of_lists(check: _Check) -> Iterator[Mistake]:
    policy = check.policy
    yield from _twice(check, ("goals",), policy.goals, "goal_twice", "goal")
    yield from _twice(check, ("automatic",), policy.automatic, "value_twice", "value")
    yield from _twice(check, ("kreise",), policy.kreise, "value_twice", "value")


def _of_limits(check: _Check) -> Iterator[Mistake]:
    limits = check.policy.limits
    if limits.late_entry_ue is None:
        return
    path: Path = ("limits", "late_entry_ue")
    if not limits.late_entry:
        yield check.wrong_key(path, "late_entry_off")
    known = [rule for rule in check.rules.course_types.values() if rule.late_entry_ue is not None]
    most, source = max(
        [(check.rules.limits["late_entry_ue"], check.book.source_of_limit("late_entry_ue", check.rules.day))]
        + [(rule.late_entry_ue or 0, rule.source) for rule in known]
    )
    if limits.late_entry_ue > most:
        yield check.wrong(path, "late_entry_above_law", most=most, source=_cited(source))


def _of_reservation(check: _Check) -> Iterator[Mistake]:
    """A seat is not held for longer than the law gives until a course has to have begun or come about."""
    reservation = check.policy.reservation
    clocks = [rule for rule in check.rules.deadlines.values() if not rule.lapses]
    shortest = min(clocks, key=lambda rule: rule.shortest(), default=None)
    held: list[tuple[Path, int]] = [
        (("days",), reservation.days),
        (("present_days",), reservation.present_days),
    ]
    held += [(("by_class", code), days) for code, days in reservation.by_class.items()]
    for path, days in held:
        if shortest is not None and days > shortest.shortest():
            yield check.wrong(
                ("reservation", *path),
                "held_too_long",
                most=shortest.shortest(),
                source=_cited(shortest.source),
            )
    for code in reservation.by_class:
        yield from _class(check, ("reservation", "by_class", code), code)


def _cited(source: str) -> str:
    """Return the citation of a source, which is the same in every language, without what it says."""
    return re.split("[:;]", source)[0]


def _class(check: _Check, path: Path, code: str) -> Iterator[Mistake]:
    known = [one.code for one in check.rules.priorities.classes]
    if code not in known:
        yield check.wrong_key(path, "class_unknown", value=code, expected=", ".join(known))


def _type(check: _Check, path: Path, code: str) -> Iterator[Mistake]:
    if code in check.rules.course_types:
        return
    if any(rule.code == code for rule in check.book.course_types):
        yield check.wrong_key(path, "type_over", value=code, day=check.rules.day.isoformat())
    else:
        known = ", ".join(sorted(check.rules.course_types))
        yield check.wrong_key(path, "type_unknown", value=code, expected=known)


def _types(check: _Check, path: Path, codes: Collection[str]) -> Iterator[Mistake]:
    for at, code in enumerate(codes):
        yield from _type(check, (*path, at), code)
    yield from _twice(check, path, list(codes), "value_twice", "value")


def _of_sizes(check: _Check) -> Iterator[Mistake]:
    sizes = check.policy.sizes
    for name, numbers in (("minimum", sizes.minimum), ("target", sizes.target)):
        for code, number in numbers.items():
            path: Path = ("sizes", name, code)
            yield from _type(check, path, code)
            known = check.rules.course_types.get(code)
            yield from _above_cap(check, path, known, number)
    for code, number in sizes.minimum.items():
        if sizes.target.get(code, number) < number:
            yield check.wrong(("sizes", "target", code), "target_below_minimum", minimum=number)
    yield from _types(check, ("sizes", "protected_types"), sizes.protected_types)
    yield from _twice(check, ("sizes", "protected_courses"), sizes.protected_courses, "value_twice", "value")


def _above_cap(check: _Check, path: Path, known: CourseTypeRule | None, number: int) -> Iterator[Mistake]:
    if known is not None and known.cap_must is not None and number > known.cap_must:
        yield check.wrong(
            path, "above_cap", type=known.code, most=known.cap_must, source=_cited(known.source)
        )


def _of_quotas(check: _Check) -> Iterator[Mistake]:
    quotas = check.policy.quotas
    names = [quota.name for quota in quotas]
    for at, quota in enumerate(quotas):
        path: Path = ("quotas", at)
        if quota.name in names[:at]:
            yield check.wrong((*path, "name"), "value_twice", value=quota.name)
        for inner, code in enumerate(quota.classes):
            yield from _class(check, (*path, "classes", inner), code)
        yield from _twice(check, (*path, "classes"), quota.classes, "value_twice", "value")
        if {one.code for one in check.rules.priorities.classes} <= set(quota.classes):
            yield check.wrong((*path, "classes"), "quota_of_all")
        yield from _types(check, (*path, "course_types"), quota.course_types)
        yield from _twice(check, (*path, "providers"), quota.providers, "value_twice", "value")
        types = [check.rules.course_types.get(code) for code in quota.course_types]
        yield from _above_cap(check, (*path, "seats"), _widest(types), quota.seats)


def _widest(types: Sequence[CourseTypeRule | None]) -> CourseTypeRule | None:
    """Return the type that allows the largest groups; None: one of them knows no cap."""
    caps = [known for known in types if known is not None and known.cap_must is not None]
    return max(caps, key=lambda known: known.cap_must or 0) if caps and len(caps) == len(types) else None


def _of_pooling(check: _Check) -> Iterator[Mistake]:
    policy = check.policy
    neighbours = [one.kreis for one in policy.pooling]
    for at, agreement in enumerate(policy.pooling):
        path: Path = ("pooling", at)
        if agreement.kreis in neighbours[:at]:
            yield check.wrong((*path, "kreis"), "value_twice", value=agreement.kreis)
        if agreement.kreis in policy.kreise:
            yield check.wrong((*path, "kreis"), "neighbour_is_self")
        if agreement.until is not None and agreement.until < policy.valid_from:
            yield check.wrong((*path, "until"), "neighbour_over")
        yield from _types(check, (*path, "course_types"), agreement.course_types)
