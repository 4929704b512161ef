"""Terms of placements follow the dated policy of the Kreis; what nobody has decided is not automatic."""

from datetime import UTC, date, datetime

from services.allocation.placements.handlers import EXPIRE, RELEASE, START
from services.allocation.placements.terms import PolicyTerms
from services.allocation.steering.policy import PACKAGED, Policies, load_policies

NOW = datetime(2026, 2, 1, 8, tzinfo=UTC)


def test_the_packaged_policy_only_proposes() -> None:
    terms = PolicyTerms(load_policies())
    assert not any(terms.automatic("99001", step, NOW) for step in (RELEASE, EXPIRE, START))
    # Ten days from 1 February: 11 February counts to its end in Germany.
    assert terms.reserved_until("99001", NOW) == datetime(2026, 2, 11, 23, tzinfo=UTC)


def test_the_demo_lets_the_clock_do_what_waits_for_a_date() -> None:
    terms = PolicyTerms(load_policies(PACKAGED.with_name("demo.yaml")))
    assert [terms.automatic("99001", step, NOW) for step in (RELEASE, EXPIRE, START)] == [False, True, True]


def test_a_kreis_that_has_decided_nothing_gets_ten_days_and_nothing_automatic() -> None:
    terms = PolicyTerms(Policies(()))
    assert not terms.automatic("99001", EXPIRE, NOW)
    assert terms.reserved_until("99001", NOW).date() == date(2026, 2, 11)
