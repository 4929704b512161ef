"""Webhooks: which addresses are forbidden, what answers mean, when an endpoint is left alone."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifications.delivery.domain import (
    LONGEST_RETRY_AFTER,
    Attempted,
    Fault,
    GiveUp,
    Outcome,
    RetryAfter,
    next_step,
)
from services.notifications.delivery.webhooks.domain import (
    BREAKS_AFTER,
    FAILING_FOR,
    Health,
    LeaveAlone,
    SwitchOff,
    Target,
    UrlFault,
    Works,
    after_attempt,
    judged,
    seconds_of,
    target_of,
)
from services.notifications.delivery.webhooks.guard import (
    ForbiddenAddressError,
    Guard,
    UnknownNameError,
    networks_of,
)
from services.notifications.delivery.webhooks.secrets import SecretSeal, UnopenableError, shown
from services.notifications.delivery.webhooks.sender import signed
from services.notifications.people.keys import Keks
from services.runtime.base.settings import SettingsError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FORBIDDEN = [
    "127.0.0.1", "127.1.2.3", "0.0.0.1", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
    "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "64:ff9b:1::808:808",
    "64:ff9b:1:a00:1::", "64:ff9b:1:a00:0:100:808:808", "64:ff9b:1:ffff:ffff:ffff:808:808", "2002:7f00:1::",
    "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "fc00::1", "fd12:3456::1", "fd00:ec2::254", "ff02::1", "100::1", "3fff::1", "5f00::1",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4001:810::200e",
          "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]  # fmt: skip


async def nobody(_host: str, _port: int) -> list[str]:
    raise UnknownNameError


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_no_webhook_goes_there_by_number_or_by_name(address: str) -> None:
    async def answers(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", address]

    for guard, host in ((Guard((), nobody), address), (Guard((), answers), "fach.example")):
        with pytest.raises(ForbiddenAddressError):
            await guard.addresses(host, 443)


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_pass_as_they_are(address: str) -> None:
    assert await Guard((), nobody).addresses(address, 443) == [str(ip_address(address))]


def test_naming_a_network_opens_no_local_nat64() -> None:
    guard = Guard(allowed=networks_of("X", "10.0.0.0/8"))
    assert guard.permits(IPv6Address("64:ff9b::a00:1"))
    for address in ("64:ff9b:1::a00:1", "64:ff9b:1:a00:0:100::"):
        assert not guard.permits(IPv6Address(address))


@given(st.ip_addresses(v=4))
def test_an_address_of_ipv4_is_judged_alike_in_whatever_clothes(address: IPv4Address) -> None:
    guard, number = Guard(), int(address)
    for network, below in (
        ("::ffff:0:0", 0),
        ("64:ff9b::", 0),
        ("2002::", 80),
        ("::ffff:0:0:0", 0),
        ("::", 0),
    ):
        dressed = IPv6Address(int(IPv6Address(network)) | number << below)
        assert guard.permits(dressed) == guard.permits(address)
    if not address.is_global:
        assert not guard.permits(address)


async def test_a_private_network_that_the_installation_names_is_allowed_and_no_other() -> None:
    guard = Guard(networks_of("X", "10.20.0.0/16"), nobody)
    assert await guard.addresses("10.20.1.1", 443) == ["10.20.1.1"]
    assert await guard.addresses("::ffff:10.20.1.1", 443)
    for address in ("10.21.0.1", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(ForbiddenAddressError):
            await guard.addresses(address, 443)


@pytest.mark.parametrize(
    "text", ["127.0.0.0/8", "0.0.0.0/0", "169.254.0.0/16", "::1", "10.0.0.0/7", "8.8.8.8", "intern", "::/0",
             "::ffff:10.0.0.0/104", "fe80::/10"]
)  # fmt: skip
def test_nothing_but_private_networks_can_be_named(text: str) -> None:
    with pytest.raises(SettingsError, match=r"KURSLOTSE_WEBHOOK_NETWORKS (must|may only) list"):
        networks_of("KURSLOTSE_WEBHOOK_NETWORKS", text)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://fach.example/", UrlFault.NOT_HTTPS),
        ("ftp://fach.example/", UrlFault.NOT_HTTPS),
        ("fach.example", UrlFault.NOT_HTTPS),
        ("https://user@fach.example/", UrlFault.WITH_SECRETS),
        ("https://fach.example/#x", UrlFault.WITH_SECRETS),
        ("https://fach.example:0/", UrlFault.UNREADABLE),
        ("https://fach.example:99999/", UrlFault.UNREADABLE),
        ("https://", UrlFault.UNREADABLE),
        ("https://[::1", UrlFault.UNREADABLE),
        ("https://[fe80::1%25eth0]/", UrlFault.UNREADABLE),
        ("https://fach.example./", UrlFault.UNREADABLE),
        ("https://fäch.example/", UrlFault.UNREADABLE),
        ("https://fach.example/a b", UrlFault.UNREADABLE),
        ("https://fach.example\\@intern/", UrlFault.UNREADABLE),
        ("https://fach.example/\r\nHost: intern", UrlFault.UNREADABLE),
        ("https://fach.example/" + "x" * 500, UrlFault.UNREADABLE),
    ],
)
def test_what_is_no_address_of_a_webhook(url: str, fault: UrlFault) -> None:
    assert target_of(url) is fault


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_fault(text: str) -> None:
    for url in (text, f"https://{text}", f"https://fach.example/{text}"):
        found = target_of(url)
        assert isinstance(found, Target | UrlFault)
        if isinstance(found, Target):
            assert (found.host + found.path).isascii()
            assert not any(one.isspace() for one in found.path)


@pytest.mark.parametrize(
    ("status", "outcome", "fault"),
    [
        (200, Outcome.SENT, None),
        (204, Outcome.SENT, None),
        (301, Outcome.RETRY, Fault.REDIRECTED),
        (308, Outcome.RETRY, Fault.REDIRECTED),
        (400, Outcome.RETRY, Fault.ENDPOINT_REFUSED),
        (404, Outcome.RETRY, Fault.ENDPOINT_REFUSED),
        (410, Outcome.REFUSED, Fault.ENDPOINT_GONE),
        (429, Outcome.RETRY, Fault.ENDPOINT_BUSY),
        (500, Outcome.RETRY, Fault.ENDPOINT_FAILED),
        (503, Outcome.RETRY, Fault.ENDPOINT_BUSY),
        (599, Outcome.RETRY, Fault.ENDPOINT_FAILED),
    ],
)
def test_what_an_answer_means(status: int, outcome: Outcome, fault: Fault | None) -> None:
    assert judged(status, None, NOW) == Attempted(outcome, status, fault)


def test_a_receiver_is_asked_no_sooner_than_it_says_and_not_put_off_for_ever() -> None:
    busy = judged(429, "120", NOW)
    assert next_step(busy, 1, 0, 0) == RetryAfter(120.0)
    assert next_step(judged(429, "1", NOW), 2, 0, 0) == RetryAfter(60.0)
    assert next_step(judged(503, "999999999", NOW), 1, 0, 0) == RetryAfter(LONGEST_RETRY_AFTER)
    assert next_step(busy, 99, 0, 0) == GiveUp("too_many_attempts")


@given(st.one_of(st.none(), st.text(max_size=40), st.integers().map(str)))
def test_any_retry_after_is_seconds_or_nothing(text: str | None) -> None:
    found = seconds_of(text, NOW)
    assert found is None or 0 <= found < 10**12


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 7200)), max_size=60))
def test_an_endpoint_is_left_alone_after_failures_in_a_row_and_back_after_one_success(
    history: list[tuple[bool, int]],
) -> None:
    health, now, row = Health(), NOW, 0
    for good, seconds in history:
        now += timedelta(seconds=seconds)
        outcome = (
            Attempted(Outcome.SENT, 204) if good else Attempted(Outcome.RETRY, 500, Fault.ENDPOINT_FAILED)
        )
        row = 0 if good else row + 1
        match after_attempt(health, outcome, now):
            case Works(found):
                assert row < BREAKS_AFTER
                health = found
            case LeaveAlone(found, pause):
                assert row >= BREAKS_AFTER
                assert 60 <= pause <= 3600
                health = found
            case SwitchOff(why):
                assert why == "failing"
                assert health.failing_since is not None
                assert now - health.failing_since >= FAILING_FOR
                return
        assert health.failed == row


def test_an_endpoint_that_is_gone_or_has_failed_for_days_is_switched_off() -> None:
    gone = Attempted(Outcome.REFUSED, 410, Fault.ENDPOINT_GONE)
    assert after_attempt(Health(), gone, NOW) == SwitchOff("gone")
    old = Health(60, NOW - FAILING_FOR)
    assert after_attempt(old, Attempted(Outcome.RETRY, 500), NOW) == SwitchOff("failing")
    assert after_attempt(old, Attempted(Outcome.SENT, 200), NOW) == Works(Health())


def test_both_secrets_sign_while_one_replaces_the_other() -> None:
    old, new, other = b"o" * 32, b"n" * 32, b"x" * 32
    headers = dict(signed("msg", datetime.now(UTC), '{"a":1}', [new, old]))
    for secret in (old, new):
        assert Webhook(shown(secret)).verify('{"a":1}', headers) == {"a": 1}
        with pytest.raises(WebhookVerificationError):
            Webhook(shown(secret)).verify('{"a":2}', headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(shown(other)).verify('{"a":1}', headers)


def test_sealed_secrets_open_by_their_own_key_and_id_only() -> None:
    seal, id_ = SecretSeal(Keks("a", {"a": b"a" * 32, "b": b"b" * 32})), uuid4()
    kek, sealed = seal.seal(b"secret" * 5, id_)
    assert kek == "a"
    assert seal.open(kek, sealed, id_) == b"secret" * 5
    assert b"secret" not in sealed
    for key, raw, about in (("b", sealed, id_), ("c", sealed, id_), ("a", sealed, uuid4()), ("a", b"x", id_)):
        with pytest.raises(UnopenableError):
            seal.open(key, raw, about)
