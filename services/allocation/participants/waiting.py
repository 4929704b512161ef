"""Says once who waits for a course, and whose entitlement has expired: SQL for all readers.

Since when somebody waits is said by the view `waiting_since` (migration 0016).
"""

from dataclasses import dataclass
from datetime import date

from schemas.codes import CourseKind, kind_of
from services.allocation.law.entries import Deadline
from services.allocation.law.rulebook import Rules

WHO_WAITS = """
    clock AS (
        SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[]) AS c (route, months, days)
    ), held AS MATERIALIZED (
        SELECT participant FROM placement
        WHERE state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted')
    ), listed AS (
        SELECT p.participant, p.kreis, p.office, p.reference, p.town, p.standing, p.route, p.cooperation_plan,
            p.course_types, p.granted_on, p.valid_until, p.level, p.section, p.tested_on, p.available,
            p.course_types && $4::text[] AS without_entitlement,
            coalesce(p.valid_until, (
                SELECT least('9999-12-31', min(
                    (p.granted_on + make_interval(months => c.months, days => c.days))::date))
                FROM clock AS c WHERE c.route = p.route)) AS deadline
        FROM participant AS p
        WHERE p.status = 'active' AND NOT EXISTS (SELECT FROM held WHERE held.participant = p.participant)
    ), waits AS (
        SELECT * FROM listed WHERE deadline IS NULL OR deadline >= $5::date OR without_entitlement
    ), lapsed AS (
        SELECT * FROM listed WHERE deadline < $5::date AND NOT without_entitlement
    )
"""
"""Common table expressions on `Entitlements.columns()` ($1 to $4) and the day ($5).

`listed`: on the list and without a seat, with the last day of the earliest clock that is known to run; a
certificate's own date goes before the clocks of the law. Of them `waits`: who can still be placed;
`lapsed`: whose entitlement has expired and who names no course that needs none. The rule is that of
steering (matching/entitlement_rules.py); tests compare both.
"""


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What the law of a day says about the end of entitlements."""

    lapsing: tuple[Deadline, ...]
    """Clocks that run from a grant, after which it lapses."""
    open_types: tuple[str, ...]
    """Course types that need no entitlement: courses of a Land or a municipality."""
    day: date

    @classmethod
    def of(cls, rules: Rules) -> "Entitlements":
        """Read the rules of a day."""
        lapsing = tuple(clock for _, clock in sorted(rules.deadlines.items()) if clock.lapses)
        known = sorted({*rules.course_types, *rules.ended_types})
        return cls(lapsing, tuple(code for code in known if kind_of(code) is CourseKind.OTHER), rules.day)

    def columns(self) -> tuple[list[str], list[int], list[int], list[str], date]:
        """Return $1 to $5: routes, months and days of each clock, types that are open, the day."""
        rows = [(route, one.months or 0, one.days or 0) for one in self.lapsing for route in one.routes]
        routes, months, days = zip(*rows, strict=True) if rows else ((), (), ())
        return list(routes), list(months), list(days), list(self.open_types), self.day
