"""Holds a policy document without mistakes and puts mistakes into it."""

from __future__ import annotations

import pytest

from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.check import check_text

GOOD = """\
# what the council decided
valid_from: 2026-06-01
source: "Kreistag of 4.5.2026"
automatic: [expire]
reservation: {days: 10, present_days: 3, by_class: {urgent_duty: 14}}
cadence: {every: weekly, hour: 6, weekday: 2, near_start_days: 14}
limits: {latest_start_days: 182, late_entry: true, late_entry_ue: 20, travel_minutes: 60}
goals: [priority, deadline, waiting, viability]
towns:
  "99001001": {latitude: 50.5, longitude: 9.5}
sizes:
  decide_days: 21
  minimum: {integration_general: 12, vocational: 15}
  target: {integration_general: 18}
  protected_types: [land]
  protected_courses: [vhs-musterland/K-7]
quotas:
  - {name: Jobcenter, classes: [urgent_duty], seats: 4, until_days_before: 7}
  - {name: Duty, classes: [urgent_duty, other_duty], seats: 6, course_types: [integration_general]}
pooling:
  - {kreis: "99002", until: 2026-12-31}
"""


def wrong(text: str) -> tuple[mistakes.Mistake, ...]:
    with pytest.raises(DocumentError) as caught:
        check_text(text, load_rulebook())
    return caught.value.mistakes


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)
