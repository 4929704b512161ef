"""Says once which courses are below their minimum: SQL for all readers, with what law and policies name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from schemas.identity import course_id
from services.allocation.law.rulebook import Rules
from services.allocation.policy.domain import Policy


class PolicyOf(Protocol):
    """Returns what holds for a Kreis; LookupError: nothing does."""

    def __call__(self, kreis: str, /) -> Policy:
        """Look it up."""
        ...


@dataclass(frozen=True, slots=True)
class Minimums:
    """From how many people on courses start, by Kreis and type; which start with however few."""

    rows: tuple[tuple[str, str, int, int, bool], ...] = ()
    """Kreis, course type, minimum of the policy, of the law, whether the policy protects the type."""
    protected: tuple[UUID, ...] = ()

    @classmethod
    def of(cls, kreise: Iterable[str], policy_of: PolicyOf, rules: Rules) -> "Minimums":
        """Read the policies of Kreise; one without a policy has the minimums of providers and law."""
        types = {**rules.ended_types, **rules.course_types}
        rows, protected = list[tuple[str, str, int, int, bool]](), list[UUID]()
        for kreis in kreise:
            try:
                sizes = policy_of(kreis).sizes
            except LookupError:
                least: Mapping[str, int] = {}
                spared: tuple[str, ...] = ()
            else:
                least, spared = sizes.minimum, sizes.protected_types
                names = (name.partition("/") for name in sizes.protected_courses)
                protected += [course_id(provider, own) for provider, _, own in names]
            for code in sorted({*types, *least, *spared}):
                law = types[code].runs_from if code in types else None
                rows.append((kreis, code, least.get(code, 0), law or 0, code in spared))
        return cls(tuple(rows), tuple(protected))

    def columns(self) -> tuple[list[str], list[str], list[int], list[int], list[bool], list[UUID]]:
        """Return the six parameters of `seats_of_courses`."""
        kreise, types, least, law, spared = zip(*self.rows, strict=True) if self.rows else ((),) * 5
        return list(kreise), list(types), list(least), list(law), list(spared), list(self.protected)


def seats_of_courses(today: int, soon: int, first: int) -> str:
    """Return the common table expressions `size` and `seats` on parameters: two days, then six columns.

    `seats` is `course_seats` with `least` (NULL: no minimum is known), `protected` and `below_minimum`: the
    course begins between the two days, too few people sit or are proposed in its first section, nobody has
    decided whether it starts, and the policy does not protect it. Steering's `need_of` reads the same.
    """
    kreise, types, least, law, spared, courses = (f"${first + n}" for n in range(6))
    return f"""
    size AS (
        SELECT * FROM unnest({kreise}::text[], {types}::text[], {least}::integer[], {law}::integer[],
            {spared}::boolean[]) AS z (kreis, course_type, least, law, protected)
    ), seats AS (
        SELECT f.*, m.least, m.protected, f.starts_on BETWEEN ${today}::date AND ${soon}::date
            AND f.section_taken + f.first_proposed < m.least AND NOT m.protected
            AND NOT EXISTS (SELECT FROM course_decision AS d
                WHERE d.course = f.course AND d.lifted_at IS NULL) AS below_minimum
        FROM course_seats(${today}::date) AS f
        LEFT JOIN size AS z ON z.kreis = f.kreis AND z.course_type = f.course_type
        CROSS JOIN LATERAL (SELECT
            coalesce(nullif(greatest(coalesce(f.minimum, 0), coalesce(z.least, 0)), 0), nullif(z.law, 0))
                AS least,
            coalesce(z.protected, false) OR f.course = ANY({courses}::uuid[]) AS protected) AS m
    )
    """
