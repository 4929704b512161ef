"""Wrong keys cost no connection, and who guesses is slowed down; a good key always passes."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.requests import Request

from services.gateway.http.errors import RequestRejectedError
from services.gateway.http.keys import KeyGuard, KnownKeys
from services.gateway.publishers.domain import hash_key, mint_key
from services.runtime.http.buckets import Failures, source_of

SERVICE_KEY = "f" * 48


class Keys:
    def __init__(self, *known: str) -> None:
        self.known, self.reads, self.now = set(known), 0, 100.0

    async def read(self) -> frozenset[bytes]:
        self.reads += 1
        await asyncio.sleep(0)
        return frozenset(map(hash_key, self.known))

    def guard(self, *, apart: float = 0.01, burst: float = 5) -> KeyGuard:
        monotonic: Callable[[], float] = asyncio.get_running_loop().time
        failures = Failures(lambda: self.now, rate=0.1, burst=burst, most=100)
        return KeyGuard(KnownKeys(self.read, monotonic, apart), failures)


def request(key: str | None, host: str = "192.0.2.1") -> Request:
    headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode("latin-1"))]
    return Request({"type": "http", "headers": headers, "client": (host, 1)})


async def answer(guard: KeyGuard, key: str | None, host: str = "192.0.2.1") -> tuple[int, str, int | None]:
    try:
        await guard.check(request(key, host))
    except RequestRejectedError as error:
        return error.status, error.problems[0].code, error.retry_after
    return 200, "", None


@pytest.mark.parametrize(
    "key",
    [
        "kl_",
        "kl_x_y",
        "kl_0123456789ab_" + "a" * 42,
        "kl_0123456789AB_" + "a" * 43,
        "x" * 15,
        "x" * 257,
        "\xe4" * 20,
    ],
)
async def test_what_cannot_be_a_key_is_refused_without_reading_anything(key: str) -> None:
    keys = Keys()
    guard = keys.guard(apart=0.0)
    assert (await answer(guard, key))[:2] == (401, "key_unknown")
    assert keys.reads == 0


async def test_no_key_is_told_apart_from_a_wrong_one() -> None:
    assert await answer(Keys().guard(), None) == (401, "key_missing", None)


async def test_many_wrong_keys_are_slowed_down_and_read_nothing() -> None:
    keys = Keys(SERVICE_KEY)
    guard = keys.guard()
    answers = [await answer(guard, mint_key().text) for _ in range(50)]
    assert [status for status, *_ in answers] == [401] * 5 + [429] * 45
    assert keys.reads <= 6
    assert answers[-1] == (429, "key_failures", 10)
    assert (await answer(guard, SERVICE_KEY))[0] == 200, "a good key passes from the same address"
    assert (await answer(guard, mint_key().text, "192.0.2.2"))[0] == 401, "others are not slowed down"
    keys.now += 10.0
    assert (await answer(guard, mint_key().text))[0] == 401


async def test_wrong_secrets_of_one_prefix_are_slowed_down_from_wherever_they_come() -> None:
    good = mint_key()
    keys = Keys(good.text)
    guard = keys.guard()
    guesses = [f"kl_{good.prefix}_{'A' * 41}{n:02}" for n in range(20)]
    answers = [await answer(guard, guess, f"192.0.2.{n}") for n, guess in enumerate(guesses)]
    assert [status for status, *_ in answers] == [401] * 5 + [429] * 15
    assert (await answer(guard, good.text))[0] == 200, "its owner is not locked out"


async def test_wrong_keys_at_once_read_the_hashes_once() -> None:
    keys = Keys()
    guard = keys.guard(burst=1000)
    answers = await asyncio.gather(*(answer(guard, mint_key().text) for _ in range(200)))
    assert {status for status, *_ in answers} == {401}
    assert keys.reads <= 2


async def test_a_new_key_works_at_once_and_a_revoked_one_soon_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = Keys()
    guard = keys.guard()
    assert (await answer(guard, SERVICE_KEY))[0] == 401
    keys.known.add(SERVICE_KEY)
    assert (await answer(guard, SERVICE_KEY))[0] == 200
    keys.known.clear()
    monkeypatch.setattr("services.gateway.http.keys._STALE_SECONDS", 0.0)
    assert (await answer(guard, SERVICE_KEY))[0] == 401


def test_failures_are_remembered_of_the_latest_only_and_by_network() -> None:
    failures = Failures(lambda: 0.0, rate=1.0, burst=1.0, most=10)
    for n in range(1000):
        failures.count(f"192.0.2.{n}")
    assert len(failures) == 10
    assert failures.wait_of("192.0.2.999") == 1
    assert failures.wait_of("192.0.2.1") == 0
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:2")
    assert source_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert len(source_of("x" * 1000)) <= 64
