"""Webhooks on real HTTPS: taken by the public verifier, never inside, never twice, never lost."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.delivery.webhooks import endpoints, store
from services.notifications.delivery.webhooks.domain import Health, UrlFault
from services.notifications.delivery.webhooks.endpoints import Kept, NotKept, Owner
from services.notifications.delivery.webhooks.secrets import SecretSeal
from services.notifications.delivery.webhooks.sender import WebhookSender
from services.notifications.delivery.webhooks.worker import WebhookWorker
from services.notifications.people.keys import Keks
from services.runtime.base import failpoints
from services.runtime.data.db import transaction
from tests.identity import KEK
from tests.notifications.hooks import NAME, Certificates, Names, Receiver, certificates, receiving, sender
from tests.notifications.organisations import know_wohlfahrt
from tests.notifications.world import MBE, World

SEAL = SecretSeal(Keks.from_text(KEK))


@dataclass
class Hooked:
    """An office with a webhook, one enrolment about which it hears, and the receiver."""

    world: World
    receiver: Receiver
    sender: WebhookSender
    endpoint: UUID
    secret: str
    made: Certificates

    def worker(self, **changes: Any) -> WebhookWorker:  # noqa: ANN401 - fields of the worker
        usual = WebhookWorker(
            self.world.worker, self.sender, SEAL, "https://hilfe.example", lambda _attempted: None
        )
        return replace(usual, **changes)

    async def row(self) -> dict[str, Any]:
        (row,) = await self.world.rows("SELECT * FROM delivery WHERE channel = 'webhook'")
        return dict(row)

    async def health(self) -> dict[str, Any]:
        (row,) = await self.world.rows("SELECT * FROM webhook_endpoint")
        return dict(row)

    async def later(self) -> None:
        """Let every wait, lease and pause be over."""
        await self.world.rows(
            "UPDATE delivery SET next_at = clock_timestamp(), lease_until ="
            " CASE WHEN lease_token IS NULL THEN NULL ELSE clock_timestamp() - interval '1 s' END"
            " WHERE channel = 'webhook'"
        )
        await self.world.rows(
            "UPDATE webhook_endpoint SET open_until = clock_timestamp() - interval '1 s'"
            " WHERE open_until IS NOT NULL"
        )


async def hook(world: World, url: str, now: datetime | None = None) -> tuple[UUID, str]:
    """Add a webhook as the office's lead does, in the rights of the pages."""
    async with world.visiting("wohlfahrt", MBE) as conn:
        kept = await endpoints.add(conn, Owner(MBE, "wohlfahrt"), url, SEAL, now or world.now)
    assert isinstance(kept, Kept)
    return kept.endpoint, kept.secret


async def enrolled(world: World, reference: str) -> None:
    person = await world.register(reference)
    await world.consent(reference, "enrolment_notice")
    await world.enrol(person)
    await world.settle()


@pytest.fixture
async def hooked(world: World, tmp_path: Path) -> AsyncIterator[Hooked]:
    made = certificates(tmp_path, NAME, "anderswo.example")
    async with AsyncExitStack() as stack:
        await know_wohlfahrt(world)
        receiver = await stack.enter_async_context(receiving(Receiver(), made.server))
        endpoint, secret = await hook(world, f"https://{NAME}:{receiver.port}/haken?von=kurslotse")
        await world.announce()
        await enrolled(world, "a-1")
        names = Names({NAME: [["127.0.0.1"]]})
        yield Hooked(world, receiver, sender(made, names), endpoint, secret, made)


async def test_the_public_verifier_takes_it_and_it_says_reference_and_link_only(hooked: Hooked) -> None:
    assert await hooked.worker().drain() == 1
    assert await hooked.worker().drain() == 0
    (taken,) = hooked.receiver.taken
    said = Webhook(hooked.secret).verify(taken.body, taken.headers)
    row = await hooked.row()
    alert = row["alert_id"]
    assert said == {
        "type": "notice.new",
        "timestamp": "2026-03-02T09:00:00Z",
        "data": {
            "reference": f"KL-{str(alert)[:8].upper()}",
            "link": f"https://hilfe.example/inbox/{alert}",
        },
    }
    assert taken.headers["webhook-id"] == str(row["delivery_id"])
    assert taken.headers["host"] == f"{NAME}:{hooked.receiver.port}"
    assert hooked.receiver.names == [NAME]  # SNI
    assert (row["state"], row["attempts"]) == ("sent", 1)
    tampered = taken.body.replace(b"KL-", b"KX-")
    with pytest.raises(WebhookVerificationError):
        Webhook(hooked.secret).verify(tampered, taken.headers)


async def test_the_office_has_its_mail_beside_unless_it_wants_none(hooked: Hooked) -> None:
    world = hooked.world
    assert await world.value("SELECT count(*) FROM delivery WHERE channel = 'email'") == 1
    await world.rows(
        "INSERT INTO office_telling (office, organisation, enrolments, digest_at, hold, quiet_from, quiet_to,"
        " by_mail) VALUES ($1, 'wohlfahrt', 'at_once', '08:00', 'never', '20:00', '07:00', false)",
        MBE,
    )
    await enrolled(world, "b-1")
    assert await world.value("SELECT count(*) FROM delivery WHERE channel = 'email'") == 1
    assert await world.value("SELECT count(*) FROM delivery WHERE channel = 'webhook'") == 2


@pytest.mark.parametrize(
    ("answer", "problem", "code"),
    [
        ("500 Oops", "endpoint_failed", 500),
        ("404 Not Found", "endpoint_refused", 404),
        ("302 Found\nLocation: https://127.0.0.1:{port}/", "redirected", 302),
        ("307 Temporary Redirect\nLocation: http://169.254.169.254/latest/meta-data", "redirected", 307),
        ("308 Permanent Redirect\nLocation: https://[::ffff:10.0.0.1]/", "redirected", 308),
        ("301 Moved\nLocation: https://anderswo.example:{port}/", "redirected", 301),
        ("drop", "endpoint_unreachable", None),
    ],
)
async def test_what_is_not_taken_is_tried_again_under_the_same_id_and_no_redirect_is_followed(
    hooked: Hooked, answer: str, problem: str, code: int | None
) -> None:
    hooked.receiver.answers.append(answer.format(port=hooked.receiver.port))
    await hooked.worker().drain()
    row = await hooked.row()
    assert (row["state"], row["problem"], hooked.receiver.connections) == ("pending", problem, 1)
    assert await hooked.worker().drain() == 0  # not yet
    await hooked.later()
    assert await hooked.worker().drain() == 1
    assert (await hooked.row())["state"] == "sent"
    assert len({one.headers["webhook-id"] for one in hooked.receiver.taken}) == 1
    assert len({one.body for one in hooked.receiver.taken}) == 1
    codes = await hooked.world.rows(
        "SELECT t.code FROM delivery_attempt AS t JOIN delivery USING (delivery_id)"
        " WHERE channel = 'webhook' ORDER BY t.attempt"
    )
    assert [one["code"] for one in codes] == [code, 204]


@pytest.mark.parametrize("told", ["silence", "flood"])
async def test_a_receiver_that_says_nothing_or_never_ends_costs_a_bounded_time(
    hooked: Hooked, told: str
) -> None:
    hooked.receiver.answers.append(told)
    slow = hooked.worker(sender=replace(hooked.sender, seconds=0.5))
    async with asyncio.timeout(5):
        await slow.drain()
    row = await hooked.row()
    if told == "silence":
        assert (row["state"], row["problem"]) == ("pending", "endpoint_silent")
    else:
        assert row["state"] == "sent"  # it had said 200; the rest is not read


INSIDE = ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "10.0.0.1", "::1", "64:ff9b::7f00:1"]


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_never_connected_to_and_the_mailbox_hears_instead(
    hooked: Hooked, address: str
) -> None:
    names = Names({NAME: [["93.184.216.34", address]]})
    await hooked.world.rows("DELETE FROM delivery WHERE channel = 'email'")
    await hooked.worker(sender=sender(hooked.made, names, inside=False)).drain()
    assert hooked.receiver.connections == 0
    row = await hooked.row()
    assert (row["state"], row["problem"]) == ("failed", "address_forbidden")
    mails = await hooked.world.rows("SELECT recipient, step FROM delivery WHERE channel = 'email'")
    assert [tuple(one) for one in mails] == [("office:mbe-probe", "notice-1")]


async def test_a_name_that_changes_between_looking_and_connecting_gains_nothing(hooked: Hooked) -> None:
    """Rebinding: whoever is asked twice is asked again; only what was checked is connected to."""
    names = Names({NAME: [["127.0.0.1"], ["10.0.0.1"]]})
    assert await endpoints.fault_of(f"https://{NAME}/", sender(hooked.made, names).guard) is None
    await hooked.worker(sender=sender(hooked.made, names)).drain()
    assert names.asked == [NAME, NAME]
    assert (await hooked.row())["problem"] == "address_forbidden"
    assert hooked.receiver.connections == 0


async def test_another_names_certificate_is_not_believed(hooked: Hooked) -> None:
    await hooked.world.rows(
        "UPDATE webhook_endpoint SET url = $1", f"https://fremd.example:{hooked.receiver.port}/"
    )
    names = Names({"fremd.example": [["127.0.0.1"]]})
    await hooked.worker(sender=sender(hooked.made, names)).drain()
    assert (await hooked.row())["problem"] == "endpoint_tls"
    assert hooked.receiver.taken == []


async def test_a_name_without_an_address_is_tried_again(hooked: Hooked) -> None:
    await hooked.worker(sender=sender(hooked.made, Names({}))).drain()
    row = await hooked.row()
    assert (row["state"], row["problem"]) == ("pending", "name_unknown")


async def test_gone_switches_the_endpoint_off_and_tells_the_lead_and_the_mailbox(hooked: Hooked) -> None:
    world = hooked.world
    await world.rows("DELETE FROM delivery WHERE channel = 'email'")
    await enrolled(world, "b-1")
    await world.rows("DELETE FROM delivery WHERE channel = 'email'")
    hooked.receiver.answers.append("410 Gone")
    await hooked.worker().drain()
    while await hooked.worker().drain():
        pass
    health = await hooked.health()
    assert (health["state"], health["disabled_for"]) == ("disabled", "gone")
    rows = await world.rows("SELECT recipient, step FROM delivery WHERE channel = 'email' ORDER BY recipient")
    told = [(row["recipient"], row["step"].partition("-")[0]) for row in rows]
    assert ("lead:mbe-probe", "unhooked") in told
    sent = await world.value("SELECT count(*) FROM delivery WHERE channel = 'webhook' AND state = 'sent'")
    assert told.count(("office:mbe-probe", "notice")) == 2 - sent  # what did not get through goes by mail
    await world.deliver()
    assert any("Webhook Ihrer Stelle" in str(mail["Subject"]) for mail in world.server.mails)
    # A new notice goes by mail, whatever the office wanted before.
    await enrolled(world, "c-1")
    assert await world.value("SELECT count(*) FROM delivery WHERE channel = 'webhook'") == 2


async def test_many_messages_that_go_at_once_do_not_stop_each_other(
    hooked: Hooked, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever switches the endpoint off touches what the others are about to settle."""
    for number in range(7):
        await enrolled(hooked.world, f"m-{number}")
    hooked.receiver.answers.extend(["410 Gone"] * 8)
    assert await hooked.worker().drain() == 8
    assert (await hooked.health())["disabled_for"] == "gone"
    assert "unexpected" not in caplog.text
    left = "SELECT count(*) FROM delivery WHERE channel = 'webhook' AND lease_token IS NOT NULL"
    assert await hooked.world.value(left) == 0


async def test_a_busy_receiver_is_left_alone_as_long_as_it_asks(hooked: Hooked) -> None:
    hooked.receiver.answers.append("429 Too Many Requests\nRetry-After: 600")
    await hooked.worker().drain()
    waits = await hooked.world.value(
        "SELECT next_at - clock_timestamp() FROM delivery WHERE channel = 'webhook'"
    )
    assert timedelta(seconds=590) < waits <= timedelta(seconds=601)
    await enrolled(hooked.world, "b-1")
    assert await hooked.worker().drain() == 0  # the next one waits, too
    waits = await hooked.world.value(
        "SELECT min(next_at) - clock_timestamp() FROM delivery WHERE channel = 'webhook'"
    )
    assert waits > timedelta(seconds=580)
    await hooked.later()
    while await hooked.worker().drain():
        await hooked.later()
    assert len(hooked.receiver.taken) == 3


async def test_the_breaker_opens_and_one_attempt_closes_it(hooked: Hooked) -> None:
    for number in range(9):
        await enrolled(hooked.world, f"x-{number}")
    hooked.receiver.answers = deque(["500 Oops"] * 10)
    await hooked.worker().drain()
    health = await hooked.health()
    before = health["failed"]
    assert 5 <= before <= 10  # what had begun before it opened, too
    assert health["open_until"] > datetime.now(UTC) + timedelta(seconds=50)
    tried = len(hooked.receiver.taken)
    await hooked.world.rows("UPDATE delivery SET next_at = clock_timestamp() WHERE channel = 'webhook'")
    assert await hooked.worker().drain() == 0
    assert len(hooked.receiver.taken) == tried
    await hooked.later()
    hooked.receiver.answers = deque(["503 Later"])
    assert await hooked.worker().drain() == 1  # one alone
    assert (await hooked.health())["failed"] == before + 1
    await hooked.later()
    assert await hooked.worker().drain() == 1
    assert (await hooked.health())["failed"] == 0
    await hooked.later()
    while await hooked.worker().drain():
        pass
    states = await hooked.world.rows(
        "SELECT state, count(*) FROM delivery WHERE channel = 'webhook' GROUP BY 1"
    )
    assert [tuple(row) for row in states] == [("sent", 10)]
    assert len({one.headers["webhook-id"] for one in hooked.receiver.taken}) == 10


async def test_an_endpoint_that_fails_for_days_is_switched_off(hooked: Hooked) -> None:
    async with transaction(hooked.world.worker) as conn:
        await store.write_health(
            conn, hooked.endpoint, Health(40, datetime.now(UTC) - timedelta(days=4)), None
        )
    hooked.receiver.answers.append("500 Oops")
    await hooked.worker().drain()
    assert (await hooked.health())["disabled_for"] == "failing"


class CrashError(Exception):
    """The process dies here."""


@pytest.mark.parametrize(("point", "before"), [("delivery_attempt_written", 0), ("delivery_sent", 1)])
async def test_killed_around_sending_it_goes_again_under_the_same_id(
    hooked: Hooked, point: str, before: int
) -> None:
    async def crash(reached: str, /) -> None:
        if reached == point:
            raise CrashError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failpoints, "failpoint", crash)
        await hooked.worker().drain()
    assert len(hooked.receiver.taken) == before
    assert await hooked.worker().drain() == 0  # the lease holds
    await hooked.later()
    assert await hooked.worker().drain() == 1
    row = await hooked.row()
    assert (row["state"], row["attempts"]) == ("sent", 2)
    assert {one.headers["webhook-id"] for one in hooked.receiver.taken} == {str(row["delivery_id"])}
    outcomes = await hooked.world.rows(
        "SELECT t.outcome FROM delivery_attempt AS t JOIN delivery USING (delivery_id)"
        " WHERE channel = 'webhook' ORDER BY t.attempt"
    )
    assert [one["outcome"] for one in outcomes] == ["in_doubt", "sent"]
    assert await hooked.world.value("SELECT count(*) FROM status.attempts_wrong") == 0


async def test_several_workers_send_each_once(hooked: Hooked) -> None:
    for number in range(5):
        await enrolled(hooked.world, f"x-{number}")
    await asyncio.gather(*(hooked.worker().drain() for _ in range(5)))
    assert len(hooked.receiver.taken) == 6


async def test_a_new_secret_signs_at_once_and_the_old_one_for_a_day(hooked: Hooked) -> None:
    owner = Owner(MBE, "wohlfahrt")
    async with hooked.world.visiting("wohlfahrt", MBE) as conn:
        kept = await endpoints.rotate(conn, owner, hooked.endpoint, SEAL)
    assert isinstance(kept, Kept)
    await hooked.worker().drain()
    (taken,) = hooked.receiver.taken
    for secret in (hooked.secret, kept.secret):
        assert Webhook(secret).verify(taken.body, taken.headers)
    assert len(taken.headers["webhook-signature"].split()) == 2
    await hooked.world.rows(
        "UPDATE webhook_secret SET until = clock_timestamp() - interval '1 s' WHERE until IS NOT NULL"
    )
    await enrolled(hooked.world, "b-1")
    await hooked.worker().drain()
    taken = hooked.receiver.taken[1]
    assert Webhook(kept.secret).verify(taken.body, taken.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(hooked.secret).verify(taken.body, taken.headers)
    # What signs no more is forgotten, and another key seals what is left.
    other = SecretSeal(Keks("neu", {"neu": b"n" * 32, **SEAL.keks.by_id}))
    await hooked.worker(seal=other).reseal(hooked.world.now)
    assert [row["kek"] for row in await hooked.world.rows("SELECT kek FROM webhook_secret")] == ["neu"]
    await enrolled(hooked.world, "c-1")
    await hooked.worker(seal=SecretSeal(Keks("neu", {"neu": b"n" * 32}))).drain()
    taken = hooked.receiver.taken[2]
    assert Webhook(kept.secret).verify(taken.body, taken.headers)


async def test_without_the_key_nothing_is_sent_unsigned_and_nothing_is_given_up(hooked: Hooked) -> None:
    await hooked.worker(seal=SecretSeal(Keks("x", {"x": b"x" * 32}))).drain()
    row = await hooked.row()
    assert (row["state"], row["problem"], hooked.receiver.connections) == ("pending", "internal", 0)
    assert (await hooked.health())["failed"] == 0
    await hooked.later()
    await hooked.worker().drain()
    assert (await hooked.row())["state"] == "sent"


async def test_what_may_be_kept_as_a_webhook(hooked: Hooked) -> None:
    guard = sender(hooked.made, Names({"intern.example": [["10.0.0.1"]], NAME: [["93.184.216.34"]]})).guard
    assert await endpoints.fault_of("https://intern.example/", guard) is UrlFault.FORBIDDEN
    assert await endpoints.fault_of("https://nirgends.example/", guard) is NotKept.UNKNOWN_NAME
    assert await endpoints.fault_of("https://192.168.0.1/", guard) is UrlFault.FORBIDDEN
    assert await endpoints.fault_of(f"https://{NAME}/", guard) is None
    owner = Owner(MBE, "wohlfahrt")
    async with hooked.world.visiting("wohlfahrt", MBE) as conn:
        url = (await store.listed(conn, MBE))[0]["url"]
        assert await endpoints.add(conn, owner, url, SEAL, hooked.world.now) is NotKept.TWICE
        for path in ("1", "2"):
            await endpoints.add(conn, owner, f"https://{NAME}/{path}", SEAL, hooked.world.now)
        assert (
            await endpoints.add(conn, owner, f"https://{NAME}/3", SEAL, hooked.world.now) is NotKept.TOO_MANY
        )


async def test_an_unforeseen_error_is_an_end_like_any_other(hooked: Hooked) -> None:
    class Broken(WebhookSender):
        async def send(self, delivery: UUID, url: str, body: str, secrets: Sequence[bytes]) -> Attempted:  # noqa: ARG002
            raise ZeroDivisionError

    await hooked.worker(sender=Broken()).drain()
    row = await hooked.row()
    assert (row["state"], row["problem"]) == ("pending", Fault.INTERNAL)
    outcome = await hooked.world.value(
        "SELECT t.outcome FROM delivery_attempt AS t JOIN delivery USING (delivery_id)"
        " WHERE channel = 'webhook'"
    )
    assert outcome == Outcome.RETRY


@pytest.mark.parametrize("rests", [False, True])
async def test_what_waits_for_a_webhook_removed_by_hand_goes_by_mail_at_once(
    hooked: Hooked, rests: bool
) -> None:
    world = hooked.world
    hooked.receiver.answers.append("503 Busy\r\nRetry-After: 80000")
    assert await hooked.worker().drain() == 1
    waiting = "SELECT state, next_at > clock_timestamp() + interval '1 hour' AS waits FROM delivery"
    waiting += " WHERE channel = 'webhook'"
    await world.rows(
        "UPDATE delivery SET next_at = clock_timestamp() + interval '20 hours' WHERE channel = 'webhook'"
    )
    if rests:
        await world.rows("UPDATE webhook_endpoint SET open_until = clock_timestamp() + interval '1 day'")
    assert await hooked.worker().drain() == 0  # a webhook that is on is left alone
    assert tuple((await world.rows(waiting))[0]) == ("pending", True)
    async with world.visiting("wohlfahrt", MBE) as conn:
        assert await store.set_state(conn, hooked.endpoint, MBE, active=False)
    tried = len(hooked.receiver.taken)
    assert await hooked.worker().drain() == 1
    row = await hooked.row()
    assert (row["state"], row["problem"], len(hooked.receiver.taken)) == (
        "failed",
        "endpoint_disabled",
        tried,
    )
    assert await hooked.worker().drain() == 0
