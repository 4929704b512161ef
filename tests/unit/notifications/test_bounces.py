"""Reports of mail servers: what came back of ours is found, whatever else arrives says nothing."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.delivery.bounces.domain import LARGEST, Bounce, bounces_of
from services.notifications.delivery.bounces.imap import ImapMailbox
from services.runtime.base.settings import SettingsError
from tests.notifications.bounced import report

ID = UUID("7d1c1ae4-5f0e-4b62-9a0e-3c7f0a4b6d21")


def test_a_report_of_postfix_names_delivery_mailbox_and_status() -> None:
    assert bounces_of(report(ID, "post@mbe.example")) == [Bounce(ID, "post@mbe.example", "5.1.1")]


def test_headers_alone_are_enough_and_the_original_recipient_counts() -> None:
    raw = report(ID, "intern-77@backend.example", headers_only=True, original="Post@MBE.example")
    assert bounces_of(raw) == [Bounce(ID, "post@mbe.example", "5.1.1")]


@pytest.mark.parametrize(
    ("status", "gone"),
    [
        *((f"5.1.{detail}", True) for detail in (0, 1, 2, 3, 6, 10)),
        *((f"5.1.{detail}", False) for detail in (4, 5, 7, 8, 9, 11, 100)),
        *(("5.2.1", True), ("5.2.2", False), ("5.2.10", False), ("5.7.1", False)),
    ],
)
def test_only_what_says_that_there_is_no_mailbox_stops_further_mails(status: str, gone: bool) -> None:
    (bounce,) = bounces_of(report(ID, "a@b.example", status=status))
    assert (bounce.status, bounce.no_such_mailbox) == (status, gone)


def test_delays_answers_and_strangers_are_no_bounces() -> None:
    good = report(ID, "a@b.example")
    for raw in (
        report(ID, "a@b.example", action="delayed"),
        report(ID, "a@b.example", action="relayed"),
        good.replace(b"multipart/report", b"multipart/mixed"),
        good.replace(str(ID).encode(), b"not-one-of-ours"),
        good.replace(b"Message-ID: <", b"Message-ID: < "),
        good.replace(b"rfc822; a@b.example", b"rfc822;"),
        b"Subject: Abwesend\r\n\r\nIch bin im Urlaub.",
        b"",
        good + b"x" * LARGEST,
    ):
        assert bounces_of(raw) == []


def test_a_report_without_a_status_is_one_without_a_reason() -> None:
    (bounce,) = bounces_of(report(ID, "a@b.example").replace(b"Status: 5.1.1", b"Status: kaputt"))
    assert (bounce.status, bounce.no_such_mailbox) == ("5.0.0", False)


@given(st.data())
def test_whatever_arrives_raises_nothing(data: st.DataObject) -> None:
    raw = bytearray(report(uuid4(), "a@b.example", headers_only=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    assert all(isinstance(one, Bounce) for one in bounces_of(bytes(raw)))


@given(st.binary(max_size=400))
def test_rubbish_is_nothing(raw: bytes) -> None:
    assert bounces_of(raw) == []


@pytest.mark.parametrize(
    "url",
    ["imap://a:geheim@h/", "imaps://h/", "imaps://a@h/", "imaps://a:geheim@h:x/", "imaps://a:geheim@h/a%22b",
     "imaps://a:geheim@h/?x", "geheim"]
)  # fmt: skip
def test_a_mailbox_is_named_encrypted_and_wrong_ones_are_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        ImapMailbox.from_url(url)
    assert "geheim" not in str(raised.value)


def test_the_mailbox_of_a_setting() -> None:
    found = ImapMailbox.from_url("imaps://kurslotse:p%40ss@mail.example/INBOX/Zur%C3%BCck")
    assert (found.host, found.port, found.user, found.password, found.folder) == (
        "mail.example", 993, "kurslotse", "p@ss", "INBOX/Zurück",
    )  # fmt: skip
    assert "p@ss" not in repr(found)
