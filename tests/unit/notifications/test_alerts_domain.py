"""Pure rules: alerts, deliveries, consents, and what purposes may see."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.days import add_months
from services.notifications.alerts.domain import (
    OPEN,
    AlertCause,
    AlertCommand,
    AlertDecision,
    AlertState,
    CauseKind,
    ExistingAlert,
    KeepAlert,
    NobodyElse,
    PassOn,
    RaiseAlert,
    RefreshAlert,
    WithdrawAlert,
    WithdrawalReason,
    after,
    decide,
)
from services.notifications.consents.domain import Consent, Revocation, ended_by, valid_until
from services.notifications.delivery.domain import (
    SCHEDULE,
    Attempted,
    Delivered,
    Fault,
    GiveUp,
    Outcome,
    RetryAfter,
    delay_after,
    next_step,
)
from services.notifications.delivery.mail import Letter, MailTexts, compose
from services.notifications.offices.domain import RankedOffice
from services.notifications.people import crypto
from services.notifications.people.crypto import SealError
from services.notifications.people.domain import ALL_FIELDS, VISIBLE, Contact, Purpose, merge, visible
from services.notifications.people.keys import Keks

A, B = RankedOffice("a", "org-a"), RankedOffice("b", "org-b")


def cause(kind: CauseKind = CauseKind.RISK, over: WithdrawalReason | None = None) -> AlertCause:
    return AlertCause(UUID(int=1), kind, "dropout_support", UUID(int=2), UUID(int=3), {}, over)


def existing(state: AlertState, *declined: str) -> ExistingAlert:
    return ExistingAlert(state, frozenset(declined))


@pytest.mark.parametrize(
    ("what", "known", "candidates", "expected"),
    [
        (cause(), None, [A, B], RaiseAlert([A, B])),
        (cause(), None, [], KeepAlert()),
        (cause(over=WithdrawalReason.RETURNED), None, [A], KeepAlert()),
        (cause(), existing(AlertState.NEW), [A], RefreshAlert()),
        (cause(), existing(AlertState.DONE), [A], KeepAlert()),
        (cause(), existing(AlertState.WITHDRAWN), [B], RaiseAlert([B])),
        (cause(), existing(AlertState.WITHDRAWN), [], KeepAlert()),
        (cause(), existing(AlertState.DECLINED, "a"), [A, B], PassOn([B])),
        (cause(), existing(AlertState.DECLINED, "a"), [A], NobodyElse()),
        (cause(), existing(AlertState.DECLINED, "a"), [], NobodyElse()),
        (
            cause(over=WithdrawalReason.RETURNED),
            existing(AlertState.DECLINED, "a"),
            [A, B],
            WithdrawAlert(WithdrawalReason.RETURNED),
        ),
        (
            cause(over=WithdrawalReason.RETURNED),
            existing(AlertState.SEEN),
            [A],
            WithdrawAlert(WithdrawalReason.RETURNED),
        ),
        (cause(over=WithdrawalReason.RETURNED), existing(AlertState.ACCEPTED), [A], KeepAlert()),
        (
            cause(over=WithdrawalReason.CORRECTED),
            existing(AlertState.ACCEPTED),
            [A],
            WithdrawAlert(WithdrawalReason.CORRECTED),
        ),
        (
            cause(CauseKind.ENROLMENT, WithdrawalReason.ENROLMENT_OVER),
            existing(AlertState.NEW),
            [A],
            WithdrawAlert(WithdrawalReason.ENROLMENT_OVER),
        ),
        (
            cause(CauseKind.ENROLMENT, WithdrawalReason.ENROLMENT_OVER),
            existing(AlertState.ACCEPTED),
            [A],
            KeepAlert(),
        ),
    ],
)
def test_what_becomes_of_an_alert(
    what: AlertCause, known: ExistingAlert | None, candidates: Sequence[RankedOffice], expected: AlertDecision
) -> None:
    assert decide(what, known, candidates) == expected


@given(st.sampled_from(AlertState), st.sampled_from(AlertCommand))
def test_an_alert_that_is_over_cannot_be_answered(state: AlertState, command: AlertCommand) -> None:
    result = after(state, command)
    if state not in OPEN or (state is AlertState.DECLINED):
        assert result is None
    if result is not None:
        assert result is not AlertState.WITHDRAWN


@pytest.mark.parametrize(
    ("attempted", "attempt", "in_doubt", "expected"),
    [
        (Attempted(Outcome.SENT), 1, 0, Delivered()),
        (Attempted(Outcome.REFUSED, 550, Fault.RECIPIENT_REFUSED), 1, 0, GiveUp("recipient_refused")),
        (Attempted(Outcome.UNSENDABLE, None, Fault.MAILBOX_INVALID), 1, 0, GiveUp("mailbox_invalid")),
        (Attempted(Outcome.RETRY), 1, 0, RetryAfter(5.0)),
        (Attempted(Outcome.RETRY), 4, 0, RetryAfter(1800.0)),
        (Attempted(Outcome.RETRY), 10, 0, GiveUp("too_many_attempts")),
        (Attempted(Outcome.IN_DOUBT), 1, 1, RetryAfter(0.0)),
        (Attempted(Outcome.IN_DOUBT), 2, 2, GiveUp("in_doubt")),
        (Attempted(Outcome.OWN_FAULT, 535, Fault.SIGN_IN_REFUSED), 1, 0, RetryAfter(5.0)),
        (Attempted(Outcome.OWN_FAULT, 535, Fault.SIGN_IN_REFUSED), 5, 0, RetryAfter(1800.0)),
        (Attempted(Outcome.OWN_FAULT, 535, Fault.SIGN_IN_REFUSED), 10_000, 0, RetryAfter(1800.0)),
    ],
)
def test_after_an_attempt(attempted: Attempted, attempt: int, in_doubt: int, expected: object) -> None:
    assert next_step(attempted, attempt, in_doubt, 1) == expected


def test_retries_go_on_for_hours_and_wait_longer_each_time() -> None:
    waits = [delay_after(n) for n in range(1, len(SCHEDULE) + 1)]
    assert waits == sorted(SCHEDULE)
    assert sum(SCHEDULE) > 24 * 3600
    assert delay_after(0) is None


PERSON, OTHER = UUID(int=1), UUID(int=2)
CONSENTS = [Consent(p, o, u) for p in (PERSON, OTHER) for o in ("mbe", "jmd") for u in ("x", "y")]


@pytest.mark.parametrize(
    ("office", "purposes", "ended"),
    [(None, (), 4), ("mbe", (), 2), ("mbe", ("x",), 1), (None, ("y",), 2), ("no", (), 0)],
)
def test_a_revocation_ends_what_it_names_and_nothing_else(
    office: str | None, purposes: tuple[str, ...], ended: int
) -> None:
    over = ended_by([Revocation(PERSON, office, frozenset(purposes), date(2026, 1, 1))], CONSENTS)
    assert len(over) == ended
    assert {consent.participant for consent in over} <= {PERSON}


@given(
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    st.integers(1, 12),
    st.none() | st.dates(date(2000, 1, 1), date(2099, 1, 1)),
)
def test_consent_never_holds_longer_than_configured(given_on: date, months: int, asked: date | None) -> None:
    until = valid_until(given_on, asked, months)
    assert given_on <= until <= add_months(given_on, months)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_purpose_sees_its_fields_only(purpose: Purpose) -> None:
    full = Contact("F", "G", date(1990, 1, 1), "1", "a@b", "s", "00100", "t", ("de",))
    seen = visible(full, purpose)
    for name in ALL_FIELDS:
        assert (getattr(seen, name) not in (None, ())) is (name in VISIBLE[purpose])
    assert merge(full, Contact(phone="2")) == Contact(
        "F", "G", date(1990, 1, 1), "2", "a@b", "s", "00100", "t", ("de",)
    )


def test_sealed_is_bound_to_person_and_key() -> None:
    contact = Contact("Müller", birth_date=date(1999, 1, 1), languages=("ar",))
    key = crypto.new_data_key()
    sealed = crypto.seal(contact, key, PERSON)
    assert crypto.unseal(sealed, key, PERSON) == contact
    assert sealed != crypto.seal(contact, key, PERSON)
    for other_key, person in ((crypto.new_data_key(), PERSON), (key, OTHER)):
        with pytest.raises(SealError):
            crypto.unseal(sealed, other_key, person)
    with pytest.raises(ValueError, match="32 bytes"):
        Keks.from_text("k1:c2hvcnQ=")


@pytest.mark.parametrize("step", ["notice-1", "escalation-1-2", "withdrawn-3"])
def test_mails_hold_reference_and_link_only(step: str) -> None:
    letter = Letter(uuid4(), uuid4(), "post@mbe.example", step)
    mail = compose(letter, MailTexts(), "http://127.0.0.1:8080/")
    assert mail["Message-ID"] == f"<{letter.delivery}@kurslotse.invalid>"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert f"http://127.0.0.1:8080/inbox/{letter.alert}" in body.get_content()
    assert "Hinweis KL-" in mail["Subject"]
    assert compose(letter, MailTexts(), "http://127.0.0.1:8080/")["Message-ID"] == mail["Message-ID"]
