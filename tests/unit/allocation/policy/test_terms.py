"""Terms of placements follow the dated policy of the Kreis; what nobody has decided is not automatic."""

from datetime import UTC, date, datetime

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
