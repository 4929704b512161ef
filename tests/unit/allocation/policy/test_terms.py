"""Terms of placements follow the dated policy of the Kreis; what nobody has decided is not automatic."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

from services.allocation.courses.domain import Section
from services.allocation.law.late_entry import last_entry, ue_held
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.domain import PACKAGED, Policies, load_policies
from services.allocation.policy.terms import APPROVE, COMPLETE, CONFIRM, EXPIRE, SEND, START, PolicyTerms

NOW = datetime(2026, 2, 1, 8, tzinfo=UTC)
STEPS = (SEND, APPROVE, EXPIRE, CONFIRM, START, COMPLETE)


def test_the_packaged_policy_lets_the_clock_do_what_waits_for_a_date() -> None:
    terms = PolicyTerms(load_policies())
    assert {step for step in STEPS if terms.automatic("99001", step, NOW)} == {EXPIRE, START, COMPLETE}
    # Ten days from 1 February: 11 February counts to its end in Germany.
    assert terms.reserved_until("99001", NOW) == datetime(2026, 2, 11, 23, tzinfo=UTC)
    # With the person in the room three days: to the end of 4 February.
    assert terms.reserved_until("99001", NOW, present=True) == datetime(2026, 2, 4, 23, tzinfo=UTC)


def test_the_demo_lets_the_clock_do_what_waits_for_a_date() -> None:
    terms = PolicyTerms(load_policies(PACKAGED.with_name("demo.yaml")))
    assert [terms.automatic("99001", step, NOW) for step in STEPS] == [
        False, False, True, False, True, True,
    ]  # fmt: skip


def test_a_kreis_that_has_decided_nothing_gets_ten_days_and_nothing_automatic() -> None:
    terms = PolicyTerms(Policies(()))
    assert not terms.automatic("99001", EXPIRE, NOW)
    assert terms.reserved_until("99001", NOW).date() == date(2026, 2, 11)
    assert terms.reserved_until("99001", NOW, present=True).date() == date(2026, 2, 4)
    assert terms.near("99001", date(2026, 2, 15), NOW)
    assert not terms.near("99001", date(2026, 2, 16), NOW)


def test_days_may_depend_on_the_priority_class() -> None:
    (entry,) = load_policies().entries
    days = entry.reservation.model_copy(update={"by_class": {"urgent_duty": 5}})
    terms = PolicyTerms(Policies((entry.model_copy(update={"reservation": days}),)), load_rulebook())
    class_ = terms.priority_class("obliged_jobcenter", cooperation_plan=False, now=NOW)
    assert class_ == terms.priority_class("entitled", cooperation_plan=True, now=NOW) == "urgent_duty"
    assert terms.priority_class("entitled", cooperation_plan=False, now=NOW) == "others"
    assert terms.reserved_until("99001", NOW, priority_class=class_).date() == date(2026, 2, 6)
    assert terms.reserved_until("99001", NOW, priority_class="others").date() == date(2026, 2, 11)
    assert terms.reserved_until("99001", NOW, present=True, priority_class=class_).date() == date(2026, 2, 4)


def test_late_entry_ends_with_the_lower_limit_of_law_and_policy() -> None:
    running = Section(1, date(2026, 1, 26), date(2026, 3, 6), 100)
    (entry,) = load_policies().entries
    last = PolicyTerms(Policies(()), load_rulebook()).last_entry("99001", "integration_general", running, NOW)
    assert last is not None
    rules = load_rulebook().on(NOW.date())
    law = rules.late_entry_ue("integration_general")
    assert ue_held(running.starts_on, running.ends_on, 100, last) < law
    assert ue_held(running.starts_on, running.ends_on, 100, last + timedelta(days=1)) >= law
    for limits, day in (
        ({"late_entry": False}, None),
        ({"late_entry": True, "late_entry_ue": 3}, date(2026, 1, 26)),
        ({"late_entry": True, "late_entry_ue": 100}, last),
    ):
        policy = entry.model_copy(update={"limits": entry.limits.model_copy(update=limits)})
        terms = PolicyTerms(Policies((policy,)), load_rulebook())
        assert terms.last_entry("99001", "integration_general", running, NOW) == day


def test_the_last_entry_is_the_last_day_below_the_limit() -> None:
    for ue, limit, days in product((1, 40, 100, 600), (1, 3, 25, 100, 700), (1, 5, 33, 200)):
        begins = date(2026, 1, 26)
        ends = begins + timedelta(days=days - 1)
        last = last_entry(begins, ends, ue, limit)
        below = [
            day
            for gone in range(days)
            if ue_held(begins, ends, ue, day := begins + timedelta(days=gone)) < limit
        ]
        assert last == below[-1], (ue, limit, days)
